"""``/recover``: a forgotten password."""

from typing import Any

from litestar import Response, get, post

from portal.recovery import flow
from portal.recovery.forms import RecoverForm, ResetForm
from portal.recovery.pages import RecoverPage, ResetPage
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/recover")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for the address."""
    return respond(request, flow.ask(query(request).get("login_challenge"), services=services))


@post("/recover", status_code=200)
async def send(request: AnyRequest, services: Injected) -> Response[Any]:
    """Mail a link; a form that was not shown to this browser is shown again."""
    form = await read_form(request, RecoverForm)
    current = visit(request)
    challenge = form.login_challenge
    if not current.token_fits(form.form_token, RecoverPage.purpose, challenge):
        again = flow.ask_again(form, visitor=current.visitor, services=services)
        return respond(request, again)
    return respond(request, await flow.send(form, visitor=current.visitor, services=services))


@get("/recover/reset")
async def look(request: AnyRequest, services: Injected) -> Response[Any]:
    """Show the form for a new password."""
    token = query(request).get("token", "")
    visitor = visit(request).visitor
    return respond(request, await flow.look(token, visitor=visitor, services=services))


@post("/recover/reset", status_code=200)
async def reset(request: AnyRequest, services: Injected) -> Response[Any]:
    """Set the new password."""
    form = await read_form(request, ResetForm)
    current = visit(request)
    fits = current.token_fits(form.form_token, ResetPage.purpose)
    answer = flow.reset if fits else flow.look_again
    return respond(request, await answer(form, visitor=current.visitor, services=services))
