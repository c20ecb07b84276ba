"""uvicorn's HTTP protocols with what they lack: a limit on unfinished heads, in size and in time.

A proxy in front has such limits too; this keeps a portal without one from being filled with
sockets that never finish their first line.
"""

import asyncio
import importlib.util
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_LIMIT: Final = 32 * 1024
"""Bytes of request line and headers. Challenges are up to 8 KiB and come twice."""
HEAD_SECONDS: Final = 10.0


class Patience(asyncio.Protocol):
    """Closes a connection that does not finish a request's head in time."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.head_is_complete()
        super().connection_lost(exc)

    def wait_for_head(self) -> None:
        """The clock runs."""
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def head_is_complete(self) -> None:
        """The clock stops until the next one begins."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PatientH11(Patience, H11Protocol):
    """On h11, which limits the size of a head by itself."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None:
            self.head_is_complete()


def protocol() -> str:
    """Where uvicorn's processes find the protocol: the fast one where httptools is installed."""
    fast = importlib.util.find_spec("httptools") is not None
    return "portal.cli.protocol_fast:PatientHttpTools" if fast else f"{__name__}:PatientH11"
