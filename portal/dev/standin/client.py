"""A client's document: its members, in Hydra's order, with Hydra's defaults and Hydra's checks."""

from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from portal.dev.standin import durations
from portal.dev.standin.errors import (
    BAD_REQUEST,
    INVALID_CLIENT_METADATA,
    INVALID_REDIRECT_URI,
)

LIFESPANS: Final = (
    "authorization_code_grant_access_token_lifespan",
    "authorization_code_grant_id_token_lifespan",
    "authorization_code_grant_refresh_token_lifespan",
    "client_credentials_grant_access_token_lifespan",
    "implicit_grant_access_token_lifespan",
    "implicit_grant_id_token_lifespan",
    "jwt_bearer_grant_access_token_lifespan",
    "refresh_token_grant_id_token_lifespan",
    "refresh_token_grant_access_token_lifespan",
    "refresh_token_grant_refresh_token_lifespan",
)
DEVICE_LIFESPANS: Final = (
    "device_authorization_grant_access_token_lifespan",
    "device_authorization_grant_id_token_lifespan",
    "device_authorization_grant_refresh_token_lifespan",
)
PUBLIC, DEFAULT_METHOD, BY_KEY = "none", "client_secret_basic", "private_key_jwt"
DEFAULT_SCOPE: Final = "offline_access offline openid"
SHORTEST_SECRET: Final = 6
_ADDRESSES: Final = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
_SCRIPTS: Final = frozenset(("javascript", "data", "vbscript"))
_LEFT_OUT_WHEN_EMPTY: Final = frozenset(
    (
        "client_secret",
        "sector_identifier_uri",
        "jwks_uri",
        "token_endpoint_auth_signing_alg",
        "request_uris",
        "request_object_signing_alg",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "registration_access_token",
        "registration_client_uri",
        "access_token_strategy",
    )
)


class Client(msgspec.Struct, kw_only=True):
    """A registration as it is kept. Arrays that nobody set are null until they are stored."""

    client_id: str = ""
    client_name: str = ""
    client_secret: str = ""
    redirect_uris: list[str] | None = None
    grant_types: list[str] | None = None
    response_types: list[str] | None = None
    scope: str = ""
    audience: list[str] = []
    owner: str = ""
    policy_uri: str = ""
    allowed_cors_origins: list[str] = []
    tos_uri: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    contacts: list[str] | None = None
    client_secret_expires_at: int = 0
    subject_type: str = ""
    sector_identifier_uri: str = ""
    jwks_uri: str = ""
    jwks: dict[str, Any] = {}
    token_endpoint_auth_method: str = ""
    token_endpoint_auth_signing_alg: str = ""
    request_uris: list[str] = []
    request_object_signing_alg: str = ""
    userinfo_signed_response_alg: str = ""
    created_at: str = ""
    updated_at: str = ""
    frontchannel_logout_uri: str = ""
    frontchannel_logout_session_required: bool = False
    post_logout_redirect_uris: list[str] = []
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    metadata: Any = msgspec.field(default_factory=dict)
    registration_access_token: str = ""
    registration_client_uri: str = ""
    access_token_strategy: Literal["", "jwt", "opaque"] = ""
    skip_consent: bool = False
    skip_logout_consent: bool | None = None
    authorization_code_grant_access_token_lifespan: str | None = None
    authorization_code_grant_id_token_lifespan: str | None = None
    authorization_code_grant_refresh_token_lifespan: str | None = None
    client_credentials_grant_access_token_lifespan: str | None = None
    implicit_grant_access_token_lifespan: str | None = None
    implicit_grant_id_token_lifespan: str | None = None
    jwt_bearer_grant_access_token_lifespan: str | None = None
    refresh_token_grant_id_token_lifespan: str | None = None
    refresh_token_grant_access_token_lifespan: str | None = None
    refresh_token_grant_refresh_token_lifespan: str | None = None
    device_authorization_grant_access_token_lifespan: str | None = None
    device_authorization_grant_id_token_lifespan: str | None = None
    device_authorization_grant_refresh_token_lifespan: str | None = None

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == PUBLIC

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()

    def may_use(self, grant_type: str) -> bool:
        """Whether it is registered for *grant_type*; one that names none has only the code."""
        return grant_type in (self.grant_types or ["authorization_code"])

    def lifespan(self, grant: str, token: str, default: float) -> float:
        """Seconds; *grant* and *token* as in the names of the client's own lifespans."""
        own = getattr(self, f"{grant}_grant_{token}_lifespan", None)
        return default if own is None else durations.parse(own)

    def document(self, *, secret: bool = False, device: bool = False) -> dict[str, Any]:
        """As the API shows it; *secret* only where it was just set."""
        members = msgspec.to_builtins(self)
        hidden = () if secret else ("client_secret", "registration_access_token")
        shown = {
            name: value
            for name, value in members.items()
            if (value or name not in _LEFT_OUT_WHEN_EMPTY) and name not in hidden
        }
        return shown if device else {n: v for n, v in shown.items() if n not in DEVICE_LIFESPANS}

    def snapshot(self, *, device: bool = False) -> dict[str, Any]:
        """As login, consent and logout requests show it."""
        members = self.document(device=device)
        members.pop("registration_client_uri", None)
        return members

    def stored(self) -> "Client":
        """As it reads once it was stored: no array is null any more."""
        arrays = ("redirect_uris", "grant_types", "response_types", "contacts")
        return msgspec.structs.replace(self, **{n: getattr(self, n) or [] for n in arrays})


