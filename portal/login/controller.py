"""``/login``: answers Ory's login requests, and without one signs in to the portal itself."""

from typing import Any

from litestar import Response, get, post

from portal.login import flow
from portal.login.forms import LoginForm
from portal.page import GoTo
from portal.services import Services
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import find_person, local_path, sign_in
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/login")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Show the form, or go on where nothing has to be asked."""
    asked = query(request)
    challenge = asked.get("login_challenge")
    if challenge is None:
        person = await find_person(request)
        known_as = person.user.email if person else None
        page = flow.portal_page(local_path(asked.get("next")), known_as=known_as)
        return respond(request, page)
    visitor = visit(request).visitor
    return respond(request, await flow.begin(challenge, visitor=visitor, services=services))


@post("/login", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the answer; a form that was not shown to this browser is shown again."""
    form = await read_form(request, LoginForm)
    current = visit(request)
    if not current.token_fits(form.form_token, "login", form.login_challenge):
        return respond(
            request, await flow.ask_again(form, visitor=current.visitor, services=services)
        )
    if form.login_challenge:
        outcome = await flow.decide(form, visitor=current.visitor, services=services)
        return respond(request, outcome)
    return await _portal_sign_in(request, form, services)


async def _portal_sign_in(
    request: AnyRequest, form: LoginForm, services: Services
) -> Response[Any]:
    if form.action == "reject":
        return respond(request, GoTo("/"))
    visitor = visit(request).visitor
    outcome = await flow.sign_in_to_portal(form, visitor=visitor, services=services)
    if not isinstance(outcome, flow.PortalSignIn):
        return respond(request, outcome)
    await sign_in(request, outcome.subject, outcome.epoch)
    return respond(request, GoTo(local_path(form.next)))
