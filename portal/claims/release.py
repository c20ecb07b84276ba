"""What an app is told about a person, and what the person sees of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from portal.attributes import AttributeCatalog
from portal.claim_names import ADDRESS_PARTS, STANDARD
from portal.scopes import ScopeCatalog
from portal.store.tables import User

CONFORMANCE_CLAIMS: Final[dict[str, dict[str, Any]]] = {
    "profile": {
        "name": "Foo Bar",
        "given_name": "Foo",
        "family_name": "Bar",
        "middle_name": "Q",
        "nickname": "foo",
        "preferred_username": "foobar",
        "profile": "https://example.org/foo",
        "picture": "https://example.org/foo.png",
        "website": "https://example.org",
        "gender": "unspecified",
        "birthdate": "1981-01-01",
        "zoneinfo": "Europe/Berlin",
        "locale": "en-US",
        "updated_at": 1604416603,
    },
    "email": {"email": "foo@bar.com", "email_verified": True},
    "phone": {"phone_number": "+49 30 000000", "phone_number_verified": True},
    "address": {
        "address": {
            "formatted": "1 Example Street, 10115 Berlin, Germany",
            "street_address": "1 Example Street",
            "locality": "Berlin",
            "postal_code": "10115",
            "country": "Germany",
        }
    },
}
"""Every claim that the conformance suite looks for; sent only with ``CONFORMITY_FAKE_CLAIMS``."""
_UNSHOWN: Final = frozenset({"email_verified", "phone_number_verified", "updated_at"})
"""Nothing that people recognise as theirs."""
_NAMES: Final = ("given_name", "middle_name", "family_name")
_MAX_SHOWN: Final = 300


def claims_for(
    user: User,
    scopes: Iterable[str],
    *,
    catalog: ScopeCatalog,
    attributes: AttributeCatalog,
    fake: bool = False,
) -> dict[str, Any]:
    """The claims that *scopes* release about *user*; empty without ``openid``, because no ID token
    is made then.
    """
    granted = tuple(scopes)
    if "openid" not in granted:
        return {}
    told = _told(user, attributes)
    claims = {
        name: told[name] for scope in granted for name in catalog.claims_of(scope) if name in told
    }
    if fake:
        for scope in granted:
            claims |= CONFORMANCE_CLAIMS.get(scope, {})
    return claims


def released_by(catalog: ScopeCatalog) -> frozenset[str]:
    """Every claim that some scope releases of somebody who has told everything."""
    return frozenset(claim for scope in catalog.names for claim in catalog.claims_of(scope))


def shown_data(
    user: User, scope: str, *, catalog: ScopeCatalog, attributes: AttributeCatalog
) -> str | None:
    """The actual data that *scope* would release, for the person to see; ``None`` where there is
    none to show.

    Of an attribute that its operator hides from people they learn that it is told, not its value.
    """
    told = _told(user, attributes)
    names = [name for name in catalog.claims_of(scope) if name in told and name not in _UNSHOWN]
    full = str(told.get("name", "")) if "name" in names else ""
    parts: list[str] = []
    for name in names:
        if name in STANDARD:
            text = _one_line(told[name])
            if name not in _NAMES or text not in full:
                parts.append(text)
        elif attributes.attributes[name].visible:
            parts.append(f"{attributes.title(name)}: {attributes.shown(name, told[name])}")
        else:
            parts.append(attributes.title(name))
    shown = ", ".join(dict.fromkeys(parts))
    return f"{shown[: _MAX_SHOWN - 1]}…" if len(shown) > _MAX_SHOWN else shown or None


def _told(user: User, attributes: AttributeCatalog) -> dict[str, Any]:
    """Everything that there is to tell about *user*, by claim."""
    profile = {name: user.profile[name] for name in user.profile if name in STANDARD}
    told: dict[str, Any] = profile | {
        "email": user.email,
        "email_verified": user.email_verified,
        "updated_at": int(user.updated_at.timestamp()),
    }
    if user.name:
        told["name"] = user.name
    if "phone_number" in told:
        told["phone_number_verified"] = profile.get("phone_number_verified") is True
    address = _address(profile.get("address"))
    told.pop("address", None)
    if address:
        told["address"] = address
    return attributes.defined(user.attributes) | told


def _address(stored: object) -> dict[str, str]:
    """The address with all of it in one text, as for a label (OpenID Connect Core, 5.1.1)."""
    if not isinstance(stored, Mapping):
        return {}
    parts = {name: stored[name] for name in ADDRESS_PARTS if isinstance(stored.get(name), str)}
    if parts and "formatted" not in parts:
        town = " ".join(parts[n] for n in ("postal_code", "locality") if n in parts)
        lines = (parts.get("street_address"), town, parts.get("region"), parts.get("country"))
        parts = {"formatted": "\n".join(line for line in lines if line), **parts}
    return parts


def _one_line(value: object) -> str:
    text = value.get("formatted", "") if isinstance(value, Mapping) else str(value)
    return ", ".join(line.strip() for line in str(text).splitlines())
