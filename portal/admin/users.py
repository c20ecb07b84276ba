"""``/admin/users``: everybody with an account: found, added, invited, looked at, changed."""

from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post

from portal.admin import user_data
from portal.admin.forms import (
    ActForm,
    AddressForm,
    CreateUserForm,
    EndSessionForm,
    InvitationForm,
)
from portal.admin.user_acts import ACTS
from portal.admin.user_desk import Desk
from portal.admin.user_listing import list_users
from portal.admin.user_pages import PURPOSE
from portal.admin.user_search import read_wanted
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import Services
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond, respond_to_search
from portal.web.session import is_admin, person_of, require_recent
from portal.web.visit import visit
from portal.web.wiring import Injected

CREATE: Final = "/admin/users/create"
INVITATIONS: Final = "/admin/users/invitations"
NOTICES: Final = {name: act.done for name, act in ACTS.items()} | {
    "created": N_("The account was created. Tell its owner the password in a safe way."),
    "address": N_("The address was changed."),
    "data": N_("Saved."),
    "deleted": N_("The account was deleted."),
    "session": N_("That sign-in was ended."),
    "same": N_("Nothing was changed."),
    "invited": N_("The invitation is on its way."),
    "withdrawn": N_("The invitation was withdrawn: its link does not work any more."),
}


@get("/")
async def search(request: AnyRequest, services: Injected) -> Response[Any]:
    """Search; the address holds the whole search, so that it can be shared."""
    asked = query(request)
    wanted = read_wanted(asked)
    page = await list_users(
        services,
        wanted,
        admin=person_of(request).user,
        now=visit(request).visitor.now,
        notice=_notice(asked),
    )
    return respond_to_search(request, page, wanted.url())


@get("/create")
async def ask_for_new(request: AnyRequest, services: Injected) -> Response[Any]:
    """Somebody to fill in."""
    require_recent(request, CREATE)
    return respond(request, _desk(request, services).new())


@post("/create", status_code=200)
async def create(request: AnyRequest, services: Injected) -> Response[Any]:
    """Add or invite them."""
    form = await read_form(request, CreateUserForm)
    require_recent(request, CREATE)
    desk = _desk(request, services)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        return respond(request, desk.new(form, error=stale, status=403))
    return respond(request, await desk.create(form))


@get("/invitations")
async def list_invitations(request: AnyRequest, services: Injected) -> Response[Any]:
    """Invitations that nobody has followed yet."""
    page = await _desk(request, services).invitations(notice=_notice(query(request)))
    return respond(request, page)


@post("/invitations/withdraw", status_code=200)
async def withdraw(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take one back."""
    form = await read_form(request, InvitationForm)
    desk = _desk(request, services)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        return respond(request, await desk.invitations(error=stale))
    return respond(request, await desk.withdraw(form.email))


@get("/one")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """One person: what is known, and what can be done."""
    asked = query(request)
    page = await _desk(request, services).show(asked.get("subject", ""), notice=_notice(asked))
    return respond(request, page)


@get("/act")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say what an act would mean, and ask."""
    asked = query(request)
    subject, act = asked.get("subject", ""), asked.get("act", "")
    require_recent(request, _about("/act", subject, act=act))
    return respond(request, await _desk(request, services).question(subject, act))


@post("/act", status_code=200)
async def act_on(request: AnyRequest, services: Injected) -> Response[Any]:
    """Do it; who signed in too long ago comes back to the question first."""
    form = await read_form(request, ActForm)
    require_recent(request, _about("/act", form.subject, act=form.act))
    desk = _desk(request, services)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        return respond(request, await desk.question(form.subject, form.act, error=stale))
    return respond(request, await desk.act(form.subject, form.act))


@get("/address")
async def ask_for_address(request: AnyRequest, services: Injected) -> Response[Any]:
    """Another address to fill in."""
    subject = query(request).get("subject", "")
    require_recent(request, _about("/address", subject))
    return respond(request, await _desk(request, services).address(subject))


@post("/address", status_code=200)
async def change_address(request: AnyRequest, services: Injected) -> Response[Any]:
    """Change it."""
    form = await read_form(request, AddressForm)
    require_recent(request, _about("/address", form.subject))
    desk = _desk(request, services)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        page = await desk.address(form.subject, email=form.email, error=stale)
        return respond(request, page)
    return respond(request, await desk.change_address(form.subject, form.email))


@post("/sessions/end", status_code=200)
async def end_session(request: AnyRequest, services: Injected) -> Response[Any]:
    """End one sign-in of somebody."""
    form = await read_form(request, EndSessionForm)
    desk = _desk(request, services)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        return respond(request, await desk.show(form.subject, error=stale))
    return respond(request, await desk.end_session(form.subject, form.kind, form.handle))


@get("/data")
async def ask_for_data(request: AnyRequest, services: Injected) -> Response[Any]:
    """What apps may be told about somebody, to change."""
    subject = query(request).get("subject", "")
    require_recent(request, _about("/data", subject))
    page = await user_data.show(services, subject, admin=person_of(request).user)
    return respond(request, page)


@post("/data", status_code=200)
async def save_data(request: AnyRequest, services: Injected) -> Response[Any]:
    """Change it."""
    form: Any = await read_form(request, user_data.form_type(services.attributes))
    require_recent(request, _about("/data", form.subject))
    admin, typed = person_of(request).user, user_data.typed_in(form)
    if stale := visit(request).why_stale(form.form_token, PURPOSE):
        page = await user_data.show(
            services,
            form.subject,
            admin=admin,
            typed=typed,
            seen=form.seen,
            error=stale,
            status=403,
        )
        return respond(request, page)
    outcome = await user_data.save(
        services,
        form.subject,
        typed,
        seen=form.seen,
        admin=admin,
        visitor=visit(request).visitor,
    )
    return respond(request, outcome)


router = Router(
    path="/admin/users",
    route_handlers=[
        search,
        ask_for_new,
        create,
        list_invitations,
        withdraw,
        show,
        ask,
        act_on,
        ask_for_address,
        change_address,
        end_session,
        ask_for_data,
        save_data,
    ],
    guards=[is_admin],
)


def _desk(request: AnyRequest, services: Services) -> Desk:
    person = person_of(request)
    return Desk(
        services,
        admin=person.user,
        this=person.session_id_hash,
        visitor=visit(request).visitor,
    )


def _notice(asked: dict[str, str]) -> str | None:
    return _(NOTICES.get(asked.get("notice", ""), "")) or None


def _about(path: str, subject: str, **more: str) -> str:
    return f"/admin/users{path}?{urlencode({'subject': subject, **more})}"
