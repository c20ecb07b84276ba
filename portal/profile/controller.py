"""``/account/profile``: what is kept about somebody, and what of it they may change."""

from typing import Any

from litestar import Response, Router, get, post

from portal.profile import flow
from portal.profile.forms import FORM
from portal.profile.pages import ProfilePage
from portal.web.cookies import LANGUAGE
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import person_of, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """What is kept about whoever is signed in."""
    notice = query(request).get("notice", "")
    now = visit(request).visitor.now
    page = await flow.show(person_of(request).user, notice=notice, now=now, services=services)
    return respond(request, page)


@post("/", status_code=200)
async def save(request: AnyRequest, services: Injected) -> Response[Any]:
    """Keep what was typed."""
    form = await read_form(request, FORM)
    current, user = visit(request), person_of(request).user
    stale = current.why_stale(form.form_token, ProfilePage.purpose)
    if stale:
        page = await flow.show(
            user,
            now=current.visitor.now,
            posted=form.posted(),
            services=services,
            error=stale,
        )
        return respond(request, page)
    outcome = await flow.save(form, user, visitor=current.visitor, services=services)
    if not isinstance(outcome, flow.Saved):
        return respond(request, outcome)
    if outcome.language_chosen:  # what this browser chose before would stand in its way
        current.set_cookies.append(current.web.cookies.remove(LANGUAGE))
    return respond(request, outcome.following)


router = Router(path=flow.PATH, route_handlers=[show, save], guards=[signed_in])
