"""``/``: what this place is."""

from typing import Any

from litestar import Response, get

from portal.web.inputs import AnyRequest
from portal.web.respond import respond
from portal.web.session import find_person
from portal.web.wiring import Injected
from portal.welcome.pages import WelcomePage


@get("/")
async def welcome(request: AnyRequest, services: Injected) -> Response[Any]:
    """The start page, for anybody."""
    person = await find_person(request)
    page = WelcomePage(
        account=person.user.email if person else None,
        is_admin=person is not None and person.user.admin,
        development=services.settings.development,
    )
    return respond(request, page)
