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
    """Closes a connection that does not finish a request's head in time, or not at all."""

    _timer: asyncio.TimerHandle | None = None
    _head: int | None = None
    """Bytes of the head so far; ``None`` between heads."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._head = 0
        self._wait_for_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        self._head_is_complete()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is None:
            return
        self._head += len(data)
        if self._head > HEAD_LIMIT:
            self.transport.close()

    def _wait_for_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_complete(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
