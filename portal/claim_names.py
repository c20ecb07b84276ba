"""Names of claims: those of the standard, and those that nobody may give another meaning."""

import re
from typing import Final

PROFILE: Final = (
    "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username",
    "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
)  # fmt: skip
EMAIL: Final = ("email", "email_verified")
PHONE: Final = ("phone_number", "phone_number_verified")
ADDRESS_PARTS: Final = (
    "formatted", "street_address", "locality", "region", "postal_code", "country",
)  # fmt: skip
BY_SCOPE: Final = {"profile": PROFILE, "email": EMAIL, "phone": PHONE, "address": ("address",)}
"""Which claims a standard scope releases (OpenID Connect Core, 5.4)."""
STANDARD: Final = frozenset(name for names in BY_SCOPE.values() for name in names)
REGISTERED: Final = frozenset(
    (
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "rat", "auth_time", "nonce", "acr", "amr",
        "azp", "at_hash", "c_hash", "s_hash", "sid", "events", "client_id", "scope", "scp", "ext",
        "act", "may_act", "cnf", "active", "token_type", "token_use", "username", "txn", "toe",
        "sub_jwk", "_claim_names", "_claim_sources",
    )
)  # fmt: skip
"""What tokens and their introspection say of themselves (RFC 7519, 7662, 9068; OpenID Connect
Core, 2): Ory writes these."""
OWN: Final = frozenset(
    ("subject", "admin", "disabled", "password", "password_hash", "created_at", "epoch")
)
"""What columns of an import mean already."""
MAX_NAME: Final = 100
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]*", re.ASCII)


def why_unfit(name: str) -> str | None:
    """Why an operator cannot give *name* to a claim of their own; ``None``: they can."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return (
            f"a name begins with a letter and has at most {MAX_NAME} letters, digits and _ . : / -"
        )
    if name in STANDARD or name.startswith("address."):
        return "is a standard claim, which people have anyway: choose another name"
    if name in REGISTERED:
        return "is what tokens say of themselves: choose another name"
    if name in OWN:
        return "is a name that the portal uses itself: choose another name"
    return None
