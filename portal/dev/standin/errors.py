"""OAuth's errors in the words of Hydra: clients compare texts, so texts are part of it."""

from dataclasses import dataclass
from typing import Any, Final


class OAuthError(Exception):
    """Becomes a JSON body, or the parameters of a redirect, by where it is answered."""

    def __init__(self, name: str, description: str, *, status: int, hint: str = "") -> None:
        super().__init__(name)
        self.name, self.status = name, status
        self.hint = hint
        whole = f"{description} {hint}" if description and hint else description or hint
        self.description = whole.replace('"', "'")

    def document(self) -> dict[str, Any]:
        return {"error": self.name, "error_description": self.description}


@dataclass(frozen=True)
class Kind:
    """Makes errors of one sort: ``raise INVALID_SCOPE("what is wrong with it")``."""

    name: str
    description: str
    status: int = 400
    hint: str = ""

    def __call__(self, hint: str | None = None) -> OAuthError:
        said = self.hint if hint is None else hint
        return OAuthError(self.name, self.description, status=self.status, hint=said)


INVALID_REQUEST: Final = Kind(
    "invalid_request",
    "The request is missing a required parameter, includes an invalid parameter value, includes a "
    "parameter more than once, or is otherwise malformed.",
    hint="Make sure that the various parameters are correct, be aware of case sensitivity and trim "
    "your parameters. Make sure that the client you are using has exactly whitelisted the "
    "redirect_uri you specified.",
)
REQUEST_UNAUTHORIZED: Final = Kind(
    "request_unauthorized",
    "The request could not be authorized.",
    401,
    "Check that you provided valid credentials in the right format.",
)
REQUEST_FORBIDDEN: Final = Kind(
    "request_forbidden",
    "The request is not allowed.",
    403,
    "You are not allowed to perform this action.",
)
UNAUTHORIZED_CLIENT: Final = Kind(
    "unauthorized_client",
    "The client is not authorized to request a token using this method.",
    hint="Make sure that client id and secret are correctly specified and that the client exists.",
)
ACCESS_DENIED: Final = Kind(
    "access_denied",
    "The resource owner or authorization server denied the request.",
    403,
    "Make sure that the request you are making is valid. Maybe the credential or request "
    "parameters you are using are limited in scope or otherwise restricted.",
)
UNSUPPORTED_RESPONSE_TYPE: Final = Kind(
    "unsupported_response_type",
    "The authorization server does not support obtaining a token using this method.",
)
UNSUPPORTED_RESPONSE_MODE: Final = Kind(
    "unsupported_response_mode",
    "The authorization server does not support obtaining a response using this response mode.",
)
INVALID_SCOPE: Final = Kind(
    "invalid_scope", "The requested scope is invalid, unknown, or malformed."
)
INVALID_STATE: Final = Kind(
    "invalid_state",
    "The state is missing or does not have enough characters and is therefore considered too weak.",
)
INVALID_GRANT: Final = Kind(
    "invalid_grant",
    "The provided authorization grant (e.g., authorization code, resource owner credentials) or "
    "refresh token is invalid, expired, revoked, does not match the redirection URI used in the "
    "authorization request, or was issued to another client.",
)
INVALID_CLIENT: Final = Kind(
    "invalid_client",
    "Client authentication failed (e.g., unknown client, no client authentication included, or "
    "unsupported authentication method).",
    401,
)
SERVER_ERROR: Final = Kind(
    "server_error",
    "The authorization server encountered an unexpected condition that prevented it from "
    "fulfilling the request.",
    500,
)
LOGIN_REQUIRED: Final = Kind(
    "login_required", "The Authorization Server requires End-User authentication."
)
CONSENT_REQUIRED: Final = Kind(
    "consent_required", "The Authorization Server requires End-User consent."
)
REQUEST_NOT_SUPPORTED: Final = Kind(
    "request_not_supported", "The OP does not support use of the request parameter."
)
REQUEST_URI_NOT_SUPPORTED: Final = Kind(
    "request_uri_not_supported", "The OP does not support use of the request_uri parameter."
)
REGISTRATION_NOT_SUPPORTED: Final = Kind(
    "registration_not_supported", "The OP does not support use of the registration parameter."
)
SCOPE_NOT_GRANTED: Final = Kind(
    "scope_not_granted",
    "The token was not granted the requested scope.",
    403,
    "The resource owner did not grant the requested scope.",
)
AUTHORIZATION_PENDING: Final = Kind(
    "authorization_pending",
    "The authorization request is still pending as the end user hasn't yet completed the "
    "user-interaction steps.",
)
EXPIRED_TOKEN: Final = Kind(
    "expired_token",
    "The device_code has expired, and the device authorization session has concluded.",
)
INVALID_REDIRECT_URI: Final = Kind(
    "invalid_redirect_uri", "The value of one or more redirect_uris is invalid."
)
INVALID_CLIENT_METADATA: Final = Kind(
    "invalid_client_metadata",
    "The value of one of the Client Metadata fields is invalid and the server has rejected this "
    "request. Note that an Authorization Server MAY choose to substitute a valid value for any "
    "requested parameter of a Client's Metadata.",
)
BAD_REQUEST: Final = Kind("The request was malformed or contained invalid parameters", "")
CHALLENGE_UNKNOWN: Final = Kind("Not Found", "Unable to locate the requested resource", 404)
NOT_FOUND: Final = Kind("Unable to locate the resource", "", 404)
CONFLICT: Final = Kind(
    "Unable to insert or update resource because a resource with that value exists already", "", 409
)


def unrecognizable(status: int = 500) -> OAuthError:
    """What Hydra says when it has no word for an error; 400 where a consent's body is garbled."""
    return OAuthError("error", "The error is unrecognizable", status=status)
