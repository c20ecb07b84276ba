"""uvicorn's HTTP protocol with what it lacks: a limit on unfinished heads, in size and in time.

A proxy in front has such limits too; this keeps a portal without one from being filled with
sockets that never finish their first line.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT: Final = 32 * 1024
"""Bytes of request line and headers. Challenges are up to 8 KiB and come twice."""
HEAD_SECONDS: Final = 10.0
PROTOCOL: Final = f"{__name__}:PatientProtocol"
"""Where uvicorn's processes find it."""


class PatientProtocol(HttpToolsProtocol):
    """Closes a connection that does not finish a request's head in time, or has more of what is no
    body than a head may have: in the head, between chunks, or behind the last one.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = False
    _unread = 0
    """Bytes of the request so far that were no body."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head, self._unread = True, 0
        self._wait_for_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_is_complete()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what follows a body is no header (RFC 9110 section 6.5.1)
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._unread -= len(body)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._unread += len(data)
        if self._unread > (HEAD_LIMIT if self._in_head else 2 * HEAD_LIMIT):
            self.transport.close()

    def _wait_for_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_complete(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
