"""``/account/security/…``: a person's second factors. Who changes them signed in a moment ago."""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, Router, get, post

from portal.enrolment import flow
from portal.enrolment.forms import AppForm, CodesForm, PasskeyForm, RemoveForm, RenameForm
from portal.enrolment.pages import (
    AddAppPage,
    AddPasskeyPage,
    AskForCodesPage,
    RemovePage,
    RenamePage,
)
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.services import STALE_FORM
from portal.web import session
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import Outcome, respond
from portal.web.session import person_of, require_owner, signed_in
from portal.web.visit import visit
from portal.web.wiring import Injected

PASSKEY: Final = f"{flow.SECURITY}/passkeys/add"
APP: Final = f"{flow.SECURITY}/authenticator/add"
CODES: Final = f"{flow.SECURITY}/codes"
RENAME: Final = f"{flow.SECURITY}/factors/rename"
REMOVE: Final = f"{flow.SECURITY}/factors/remove"

SENT_BEFORE: Final = N_(
    "This form is out of date, or was sent before. If it has added something, Security shows it. "
    "Recovery codes are shown only once: if you did not keep them, make new ones there."
)


@get("/passkeys/add")
async def begin_passkey(request: AnyRequest, services: Injected) -> Response[Any]:
    """The page that makes a passkey."""
    await require_owner(request, PASSKEY)
    user, visitor = person_of(request).user, visit(request).visitor
    return respond(request, await flow.begin_passkey(user, visitor=visitor, services=services))


@post("/passkeys/add", status_code=200)
async def add_passkey(request: AnyRequest, services: Injected) -> Response[Any]:
    """Keep the passkey that the browser has made."""
    await require_owner(request, PASSKEY)
    form = await read_form(request, PasskeyForm)
    person, visitor = person_of(request), visit(request).visitor
    stale = _why_stale(request, form.form_token, AddPasskeyPage.purpose)
    if stale is not None:
        page = await flow.begin_passkey(
            person.user, visitor=visitor, services=services, status=403, error=stale
        )
        return respond(request, page)
    added = await flow.add_passkey(
        form, person.user, session=person.session_id_hash, visitor=visitor, services=services
    )
    return await _answer(request, added)


@get("/authenticator/add")
async def begin_app(request: AnyRequest, services: Injected) -> Response[Any]:
    """The page that adds an authenticator app."""
    await require_owner(request, APP)
    user, visitor = person_of(request).user, visit(request).visitor
    return respond(request, flow.begin_app(user, visitor=visitor, services=services))


@post("/authenticator/add", status_code=200)
async def add_app(request: AnyRequest, services: Injected) -> Response[Any]:
    """Keep the app that makes right codes."""
    await require_owner(request, APP)
    form = await read_form(request, AppForm)
    person, visitor = person_of(request), visit(request).visitor
    stale = _why_stale(request, form.form_token, AddAppPage.purpose)
    if stale is not None:
        page = flow.app_again(form, person.user, visitor=visitor, services=services, error=stale)
        return respond(request, page)
    added = await flow.add_app(
        form, person.user, session=person.session_id_hash, visitor=visitor, services=services
    )
    return await _answer(request, added)


@get("/codes")
async def ask_for_codes(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before the old recovery codes end."""
    await require_owner(request, CODES)
    return respond(request, await flow.ask_for_codes(person_of(request).user, services=services))


@post("/codes", status_code=200)
async def make_codes(request: AnyRequest, services: Injected) -> Response[Any]:
    """Show new recovery codes, this once."""
    await require_owner(request, CODES)
    form = await read_form(request, CodesForm)
    person, visitor = person_of(request), visit(request).visitor
    stale = _why_stale(request, form.form_token, AskForCodesPage.purpose)
    if stale is not None:
        page = await flow.ask_for_codes(person.user, services=services, status=403, error=stale)
        return respond(request, page)
    outcome = await flow.make_codes(
        person.user, session=person.session_id_hash, visitor=visitor, services=services
    )
    return await _changed(request, outcome)


@get("/factors/rename")
async def ask_for_name(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask what a factor shall be called."""
    kind, factor_id = _named(request)
    await require_owner(request, _to(RENAME, kind, factor_id))
    user = person_of(request).user
    return respond(request, await flow.ask_for_name(user, kind, factor_id, services=services))


@post("/factors/rename", status_code=200)
async def rename(request: AnyRequest, services: Injected) -> Response[Any]:
    """Give a factor another name."""
    form = await read_form(request, RenameForm)
    await require_owner(request, _to(RENAME, form.kind, form.id))
    user, visitor = person_of(request).user, visit(request).visitor
    stale = visit(request).why_stale(form.form_token, RenamePage.purpose)
    if stale is not None:
        page = await flow.ask_for_name(
            user,
            form.kind,
            form.id,
            services=services,
            typed=form.name,
            status=403,
            error=stale,
        )
        return respond(request, page)
    return respond(request, await flow.rename(form, user, visitor=visitor, services=services))


@get("/factors/remove")
async def ask_to_remove(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before a factor is gone."""
    kind, factor_id = _named(request)
    await require_owner(request, _to(REMOVE, kind, factor_id))
    user = person_of(request).user
    return respond(request, await flow.ask_to_remove(user, kind, factor_id, services=services))


@post("/factors/remove", status_code=200)
async def remove(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take a factor away."""
    form = await read_form(request, RemoveForm)
    await require_owner(request, _to(REMOVE, form.kind, form.id))
    person, visitor = person_of(request), visit(request).visitor
    stale = visit(request).why_stale(form.form_token, RemovePage.purpose)
    if stale is not None:
        page = await flow.ask_to_remove(
            person.user, form.kind, form.id, services=services, status=403, error=stale
        )
        return respond(request, page)
    outcome = await flow.remove(
        form, person.user, session=person.session_id_hash, visitor=visitor, services=services
    )
    return await _changed(request, outcome)


async def _answer(request: AnyRequest, added: flow.Added | Outcome) -> Response[Any]:
    if isinstance(added, flow.Added):
        return await _changed(request, added.outcome, proved=added.proved)
    return respond(request, added)


async def _changed(
    request: AnyRequest, outcome: Outcome, *, proved: Collection[str] = ()
) -> Response[Any]:
    """Where something changed, this session goes on under a new id."""
    if getattr(outcome, "status", 200) == 200:
        await session.renew(request, proved=proved)
    return respond(request, outcome)


def _named(request: AnyRequest) -> tuple[str, str]:
    values = query(request)
    return values.get("kind", ""), values.get("id", "")


def _to(path: str, kind: str, factor_id: str) -> str:
    return f"{path}?{urlencode({'kind': kind, 'id': factor_id})}"


router = Router(
    path=flow.SECURITY,
    route_handlers=[
        begin_passkey,
        add_passkey,
        begin_app,
        add_app,
        ask_for_codes,
        make_codes,
        ask_for_name,
        rename,
        ask_to_remove,
        remove,
    ],
    guards=[signed_in],
)


def _why_stale(request: AnyRequest, token: str, purpose: str) -> str | None:
    """A page with codes that is loaded again sends its form once more, and the session has another
    id by then: what it did is done.
    """
    stale = visit(request).why_stale(token, purpose)
    return _(SENT_BEFORE) if stale == _(STALE_FORM) else stale
