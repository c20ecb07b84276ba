"""``/login``: answers Ory's login requests, and without one signs in to the portal itself."""

from typing import Any, TypeVar

import msgspec
from litestar import Response, get, post

from portal.login import flow, passkey
from portal.login.errand import AGAIN, Errand
from portal.login.finishing import PortalSignIn, Ready, finish
from portal.login.forms import LoginForm, PasskeyForm, StepForm
from portal.ory.models import RedirectTo
from portal.page import GoTo, Page
from portal.services import Services
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import NewSession, find_person, local_path
from portal.web.visit import visit
from portal.web.wiring import Injected

AnyForm = TypeVar("AnyForm", bound=LoginForm | StepForm)


@get("/login")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Show the form, or go on where nothing has to be asked."""
    asked = query(request)
    challenge = asked.get("login_challenge")
    if challenge is None:
        await flow.give_up(Errand(), visitor=visit(request).visitor, services=services)
        page = flow.portal_page(
            local_path(asked.get("next")),
            settings=services.settings,
            known_as=await _known_as(request),
            again=AGAIN in asked,
        )
        return respond(request, page)
    outcome = await flow.begin(
        challenge,
        visitor=visit(request).visitor,
        services=services,
        from_here=request.headers.get("sec-fetch-site") == "same-origin",
        again=AGAIN in asked,
    )
    return await answer(request, outcome)


@post("/login", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the answer; a form that was not shown to this browser is shown again."""
    form = await read(request, LoginForm)
    current = visit(request)
    visitor = current.visitor
    known_as = None if form.login_challenge else await _known_as(request)
    if not current.token_fits(form.form_token, "login", form.login_challenge):
        page = await flow.ask_again(form, visitor=visitor, services=services, known_as=known_as)
        return respond(request, page)
    if form.login_challenge:
        return await answer(request, await flow.decide(form, visitor=visitor, services=services))
    if form.action == "reject":
        await flow.give_up(Errand(), visitor=visitor, services=services)
        return respond(request, GoTo("/"))
    session = NewSession(request)
    outcome = await flow.sign_in_to_portal(
        form, visitor=visitor, services=services, known_as=known_as, begin_session=session.begin
    )
    return _hand_out(request, session, outcome)


@post("/login/passkey", status_code=200)
async def decide_by_passkey(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take what a passkey proves, instead of a password."""
    form = await read(request, PasskeyForm)
    current = visit(request)
    visitor = current.visitor
    known_as = None if form.login_challenge else await _known_as(request)
    if not current.token_fits(form.form_token, "login", form.login_challenge):
        page = await flow.ask_again(
            passkey.as_login_form(form), visitor=visitor, services=services, known_as=known_as
        )
        return respond(request, page)
    outcome = await passkey.decide(form, visitor=visitor, services=services, known_as=known_as)
    return await answer(request, outcome)


async def read(request: AnyRequest, form_type: type[AnyForm]) -> AnyForm:
    """The posted form; where it leads is one of our own pages, whatever was posted."""
    form = await read_form(request, form_type)
    return msgspec.structs.replace(form, next=local_path(form.next))


async def answer(
    request: AnyRequest, outcome: Page | RedirectTo | GoTo | PortalSignIn | Ready
) -> Response[Any]:
    """Respond; where nothing is missing to sign in to the portal itself, that is done."""
    session = NewSession(request)
    if isinstance(outcome, Ready):
        services: Services = request.app.state.services
        outcome = await finish(
            outcome.errand,
            visitor=visit(request).visitor,
            services=services,
            begin_session=session.begin,
        )
    return _hand_out(request, session, outcome)


def _hand_out(
    request: AnyRequest, session: NewSession, outcome: Page | RedirectTo | GoTo | PortalSignIn
) -> Response[Any]:
    """Where a session was begun, the browser gets it."""
    if not isinstance(outcome, PortalSignIn):
        return respond(request, outcome)
    session.hand_out()
    return respond(request, GoTo(local_path(outcome.next_path)))


async def _known_as(request: AnyRequest) -> str | None:
    """Who is signed in to the portal already, and shall prove that it is still them."""
    person = await find_person(request)
    return person.user.email if person else None
