"""``/logout``: answers Ory's logout requests, and without one ends the portal session."""

from typing import Any

from litestar import Response, get, post

from portal.logout import flow
from portal.logout.forms import LogoutForm
from portal.logout.pages import LogoutPage
from portal.page import GoTo
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import find_person, sign_out
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/logout")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask whether to sign out."""
    challenge = query(request).get("logout_challenge")
    if challenge is None:
        person = await find_person(request)
        return respond(request, LogoutPage(account=person.user.email if person else None))
    visitor = visit(request).visitor
    return await _answer(request, await flow.begin(challenge, visitor=visitor, services=services))


@post("/logout", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the answer; a form that was not shown to this browser is shown again."""
    form = await read_form(request, LogoutForm)
    current = visit(request)
    if not current.token_fits(form.form_token, "logout", form.logout_challenge):
        return respond(
            request, await flow.ask_again(form, visitor=current.visitor, services=services)
        )
    if form.logout_challenge:
        outcome = await flow.decide(form, visitor=current.visitor, services=services)
        return await _answer(request, outcome)
    if form.action == "reject":
        return respond(request, GoTo("/"))
    person = await find_person(request)
    await sign_out(request)
    await flow.leave(person.user if person else None, visitor=current.visitor, services=services)
    return respond(request, flow.signed_out())


async def _answer(request: AnyRequest, outcome: flow.Outcome) -> Response[Any]:
    """Whoever signs out at Ory is signed out of the portal too, if it is the same person."""
    if not isinstance(outcome, flow.SignedOut):
        return respond(request, outcome)
    person = await find_person(request)
    if person is not None and person.user.subject == outcome.subject:
        await sign_out(request)
    visit(request).note_logout()
    return respond(request, outcome.outcome)
