"""``/admin/clients``: the apps that are registered at Ory, and the portal's policy about each."""

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, Router, get, post

from portal.admin.client_desk import Desk
from portal.admin.client_listing import MOST, list_clients, refuse
from portal.admin.client_pages import ClientPage
from portal.admin.client_registration import new_form
from portal.admin.forms import ClientForm, OneClientForm
from portal.admin.searching import NO_PLACE, too_long
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import Services
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import is_admin, person_of
from portal.web.visit import visit
from portal.web.wiring import Injected

NOTICES: Final = {
    "deleted": N_("The app was deleted, and with it the access that people had given to it."),
    "saved": N_("Saved."),
    "same": N_("Nothing was changed."),
}


@get("/")
async def search(request: AnyRequest, services: Injected) -> Response[Any]:
    """Search; the address holds the whole search, so that it can be shared."""
    asked = query(request)
    term, start = asked.get("app", ""), asked.get("start", "")
    admin = person_of(request).user
    wrong = too_long({"app": term})
    if start and (not re.fullmatch(r"[0-9]{1,4}", start) or int(start) > MOST):
        wrong["start"] = NO_PLACE
    if wrong:
        return respond(request, refuse(wrong, admin=admin, term=term, start=start))
    page = await list_clients(
        services,
        admin=admin,
        term=term,
        start=int(start or 0),
        notice=_notice(asked),
    )
    return respond(request, page)


@get("/create")
async def ask_for_new(request: AnyRequest, services: Injected) -> Response[Any]:
    """An app to fill in, as the tutorials register one."""
    return respond(request, _desk(request, services).new(new_form(str(uuid.uuid4()))))


@post("/create", status_code=200)
async def create(request: AnyRequest, services: Injected) -> Response[Any]:
    """Register it."""
    form = await read_form(request, ClientForm)
    desk = _desk(request, services)
    stale = visit(request).why_stale(form.form_token, ClientPage.purpose)
    return respond(request, desk.new(form, error=stale) if stale else await desk.create(form))


@get("/edit")
async def ask_for_changes(request: AnyRequest, services: Injected) -> Response[Any]:
    """An app as it is."""
    asked = query(request)
    desk = _desk(request, services)
    page = await desk.edit(asked.get("client_id", ""), notice=_notice(asked))
    return respond(request, page)


@post("/edit", status_code=200)
async def save(request: AnyRequest, services: Injected) -> Response[Any]:
    """Save what was changed."""
    form = await read_form(request, ClientForm)
    desk = _desk(request, services)
    stale = visit(request).why_stale(form.form_token, ClientPage.purpose)
    if stale:
        return respond(request, await desk.edit(form.client_id, typed=form, error=stale))
    return respond(request, await desk.save(form))


@get("/delete")
async def ask_to_delete(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say what a deletion would end."""
    client_id = query(request).get("client_id", "")
    return respond(request, await _desk(request, services).delete_question(client_id))


@post("/delete", status_code=200)
async def delete(request: AnyRequest, services: Injected) -> Response[Any]:
    """Delete."""
    form = await read_form(request, OneClientForm)
    desk = _desk(request, services)
    stale = visit(request).why_stale(form.form_token, ClientPage.purpose)
    if stale:
        return respond(request, await desk.delete_question(form.client_id, error=stale))
    return respond(request, await desk.delete(form.client_id))


@get("/rotate")
async def ask_for_secret(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say what a new secret would end."""
    client_id = query(request).get("client_id", "")
    return respond(request, await _desk(request, services).secret_question(client_id))


@post("/rotate", status_code=200)
async def replace_secret(request: AnyRequest, services: Injected) -> Response[Any]:
    """Make a new secret, and show it this once."""
    form = await read_form(request, OneClientForm)
    desk = _desk(request, services)
    stale = visit(request).why_stale(form.form_token, ClientPage.purpose)
    if stale:
        return respond(request, await desk.secret_question(form.client_id, error=stale))
    page = await desk.replace_secret(form.client_id, secrets.token_urlsafe(24))
    return respond(request, page)


router = Router(
    path="/admin/clients",
    route_handlers=[
        search,
        ask_for_new,
        create,
        ask_for_changes,
        save,
        ask_to_delete,
        delete,
        ask_for_secret,
        replace_secret,
    ],
    guards=[is_admin],
)


def _notice(asked: Mapping[str, str]) -> str | None:
    return _(NOTICES.get(asked.get("notice", ""), "")) or None


def _desk(request: AnyRequest, services: Services) -> Desk:
    return Desk(services, admin=person_of(request).user, visitor=visit(request).visitor)
