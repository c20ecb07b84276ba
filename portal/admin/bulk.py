"""``/admin/grants/revoke-all`` and ``/admin/grants/jobs``: removing everything that was found."""

from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath

from portal.admin import bulk_desk
from portal.admin.bulk_pages import PATH, RevokeAllPage
from portal.admin.forms import RevokeAllForm, StopForm
from portal.admin.grant_search import TERMS, read_wanted
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.session import is_admin, person_of, require_recent
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/revoke-all")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Say in numbers what would happen, and ask."""
    wanted = read_wanted(query(request))
    require_recent(request, wanted.url_of_all(PATH))
    page = await bulk_desk.question(services, wanted, now=visit(request).visitor.now)
    return respond(request, page)


@post("/revoke-all", status_code=200)
async def start(request: AnyRequest, services: Injected) -> Response[Any]:
    """Start the job; who signed in too long ago comes back to the question first."""
    form = await read_form(request, RevokeAllForm)
    wanted = read_wanted({name: getattr(form, name) for name in TERMS})
    require_recent(request, wanted.url_of_all(PATH))
    outcome = await bulk_desk.start(
        services,
        wanted,
        expected=form.expected,
        stale=visit(request).why_stale(form.form_token, RevokeAllPage.purpose),
        admin=person_of(request).user,
        visitor=visit(request).visitor,
    )
    return respond(request, outcome)


@get("/jobs")
async def overview(request: AnyRequest, services: Injected) -> Response[Any]:
    """All jobs, page by page."""
    after = query(request).get("after")
    page = await bulk_desk.all_jobs(services, after=after, admin=person_of(request).user)
    return respond(request, page)


@get("/jobs/{bulk_id:str}")
async def progress(
    request: AnyRequest, services: Injected, bulk_id: FromPath[str]
) -> Response[Any]:
    """How far a job is."""
    page = await bulk_desk.one_job(
        services, bulk_id, admin=person_of(request).user, told=query(request).get("told")
    )
    return respond(request, page)


@post("/jobs/{bulk_id:str}/stop", status_code=200)
async def stop(request: AnyRequest, services: Injected, bulk_id: FromPath[str]) -> Response[Any]:
    """Stop it; what it has removed stays removed."""
    form = await read_form(request, StopForm)
    outcome = await bulk_desk.stop(
        services,
        bulk_id,
        stale=visit(request).why_stale(form.form_token, RevokeAllPage.purpose),
        admin=person_of(request).user,
        visitor=visit(request).visitor,
    )
    return respond(request, outcome)


router = Router(
    path="/admin/grants",
    route_handlers=[ask, start, overview, progress, stop],
    guards=[is_admin],
)
