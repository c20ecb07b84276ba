"""What is refused before anything else runs, and the headers of every answer.

The client listens on a loopback address, but any web site can make a browser send requests there,
and a name of its own can be made to point there (DNS rebinding). So the Host must be one that is
served, forms must come from these pages, and bodies are small.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from portal.dev.relying_party.config import RelyingPartyConfig

MAX_BODY: Final = 64 * 1024
MAX_HEAD: Final = 32 * 1024
BODY_SECONDS: Final = 10.0
MAX_FIELDS: Final = 50
FORM_TYPE: Final = "application/x-www-form-urlencoded"
CSP: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
"""No ``form-action``: some forms end at Ory, and Chromium would stop them on their way."""
HEADERS: Final = {
    b"content-security-policy": CSP.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
    b"cache-control": b"no-store",
}
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_UNWANTED: Final = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")


class HostileInputError(Exception):
    """What came in is nothing that a browser sends from these pages, or from Ory's."""


class _RefusalError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """An ASGI application around the client's."""

    def __init__(self, app: ASGIApp, config: RelyingPartyConfig) -> None:
        self._app = app
        self._config = config
        self._own = {config.origin} | {
            f"{'https' if config.https else 'http'}://{host}" for host in config.hosts
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; lifespan events pass."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                added = [pair for pair in HEADERS.items() if pair[0] not in present]
                message["headers"] = [*headers, *added]
            await send(message)

        try:
            host = self._check(scope)
            if target := self._elsewhere(scope, host):
                await _plain(send_with_headers, 302, "", location=target)
                return
            body = await _read(scope, receive)
        except _RefusalError as refusal:
            await _plain(send_with_headers, refusal.status, f"{refusal}\n")
            return
        await self._app(scope, _replay(body, receive), send_with_headers)

    def _check(self, scope: Any) -> str:
        """The Host, if the request may go on."""
        headers = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if size + len(scope["query_string"]) + len(scope["path"]) > MAX_HEAD:
            raise _RefusalError(431, "This request is too large.")
        hosts = _all(headers, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._config.hosts:
            raise _RefusalError(421, f"This is a local client; it answers at {self._config.home}")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise _RefusalError(405, "This method is not known here.")
        _refuse_loading(headers)
        if scope["method"] == "POST" and scope["path"] != self._config.callback_path:
            self._check_origin(headers)
        return hosts[0].lower()

    def _check_origin(self, headers: Any) -> None:
        """Refuse a form of another site; where a browser says nothing, the form token decides."""
        foreign = any(site != "same-origin" for site in _all(headers, b"sec-fetch-site"))
        if foreign or any(origin not in self._own for origin in _all(headers, b"origin")):
            raise _RefusalError(403, "This was sent by another web site. Use the page itself.")

    def _elsewhere(self, scope: Any, host: str) -> str | None:
        """Under its other loopback names a browser would lack the cookie when it comes back."""
        canonical = self._config.home.partition("://")[2].removesuffix("/").lower()
        if scope["method"] == "POST" or host == canonical or not self._config.on_loopback:
            return None
        return self._config.home if scope["path"] in ("/", "/perform-flow") else None


def _refuse_loading(headers: Any) -> None:
    """Another site may link here. What it loads comes without the cookie: each picture would be one
    more browser, and they push out the person's own.
    """
    foreign = "cross-site" in _all(headers, b"sec-fetch-site")
    if foreign and any(use != "document" for use in _all(headers, b"sec-fetch-dest")):
        raise _RefusalError(403, "This was loaded by another web site. Use the page itself.")


class Forms:
    """Tokens that prove a form was shown by this process, to this browser."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, cookie: str) -> str:
        """The token for the browser with *cookie*."""
        return hmac.new(self._key, cookie.encode(), hashlib.sha256).hexdigest()

    def fits(self, token: str, cookie: str) -> bool:
        """Whether *token* is that of the browser with *cookie*."""
        return hmac.compare_digest(token.encode(), self.token(cookie).encode())


def new_cookie() -> str:
    """256 random bits for a browser."""
    return secrets.token_urlsafe(32)


def usable_cookie(value: str | None) -> str | None:
    """The cookie, if it is one that could have been given out here."""
    return value if value and _COOKIE.fullmatch(value) else None


def pairs(raw: bytes) -> dict[str, str]:
    """Read a query or a form: clean text, each name once. Nothing is kept or cached."""
    try:
        found = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as exc:
        raise HostileInputError("What was sent is not readable text.") from exc
    values: dict[str, str] = {}
    for name, value in found:
        if name in values:
            raise HostileInputError("One parameter was sent twice.")
        if _UNWANTED.search(name + value):
            raise HostileInputError("What was sent has characters that nobody types.")
        values[name] = value
    return values


async def _read(scope: Any, receive: Receive) -> bytes | None:
    """The body of a form, within its limits; None where there is none to read."""
    if scope["method"] != "POST":
        return None
    headers = scope["headers"]
    kind = "".join(_all(headers, b"content-type")).partition(";")[0].strip().lower()
    if kind != FORM_TYPE or _all(headers, b"content-encoding"):
        raise _RefusalError(415, "Only forms can be sent here.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message: Any = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise _RefusalError(413, "This form is too large.")
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return bytes(body)
    except TimeoutError as exc:
        raise _RefusalError(408, "This form took too long to arrive.") from exc


def _replay(body: bytes | None, receive: Receive) -> Receive:
    if body is None:
        return receive
    messages: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Any:
        return messages.pop() if messages else await receive()

    return replay


async def _plain(send: Send, status: int, text: str, *, location: str | None = None) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if location is not None:
        headers.append((b"location", location.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _all(headers: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]
