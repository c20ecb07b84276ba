"""SQLite with one trip to the connection's thread for each statement.

SQLAlchemy's adapter makes four: for the cursor, the statement, its rows and the end of the cursor.
Each costs more than SQLite itself takes, and a sign-in has a dozen statements.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import aiosqlite
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util.concurrency import await_

NOT_RUN: Final = -1


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Holds what a statement brought; the driver's cursor lives in its thread only."""

    _awaitable_cursor_close = False
    description: Any = None
    rowcount: int = NOT_RUN
    lastrowid: int = NOT_RUN
    arraysize: int = 1

    def __init__(self, adapt_connection: AsyncAdapt_dbapi_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = deque()

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        self._trip("execute", operation, () if parameters is None else parameters)
        return self

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:
        self._trip("executemany", operation, seq_of_parameters)
        return self

    def close(self) -> None:
        self._rows.clear()

    def _trip(self, how: str, operation: Any, parameters: Any) -> None:
        adapted: Any = self._adapt_connection
        adapted.is_under_way = True
        try:
            found = await_(adapted._connection._execute(run, adapted, how, operation, parameters))
        except Exception as error:
            adapted.is_under_way = False
            adapted._handle_exception(error)
        else:
            adapted.is_under_way = False
            self.description, self.rowcount, self.lastrowid, rows = found
            self._rows = deque(rows)


def run(adapted: Any, how: str, operation: Any, parameters: Any) -> tuple[Any, int, Any, Any]:
    """In the connection's thread: everything about one statement, and nothing of it is kept.

    The transaction that was announced begins with its first statement.
    """
    connection: sqlite3.Connection = adapted._connection._conn
    cursor = connection.cursor()
    try:
        _catch_up(adapted, cursor)
        getattr(cursor, how)(operation, parameters)
        description = cursor.description
        rows: Sequence[Any] = cursor.fetchall() if description else ()
        return description, cursor.rowcount, cursor.lastrowid, rows
    finally:
        cursor.close()


def _finish(adapted: Any) -> None:
    """In the connection's thread: what was put off, then the end of the transaction."""
    connection: sqlite3.Connection = adapted._connection._conn
    cursor = connection.cursor()
    try:
        _catch_up(adapted, cursor)
    finally:
        cursor.close()
    connection.commit()


def _catch_up(adapted: Any, cursor: sqlite3.Cursor) -> None:
    if adapted.begins_with is not None:
        cursor.execute(adapted.begins_with)
        adapted.begins_with = None
    while adapted.put_off:
        cursor.execute(*adapted.put_off.popleft())


class _Connection(AsyncAdapt_aiosqlite_connection):
    _cursor_cls = _Cursor
    is_under_way = False
    """A statement was sent and its end not seen: whoever waited for it was cancelled."""
    begins_with: str | None = None
    """What begins the transaction that was announced, until it has begun."""

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.put_off: deque[tuple[str, Sequence[Any]]] = deque()
        """Statements of which nothing is asked; they go with the next one, or with the commit."""

    def commit(self) -> None:
        """Nothing to do where no statement came after the announcement."""
        if self.put_off:
            self.is_under_way = True
            try:
                await_(self._connection._execute(_finish, self))
            except Exception as error:
                self.is_under_way = False
                self._handle_exception(error)
            self.is_under_way = False
        elif self.begins_with is None:
            super().commit()
        self.begins_with = None

    def rollback(self) -> None:
        """The pool asks for it after each unit of work; most have committed by then.

        A statement that is under way may begin the transaction yet: the rollback queues behind it.
        """
        connection = self._connection._connection
        if connection is not None and (self.is_under_way or connection.in_transaction):
            super().rollback()
        self.begins_with, self.is_under_way = None, False
        self.put_off.clear()


class OneTrip(AsyncAdapt_aiosqlite_dbapi):
    """The driver's module, for ``create_async_engine(module=…)``."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        return _Connection(self, super().connect(*arg, **kw)._connection)
