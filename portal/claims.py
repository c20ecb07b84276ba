"""Which statements about a person an app receives, by granted scope (OpenID Connect Core, 5.1 and
5.4).
"""

from collections.abc import Iterable
from typing import Any

from portal.store.tables import User

CONFORMANCE_CLAIMS: dict[str, dict[str, Any]] = {
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


def claims_for(user: User, scopes: Iterable[str], *, fake: bool = False) -> dict[str, Any]:
    """The claims that *scopes* release about *user*; empty without ``openid``, because no ID token
    is made then.
    """
    granted = set(scopes)
    if "openid" not in granted:
        return {}
    claims: dict[str, Any] = {}
    if "profile" in granted:
        claims["updated_at"] = int(user.updated_at.timestamp())
        if user.name:
            claims["name"] = user.name
    if "email" in granted:
        claims |= {"email": user.email, "email_verified": user.email_verified}
    if fake:
        for scope in CONFORMANCE_CLAIMS.keys() & granted:
            claims |= CONFORMANCE_CLAIMS[scope]
    return claims


def shown_data(user: User, scope: str) -> str | None:
    """The actual data that *scope* would release, for the person to see; ``None`` where there is
    none to show.
    """
    if scope == "email":
        return user.email
    if scope == "profile":
        return user.name
    return None
