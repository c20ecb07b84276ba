"""``/device/…``: where Ory sends a browser that a device's code is to be typed into, and where it
ends.
"""

from typing import Any

from litestar import Response, get, post

from portal.device import flow
from portal.device.forms import CodeForm
from portal.page import DEVICE_DENIED
from portal.web.inputs import AnyRequest, query, read_form
from portal.web.respond import respond
from portal.web.visit import visit
from portal.web.wiring import Injected


@get("/device/verify")
async def ask(request: AnyRequest, services: Injected) -> Response[Any]:
    """Ask for the code; without a challenge say how to begin."""
    asked = query(request)
    challenge = asked.get("device_challenge")
    if challenge is None:
        return respond(request, flow.start(services))
    code = asked.get("user_code", "")
    return respond(request, await flow.begin(challenge, code, services=services))


@post("/device/verify", status_code=200)
async def verify(request: AnyRequest, services: Injected) -> Response[Any]:
    """Take the code; a form that was not shown to this browser is shown again."""
    form = await read_form(request, CodeForm)
    current = visit(request)
    fits = current.token_fits(form.form_token, "device", form.device_challenge)
    answer = flow.verify if fits else flow.ask_again
    return respond(request, await answer(form, visitor=current.visitor, services=services))


@get(["/device/success", "/oauth2/device/success"], sync_to_thread=False)
def connected(request: AnyRequest) -> Response[Any]:
    """Where Ory ends a device flow. Its ``client_id`` is only a hint that anybody can write, and so
    is not shown.
    """
    return respond(request, flow.connected())


@get(DEVICE_DENIED.path, sync_to_thread=False)
def denied(request: AnyRequest) -> Response[Any]:
    """Where a denied device flow ends: Ory has no page for it."""
    return respond(request, flow.denied())
