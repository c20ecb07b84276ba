"""``/account``: a person's own pages."""

from typing import Any

from litestar import Response, Router, get, post

from portal.account import flow
from portal.account.forms import AppForm, ChangeForm
from portal.account.pages import AppsPage, ChangePage, DisconnectPage
from portal.page import GoTo
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import is_htmx, respond
from portal.web.session import HOME, person_of, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/")
async def overview(request: AnyRequest) -> Response[Any]:
    """The account's first page is the list of apps."""
    return respond(request, GoTo(HOME))


@get("/apps")
async def apps(request: AnyRequest, services: Injected) -> Response[Any]:
    """The apps that this person connected."""
    page = await flow.show(
        person_of(request).user,
        notice=query(request).get("notice", ""),
        visitor=visit(request).visitor,
        services=services,
    )
    return respond(request, page)


@get("/apps/one")
async def one(request: AnyRequest, services: Injected) -> Response[Any]:
    """What has become of one app: its piece of the list for htmx, the list without a script."""
    if not is_htmx(request):
        return respond(request, GoTo(HOME))
    client_id = query(request).get("client_id", "")
    user, visitor = person_of(request).user, visit(request).visitor
    page = await flow.show_one(user, client_id, visitor=visitor, services=services)
    return respond(request, page)


@get("/apps/disconnect")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before an app loses its access."""
    client_id = query(request).get("client_id", "")
    user, visitor = person_of(request).user, visit(request).visitor
    return respond(request, await flow.ask(user, client_id, visitor=visitor, services=services))


@post("/apps/disconnect", status_code=200)
async def disconnect(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the app's access away, or ask again where the form is not one of this browser's."""
    form = await read_form(request, AppForm)
    current, user = visit(request), person_of(request).user
    if not current.token_fits(form.form_token, DisconnectPage.purpose):
        page = await flow.ask(
            user,
            form.client_id,
            visitor=current.visitor,
            services=services,
            error=current.visitor.why_stale,
        )
        return respond(request, page)
    outcome = await flow.disconnect(form, user, visitor=current.visitor, services=services)
    return respond(request, outcome)


@post("/apps/undo", status_code=200)
async def undo(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take back that an app's access was taken away, as long as that is possible."""
    form = await read_form(request, AppForm)
    current, user = visit(request), person_of(request).user
    if not current.token_fits(form.form_token, AppsPage.purpose):
        page = await flow.show(
            user, visitor=current.visitor, services=services, error=current.visitor.why_stale
        )
        return respond(request, page)
    return respond(request, await flow.undo(form, user, visitor=current.visitor, services=services))


@get("/apps/change")
async def ask_what_to_leave(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask what of its permissions an app is left."""
    client_id = query(request).get("client_id", "")
    user, visitor = person_of(request).user, visit(request).visitor
    page = await flow.ask_what_to_leave(user, client_id, visitor=visitor, services=services)
    return respond(request, page)


@post("/apps/change", status_code=200)
async def change(request: AnyRequest, services: Injected) -> Response[Any]:
    """Leave the app what is still ticked."""
    form = await read_form(request, ChangeForm)
    current, user = visit(request), person_of(request).user
    fits = current.token_fits(form.form_token, ChangePage.purpose)
    answer = flow.narrow if fits else flow.ask_again
    return respond(request, await answer(form, user, visitor=current.visitor, services=services))


router = Router(
    path="/account",
    route_handlers=[overview, apps, one, ask, disconnect, undo, ask_what_to_leave, change],
    guards=[signed_in],
)
