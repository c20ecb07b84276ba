"""Connections that are kept between units of work, and what one needs that failed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from portal.sockets import has_something_to_read
from portal.store.errors import StoreError, StoreUnavailableError
from portal.store.prepared import driver_of, wrapped
from portal.store.translation import translated

RECYCLE_SECONDS: Final = 1800
"""How old a connection gets."""


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
        self._kept: list[tuple[AsyncConnection, float]] = []

    @asynccontextmanager
    async def use(self, *, transaction: bool) -> AsyncIterator[AsyncConnection]:
        """A connection, with *transaction* within one."""
        await self._acquire()
        try:
            with translated():
                connection, since = await self._take()
                try:
                    if transaction:
                        async with self._transaction(connection):
                            yield connection
                    else:
                        yield connection
                except BaseException:
                    await asyncio.shield(self._give_back(connection))
                    raise
                self._kept.append((connection, since))
        finally:
            self._free.release()

    async def close(self) -> None:
        """Give what is kept back to the engine."""
        while self._kept:
            await self._kept.pop()[0].close()

    @asynccontextmanager
    async def _transaction(self, connection: AsyncConnection) -> AsyncIterator[None]:
        async with connection.begin():
            yield

    def _is_usable(self, _: AsyncConnection) -> bool:
        return True

    async def _give_back(self, connection: AsyncConnection) -> None:
        await connection.close()

    async def _take(self) -> tuple[AsyncConnection, float]:
        now = asyncio.get_running_loop().time()
        while self._kept:
            connection, since = self._kept.pop()
            if now - since < RECYCLE_SECONDS and self._is_usable(connection):
                return connection, since
            await self._give_back(connection)
        opening = asyncio.ensure_future(self._open())
        try:
            return await asyncio.shield(opening), now
        except asyncio.CancelledError:  # the server counts it, whoever has hung up meanwhile
            while not opening.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({opening})
            if not opening.cancelled() and opening.exception() is None:
                self._kept.append((opening.result(), now))
            raise

    async def _open(self) -> AsyncConnection:
        return await self._engine.connect()

    async def _acquire(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._free.acquire()
        except TimeoutError as exc:
            raise StoreUnavailableError("no database connection became free in time") from exc


class PostgresConnections(KeptConnections):
    """Of an engine in AUTOCOMMIT: a transaction begins and ends by the driver's own words.

    SQLAlchemy's take longer than the statements of most units.
    """

    @asynccontextmanager
    async def _transaction(self, connection: AsyncConnection) -> AsyncIterator[None]:
        driver = driver_of(connection).driver_connection
        await self._say(connection, driver.execute("BEGIN", prepare=False))
        yield
        if driver.info.transaction_status != _IN_TRANSACTION:
            raise StoreError("a statement failed and nobody minded: the database keeps nothing")
        await self._say(connection, driver.commit())

    def _is_usable(self, connection: AsyncConnection) -> bool:
        return not is_dead(driver_of(connection).driver_connection)

    async def _give_back(self, connection: AsyncConnection) -> None:
        """Undo what is open, and let psycopg forget what it has prepared: a table may have been
        changed since. What cannot be undone, or still goes on, ends with the connection.
        """
        if connection.invalidated:  # SQLAlchemy was cancelled in it: there is no driver any more
            await connection.close()
            return
        driver = driver_of(connection).driver_connection
        with suppress(Exception):  # whatever it is, the next lines see to it
            await driver.execute("ROLLBACK", prepare=False)
        if driver.closed or driver.info.transaction_status != _IDLE:
            await driver.close()
            await connection.invalidate()
        await connection.close()

    @staticmethod
    async def _say(connection: AsyncConnection, words: Any) -> None:
        try:
            await words
        except Exception as exc:
            raise wrapped(exc, "", connection) from exc


_IDLE: Final = 0
_IN_TRANSACTION: Final = 2
"""Of ``psycopg.pq.TransactionStatus``; psycopg is an extra."""


def is_dead(driver: Any) -> bool:
    """Notice without a round trip that the server has closed an idle connection of psycopg's.

    An idle connection has nothing to say: if its socket is readable, that is the server's farewell.
    """
    return bool(driver.closed) or has_something_to_read(driver.fileno())
