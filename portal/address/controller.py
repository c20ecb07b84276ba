"""``/account/email`` and ``/verify``: a person's address."""

from typing import Any

from litestar import Response, Router, get, post

from portal.address import flow
from portal.address.forms import AddressForm, VerifyForm
from portal.address.pages import AddressPage, VerifyPage
from portal.web.cookies import id_hash
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import find_person, person_of, require_owner, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """The address, and the form for another one."""
    await require_owner(request, flow.HERE)
    page = await flow.show(
        person_of(request).user,
        notice=query(request).get("notice", ""),
        visitor=visit(request).visitor,
        services=services,
    )
    return respond(request, page)


@post("/", status_code=200)
async def change(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for another address, or for the mail once more."""
    form = await read_form(request, AddressForm)
    await require_owner(request, flow.HERE)
    current, user = visit(request), person_of(request).user
    fits = current.token_fits(form.form_token, AddressPage.purpose)
    answer = flow.change if fits else flow.show_again
    outcome = await answer(form, user, visitor=current.visitor, services=services)
    return respond(request, outcome)


@get("/verify")
async def look(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask what a mailed link is for."""
    token = query(request).get("token", "")
    visitor = visit(request).visitor
    return respond(request, await flow.look(token, visitor=visitor, services=services))


@post("/verify", status_code=200)
async def confirm(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the answer."""
    form = await read_form(request, VerifyForm)
    current = visit(request)
    if not current.token_fits(form.form_token, VerifyPage.purpose):
        page = await flow.look_again(form, visitor=current.visitor, services=services)
        return respond(request, page)
    person = await find_person(request)
    keep = None
    if person is not None and current.session_id is not None:
        keep = (person.user.subject, id_hash(current.session_id))
    outcome = await flow.answer(form, keep=keep, visitor=current.visitor, services=services)
    return respond(request, outcome)


router = Router(path="/account/email", route_handlers=[show, change], guards=[signed_in])
