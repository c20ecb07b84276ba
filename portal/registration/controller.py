"""``/register``: an account of one's own."""

from typing import Any

from litestar import Response, get, post

from portal.registration import flow
from portal.registration.forms import FinishForm, RegisterForm
from portal.registration.pages import FinishPage, RegisterPage
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/register")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for the address."""
    challenge = query(request).get("login_challenge")
    visitor = visit(request).visitor
    return respond(request, await flow.ask(challenge, visitor=visitor, services=services))


@post("/register", status_code=200)
async def send(request: AnyRequest, services: Injected) -> Response[Any]:
    """Mail a link; a form that was not shown to this browser is shown again."""
    form = await read_form(request, RegisterForm)
    current = visit(request)
    challenge = form.login_challenge
    if not current.token_fits(form.form_token, RegisterPage.purpose, challenge):
        again = flow.ask_again(form, visitor=current.visitor, services=services)
        return respond(request, again)
    return respond(request, await flow.send(form, visitor=current.visitor, services=services))


@get("/register/finish")
async def look(request: AnyRequest, services: Injected) -> Response[Any]:
    """Show the form for name and password."""
    token = query(request).get("token", "")
    visitor = visit(request).visitor
    return respond(request, await flow.look(token, visitor=visitor, services=services))


@post("/register/finish", status_code=200)
async def finish(request: AnyRequest, services: Injected) -> Response[Any]:
    """Make the account."""
    form = await read_form(request, FinishForm)
    current = visit(request)
    fits = current.token_fits(form.form_token, FinishPage.purpose)
    answer = flow.finish if fits else flow.look_again
    return respond(request, await answer(form, visitor=current.visitor, services=services))
