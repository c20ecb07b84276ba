"""One authorization request on its way: the whole of it is inside the challenges and verifiers."""

from typing import Any

import msgspec


class Flow(msgspec.Struct, kw_only=True, frozen=True):
    """Nothing of it is kept here before the browser comes back with the consent's verifier."""

    id: str
    """32 hexadecimal digits, the same in every snapshot of this flow: its one key."""
    requested_at: int
    """The clock of everything: login, consent and their verifiers."""
    request_url: str
    client: dict[str, Any]
    requested_scope: list[str]
    requested_audience: list[str]
    oidc_context: dict[str, Any] | None
    session_id: str
    login_csrf: str
    login_skip: bool
    subject: str = ""
    authenticated_at: int | None = None

    remember: bool = False
    remember_for: int = 0
    extend_session_lifespan: bool = False
    acr: str = ""
    amr: list[str] = []
    context: Any = None
    login_error: dict[str, Any] | None = None

    consent_csrf: str = ""
    consent_skip: bool = False
    consent_request_id: str = ""
    grant_scope: list[str] = []
    grant_audience: list[str] = []
    consent_remember: bool = False
    consent_remember_for: int = 0
    access_token_claims: dict[str, Any] = {}
    id_token_claims: dict[str, Any] = {}
    consent_error: dict[str, Any] | None = None
    handled_at: str = ""

    device_request: str = ""
    """Which device waits for this; empty where none does."""

    @property
    def client_id(self) -> str:
        return str(self.client["client_id"])

    @property
    def is_device(self) -> bool:
        return bool(self.device_request)


class DeviceFlow(msgspec.Struct, kw_only=True, frozen=True):
    """A browser at the page where a device's code is typed in."""

    requested_at: int
    csrf: str
    request: str = ""
    """The device request that the code belongs to, once it was accepted."""


class LogoutFlow(msgspec.Struct, kw_only=True):
    """A browser that is to be signed out."""

    id: str
    verifier: str
    subject: str
    session_id: str
    request_url: str
    client: dict[str, Any] | None
    rp_initiated: bool
    redirect_to: str
    requested_at: int | None
    expires_at: int | None
    accepted: bool = False
    rejected: bool = False
    used: bool = False
