"""``/admin/grants/drift``: comparing with Ory, and what differed."""

from typing import Any

from litestar import Response, Router, get, post

from portal.admin import drift_desk
from portal.admin.drift_pages import DriftPage
from portal.admin.forms import CompareForm, ComparePersonForm
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import is_admin, person_of
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/")
async def show(request: AnyRequest, services: Injected) -> Response[Any]:
    """The newest comparisons and their progress, and what they found, page by page."""
    asked = query(request)
    page = await drift_desk.show(
        services,
        after=asked.get("after"),
        admin=person_of(request).user,
        notice=asked.get("notice"),
        told=asked.get("told"),
    )
    return respond(request, page)


@post("/run", status_code=200)
async def compare_all(request: AnyRequest, services: Injected) -> Response[Any]:
    """Start a comparison of everybody."""
    form = await read_form(request, CompareForm)
    outcome = await drift_desk.compare_all(
        services,
        stale=visit(request).why_stale(form.form_token, DriftPage.purpose),
        admin=person_of(request).user,
        visitor=visit(request).visitor,
    )
    return respond(request, outcome)


@post("/person", status_code=200)
async def compare_one(request: AnyRequest, services: Injected) -> Response[Any]:
    """Compare one person, and show what was found."""
    form = await read_form(request, ComparePersonForm)
    page = await drift_desk.compare_one(
        services,
        form.person,
        stale=visit(request).why_stale(form.form_token, DriftPage.purpose),
        admin=person_of(request).user,
        visitor=visit(request).visitor,
    )
    return respond(request, page)


router = Router(
    path="/admin/grants/drift",
    route_handlers=[show, compare_all, compare_one],
    guards=[is_admin],
)
