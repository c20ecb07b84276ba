"""An app's request that somebody signs in, as Ory has it: there is one way to open its row here.

The forms for the password and for a new account begin with it alike.
"""

import msgspec

from portal.apps import AppView, clean_name
from portal.decisions import UnusableRequestError, challenge_hash, fetch
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import LoginRequest
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import FlowRecord


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


async def open_app_request(challenge: str, *, visitor: Visitor, services: Services) -> AppRequest:
    """Fetch the request, and keep its row from its first sight on: it knows the way to start
    again. Most likely it was seen before, so nothing has to be written.
    """
    app = await unread_app_request(challenge, visitor=visitor, services=services)
    async with services.store.reading() as rows:
        flow = await rows.flows.find(app.flow.challenge_hash)
    if flow is None:
        return await opened(app, services)
    return msgspec.structs.replace(app, flow=flow)


async def unread_app_request(challenge: str, *, visitor: Visitor, services: Services) -> AppRequest:
    """The same for whoever decides at once: :func:`portal.decisions.settle` looks at the row."""
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    flow = _row(request, challenge, visitor)
    return AppRequest(challenge=challenge, request=request, parameters=_usable(request), flow=flow)


async def opened(app: AppRequest, services: Services) -> AppRequest:
    """Keep the row of a request that was most likely never seen."""

    async def keep(rows: Rows) -> FlowRecord:
        return await rows.flows.open(app.flow)

    flow = await services.store.at_once(keep, transaction=False)
    return msgspec.structs.replace(app, flow=flow)


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


def _usable(request: LoginRequest) -> AuthorizationParameters:
    """The request's parameters, or :class:`UnusableRequestError` where Ory will lose them."""
    parameters = AuthorizationParameters.of(request.request_url)
    if not parameters.has_query and not parameters.is_device:
        raise UnusableRequestError
    return parameters
