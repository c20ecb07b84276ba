"""``/``: what this place is."""

from typing import Any

from litestar import Response, get

from portal.web.cookies import LOGGED_OUT
from portal.web.inputs import AnyRequest
from portal.web.respond import respond
from portal.web.session import find_person
from portal.web.visit import visit
from portal.web.wiring import Injected
from portal.welcome.flow import checklist
from portal.welcome.pages import WelcomePage


@get("/")
async def welcome(request: AnyRequest, services: Injected) -> Response[Any]:
    """The start page, for anybody."""
    person = await find_person(request)
    settings = services.settings
    admin = person.user if person and person.user.admin else None
    is_for_operators = admin is not None or settings.development
    page = WelcomePage(
        site=None if settings.site_name == settings.host_name else settings.site_name,
        account=person.user.email if person else None,
        is_admin=admin is not None,
        development=settings.development,
        may_register=settings.registration,
        logged_out=person is None and _back_from_logout(request),
        checklist=await checklist(admin, services) if is_for_operators else (),
    )
    return respond(request, page)


def _back_from_logout(request: AnyRequest) -> bool:
    """Whether Ory has just sent the browser here after a logout.

    Who types the address or follows a link of ours may have left Ory before it was carried out.
    """
    current = visit(request)
    note = request.cookies.get(current.web.cookies.name(LOGGED_OUT), "")
    from_here = request.headers.get("sec-fetch-site") in ("none", "same-origin")
    return not from_here and current.was_logged_out(note)
