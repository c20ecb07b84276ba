"""Trouble on demand: what an Ory does that is slow, overloaded, misconfigured or out of its mind.

On the admin port, whatever else is wrong there:

    PUT    /standin/faults    one fault or an array of them; they replace what was there
    GET    /standin/faults    what is in force
    DELETE /standin/faults    all is well again

A fault is ``{"kind": …}`` and more:

    status    "status" (401, 404, 409, 410, 429, 5xx …). 429 and 503 carry "retry_after" if it is
              given; 410 carries "redirect_to". "form": "hydra" (default) or "gateway", in which
              "error" is an object, as Ory Network's gateway says it; "error" names another error.
    latency   the answer comes "seconds" later
    drip      the answer comes byte by byte, "seconds" apart
    garbage   200, and a page of some proxy instead of the document
    truncated the answer ends in the middle

Each may have "path" (its beginning), "side" ("admin", "public" or "both"; without it the
admin side, and both if "path" is not below /admin), and "times" (after so many it is over).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from portal.dev.standin.errors import INVALID_REQUEST, OAuthError
from portal.dev.standin.http import (
    Request,
    Response,
    answer,
    no_content,
    raw_headers,
    refusal,
    send_response,
)

PATH: Final = "/standin/faults"
_NAMES: Final = {
    400: "invalid_request",
    401: "request_unauthorized",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
}
_REASONS: Final = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
_GARBAGE: Final = b"<!doctype html><title>Welcome</title><p>It works! \xff\xfe</p>"
_LONGEST: Final = 600


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """See above."""

    kind: Literal["status", "latency", "drip", "garbage", "truncated"]
    status: int = 503
    seconds: float = 0.0
    retry_after: int | None = None
    redirect_to: str | None = None
    form: Literal["hydra", "gateway"] = "hydra"
    error: str | None = None
    path: str = ""
    side: Literal["", "admin", "public", "both"] = ""
    times: int | None = None

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise ValueError("status must be between 400 and 599")
        if not 0 <= self.seconds <= _LONGEST:
            raise ValueError(f"seconds must be between 0 and {_LONGEST}")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")

    def meets(self, side: str, path: str) -> bool:
        here = self.side or ("admin" if self.path.startswith("/admin") or not self.path else "both")
        return here in {side, "both"} and path.startswith(self.path)

    def answer(self) -> Response:
        """The refusal that this fault stands for."""
        if self.kind == "garbage":
            return Response(headers=(("content-type", "text/html"),), body=_GARBAGE)
        if self.status == 410:
            return answer({"redirect_to": self.redirect_to or "/oauth2/auth"}, 410)
        headers = () if self.retry_after is None else (("retry-after", str(self.retry_after)),)
        if self.form == "gateway":
            return gateway_refusal(self.status).adding(*headers)
        name = self.error or _NAMES.get(self.status, "error")
        error = OAuthError(name, "A fault that was ordered.", status=self.status)
        return refusal(error).adding(*headers)


def gateway_refusal(status: int) -> Response:
    """As Ory Network's gateway says no: here ``error`` is an object."""
    reason = _REASONS.get(status, "Error")
    said = {
        "code": status,
        "status": reason,
        "request": "00000000-0000-0000-0000-000000000000",
        "message": "The request could not be authorized." if status == 401 else reason,
    }
    return answer({"error": said}, status)


@dataclass
class Faults:
    """What is wrong at the moment."""

    current: list[Fault] = field(default_factory=list)

    def show(self, _: Request) -> Response:
        return answer(msgspec.to_builtins(self.current))

    def order(self, request: Request) -> Response:
        try:
            ordered = msgspec.json.decode(request.body, type=Fault | list[Fault])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
            raise INVALID_REQUEST(f"This is no fault: {exc}") from None
        self.current = ordered if isinstance(ordered, list) else [ordered]
        return self.show(request)

    def heal(self, _: Request) -> Response:
        self.current = []
        return no_content()

    def take(self, side: str, path: str) -> list[Fault]:
        """Those that a request meets; each is then one time less in force."""
        met = [fault for fault in self.current if fault.meets(side, path)]
        for fault in met:
            if fault.times is not None:
                fault.times -= 1
        self.current = [fault for fault in self.current if fault.times is None or fault.times > 0]
        return met


async def suffer(met: list[Fault], healthy: Callable[[], Response], send: Any) -> None:
    """Answer under the faults that a request has met; *healthy* is what would be said without."""
    for fault in met:
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
    refusing = [fault for fault in met if fault.kind in {"status", "garbage"}]
    response = refusing[0].answer() if refusing else healthy()
    slow = [fault for fault in met if fault.kind == "drip"]
    if slow:
        await _drip(send, response, pause=slow[0].seconds or 0.2)
    elif any(fault.kind == "truncated" for fault in met):
        await _truncate(send, response)
    else:
        await send_response(send, response)


async def _drip(send: Any, response: Response, *, pause: float) -> None:
    await _start(send, response)
    for byte in response.body:
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b""})


async def _truncate(send: Any, response: Response) -> None:
    await _start(send, response)
    half = response.body[: len(response.body) // 2]
    await send({"type": "http.response.body", "body": half})


async def _start(send: Any, response: Response) -> None:
    headers = raw_headers(response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
