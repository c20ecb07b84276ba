"""Several ASGI applications in one process and one event loop, on loopback addresses and no other.

sites = [Site(app, listen(port=5555)), …]
async with serving(*sites):
    await asyncio.Event().wait()  # everything answers; leaving the context ends it all
"""

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn

LOOPBACK: Final = "127.0.0.1"
GRACE: Final = 2
"""Seconds that open requests have to finish when the context ends."""
_PAUSE: Final = 0.005


class ListenError(RuntimeError):
    """Nobody can listen there; the message is one line that says what to do."""


@dataclass(frozen=True)
class Site:
    """An ASGI application, and the socket on which it is served."""

    app: Any
    socket: socket.socket
    options: dict[str, Any] = field(default_factory=dict)
    """More keywords of ``uvicorn.Config``."""


def is_loopback(host: str) -> bool:
    """Whether *host*, an address or ``localhost``, is this machine for nobody but itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """A socket bound to *port* (0: any free one). Refuses addresses that others can reach."""
    if not is_loopback(host):
        raise ListenError(f"{host} is not a loopback address: this is for development only.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Said to be TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK if host == "localhost" else host.strip("[]"), port))
    except OSError as exc:
        bound.close()
        if exc.errno == errno.EADDRINUSE:
            raise ListenError(
                f"Port {port} is in use: end the program that listens there or choose another port "
                f"(`lsof -i :{port}` tells which program it is)."
            ) from exc
        raise ListenError(f"Cannot listen on {host}, port {port}: {exc.strerror}.") from exc
    return bound


def port_of(bound: socket.socket) -> int:
    """The port that a socket got."""
    return int(bound.getsockname()[1])


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(*sites: Site) -> AsyncIterator[list[asyncio.Task[None]]]:
    """All *sites* answer for as long as the context lasts; the first that cannot start says why.

    One of the tasks, a site's each, that is done before the context ends is a server that died.
    """
    servers = [_server(site) for site in sites]
    tasks = [
        asyncio.create_task(server.serve(sockets=[site.socket]))
        for server, site in zip(servers, sites, strict=True)
    ]
    try:
        for server, task in zip(servers, tasks, strict=True):
            await _started(server, task)
        yield tasks
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)
        for site in sites:
            site.socket.close()


def _server(site: Site) -> _Server:
    options: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "ws": "none",
        "lifespan": "auto",
        "timeout_graceful_shutdown": GRACE,
    }
    return _Server(uvicorn.Config(site.app, **options | site.options))


async def _started(server: _Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            task.result()
            raise ListenError("A server ended before it could answer.")
        await asyncio.sleep(_PAUSE)
