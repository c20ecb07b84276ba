"""The outermost layer: what is refused before anything of ours runs, and the headers that every
answer carries.

Litestar's own hooks miss answers that it makes itself (404, 405, 500); this wrapper misses none.
"""

import asyncio
import re
import time
from typing import Any, Final, cast

import structlog
import uuid_utils.compat
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPRequestEvent, HTTPScope, Message, Receive, Scope, Send

from portal import logs, metrics
from portal.i18n import N_
from portal.settings import Settings
from portal.web.errors import STATUS, Words, problem
from portal.web.inputs import AnyRequest, HostileInputError, parse_pairs
from portal.web.respond import CSP_WITH_FORMS

MAX_BODY: Final = 32 * 1024
MAX_HEADERS: Final = 32 * 1024
"""With the request line."""
BODY_SECONDS: Final = 10.0
LENGTH: Final = re.compile(r"[0-9]{1,19}")
SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
ANY_HOST: Final = ("/health/",)
FOR_MONITORS: Final = ("/health/", "/static/")
ISOLATED: Final = ("/account", "/admin")
HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
    b"cross-origin-resource-policy": b"same-origin",
}
"""On every answer, whatever its status."""
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class RefusalError(Exception):
    """The request goes no further; *words* are its page."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(status)
        title, text = STATUS.get(
            status, (N_("We cannot use what was sent"), N_("The request is not readable."))
        )
        self.words: Words = (status, title, message or text)


class Edge:
    """An ASGI application around the portal's."""

    def __init__(self, app: Litestar, settings: Settings) -> None:
        self._app = app
        self._prefix = settings.base_path
        self._secure = settings.secure
        self._hosts = _hosts(settings)
        scheme = "https" if settings.secure else "http"
        self._origins = {f"{scheme}://{host}" for host in self._hosts} | {settings.origin}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; lifespan events pass."""
        if scope["type"] == ScopeType.HTTP:
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._complete(scope, list(message.get("headers", [])))
            await send(message)

        self._prepare(scope)
        scope = _head_as_get(scope)
        try:
            await self._answer(scope, receive, send_with_headers)
        finally:
            route = scope.get("path_template") or "none"
            metrics.count_request(scope["method"], route, status, time.perf_counter() - started)
            structlog.contextvars.clear_contextvars()

    def _prepare(self, scope: HTTPScope) -> None:
        request_id = uuid_utils.compat.uuid7().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(reference=request_id)
        if self._prefix and scope["path"].startswith(self._prefix + "/"):
            scope["path"] = scope["path"][len(self._prefix) :]
        elif self._prefix and scope["path"] == self._prefix:
            scope["path"] = "/"

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
            replay = await _read_body(scope, receive)
        except RefusalError as refusal:
            logs.step("request.refused", status=refusal.words[0], reason=refusal.words[2])
            scope["app"] = scope["litestar_app"] = self._app
            response = problem(AnyRequest(scope), refusal.words)
            asgi = response.to_asgi_response(app=None, request=AnyRequest(scope))
            await asgi(scope, receive, send)
            return
        await self._app(scope, replay, send)

    def _check(self, scope: HTTPScope) -> None:
        headers = scope["headers"]
        line = len(scope["raw_path"]) + len(scope["query_string"])
        if line + sum(len(name) + len(value) for name, value in headers) > MAX_HEADERS:
            raise RefusalError(431)
        if not scope["path"].startswith(ANY_HOST):
            self._check_host(_all(headers, b"host"))
        if scope["method"] not in SAFE_METHODS:
            self._check_origin(_all(headers, b"sec-fetch-site"), _all(headers, b"origin"))
        try:
            parse_pairs(scope["query_string"])
        except HostileInputError as exc:
            raise RefusalError(400, str(exc)) from exc

    def _check_host(self, hosts: list[str]) -> None:
        if len(hosts) != 1:
            raise RefusalError(400)
        if hosts[0].lower() not in self._hosts:
            raise RefusalError(400, N_("This server does not answer under that name."))

    def _check_origin(self, sites: list[str], origins: list[str]) -> None:
        """A form of another site is refused; a browser that says nothing is left to the form
        token.
        """
        foreign_site = any(site not in ("same-origin", "none") for site in sites)
        if foreign_site or any(origin not in self._origins for origin in origins):
            raise RefusalError(
                403, N_("This was sent by another website. Open the page here and try again.")
            )

    def _complete(self, scope: HTTPScope, headers: list[Any]) -> list[Any]:
        present = {name.lower() for name, _ in headers}
        wanted = dict(HEADERS)
        wanted[b"content-security-policy"] = CSP_WITH_FORMS.encode()
        wanted[b"cache-control"] = b"no-store"
        if scope["path"].startswith(ISOLATED):
            wanted[b"cross-origin-opener-policy"] = b"same-origin"
        if self._secure:
            wanted[HSTS[0]] = HSTS[1]
        return headers + [pair for pair in wanted.items() if pair[0] not in present]


def _head_as_get(scope: HTTPScope) -> HTTPScope:
    """Answer a monitor's HEAD like a GET; the server leaves out the body.

    Not on the pages of a flow: whoever looks at a link must not answer it.
    """
    path = scope["path"]
    if scope["method"] == "HEAD" and (path == "/" or path.startswith(FOR_MONITORS)):
        return cast("HTTPScope", {**scope, "method": "GET"})
    return scope


def _hosts(settings: Settings) -> frozenset[str]:
    """The exact values of ``Host`` that this portal answers to."""
    scheme, _, host = settings.origin.partition("://")
    hosts = {host, *settings.allowed_hosts}
    default = ":443" if scheme == "https" else ":80"
    if host.endswith(default):
        hosts.add(host.removesuffix(default))
    elif ":" not in host.rpartition("]")[2]:
        hosts.add(host + default)
    if settings.development:
        port = host.rpartition("]")[2].partition(":")[2]
        suffix = f":{port}" if port else ""
        hosts |= {name + suffix for name in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(name.lower() for name in hosts)


def _all(headers: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


async def _read_body(scope: HTTPScope, receive: Receive) -> Receive:
    """Read the body within its limits of size and time, and hand it on as one message."""
    if scope["method"] in ("GET", "HEAD"):
        return receive
    declared = _all(scope["headers"], b"content-length")
    if len(declared) > 1 or any(not LENGTH.fullmatch(length) for length in declared):
        raise RefusalError(400)
    if declared and int(declared[0]) > MAX_BODY:
        raise RefusalError(413)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _collect(receive)
    except TimeoutError as exc:
        raise RefusalError(408) from exc
    messages = [HTTPRequestEvent(type="http.request", body=body, more_body=False)]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay


async def _collect(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            return b""
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise RefusalError(413)
        if not message.get("more_body"):
            return bytes(body)
