"""``/account/security``: how somebody signs in, where they are signed in, what happened."""

from typing import Any

from litestar import Response, Router, get, post

from portal.page import GoTo
from portal.security import flow
from portal.security.forms import DeleteForm, EndForm, PasswordForm, TokenForm
from portal.security.pages import DeletePage, GoodbyePage, PasswordPage, SecurityPage
from portal.services import Services
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import person_of, renew, require_owner, sign_out, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected

PASSWORD = f"{flow.PATH}/password"
DELETE = f"{flow.PATH}/delete"


@get("/")
async def overview(request: AnyRequest, services: Injected) -> Response[Any]:
    """Everything at a glance."""
    notice = query(request).get("notice", "")
    return respond(request, await _show(request, services, notice=notice))


@get("/activity")
async def activity(request: AnyRequest, services: Injected) -> Response[Any]:
    """What happened, page by page."""
    after = query(request).get("after", "")
    user = person_of(request).user
    return respond(request, await flow.show_activity(user, after=after, services=services))


@post("/sessions/end", status_code=200)
async def end_one(request: AnyRequest, services: Injected) -> Response[Any]:
    """Sign out in one place."""
    form = await read_form(request, EndForm)
    current = visit(request)
    stale = current.why_stale(form.form_token, SecurityPage.purpose)
    if stale:
        return respond(request, await _show(request, services, error=stale))
    user = person_of(request).user
    outcome = await flow.end_one(form, user, visitor=current.visitor, services=services)
    return respond(request, outcome)


@post("/sign-out-elsewhere", status_code=200)
async def end_others(request: AnyRequest, services: Injected) -> Response[Any]:
    """Sign out everywhere else."""
    form = await read_form(request, TokenForm)
    current, person = visit(request), person_of(request)
    stale = current.why_stale(form.form_token, SecurityPage.purpose)
    if stale:
        return respond(request, await _show(request, services, error=stale))
    outcome = await flow.end_others(
        person.user, this=person.session_id_hash, visitor=current.visitor, services=services
    )
    if isinstance(outcome, GoTo):
        await renew(request)
    return respond(request, outcome)


@get("/password")
async def ask_for_password(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for another password."""
    await require_owner(request, PASSWORD)
    return respond(request, flow.ask_for_password(person_of(request).user, services=services))


@post("/password", status_code=200)
async def set_password(request: AnyRequest, services: Injected) -> Response[Any]:
    """Change the password; this session goes on under a new id."""
    form = await read_form(request, PasswordForm)
    await require_owner(request, PASSWORD)
    current, person = visit(request), person_of(request)
    stale = current.why_stale(form.form_token, PasswordPage.purpose)
    if stale:
        page = flow.ask_for_password(person.user, services=services, error=stale)
        return respond(request, page)
    outcome = await flow.set_own_password(
        form,
        person.user,
        this=person.session_id_hash,
        visitor=current.visitor,
        services=services,
    )
    if isinstance(outcome, GoTo):
        await renew(request)
    return respond(request, outcome)


@get("/delete")
async def ask_to_delete(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say what it means to delete the account, and ask."""
    await require_owner(request, DELETE)
    visitor = visit(request).visitor
    page = await flow.ask_to_delete(person_of(request).user, visitor=visitor, services=services)
    return respond(request, page)


@post("/delete", status_code=200)
async def delete(request: AnyRequest, services: Injected) -> Response[Any]:
    """Delete the account, and say goodbye."""
    form = await read_form(request, DeleteForm)
    await require_owner(request, DELETE)
    current, user = visit(request), person_of(request).user
    stale = current.why_stale(form.form_token, DeletePage.purpose)
    if stale:
        page = await flow.ask_to_delete(
            user, visitor=current.visitor, services=services, error=stale
        )
        return respond(request, page)
    outcome = await flow.delete(form, user, visitor=current.visitor, services=services)
    if isinstance(outcome, GoTo):
        await sign_out(request)
    return respond(request, outcome)


@get("/goodbye")
async def goodbye(request: AnyRequest) -> Response[Any]:
    """What is left to say to somebody whose account is gone."""
    return respond(request, GoodbyePage())


async def _show(
    request: AnyRequest, services: Services, *, notice: str = "", error: str | None = None
) -> SecurityPage:
    person = person_of(request)
    return await flow.show(
        person.user,
        this=person.session_id_hash,
        notice=notice,
        visitor=visit(request).visitor,
        services=services,
        error=error,
    )


router = Router(
    path=flow.PATH,
    route_handlers=[
        overview,
        activity,
        end_one,
        end_others,
        ask_for_password,
        set_password,
        ask_to_delete,
        delete,
    ],
    guards=[signed_in],
)
