"""People as Keycloak exports them: the same person in the fields of an import."""

from collections.abc import Mapping
from typing import Any, Final

_MARKS: Final = frozenset({"firstName", "lastName", "emailVerified", "enabled", "credentials"})
"""Fields that nobody else calls so."""
_IGNORED: Final = frozenset(
    (
        "createdTimestamp", "totp", "origin", "self", "access", "notBefore", "requiredActions",
        "disableableCredentialTypes", "realmRoles", "clientRoles", "groups", "federatedIdentities",
        "federationLink", "serviceAccountClientId", "clientConsents", "applicationRoles",
        "socialLinks", "userProfileMetadata",
    )
)  # fmt: skip
"""What only means something there."""
_NAMES: Final = {
    "id": "subject",
    "email": "email",
    "firstName": "given_name",
    "lastName": "family_name",
    "emailVerified": "email_verified",
    "username": "preferred_username",
}


def is_keycloak(fields: Mapping[str, Any]) -> bool:
    """Whether this is a person of a realm's export."""
    return not _MARKS.isdisjoint(fields)


def from_keycloak(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an import. Second factors, roles and groups mean nothing here; attributes have
    to be defined, or left out by name.
    """
    person: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _IGNORED or name in {"credentials", "enabled", "attributes"}:
            continue
        person[_NAMES.get(name, name)] = value
    if isinstance(fields.get("enabled"), bool):
        person["disabled"] = not fields["enabled"]
    elif fields.get("enabled") is not None:
        person["disabled"] = [fields["enabled"]]  # refused: "true" must not be read as disabled
    names = [fields.get("firstName"), fields.get("lastName")]
    person.setdefault("name", " ".join(n.strip() for n in names if isinstance(n, str)).strip())
    if not person.get("email") and "@" in str(fields.get("username")):
        person["email"] = fields["username"]
    person |= _attributes(fields.get("attributes"))
    password = _password(fields.get("credentials"))
    if password is not None:
        person["password_hash"] = password
    return person


def _attributes(found: Any) -> dict[str, Any]:
    """Every value is a list there; one of one text is the text."""
    if not isinstance(found, Mapping):
        return {}
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in found.items()
    }


def _password(credentials: Any) -> Any:
    """The password among the credentials, as :func:`portal.passwords.check_foreign` reads it."""
    for credential in credentials if isinstance(credentials, list) else ():
        if isinstance(credential, Mapping) and credential.get("type") == "password":
            parts = ("credentialData", "secretData")
            if all(part in credential for part in parts):
                return {part: credential[part] for part in parts}
            return credential
    return None
