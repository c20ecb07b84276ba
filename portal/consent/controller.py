"""``/consent``: answers Ory's consent requests."""

from typing import Any

from litestar import Response, get, post

from portal.consent import flow
from portal.consent.forms import ConsentForm, SummaryForm
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import is_htmx, respond
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/consent")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask which permissions the app gets, or go on where nothing has to be asked."""
    challenge = query(request).get("consent_challenge", "")
    visitor = visit(request).visitor
    return respond(request, await flow.begin(challenge, visitor=visitor, services=services))


@post("/consent", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the answer; a form that was not shown to this browser is shown again."""
    form = await read_form(request, ConsentForm)
    current = visit(request)
    fits = current.token_fits(form.form_token, "consent", form.consent_challenge)
    answer = flow.decide if fits else flow.ask_again
    return respond(request, await answer(form, visitor=current.visitor, services=services))


@post("/consent/summary", status_code=200)
async def summarise(request: AnyRequest, services: Injected) -> Response[Any]:
    """What the ticked boxes amount to: the summary alone for htmx, the whole page without a
    script.
    """
    form = await read_form(request, SummaryForm)
    current = visit(request)
    if not current.token_fits(form.form_token, "consent", form.consent_challenge):
        return respond(
            request, await flow.ask_again(form, visitor=current.visitor, services=services)
        )
    outcome = await flow.summarise(
        form, whole_page=not is_htmx(request), visitor=current.visitor, services=services
    )
    return respond(request, outcome)
