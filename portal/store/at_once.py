"""A unit of work that SQLite's thread carries out by itself: one trip, whatever is in it."""

import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from portal.store.prepared import Outcome, driver_of, execute_here, wrapped
from portal.store.tables import Base
from portal.store.translation import translated
from portal.store.unit import AnyRow, Unit

Result = TypeVar("Result")


async def at_once(
    connection: AsyncConnection, work: Callable[[Unit], Coroutine[Any, Any, Result]]
) -> Result:
    """Do *work*, which waits for nothing but its unit, and commit; or undo it when it raises."""
    adapted = driver_of(connection)

    def unit() -> Result:
        driver: sqlite3.Connection = adapted._connection._conn
        driver.execute("BEGIN IMMEDIATE").close()
        try:
            result = _run_through(work(_UnitAtOnce(connection, driver)))
            driver.commit()
        except BaseException:
            driver.rollback()
            raise
        return result

    adapted.is_under_way = True
    try:
        result: Result = await adapted._connection._execute(copy_context().run, unit)
    except sqlite3.Error as exc:
        raise wrapped(exc, "", connection) from exc
    adapted.is_under_way = False
    return result


def _run_through(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        work.send(None)
    except StopIteration as end:
        return cast("Result", end.value)
    work.close()
    raise RuntimeError("a unit of work that is done at once waited for something else")


class _UnitAtOnce(Unit):
    """In the thread of its connection nothing has to be waited for, or put off."""

    __slots__ = ("_driver",)

    def __init__(self, connection: AsyncConnection, driver: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._driver = driver

    async def all(
        self, statement: sa.Executable, values: dict[str, Any] | None = None
    ) -> Sequence[AnyRow]:
        return cast("Sequence[AnyRow]", self._execute(statement, values).rows)

    async def first(
        self, statement: sa.Executable, values: dict[str, Any] | None = None
    ) -> AnyRow | None:
        rows = self._execute(statement, values).rows
        return cast("AnyRow", rows[0]) if rows else None

    async def run(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> int:
        return self._execute(statement, values).rowcount

    async def run_later(self, statement: sa.Executable, values: dict[str, Any]) -> None:
        self._execute(statement, values)

    async def add_all(self, records: Sequence[Base]) -> None:
        for record in records:
            await self.add(record)

    def _execute(self, statement: sa.Executable, values: dict[str, Any] | None) -> Outcome:
        with translated():
            return execute_here(self._driver, self._connection, statement, values)
