"""``/admin/audit``: what happened, to find, to look at and to take along."""

from typing import Any

from litestar import Response, Router, get
from litestar.response import Stream

from portal.admin.audit_export import begin_export
from portal.admin.audit_listing import list_events, refuse, show_event
from portal.admin.audit_search import as_typed, problems, read_wanted
from portal.admin.export import MEDIA_TYPES, attachment, read_format
from portal.web.inputs import AnyRequest, query
from portal.web.respond import respond, respond_to_search
from portal.web.session import is_admin, person_of
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/")
async def search(request: AnyRequest, services: Injected) -> Response[Any]:
    """Search; the address holds the whole search, so that it can be shared."""
    wanted, admin = as_typed(query(request)), person_of(request).user
    if wrong := problems(wanted):
        return respond(request, refuse(wanted, wrong, admin=admin))
    page = await list_events(services, wanted, admin=admin, now=visit(request).visitor.now)
    return respond_to_search(request, page, wanted.url())


@get("/event")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """One event, with everything that is kept of it."""
    event_id = query(request).get("id", "")
    return respond(request, await show_event(services, event_id, admin=person_of(request).user))


@get("/export")
async def export(request: AnyRequest, services: Injected) -> Response[Any]:
    """Everything that a search means, as a file."""
    asked = query(request)
    format_, visitor = read_format(asked.get("format", "jsonl")), visit(request).visitor
    lines = await begin_export(
        services,
        read_wanted(asked),
        format_,
        admin=person_of(request).user,
        visitor=visitor,
    )
    headers = attachment(f"audit-trail-{visitor.now:%Y-%m-%d}.{format_}")
    return Stream(lines, media_type=MEDIA_TYPES[format_], headers=headers)


router = Router(path="/admin/audit", route_handlers=[search, show, export], guards=[is_admin])
