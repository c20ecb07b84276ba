"""Telling when the server listens, and whether Ory answers then; beside it, so nothing waits."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from portal import logs
from portal.ory.connect import open_client
from portal.settings import Settings

EVERY: Final = 0.1
"""Seconds between two looks at the port."""


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Look on from a thread while the server runs; it ends with the first look that finds it."""
    over = threading.Event()
    looking = threading.Thread(target=_look, args=(settings, over), name="listening", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join(2 * EVERY)


def _look(settings: Settings, over: threading.Event) -> None:
    while not _listens(settings.host, settings.port):
        if over.wait(EVERY):
            return
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    logs.step("portal.listening", url=f"http://{host}:{settings.port}")
    if not asyncio.run(_ory_answers(settings)):
        reason = "it does not answer; check HYDRA_ADMIN_URL, and that it runs"
        logs.problem("ory.unavailable", url=settings.hydra_admin_url, reason=reason)


def _listens(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.settimeout(1)
            probe.bind(("", 0))
            if probe.getsockname()[1] == port:
                return False  # it would reach itself, and be in the server's way
            return probe.connect_ex(address) == 0
    except OSError:
        return False


async def _ory_answers(settings: Settings) -> bool:
    async with open_client(settings) as ory:
        return await ory.ready()
