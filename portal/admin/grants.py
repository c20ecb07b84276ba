"""``/admin/grants``: everybody's grants, to find, to look at, to revoke and to take along."""

from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.response import Stream

from portal.admin.export import MEDIA_TYPES, attachment, read_format
from portal.admin.forms import RevokeForm
from portal.admin.grant_details import find_grant, show_at_ory, show_grant
from portal.admin.grant_export import begin_export
from portal.admin.grant_listing import list_grants, refuse
from portal.admin.grant_pages import RevokePage
from portal.admin.grant_search import Wanted, as_typed, problems, read_back, read_wanted
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import GoTo
from portal.revocations import may_come_back, remove_access
from portal.store import GrantRow
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond, respond_to_search
from portal.web.session import is_admin, person_of
from portal.web.visit import visit
from portal.web.wiring import Injected

NOTICES: Final = {
    "revoked": N_("Access was removed. The app's tokens do not work any more."),
    "pending": N_("Access was removed here. Ory will be told as soon as it can be reached."),
    "same": N_("This access had been removed before. Nothing was changed."),
}


@get("/")
async def overview(request: AnyRequest) -> Response[Any]:
    """The first admin page is the list of grants."""
    return respond(request, GoTo("/admin/grants"))


@get("/grants")
async def search(request: AnyRequest, services: Injected) -> Response[Any]:
    """Search; the address holds the whole search, so that it can be shared."""
    asked = query(request)
    wanted, admin = as_typed(asked), person_of(request).user
    if wrong := problems(wanted):
        return respond(request, refuse(wanted, wrong, admin=admin))
    page = await list_grants(
        services,
        wanted,
        admin=admin,
        now=visit(request).visitor.now,
        notice=_(NOTICES.get(asked.get("notice", ""), "")) or None,
    )
    return respond_to_search(request, page, wanted.url())


@get("/grants/one")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """Everything that the portal knows of one grant."""
    asked = query(request)
    page = await show_grant(
        services,
        subject=asked.get("subject", ""),
        client_id=asked.get("client_id", ""),
        back=read_back(asked.get("back", "")).query,
        admin=person_of(request).user,
        now=visit(request).visitor.now,
    )
    return respond(request, page)


@get("/grants/at-ory")
async def show_ory(request: AnyRequest, services: Injected) -> Response[Any]:
    """What Ory lists of it: a piece of that page, or a page without a script."""
    asked = query(request)
    page = await show_at_ory(
        services,
        subject=asked.get("subject", ""),
        client_id=asked.get("client_id", ""),
        back=read_back(asked.get("back", "")).query,
        admin=person_of(request).user,
    )
    return respond(request, page)


@get("/grants/export")
async def export(request: AnyRequest, services: Injected) -> Response[Any]:
    """Everything that a search means, as a file."""
    asked = query(request)
    format_, visitor = read_format(asked.get("format", "csv")), visit(request).visitor
    lines = await begin_export(
        services,
        read_wanted(asked).first(),
        format_,
        admin=person_of(request).user,
        visitor=visitor,
    )
    headers = attachment(f"connected-apps-{visitor.now:%Y-%m-%d}.{format_}")
    return Stream(lines, media_type=MEDIA_TYPES[format_], headers=headers)


@get("/grants/revoke")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask before a grant is revoked."""
    asked = query(request)
    back = read_back(asked.get("back", ""))
    row = await find_grant(services, asked.get("subject", ""), asked.get("client_id", ""))
    return respond(request, _question(row, back))


@post("/grants/revoke", status_code=200)
async def decide(request: AnyRequest, services: Injected) -> Response[Any]:
    """Revoke: here at once, at Ory at once or as soon as it can be reached."""
    form = await read_form(request, RevokeForm)
    current = visit(request)
    admin = person_of(request).user
    back = read_back(form.back)
    row = await find_grant(services, form.subject, form.client_id)
    if stale := current.why_stale(form.form_token, RevokePage.purpose):
        return respond(request, _question(row, back, error=stale))
    if row.grant.revoked_at is not None and not await may_come_back(services, row.grant):
        return respond(request, GoTo(back.url(notice="same")))
    done = await remove_access(
        services,
        grant=row.grant,
        user=row.email or form.subject,
        actor=admin.subject,
        reason="admin",
        visitor=current.visitor,
        by=admin.email,
    )
    return respond(request, GoTo(back.url(notice="revoked" if done else "pending")))


router = Router(
    path="/admin",
    route_handlers=[overview, search, show, show_ory, export, ask, decide],
    guards=[is_admin],
)


def _question(row: GrantRow, back: Wanted, *, error: str | None = None) -> RevokePage:
    return RevokePage(
        status=403 if error else 200,
        error=error,
        subject=row.grant.subject,
        email=row.email,
        client_id=row.grant.client_id,
        app_name=row.grant.client_name,
        permissions=tuple(row.grant.scopes),
        back=back.query,
        back_url=back.url(),
    )
