"""Ory's documents, with the names of its OpenAPI description.

Reading is tolerant: unknown members are ignored, and a member that is null counts as missing (Hydra
sends null for empty arrays and objects). Bodies that we send hold only what all releases know.

A repr shows names of clients, never a challenge, an address, a subject's claims or a redirect.
"""

from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

import msgspec

MAX_DECISION_ID: Final = 36


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of Ory's whose repr shows only what may stand in a log."""

    printable: ClassVar[tuple[str, ...]] = ()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.printable]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"


class Body(Document, frozen=True, kw_only=True):
    """A document that we send."""

    left_out_when_empty: ClassVar[frozenset[str]] = frozenset()

    def document(self) -> dict[str, Any]:
        """Return what goes over the wire: Hydra 2.3 refuses members that it does not know."""
        members = msgspec.to_builtins(self)
        return {
            name: value
            for name, value in members.items()
            if value or name not in self.left_out_when_empty
        }


class OAuth2Client(Document, frozen=True, kw_only=True):
    """A client's registration. Its texts and addresses are written by strangers: hostile input."""

    printable = ("client_id",)

    client_id: str
    client_name: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    owner: str = ""
    contacts: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    response_types: tuple[str, ...] = ()
    scope: str = ""
    audience: tuple[str, ...] = ()
    subject_type: str = ""
    token_endpoint_auth_method: str = ""
    jwks_uri: str = ""
    backchannel_logout_uri: str = ""
    frontchannel_logout_uri: str = ""
    allowed_cors_origins: tuple[str, ...] = ()
    skip_consent: bool = False
    skip_logout_consent: bool = False
    metadata: Any = None
    created_at: str = ""
    updated_at: str = ""


class OidcContext(Document, frozen=True, kw_only=True):
    """What the client said about the person it expects; all of it untrusted and optional."""

    login_hint: str = ""
    acr_values: tuple[str, ...] = ()
    ui_locales: tuple[str, ...] = ()
    id_token_hint_claims: dict[str, Any] = {}


class LoginRequest(Document, frozen=True, kw_only=True):
    """Who is this? ``skip`` and then ``subject`` come from Ory's own session cookie."""

    printable = ("client", "skip")

    challenge: str = ""
    client: OAuth2Client
    request_url: str
    skip: bool
    subject: str
    session_id: str = ""
    requested_scope: tuple[str, ...] = ()
    requested_access_token_audience: tuple[str, ...] = ()
    oidc_context: OidcContext = OidcContext()

    @property
    def ui_locales(self) -> tuple[str, ...]:
        return self.oidc_context.ui_locales


class ConsentRequest(Document, frozen=True, kw_only=True):
    """What may this client have? ``skip`` is a hint of Ory's and never an authority."""

    printable = ("client", "requested_scope", "skip")

    challenge: str = ""
    client: OAuth2Client
    request_url: str
    subject: str
    skip: bool = False
    consent_request_id: str = ""
    login_challenge: str = ""
    login_session_id: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()
    context: Any = None
    requested_scope: tuple[str, ...] = ()
    requested_access_token_audience: tuple[str, ...] = ()
    oidc_context: OidcContext = OidcContext()

    @property
    def ui_locales(self) -> tuple[str, ...]:
        return self.oidc_context.ui_locales


class LogoutRequest(Document, frozen=True, kw_only=True):
    """Shall this session end? ``client`` is None when Ory's own logout page was called.

    ``request_url`` is a path at Ory, not an address.
    """

    printable = ("client", "rp_initiated")

    challenge: str = ""
    subject: str
    sid: str = ""
    request_url: str
    rp_initiated: bool = False
    client: OAuth2Client | None = None

    @property
    def ui_locales(self) -> tuple[str, ...]:
        """What the app asks for (OpenID Connect RP-Initiated Logout, 2)."""
        return tuple(
            parse_qs(self.request_url.partition("?")[2]).get("ui_locales", [""])[0].split()
        )


class RedirectTo(Document, frozen=True):
    """Where the browser goes next. A bearer secret while it lives: not stored, not logged."""

    redirect_to: str


class ConsentSessionData(Document, frozen=True, kw_only=True):
    """Claims about a person for the access token and for the ID token."""

    access_token: dict[str, Any] = {}
    id_token: dict[str, Any] = {}


class ConsentSession(Document, frozen=True, kw_only=True):
    """A consent as Ory remembers it, for as long as its tokens may live."""

    printable = ("consent_request", "grant_scope", "handled_at")

    consent_request: ConsentRequest
    consent_request_id: str = ""
    grant_scope: tuple[str, ...] = ()
    grant_access_token_audience: tuple[str, ...] = ()
    remember: bool = False
    remember_for: int = 0
    handled_at: str = ""
    context: Any = None
    session: ConsentSessionData = ConsentSessionData()

    @property
    def client_id(self) -> str:
        return self.consent_request.client.client_id

    @property
    def decision_id(self) -> str | None:
        """What it says about its decision; another login app may write there what it likes."""
        context: Any = self.context
        found = context.get("decision_id") if isinstance(context, dict) else None
        fits = isinstance(found, str) and 0 < len(found) <= MAX_DECISION_ID and found.isprintable()
        return found if fits else None


class AcceptLogin(Body, frozen=True, kw_only=True):
    """The answer to a login request. ``subject`` must not be empty and is never an e-mail."""

    printable = ("remember", "remember_for", "acr", "amr")
    left_out_when_empty = frozenset(("remember_for", "acr", "amr", "context"))

    subject: str
    remember: bool = False
    remember_for: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    context: Any = None


class AcceptConsent(Body, frozen=True, kw_only=True):
    """The answer to a consent request. Ory checks neither scopes nor audience: the sender must."""

    printable = ("grant_scope", "grant_access_token_audience", "remember")
    left_out_when_empty = frozenset(("context",))

    grant_scope: tuple[str, ...] = ()
    grant_access_token_audience: tuple[str, ...] = ()
    remember: bool = False
    remember_for: int = 0
    session: ConsentSessionData = ConsentSessionData()
    context: Any = None


class Reject(Body, frozen=True, kw_only=True):
    """A refusal as the client will read it; *error* is an OAuth code."""

    printable = ("error", "error_description")
    left_out_when_empty = frozenset(("error_description",))

    error: str
    error_description: str = ""


def instant(text: str) -> datetime | None:
    """When Ory says it was, if it says so in a way that can be read."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


ACCESS_DENIED = Reject(
    error="access_denied", error_description="The resource owner denied the request"
)
LOGIN_REQUIRED = Reject(
    error="login_required", error_description="The resource owner has to sign in"
)
CONSENT_REQUIRED = Reject(
    error="consent_required", error_description="The resource owner has to be asked"
)
