"""What Ory's documents look like: members and types, so that a misspelt one cannot hide.

A shape is a type, ``[shape]`` for arrays, a dictionary for objects (``"name?"`` may be missing), or
:class:`Maybe` where null is a value too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ANYTHING = object
OBJECT = dict


@dataclass(frozen=True)
class Maybe:
    """The shape, or null."""

    shape: Any


LIFESPANS = (
    "authorization_code_grant_access_token_lifespan",
    "authorization_code_grant_id_token_lifespan",
    "authorization_code_grant_refresh_token_lifespan",
    "client_credentials_grant_access_token_lifespan",
    "implicit_grant_access_token_lifespan",
    "implicit_grant_id_token_lifespan",
    "jwt_bearer_grant_access_token_lifespan",
    "refresh_token_grant_access_token_lifespan",
    "refresh_token_grant_id_token_lifespan",
    "refresh_token_grant_refresh_token_lifespan",
)
DEVICE_LIFESPANS = (
    "device_authorization_grant_access_token_lifespan",
    "device_authorization_grant_id_token_lifespan",
    "device_authorization_grant_refresh_token_lifespan",
)

CLIENT: dict[str, Any] = {
    "client_id": str,
    "client_name": str,
    "redirect_uris": Maybe([str]),
    "grant_types": Maybe([str]),
    "response_types": Maybe([str]),
    "scope": str,
    "audience": Maybe([str]),
    "owner": str,
    "policy_uri": str,
    "allowed_cors_origins": Maybe([str]),
    "tos_uri": str,
    "client_uri": str,
    "logo_uri": str,
    "contacts": Maybe([str]),
    "client_secret_expires_at": int,
    "subject_type": str,
    "sector_identifier_uri?": str,
    "jwks_uri?": str,
    "jwks?": OBJECT,
    "token_endpoint_auth_method": str,
    "token_endpoint_auth_signing_alg?": str,
    "request_uris?": Maybe([str]),
    "request_object_signing_alg?": str,
    "userinfo_signed_response_alg": str,
    "created_at": str,
    "updated_at": str,
    "frontchannel_logout_uri?": str,
    "frontchannel_logout_session_required?": bool,
    "post_logout_redirect_uris?": Maybe([str]),
    "backchannel_logout_uri?": str,
    "backchannel_logout_session_required?": bool,
    "metadata": Maybe(OBJECT),
    "access_token_strategy?": str,
    "skip_consent": bool,
    "skip_logout_consent": Maybe(bool),
    **{name: Maybe(str) for name in LIFESPANS},
    **{f"{name}?": Maybe(str) for name in DEVICE_LIFESPANS},
}
CREATED_CLIENT = CLIENT | {
    "client_secret?": str,
    "registration_access_token": str,
    "registration_client_uri": str,
}
SEEN_CLIENT = CLIENT | {"registration_access_token?": str, "registration_client_uri?": str}
OIDC_CONTEXT = {
    "acr_values?": [str],
    "ui_locales?": [str],
    "display?": str,
    "login_hint?": str,
    "id_token_hint_claims?": OBJECT,
}
LOGIN_REQUEST = {
    "challenge": str,
    "skip": bool,
    "subject": str,
    "client": CLIENT,
    "request_url": str,
    "requested_scope": [str],
    "requested_access_token_audience": [str],
    "oidc_context": Maybe(OIDC_CONTEXT),
    "session_id": str,
}
CONSENT_REQUEST = {
    "challenge": str,
    "skip": bool,
    "subject": str,
    "client": CLIENT,
    "request_url": str,
    "requested_scope": [str],
    "requested_access_token_audience": [str],
    "oidc_context": Maybe(OIDC_CONTEXT),
    "login_challenge": str,
    "login_session_id": str,
    "acr": str,
    "amr": [str],
    "context": ANYTHING,
}
CONSENT_SESSION = {
    "grant_scope": [str],
    "grant_access_token_audience": [str],
    "session": {"access_token": Maybe(OBJECT), "id_token": Maybe(OBJECT)},
    "remember": bool,
    "remember_for": int,
    "handled_at": str,
    "context": ANYTHING,
    "consent_request": CONSENT_REQUEST,
}
LOGOUT_REQUEST = {
    "challenge": str,
    "subject": str,
    "sid": str,
    "request_url": str,
    "rp_initiated": bool,
    "client": Maybe(CLIENT),
    "expires_at": Maybe(str),
    "requested_at": Maybe(str),
}
REDIRECT = {"redirect_to": str}
ERROR = {"error": str, "error_description": str}
TOKENS = {
    "access_token": str,
    "expires_in": int,
    "scope": str,
    "token_type": str,
    "id_token?": str,
    "refresh_token?": str,
}
INTROSPECTION = {
    "active": bool,
    "scope?": str,
    "client_id": str,
    "sub": str,
    "obfuscated_subject?": str,
    "exp": int,
    "iat": int,
    "nbf": int,
    "aud": Maybe([str]),
    "iss": str,
    "token_type": str,
    "token_use": str,
    "ext?": OBJECT,
}
ID_TOKEN = {
    "iss": str,
    "sub": str,
    "aud": [str],
    "exp": int,
    "iat": int,
    "auth_time": int,
    "rat": int,
    "jti": str,
    "sid": str,
    "at_hash": str,
    "nonce?": str,
    "acr?": str,
    "amr?": [str],
}
DISCOVERY = {
    "issuer": str,
    "authorization_endpoint": str,
    "token_endpoint": str,
    "jwks_uri": str,
    "userinfo_endpoint": str,
    "revocation_endpoint": str,
    "end_session_endpoint": str,
    "subject_types_supported": [str],
    "response_types_supported": [str],
    "response_modes_supported": [str],
    "grant_types_supported": [str],
    "scopes_supported": [str],
    "claims_supported": [str],
    "token_endpoint_auth_methods_supported": [str],
    "id_token_signing_alg_values_supported": [str],
    "code_challenge_methods_supported": [str],
    "request_parameter_supported": bool,
    "request_uri_parameter_supported": bool,
    "claims_parameter_supported": bool,
    "backchannel_logout_supported": bool,
    "backchannel_logout_session_supported": bool,
    "frontchannel_logout_supported": bool,
    "frontchannel_logout_session_supported": bool,
}
DEVICE_AUTHORIZATION = {
    "device_code": str,
    "user_code": str,
    "verification_uri": str,
    "verification_uri_complete": str,
    "expires_in": int,
    "interval": int,
    "Header?": Maybe(OBJECT),
}


def by_profile(shape: dict[str, Any], profile: str) -> dict[str, Any]:
    """*shape* with what 26 adds to consents, and to discovery."""
    if profile == "2.3":
        return shape
    if shape is CONSENT_REQUEST:
        return shape | {"consent_request_id": str}
    if shape is CONSENT_SESSION:
        request = by_profile(CONSENT_REQUEST, profile)
        return shape | {"consent_request_id": str, "consent_request": request}
    if shape is DISCOVERY:
        return shape | {"device_authorization_endpoint": str}
    return shape


def problems(shape: Any, value: Any, *, closed: bool, where: str = "$") -> Iterator[str]:
    """How *value* differs from *shape*; *closed*: members that the shape lacks are wrong too."""
    if isinstance(shape, Maybe):
        if value is not None:
            yield from problems(shape.shape, value, closed=closed, where=where)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where} is {kind(value)}, not an array"
            return
        for number, item in enumerate(value):
            yield from problems(shape[0], item, closed=closed, where=f"{where}[{number}]")
    elif isinstance(shape, dict):
        yield from _members(shape, value, closed=closed, where=where)
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield f"{where} is {kind(value)}, not {shape.__name__}"


def _members(shape: Mapping[str, Any], value: Any, *, closed: bool, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {kind(value)}, not an object"
        return
    for name, wanted in shape.items():
        member = name.removesuffix("?")
        if member in value:
            yield from problems(wanted, value[member], closed=closed, where=f"{where}.{member}")
        elif member == name:
            yield f"{where}.{member} is missing"
    if closed:
        known = {name.removesuffix("?") for name in shape}
        yield from (f"{where}.{name} is unknown" for name in value if name not in known)


def kind(value: Any) -> str:
    """The type of *value*, never the value: it may be a secret."""
    return "null" if value is None else type(value).__name__
