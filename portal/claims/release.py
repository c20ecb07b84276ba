"""What an app is told about a person, and what the person sees of it."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from portal.attributes import AttributeCatalog
from portal.claim_names import ADDRESS_PARTS, STANDARD
from portal.i18n import N_, language
from portal.i18n import gettext as _
from portal.scopes import ScopeCatalog
from portal.store.tables import User
from portal.writing import long_day

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
LABELS: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "given_name": N_("First name"),
    "middle_name": N_("Middle name"),
    "family_name": N_("Last name"),
    "nickname": N_("Nickname"),
    "preferred_username": N_("User name"),
    "profile": N_("Profile page"),
    "picture": N_("Picture"),
    "website": N_("Website"),
    "gender": N_("Gender"),
    "birthdate": N_("Date of birth"),
    "zoneinfo": N_("Time zone"),
    "locale": N_("Language"),
    "email": N_("E-mail"),
    "phone_number": N_("Phone"),
    "address": N_("Postal address"),
}
"""What people call a claim that they see the value of. Whether something is verified stands beside
it; when something was changed is nothing that people know as theirs."""
VERIFIED_BY: Final[Mapping[str, str]] = {
    "email": "email_verified",
    "phone_number": "phone_number_verified",
}
_NAMES: Final = ("given_name", "middle_name", "family_name")
_MAX_SHOWN: Final = 200


class Datum(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an app is told about a person, as that person reads it."""

    label: str
    value: str = ""
    """Empty where its operator does not show it: then people learn only that it is told."""
    note: str = ""
    """Whether it is confirmed."""


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
) -> tuple[Datum, ...]:
    """The actual data that *scope* would release, for the person to see."""
    told = _told(user, attributes)
    names = [name for name in catalog.claims_of(scope) if name in told]
    full = str(told.get("name", "")) if "name" in names else ""
    shown = (_datum(name, told, attributes) for name in names if not _is_in(name, told, full))
    return tuple(datum for datum in shown if datum is not None)


def in_one_line(data: Iterable[Datum]) -> str | None:
    """The values alone, for where there is no room for more; ``None``: there are none."""
    parts = dict.fromkeys(datum.value or datum.label for datum in data)
    return _cut(", ".join(parts)) or None


def _is_in(name: str, told: Mapping[str, Any], full: str) -> bool:
    """Whether *name* is a part of the full name, which is shown anyway."""
    return name in _NAMES and str(told[name]) in full


def _datum(name: str, told: Mapping[str, Any], attributes: AttributeCatalog) -> Datum | None:
    value = told[name]
    if name not in STANDARD:
        title = attributes.title(name, language().tag)
        visible = attributes.attributes[name].visible
        return Datum(label=title, value=_cut(attributes.shown(name, value)) if visible else "")
    if name not in LABELS:
        return None
    note = ""
    if name in VERIFIED_BY:
        note = _("confirmed") if told.get(VERIFIED_BY[name]) is True else _("not confirmed")
    return Datum(label=_(LABELS[name]), value=_cut(_text(name, value)), note=note)


def _text(name: str, value: object) -> str:
    if name == "birthdate":
        return _birthdate(str(value))
    text = value.get("formatted", "") if isinstance(value, Mapping) else str(value)
    return ", ".join(line.strip() for line in str(text).splitlines())


def _birthdate(value: str) -> str:
    """A whole date as people write it; a year alone, or a day without one, as it is."""
    try:
        return long_day(date.fromisoformat(value))
    except ValueError:
        return value


def _cut(text: str) -> str:
    return f"{text[: _MAX_SHOWN - 1]}…" if len(text) > _MAX_SHOWN else text


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