def parse(members: Any) -> Client:
    """A client from JSON; null stands for the default, and what is not known is ignored."""
    if members is None:
        members = {}
    if not isinstance(members, dict):
        raise BAD_REQUEST(
            f"Unable to decode the request body: {wrong_type(members, 'client.Client')}"
        )
    said = {n: v for n, v in members.items() if v is not None or n == "metadata"}
    strategy = said.pop("access_token_strategy", "")
    try:
        client = msgspec.convert(said, Client)
    except msgspec.ValidationError as exc:
        raise BAD_REQUEST(f"Unable to decode the request body: json: {exc}") from None
    if not isinstance(strategy, str):
        raise BAD_REQUEST("Unable to decode the request body: json: wrong type of a strategy")
    if strategy not in {"", "jwt", "opaque"}:
        raise INVALID_CLIENT_METADATA(
            f"invalid access token strategy: expected one of [jwt, opaque] but got {strategy}"
        )
    return msgspec.structs.replace(client, access_token_strategy=strategy, **_lifespans(said))


def _lifespans(said: dict[str, Any]) -> dict[str, str]:
    try:
        return {
            name: durations.write(durations.parse(said[name]))
            for name in (*LIFESPANS, *DEVICE_LIFESPANS)
            if name in said
        }
    except ValueError as exc:
        raise BAD_REQUEST(f"Unable to decode the request body: {exc}") from None


def wrong_type(value: Any, wanted: str) -> str:
    """Go's words for JSON of the wrong type."""
    kind = {list: "array", str: "string", bool: "bool", dict: "object"}.get(type(value), "number")
    return f"json: cannot unmarshal {kind} into Go value of type {wanted}"


def check(client: Client, *, refuses_scripts: bool, jwks_given: bool) -> Client:
    """*client* with the defaults filled in; raises what Hydra would answer."""
    if not client.token_endpoint_auth_method:
        client.token_endpoint_auth_method = DEFAULT_METHOD
    if client.token_endpoint_auth_method == BY_KEY and not (jwks_given or client.jwks_uri):
        raise INVALID_CLIENT_METADATA(
            "When token_endpoint_auth_method is 'private_key_jwt', either jwks or jwks_uri must be "
            "set."
        )
    if client.jwks_uri and jwks_given:
        raise INVALID_CLIENT_METADATA(
            "Fields jwks and jwks_uri can not both be set, you must choose one."
        )
    if 0 < len(client.client_secret) < SHORTEST_SECRET:
        raise INVALID_CLIENT_METADATA(
            "Field client_secret must contain a secret that is at least 6 characters long."
        )
    client.scope = client.scope or DEFAULT_SCOPE
    client.client_secret_expires_at = 0
    _check_origins(client)
    if client.sector_identifier_uri:  # Hydra would fetch it, and the stand-in never calls out
        raise INVALID_CLIENT_METADATA()
    client.userinfo_signed_response_alg = client.userinfo_signed_response_alg or "none"
    if client.userinfo_signed_response_alg not in {"none", "RS256"}:
        raise INVALID_CLIENT_METADATA(
            "Field userinfo_signed_response_alg can either be 'none' or 'RS256'."
        )
    _check_redirects(client, refuses_scripts=refuses_scripts)
    client.subject_type = client.subject_type or "public"
    if client.subject_type != "public":
        raise INVALID_CLIENT_METADATA(
            f"Subject type {client.subject_type} is not supported by server, "
            "only [public] are allowed."
        )
    return client


def _check_origins(client: Client) -> None:
    for origin in client.allowed_cors_origins:
        if _split(origin).scheme not in {"http", "https"}:
            raise INVALID_CLIENT_METADATA(
                f"Origin URL {origin} must use https:// or http:// as HTTP scheme."
            )


def _check_redirects(client: Client, *, refuses_scripts: bool) -> None:
    for uri in client.redirect_uris or []:
        parts = _split(uri)
        if not parts.scheme and not uri.startswith("/"):
            raise INVALID_REDIRECT_URI(f"Unable to parse redirect URL: {uri}")
        if "#" in uri:
            raise INVALID_REDIRECT_URI("Redirect URIs must not contain fragments (#).")
        if refuses_scripts and parts.scheme in _SCRIPTS:
            raise INVALID_REDIRECT_URI(f"Redirect URIs must not use the scheme {parts.scheme}.")
    known = {_place(_split(uri)) for uri in client.redirect_uris or []}
    for uri in client.post_logout_redirect_uris:
        if _place(_split(uri)) not in known:
            raise INVALID_CLIENT_METADATA(
                f'post_logout_redirect_uri "{uri}" must match the domain, port, scheme of at least '
                "one of the registered redirect URIs but did not'"
            )
    if refuses_scripts:
        for name in _ADDRESSES:
            address = getattr(client, name)
            if address and _split(address).scheme not in {"http", "https"}:
                raise INVALID_CLIENT_METADATA(f"Field {name} must be an http or https address.")


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError:
        return urlsplit("")


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    try:
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return parts.scheme, parts.hostname, None
