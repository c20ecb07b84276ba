"""``/account``: a person's own pages."""

from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.exceptions import NotFoundException

from portal.account.forms import DisconnectForm
from portal.account.pages import AppsPage, ConnectedApp, DisconnectPage
from portal.apps import AppView
from portal.grants import Policy, remembered_until, remembers
from portal.page import GoTo
from portal.revocations import remove_access
from portal.services import Services
from portal.store.tables import GrantRecord
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import HOME, person_of, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected

NOTICES: Final = {
    "removed": "Access was removed. What the app had received does not work any more.",
    "pending": "Access is being removed. It may take a few minutes until the app notices.",
}


@get("/")
async def overview(request: AnyRequest) -> Response[Any]:
    """The account's first page is the list of apps."""
    return respond(request, GoTo(HOME))


@get("/apps")
async def apps(request: AnyRequest, services: Injected) -> Response[Any]:
    """The apps that this person connected."""
    user = person_of(request).user
    async with services.store.reading() as rows:
        grants = await rows.grants.of_subject(user.subject)
        policies = await rows.policies.of_clients(grant.client_id for grant in grants)
    page = AppsPage(
        account=user.email,
        is_admin=user.admin,
        apps=tuple(
            _view(grant, Policy.of(policies.get(grant.client_id)), request, services)
            for grant in grants
            if grant.revoke_synced_at is None
        ),
        notice=NOTICES.get(query(request).get("notice", "")),
    )
    return respond(request, page)


@get("/apps/disconnect")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before an app loses its access."""
    client_id = query(request).get("client_id", "")
    return respond(request, await _question(request, services, client_id))


@post("/apps/disconnect", status_code=200)
async def disconnect(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the app's access away: here at once, at Ory at once or as soon as it can be reached."""
    form = await read_form(request, DisconnectForm)
    current = visit(request)
    if not current.token_fits(form.form_token, DisconnectPage.purpose):
        return respond(request, await _question(request, services, form.client_id, stale=True))
    grant = await _grant(request, services, form.client_id)
    user = person_of(request).user
    done = await remove_access(
        services,
        grant=grant,
        user=user.email,
        actor=user.subject,
        reason="user",
        visitor=current.visitor,
    )
    return respond(request, GoTo(f"/account/apps?notice={'removed' if done else 'pending'}"))


router = Router(
    path="/account", route_handlers=[overview, apps, ask, disconnect], guards=[signed_in]
)


async def _question(
    request: AnyRequest, services: Services, client_id: str, *, stale: bool = False
) -> DisconnectPage:
    grant = await _grant(request, services, client_id)
    return DisconnectPage(
        status=403 if stale else 200,
        error=visit(request).visitor.why_stale if stale else None,
        app=AppView.remembered(grant.client_id, grant.client_name, grant.client_uri),
        client_id=grant.client_id,
        permissions=_titles(grant, services),
    )


async def _grant(request: AnyRequest, services: Services, client_id: str) -> GrantRecord:
    """The person's own grant; anybody else's does not exist."""
    async with services.store.reading() as rows:
        grant = await rows.grants.find(person_of(request).user.subject, client_id)
    if grant is None:
        raise NotFoundException
    return grant


def _view(
    grant: GrantRecord, policy: Policy, request: AnyRequest, services: Services
) -> ConnectedApp:
    return ConnectedApp(
        client_id=grant.client_id,
        app=AppView.remembered(
            grant.client_id, grant.client_name, grant.client_uri, verified=policy.verified
        ),
        permissions=_titles(grant, services),
        since=grant.granted_at,
        last_used=grant.last_accept_at,
        expires=remembered_until(grant, policy),
        remembered=bool(grant.remembered_scopes)
        and remembers(grant, policy, now=visit(request).visitor.now),
        state="active" if grant.revoked_at is None else "pending",
    )


def _titles(grant: GrantRecord, services: Services) -> tuple[str, ...]:
    return tuple(services.catalog.describe(scope).title for scope in grant.scopes)
