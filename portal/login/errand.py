"""What somebody signs in for: an app's request at Ory, or the portal itself."""

from typing import Final
from urllib.parse import quote

import msgspec

from portal.apps import AppView, clean_name
from portal.decisions import UnusableRequestError, challenge_hash, fetch
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import LoginRequest
from portal.page import GoTo, with_challenge
from portal.services import Services, Visitor
from portal.store.tables import FlowRecord

AGAIN: Final = "again"
"""In the address of the first step: why it is shown once more."""


class AppRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A login request of Ory's, with what is known about it here."""

    challenge: str
    request: LoginRequest
    parameters: AuthorizationParameters
    flow: FlowRecord

    @property
    def acr_values(self) -> tuple[str, ...]:
        """As Ory read them; else as the request says, also where a request object does."""
        return self.request.oidc_context.acr_values or self.parameters.acr_values

    def view(self) -> AppView:
        """The app as people see it."""
        return AppView.of(self.request.client, redirect_uri=self.parameters.redirect_uri)


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of one sign-in belong to one of these."""

    app: AppRequest | None = None
    """``None``: the portal itself asks."""
    next_path: str = ""
    """Where the portal's own sign-in leads; checked by whoever made this."""

    @property
    def challenge(self) -> str:
        return self.app.challenge if self.app else ""

    @property
    def client_id(self) -> str:
        return self.app.request.client.client_id if self.app else ""

    @property
    def is_skipped(self) -> bool:
        """Ory knows the browser: nothing of what it knows is asked again."""
        return self.app is not None and self.app.request.skip

    def path(self, step: str) -> str:
        """The address of a step, which keeps what it is for."""
        if self.app is not None:
            return with_challenge(step, "login_challenge", self.app.challenge)
        return f"{step}?next={quote(self.next_path)}" if self.next_path else step

    @property
    def beginning(self) -> GoTo:
        """The first step, for a browser that wanted a later one and may not go there."""
        there = self.path("/login")
        return GoTo(f"{there}{'&' if '?' in there else '?'}{AGAIN}=1")


async def open_errand(
    challenge: str, next_path: str, *, visitor: Visitor, services: Services
) -> Errand:
    """Ask Ory what the challenge is about; without one it is the portal that asks."""
    if not challenge:
        return Errand(next_path=next_path)
    return Errand(app=await open_app_request(challenge, visitor=visitor, services=services))


async def open_app_request(
    challenge: str, *, visitor: Visitor, services: Services, seen: bool = True
) -> AppRequest:
    """Fetch the request, and keep its row from its first sight on: it knows the way to start
    again. Most likely it was *seen* before, so nothing has to be written.
    """
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    parameters = usable(request)
    flow = None
    if seen:
        async with services.store.reading() as rows:
            flow = await rows.flows.find(challenge_hash(challenge))
    if flow is None:
        flow = await _first_sight(request, challenge, visitor, services)
    return AppRequest(challenge=challenge, request=request, parameters=parameters, flow=flow)


async def unread_app_request(challenge: str, *, visitor: Visitor, services: Services) -> AppRequest:
    """The same for whoever decides at once: :func:`portal.decisions.settle` looks at the row."""
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    flow = _row(request, challenge, visitor)
    return AppRequest(challenge=challenge, request=request, parameters=usable(request), flow=flow)


async def _first_sight(
    request: LoginRequest, challenge: str, visitor: Visitor, services: Services
) -> FlowRecord:
    async with services.store.writing() as rows:
        return await rows.flows.open(_row(request, challenge, visitor))


def _row(request: LoginRequest, challenge: str, visitor: Visitor) -> FlowRecord:
    return FlowRecord(
        challenge_hash=challenge_hash(challenge),
        kind="login",
        request_url=request.request_url,
        client_id=request.client.client_id,
        client_name=clean_name(request.client.client_name),
        state="open",
        created_at=visitor.now,
    )


def usable(request: LoginRequest) -> AuthorizationParameters:
    """The request's parameters, or :class:`UnusableRequestError` where Ory will lose them."""
    parameters = AuthorizationParameters.of(request.request_url)
    if not parameters.has_query and not parameters.is_device:
        raise UnusableRequestError
    return parameters
