"""Requests, answers and routes, on bare ASGI: what goes over the wire is Hydra's to the byte.

That includes what a framework would smooth over: texts of unknown routes and wrong methods, the
order of a redirect's parameters, escaped ampersands, a body of ``null``.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit, urlunsplit

from portal.dev.standin.errors import INVALID_REQUEST, OAuthError

MAX_BODY: Final = 1024 * 1024
NO_CACHE: Final = ("cache-control", "private, no-cache, no-store, must-revalidate")
NO_STORE: Final = (("cache-control", "no-store"), ("pragma", "no-cache"))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_FORM: Final = "application/x-www-form-urlencoded"


class Fields:
    """Parameters of a query or a form; a name may come several times."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    @classmethod
    def parse(cls, text: str) -> "Fields":
        return cls(parse_qsl(text, keep_blank_values=True, errors="replace"))

    def get(self, name: str) -> str:
        """The first value; empty where there is none, as in Go."""
        return self._values.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        return list(self._values.get(name, []))

    def words(self, name: str) -> list[str]:
        """The first value, split at blanks."""
        return [word for word in self.get(name).split(" ") if word]

    def pairs(self) -> Iterator[tuple[str, str]]:
        for name, values in self._values.items():
            yield from ((name, value) for value in values)

    def encode(self) -> str:
        """As Go does: sorted by name."""
        return "&".join(
            f"{quote_plus(name)}={quote_plus(value)}"
            for name in sorted(self._values)
            for value in self._values[name]
        )

    def __bool__(self) -> bool:
        return bool(self._values)


def set_query(url: str, **parameters: str) -> str:
    """*url* with these parameters, in place of any that were called so."""
    parts = urlsplit(url)
    kept = [pair for pair in Fields.parse(parts.query).pairs() if pair[0] not in parameters]
    return urlunsplit(parts._replace(query=Fields([*kept, *parameters.items()]).encode()))


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a handler is given."""

    method: str
    path: str
    query_string: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    parameters: dict[str, str] = field(default_factory=dict)
    """What the route's braces stand for."""

    @cached_property
    def query(self) -> Fields:
        return Fields.parse(self.query_string)

    @cached_property
    def post(self) -> Fields:
        """The body, where it is a form."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.method not in {"POST", "PUT", "PATCH"} or kind != _FORM:
            return Fields()
        return Fields.parse(self.body.decode(errors="replace"))

    @cached_property
    def form(self) -> Fields:
        """Body and query together; where both name a parameter, the body's comes first."""
        return Fields([*self.post.pairs(), *self.query.pairs()])

    @cached_property
    def cookies(self) -> dict[str, str]:
        """All ports of a machine share them, so odd ones of other programs come too."""
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip().strip('"') for name, _, value in pairs}

    @property
    def target(self) -> str:
        """Path and query, as they were asked for."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    def basic_auth(self) -> tuple[str, str] | None:
        """Client id and secret of an Authorization header (RFC 6749, 2.3.1)."""
        scheme, _, coded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, colon, secret = (
                base64.b64decode(coded.strip(), validate=True).decode().partition(":")
            )
        except (binascii.Error, ValueError):
            return None
        return (unquote_plus(name), unquote_plus(secret)) if colon else None

    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, kw_only=True)
class Response:
    """What goes back."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def adding(self, *headers: tuple[str, str]) -> "Response":
        return Response(status=self.status, headers=(*self.headers, *headers), body=self.body)

    def after(self, *headers: tuple[str, str]) -> "Response":
        """With these headers in front of its own."""
        return Response(status=self.status, headers=(*headers, *self.headers), body=self.body)

    def bare(self) -> "Response":
        """Without a body, as Go redirects whoever did not GET."""
        kept = tuple(header for header in self.headers if header[0] != "content-type")
        return Response(status=self.status, headers=kept)

    def has(self, name: str) -> bool:
        return any(known == name for known, _ in self.headers)


def to_json(document: Any) -> bytes:
    """As Go writes it: what could end a script is escaped, and a line ends it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return text.encode(errors="replace") + b"\n"


def answer(document: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """A document, as the admin API and the public ones send it."""
    kind = ("content-type", "application/json; charset=utf-8")
    return Response(status=status, headers=(kind, *headers), body=to_json(document))


def refusal(error: OAuthError) -> Response:
    """An error, as the admin API sends it."""
    kind = ("content-type", "application/json")
    return Response(status=error.status, headers=(kind,), body=to_json(error.document()))


def token_answer(document: Any, status: int = 200) -> Response:
    """A document of the token endpoint and its neighbours."""
    kind = ("content-type", "application/json;charset=UTF-8")
    return Response(status=status, headers=(*NO_STORE, kind), body=to_json(document).rstrip(b"\n"))


def no_content() -> Response:
    """204, and nothing more."""
    return Response(status=204)


def text(words: str, status: int) -> Response:
    """A line, as Go's own router says it."""
    headers = (
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
    )
    return Response(status=status, headers=headers, body=f"{words}\n".encode())


def page(html: str, status: int = 200) -> Response:
    """One of ours, to be looked at."""
    headers = (("content-type", "text/html; charset=utf-8"),)
    return Response(status=status, headers=headers, body=html.encode())


def to_header(url: str) -> str:
    """*url* without anything that could end a header's line."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]")


def redirect(url: str, status: int = 302) -> Response:
    """Like Go's ``http.Redirect``: with a link for whoever does not follow."""
    target = to_header(url)
    headers = (("content-type", "text/html; charset=utf-8"), ("location", target))
    words = "Found" if status == 302 else "Temporary Redirect"
    body = f'<a href="{escape(target)}">{words}</a>.\n\n'
    return Response(status=status, headers=headers, body=body.encode())


Handler = Callable[[Request], Response]


@dataclass(frozen=True)
class Route:
    """*path* may have names in braces, each for one segment."""

    method: str
    path: str
    handler: Handler

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", self.path)
        shape = "".join(
            f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)
        )
        return re.compile(shape)


class Routes:
    """Finds who answers a request."""

    def __init__(self, *routes: Route) -> None:
        self._routes = routes

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], list[str]]:
        """The route and its parameters, and the methods that the path knows."""
        allowed: list[str] = []
        for route in self._routes:
            match = route.pattern.fullmatch(path)
            if match is None:
                continue
            if route.method == method:
                return route, match.groupdict(), []
            allowed.append(route.method)
        return None, {}, allowed

    def knows(self, path: str) -> bool:
        """Whether *path* can be asked by any method."""
        return any(route.pattern.fullmatch(path) for route in self._routes)


async def read_body(receive: Any) -> bytes:
    """The whole body, as long as it is no larger than Hydra would want it."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise INVALID_REQUEST("http: request body too large")
        if not message.get("more_body"):
            return bytes(body)


def to_request(scope: Any, body: bytes) -> Request:
    """The request that ASGI's *scope* describes."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        joint = "; " if key == "cookie" else ", "
        said = value.decode("latin-1")
        headers[key] = f"{headers[key]}{joint}{said}" if key in headers else said
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
    )


def raw_headers(response: Response) -> list[tuple[bytes, bytes]]:
    """For ASGI; nothing in a value can end its line."""
    return [
        (name.encode("latin-1"), _CONTROL.sub("", value).encode("latin-1", "replace"))
        for name, value in response.headers
    ]


async def send_response(send: Any, response: Response) -> None:
    """Write it out."""
    headers = raw_headers(response)
    if response.status != 204:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
