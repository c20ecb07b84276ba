"""Statements that are kept, on SQLite without the layers between a statement and its driver.

After a password was hashed the processor's caches hold nothing of the portal, and every layer has
to be fetched again: SQLAlchemy's way to SQLite then takes ten times as long as SQLite itself. So
what a sign-in needs is compiled once and handed to the connection's thread as it is.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from portal.store.one_trip import run

Statement = TypeVar("Statement", bound=sa.Executable)
_Convert = Callable[[Any], Any] | None
_NOTHING: Final[Mapping[str, Any]] = {}
_KEPT: Final[dict[int, "_Prepared"]] = {}
"""By the identity of the statement; a statement that is kept lives as long as the process."""


def kept(statement: Statement) -> Statement:
    """Say of *statement*, which is built once, that it is executed again and again.

    Its values are its parameters by name; it has no lists among them.
    """
    _KEPT[id(statement)] = _Prepared(statement)
    return statement


class Outcome:
    """What a statement brought."""

    __slots__ = ("rowcount", "rows")

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int) -> None:
        self.rows = rows
        self.rowcount = rowcount


async def execute(
    connection: AsyncConnection, statement: sa.Executable, values: Mapping[str, Any] | None
) -> Outcome | None:
    """Carry *statement* out; ``None`` if that is left to SQLAlchemy, because it is not kept or the
    database is another one.
    """
    prepared = _KEPT.get(id(statement))
    if (
        prepared is None
        or connection.dialect.name != "sqlite"
        or connection.sync_connection is None
    ):
        return None
    adapted = driver_of(connection)
    sql, parameters = prepared.bound(connection.dialect, values or _NOTHING)
    adapted.is_under_way = True
    try:
        _, rowcount, _, rows = await adapted._connection._execute(
            run, adapted, "execute", sql, parameters
        )
    except Exception as exc:
        adapted.is_under_way = False
        raise wrapped(exc, sql, connection) from exc
    adapted.is_under_way = False
    return Outcome(prepared.converted(rows), rowcount)


def put_off(
    connection: AsyncConnection, statement: sa.Executable, values: Mapping[str, Any]
) -> bool:
    """Let a kept statement, of which nothing is asked, go with the next one of its transaction or
    with the commit; false if that cannot be done here.
    """
    prepared = _KEPT.get(id(statement))
    if (
        prepared is None
        or connection.dialect.name != "sqlite"
        or connection.sync_connection is None
    ):
        return False
    driver_of(connection).put_off.append(prepared.bound(connection.dialect, values))
    return True


def execute_here(
    driver: sqlite3.Connection,
    connection: AsyncConnection,
    statement: sa.Executable,
    values: Mapping[str, Any] | None,
) -> Outcome:
    """Carry *statement* out in this thread, which is that of SQLite's *connection*."""
    prepared = _KEPT.get(id(statement)) or _Prepared(statement)
    sql, parameters = prepared.bound(connection.dialect, values or _NOTHING)
    cursor = driver.cursor()
    try:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall() if cursor.description else []
        return Outcome(prepared.converted(rows), cursor.rowcount)
    except sqlite3.Error as exc:
        raise wrapped(exc, sql, connection) from exc
    finally:
        cursor.close()


def driver_of(connection: AsyncConnection) -> Any:
    """What SQLAlchemy takes for the driver's connection, of one that is open."""
    assert connection.sync_connection is not None  # noqa: S101 - it is, as long as it is open
    return connection.sync_connection.connection.dbapi_connection


def wrapped(exc: Exception, sql: str, connection: AsyncConnection) -> Exception:
    """As SQLAlchemy would raise it."""
    if not isinstance(exc, sqlite3.Error):
        return exc
    return sa.exc.DBAPIError.instance(
        sql, None, exc, sqlite3.Error, hide_parameters=True, dialect=connection.dialect
    )


class _Prepared:
    """A statement and, from its first use on, what it is in SQLite's words."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._sql = ""
        self._parameters: list[tuple[str, Any, _Convert]] = []
        self._results: list[_Convert] = []

    def bound(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        if not self._sql:
            self._compile(dialect, values)
        parameters = []
        for name, default, convert in self._parameters:
            value = values.get(name, default)
            parameters.append(value if convert is None else convert(value))
        return self._sql, parameters

    def converted(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if not any(self._results):
            return rows
        return [
            tuple(
                value if convert is None else convert(value)
                for value, convert in zip(row, self._results, strict=True)
            )
            for row in rows
        ]

    def _compile(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> None:
        keys = list(values) if isinstance(self._statement, sa.Insert) else None
        element: Any = self._statement
        compiled = element.compile(dialect=dialect, column_keys=keys)
        types = {name: bind.type for name, bind in compiled.binds.items()}
        self._parameters = [
            (
                name,
                compiled.params.get(name),
                types[name].dialect_impl(dialect).bind_processor(dialect),
            )
            for name in compiled.positiontup or ()
        ]
        self._results = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in compiled._result_columns
        ]
        self._sql = str(compiled)
