"""Statements that are kept: without the layers between a statement and its driver.

SQLAlchemy's way to a driver takes four times as long as psycopg itself, and ten times as long as
SQLite after a password was hashed, when the processor's caches hold nothing of the portal. So what
the steps of a flow need is compiled once and handed to the driver as it is (ADR-0025).
"""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from portal.store.errors import UnstorableValueError
from portal.store.one_trip import run

Statement = TypeVar("Statement", bound=sa.Executable)
_Convert = Callable[[Any], Any] | None
_VALUE: Final = re.compile(r"%\((\w+)\)s")
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
    """Carry *statement* out; ``None`` if that is left to SQLAlchemy, because it is not kept."""
    prepared = _KEPT.get(id(statement))
    if prepared is None or connection.sync_connection is None:
        return None
    form = prepared.on(connection.dialect, values or _NOTHING)
    try:
        if connection.dialect.name == "sqlite":
            return await _on_sqlite(driver_of(connection), form, values or _NOTHING)
        return await _on_postgresql(driver_of(connection), form, values or _NOTHING)
    except Exception as exc:
        raise wrapped(exc, form.sql, connection) from exc


async def _on_sqlite(adapted: Any, form: "_Form", values: Mapping[str, Any]) -> Outcome:
    adapted.is_under_way = True
    try:
        description, rowcount, _, rows = await adapted._connection._execute(
            run, adapted, "execute", form.sql, form.in_order(values)
        )
    except Exception:
        adapted.is_under_way = False
        raise
    adapted.is_under_way = False
    return Outcome(form.converted(rows, lambda: description), rowcount)


async def _on_postgresql(adapted: Any, form: "_Form", values: Mapping[str, Any]) -> Outcome:
    cursor = await adapted.driver_connection.execute(form.sql, form.by_name(values))
    rows = await cursor.fetchall() if cursor.pgresult.nfields else []
    return Outcome(form.converted(rows, lambda: cursor.description), cursor.rowcount)


async def execute_together(
    connection: AsyncConnection, changes: Sequence[tuple[sa.Executable, Mapping[str, Any]]]
) -> None:
    """Carry out kept statements as one, on PostgreSQL: none sees what another does.

    The server begins with the main one and goes on with the last of the others, so in this order
    rows are locked as if each were sent by itself.
    """
    forms = [_KEPT[id(change)].on(connection.dialect, values) for change, values in changes]
    parts = [form.renamed(number) for number, form in enumerate(forms)]
    (first, _), *others = parts
    ahead = ", ".join(f"_{number} AS ({sql})" for number, (sql, _) in enumerate(reversed(others)))
    sql = f"WITH {ahead} {first}" if others else first
    given: dict[str, Any] = {}
    for (_, names), form, (_, values) in zip(parts, forms, changes, strict=True):
        given |= {names[name]: value for name, value in form.by_name(values).items()}
    try:
        await driver_of(connection).driver_connection.execute(sql, given)
    except Exception as exc:
        raise wrapped(exc, sql, connection) from exc


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
    form = prepared.on(connection.dialect, values)
    driver_of(connection).put_off.append((form.sql, form.in_order(values)))
    return True


def execute_here(
    driver: sqlite3.Connection,
    connection: AsyncConnection,
    statement: sa.Executable,
    values: Mapping[str, Any] | None,
) -> Outcome:
    """Carry *statement* out in this thread, which is that of SQLite's *connection*."""
    prepared = _KEPT.get(id(statement)) or _Prepared(statement)
    form = prepared.on(connection.dialect, values or _NOTHING)
    cursor = driver.cursor()
    try:
        cursor.execute(form.sql, form.in_order(values or _NOTHING))
        rows = cursor.fetchall() if cursor.description else []
        return Outcome(form.converted(rows, lambda: cursor.description), cursor.rowcount)
    except sqlite3.Error as exc:
        raise wrapped(exc, form.sql, connection) from exc
    finally:
        cursor.close()


def driver_of(connection: AsyncConnection) -> Any:
    """What SQLAlchemy takes for the driver's connection, of one that is open."""
    assert connection.sync_connection is not None  # noqa: S101 - it is, as long as it is open
    return connection.sync_connection.connection.dbapi_connection


def wrapped(exc: Exception, sql: str, connection: AsyncConnection) -> Exception:
    """As SQLAlchemy would raise it."""
    if isinstance(exc, UnicodeEncodeError):
        return UnstorableValueError("text with a lone surrogate cannot be stored")
    error: type[Exception] = connection.dialect.loaded_dbapi.Error
    if not isinstance(exc, error):
        return exc
    return sa.exc.DBAPIError.instance(
        sql, None, exc, error, hide_parameters=True, dialect=connection.dialect
    )


class _Prepared:
    """A statement and, from its first use on, what it is in a database's words."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def on(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> "_Form":
        if (form := self._forms.get(dialect.name)) is None:
            form = self._forms[dialect.name] = _Form(self._statement, dialect, values)
        return form


class _Form:
    """A statement, compiled, with what its values and the values of its rows pass through."""

    def __init__(
        self, statement: sa.Executable, dialect: sa.Dialect, values: Mapping[str, Any]
    ) -> None:
        keys = list(values) if isinstance(statement, sa.Insert) else None
        element: Any = statement
        compiled = element.compile(dialect=dialect, column_keys=keys)
        types = {name: bind.type for name, bind in compiled.binds.items()}
        self.sql = str(compiled)
        self._dialect = dialect
        self._parameters: list[tuple[str, Any, _Convert]] = [
            (
                name,
                compiled.params.get(name),
                types[name].dialect_impl(dialect).bind_processor(dialect),
            )
            for name in compiled.positiontup or compiled.params
        ]
        self._types = [column.type for column in compiled._result_columns]
        self._results: list[_Convert] | None = None
        self._renamed: dict[int, tuple[str, dict[str, str]]] = {}

    def in_order(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            values.get(name, default) if convert is None else convert(values.get(name, default))
            for name, default, convert in self._parameters
        ]

    def renamed(self, number: int) -> tuple[str, dict[str, str]]:
        """The statement with other names for its values, and these by the old ones."""
        if number not in self._renamed:
            names = {name: f"{name}_{number}" for name, _, _ in self._parameters}
            sql = _VALUE.sub(lambda found: f"%({names[found[1]]})s", self.sql)
            self._renamed[number] = sql, names
        return self._renamed[number]

    def by_name(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: values.get(name, default)
            if convert is None
            else convert(values.get(name, default))
            for name, default, convert in self._parameters
        }

    def converted(
        self, rows: list[tuple[Any, ...]], description: Callable[[], Sequence[Any] | None]
    ) -> list[tuple[Any, ...]]:
        if not rows:
            return rows
        if self._results is None:  # the first rows tell their types
            self._results = [
                kind.dialect_impl(self._dialect).result_processor(self._dialect, column[1])
                for kind, column in zip(self._types, description() or (), strict=True)
            ]
        if not any(self._results):
            return rows
        return [
            tuple(
                value if convert is None else convert(value)
                for value, convert in zip(row, self._results, strict=True)
            )
            for row in rows
        ]
