"""Requests as no client library would send them, straight into the application."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar.types import ASGIApp

FORM = (b"content-type", b"application/x-www-form-urlencoded")
HOST = (b"host", b"login.example.org")
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of one header."""
        return [v.decode("latin-1") for k, v in self.headers if k.decode("latin-1").lower() == name]

    def one(self, name: str) -> str:
        values = self.all(name)
        assert len(values) == 1, (name, values)
        return values[0]


async def ask(
    app: ASGIApp,
    method: str,
    path: str,
    *,
    headers: Headers = (HOST,),
    query: bytes = b"",
    chunks: Iterable[bytes] = (b"",),
    stall: bool = False,
) -> Answer:
    """Send one request; with *stall* the body never ends."""
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("203.0.113.7", 4711),
        "server": ("127.0.0.1", 3000),
    }
    waiting = list(chunks)
    sent: list[Any] = []

    async def receive() -> Any:
        if waiting:
            body = waiting.pop(0)
            return {"type": "http.request", "body": body, "more_body": stall or bool(waiting)}
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(status=start["status"], headers=list(start["headers"]), body=body)
