"""Connections to SQLite that are kept between units of work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from portal.store.errors import StoreUnavailableError
from portal.store.translation import translated


class KeptConnections:
    """At most *size* units of work at once; others wait here, for *timeout* seconds.

    Taking a connection from the engine's pool and giving it back costs more than most of what is
    done with it. After a unit that failed it goes back there all the same: the engine knows what to
    do about it.
    """

    def __init__(self, engine: AsyncEngine, *, size: int, timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout
        self._free = asyncio.Semaphore(size)
        self._kept: list[AsyncConnection] = []

    @asynccontextmanager
    async def use(self, *, transaction: bool) -> AsyncIterator[AsyncConnection]:
        """A connection, with *transaction* within one."""
        await self._acquire()
        try:
            with translated():
                connection = self._kept.pop() if self._kept else await self._engine.connect()
                try:
                    if transaction:
                        async with connection.begin():
                            yield connection
                    else:
                        yield connection
                except BaseException:
                    await asyncio.shield(connection.close())
                    raise
                self._kept.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Give what is kept back to the engine."""
        while self._kept:
            await self._kept.pop().close()

    async def _acquire(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        except TimeoutError as exc:
            raise StoreUnavailableError("no database connection became free in time") from exc
