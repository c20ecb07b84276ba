"""One unit of work's connection, as the row classes use it; and records from rows and back."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.attributes import manager_of_class

from portal.store.errors import UnstorableValueError
from portal.store.prepared import execute, execute_together, kept, put_off
from portal.store.tables import Base
from portal.store.translation import translated

Record = TypeVar("Record", bound=Base)
AnyRow = sa.Row[*tuple[Any, ...]]
Insert = postgresql.Insert | sqlite.Insert
Change = sa.Insert | sa.Update | sa.Delete
Later = list[tuple[Change, dict[str, Any]]]


class Unit:
    """Runs statements on one connection; what goes wrong is a :class:`StoreError`."""

    __slots__ = ("_connection", "_later", "is_postgresql")

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._later: Later = []
        self.is_postgresql = connection.dialect.name == "postgresql"

    async def all(
        self, statement: sa.Executable, values: dict[str, Any] | None = None
    ) -> Sequence[AnyRow]:
        """Every row that *statement* answers; *values* for the parameters of one that is kept."""
        with translated():
            if self._later:
                await self.catch_up()
            if (found := await execute(self._connection, statement, values)) is not None:
                return cast("Sequence[AnyRow]", found.rows)
            return (await self._connection.execute(statement, values)).all()

    async def first(
        self, statement: sa.Executable, values: dict[str, Any] | None = None
    ) -> AnyRow | None:
        """Its first row, if any; *values* for the parameters of a statement that is kept."""
        with translated():
            if self._later:
                await self.catch_up()
            if (found := await execute(self._connection, statement, values)) is not None:
                return cast("AnyRow", found.rows[0]) if found.rows else None
            return (await self._connection.execute(statement, values)).first()

    async def run(self, statement: sa.Executable, values: dict[str, Any] | None = None) -> int:
        """Carry *statement* out: how many rows it touched."""
        with translated():
            if self._later:
                await self.catch_up()
            if (found := await execute(self._connection, statement, values)) is not None:
                return found.rowcount
            return (await self._connection.execute(statement, values)).rowcount

    async def run_later(self, statement: Change, values: dict[str, Any]) -> None:
        """Carry out a kept *statement* of which nothing is asked, at the latest with the commit."""
        if self.is_postgresql:
            if any(statement.table is other.table for other, _ in self._later):
                await self.catch_up()
            self._later.append((statement, values))
        elif not put_off(self._connection, statement, values):
            await self.run(statement, values)

    async def catch_up(self) -> None:
        """Carry out what was put off: on PostgreSQL, what concerns different tables as one."""
        later, self._later = self._later, []
        if later:
            with translated():
                await execute_together(self._connection, later)

    async def add_later(self, record: Base) -> None:
        """Insert *record*, which has a new key, at the latest with the commit."""
        await self.run_later(_insert(type(record)), values_of(record))

    async def add_if_new_later(self, record: Base) -> None:
        """Insert *record* unless its key is taken, at the latest with the commit."""
        statement = _insert_unless_there(type(record), is_postgresql=self.is_postgresql)
        await self.run_later(statement, values_of(record))

    async def upsert_later(self, record: Base) -> None:
        """Do as :meth:`upsert`, at the latest with the commit."""
        statement = _upsert(type(record), is_postgresql=self.is_postgresql)
        await self.run_later(statement, values_of(record))

    async def add(self, record: Base) -> None:
        """Insert *record*."""
        await self.run(_insert(type(record)), values_of(record))

    async def add_all(self, records: Sequence[Base]) -> None:
        """Insert *records*, all of one table, by one statement."""
        if records:
            await self.catch_up()
            with translated():
                await self._connection.execute(
                    _insert(type(records[0])), [values_of(record) for record in records]
                )

    async def add_if_new(self, record: Record) -> Record | None:
        """Insert *record* unless its key is taken: what is in the table now, if it was inserted."""
        statement = _insert_if_new(type(record), is_postgresql=self.is_postgresql)
        return load_first(type(record), await self.first(statement, values_of(record)))

    async def upsert(self, record: Base) -> None:
        """Insert *record*, or replace every other column of the row with its key."""
        statement = _upsert(type(record), is_postgresql=self.is_postgresql)
        await self.run(statement, values_of(record))

    async def delete_some(
        self,
        table: type[Base],
        condition: sa.ColumnElement[bool],
        *,
        limit: int,
        first: sa.ColumnElement[Any] | None = None,
    ) -> int:
        """Delete at most *limit* rows that fulfil *condition*, to hold no lock long: how many.

        Those with the smallest *first* come first: a large table is then walked by its index.
        """
        is_one = _is_one_of_some(table, condition, limit=limit, first=first)
        key = next(iter(table.__table__.primary_key))
        return len(await self.all(sa.delete(table).where(is_one).returning(key)))

    async def change_some(
        self,
        table: type[Record],
        condition: sa.ColumnElement[bool],
        values: Mapping[str, Any],
        *,
        limit: int,
        first: sa.ColumnElement[Any],
    ) -> tuple[Record, ...]:
        """Give *values* to at most *limit* rows that fulfil *condition*, those with the smallest
        *first* before others: the records as they are then.

        What somebody else works on is left out, so that each row is returned to one.
        """
        is_one = _is_one_of_some(table, condition, limit=limit, first=first)
        statement = sa.update(table).where(is_one).values(values).returning(*columns(table))
        return load_all(table, await self.all(statement))


def _is_one_of_some(
    table: type[Base],
    condition: sa.ColumnElement[bool],
    *,
    limit: int,
    first: sa.ColumnElement[Any] | None,
) -> sa.ColumnElement[bool]:
    """The rows are chosen in an expression of their own: within IN alone PostgreSQL may choose
    anew for each row that it looks at, and so take more than *limit*.
    """
    keys = list(table.__table__.primary_key)
    some = sa.select(*keys).where(condition).limit(limit).with_for_update(skip_locked=True)
    if first is not None:
        some = some.order_by(first)
    chosen = some.cte("chosen")
    key = keys[0] if len(keys) == 1 else sa.tuple_(*keys)
    return key.in_(sa.select(*chosen.columns))


def insert(table: type[Base], *, is_postgresql: bool) -> Insert:
    """Begin an INSERT that knows ON CONFLICT, which both databases spell alike."""
    return postgresql.insert(table) if is_postgresql else sqlite.insert(table)


def select(table: type[Base]) -> sa.Select[*tuple[Any, ...]]:
    """Select all columns of *table* that a record is made of, for :func:`load`."""
    return sa.select(*columns(table))


@cache
def columns(table: type[Base]) -> tuple[sa.ColumnElement[Any], ...]:
    """Its columns but for those that the database derives."""
    return tuple(column for column in table.__table__.columns if column.computed is None)


def load(table: type[Record], row: Sequence[Any]) -> Record:
    """Make the record of a *row* of :func:`select`; it belongs to no session and loads nothing."""
    record: Record = manager_of_class(table).new_instance()
    record.__dict__.update(zip(_names(table), row, strict=True))
    return record


def load_first(table: type[Record], row: AnyRow | None) -> Record | None:
    """Do the same where there may be none."""
    return None if row is None else load(table, row)


def load_all(table: type[Record], rows: Sequence[AnyRow]) -> tuple[Record, ...]:
    """Do the same for many."""
    return tuple(load(table, row) for row in rows)


def values_of(record: Base) -> dict[str, Any]:
    """List the columns of *record*; too long a text is refused here, as SQLite would not mind."""
    values = {name: getattr(record, name) for name in _names(type(record))}
    for name, limit in _limits(type(record)).items():
        if values[name] is not None and len(values[name]) > limit:
            raise UnstorableValueError(f"{name} is longer than {limit} characters")
    return values


def width(table: type[Base]) -> int:
    """How many columns a record of *table* has, to split the row of a join."""
    return len(_names(table))


# Statements are kept, because building one costs as much as carrying it out.


@cache
def _insert(table: type[Base]) -> sa.Insert:
    return kept(sa.insert(table))


@cache
def _insert_unless_there(table: type[Base], *, is_postgresql: bool) -> Change:
    return kept(insert(table, is_postgresql=is_postgresql).on_conflict_do_nothing())


@cache
def _insert_if_new(table: type[Base], *, is_postgresql: bool) -> sa.Executable:
    statement = insert(table, is_postgresql=is_postgresql).on_conflict_do_nothing()
    return kept(statement.returning(*columns(table)))


@cache
def _upsert(table: type[Base], *, is_postgresql: bool) -> Change:
    statement = insert(table, is_postgresql=is_postgresql)
    keys = [column.name for column in table.__table__.primary_key]
    new = {name: statement.excluded[name] for name in _names(table) if name not in keys}
    return kept(statement.on_conflict_do_update(index_elements=keys, set_=new))


@cache
def _names(table: type[Base]) -> tuple[str, ...]:
    configure_mappers()  # the first record of a process may be one that :func:`load` makes
    return tuple(column.name for column in columns(table))


@cache
def _limits(table: type[Base]) -> dict[str, int]:
    lengths = {column.name: getattr(column.type, "length", None) for column in columns(table)}
    return {name: length for name, length in lengths.items() if length is not None}
