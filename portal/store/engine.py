"""The database engine and its units of work."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from portal.store.at_once import at_once
from portal.store.attempts import Attempts
from portal.store.audit import Audit
from portal.store.browsers import Browsers
from portal.store.bulk_revocations import BulkRevocations
from portal.store.due_work import DueWork
from portal.store.files import make_private
from portal.store.flows import Flows
from portal.store.grant_expiry import GrantExpiry
from portal.store.grant_index import GrantIndex
from portal.store.grants import Grants
from portal.store.kept_connections import (
    RECYCLE_SECONDS,
    KeptConnections,
    PostgresConnections,
    is_dead,
)
from portal.store.login_sessions import LoginSessions
from portal.store.mailed_links import MailedLinks
from portal.store.one_trip import OneTrip
from portal.store.outgoing_mails import OutgoingMails
from portal.store.passkeys import Passkeys
from portal.store.password_kinds import PasswordKinds
from portal.store.policies import Policies
from portal.store.portal_sessions import PortalSessions
from portal.store.reconciliations import Reconciliations
from portal.store.recovery_codes import RecoveryCodes
from portal.store.revision import is_at_head, revision_of
from portal.store.revocations import Revocations
from portal.store.sign_ins import SignIns
from portal.store.spent_proofs import SpentProofs
from portal.store.standings import Standings
from portal.store.totp_factors import TotpFactors
from portal.store.unit import Unit
from portal.store.urls import normalise_url, pool_limit
from portal.store.user_index import UserIndex
from portal.store.users import Users

Result = TypeVar("Result")


class Rows:
    """The tables within one unit of work."""

    __slots__ = (
        "attempts",
        "audit",
        "browsers",
        "bulk_revocations",
        "due_work",
        "flows",
        "grant_expiry",
        "grant_index",
        "grants",
        "login_sessions",
        "mailed_links",
        "outgoing_mails",
        "passkeys",
        "password_kinds",
        "policies",
        "portal_sessions",
        "reconciliations",
        "recovery_codes",
        "revocations",
        "sign_ins",
        "spent_proofs",
        "standings",
        "totp_factors",
        "user_index",
        "users",
    )

    def __init__(self, unit: Unit) -> None:
        self.users = Users(unit)
        self.user_index = UserIndex(unit)
        self.flows = Flows(unit)
        self.grants = Grants(unit)
        self.grant_index = GrantIndex(unit)
        self.grant_expiry = GrantExpiry(unit)
        self.policies = Policies(unit)
        self.login_sessions = LoginSessions(unit)
        self.portal_sessions = PortalSessions(unit)
        self.attempts = Attempts(unit)
        self.browsers = Browsers(unit)
        self.audit = Audit(unit)
        self.revocations = Revocations(unit)
        self.bulk_revocations = BulkRevocations(unit)
        self.due_work = DueWork(unit)
        self.reconciliations = Reconciliations(unit)
        self.mailed_links = MailedLinks(unit)
        self.outgoing_mails = OutgoingMails(unit)
        self.passkeys = Passkeys(unit)
        self.password_kinds = PasswordKinds(unit)
        self.recovery_codes = RecoveryCodes(unit)
        self.sign_ins = SignIns(unit)
        self.spent_proofs = SpentProofs(unit)
        self.standings = Standings(unit)
        self.totp_factors = TotpFactors(unit)


class Store:
    """What the portal remembers. Nothing is opened before the first use.

    Every unit of work holds a connection: do not call Ory inside one, nor open a second one inside.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout: float = 2.0,
        lock_timeout: float = 5.0,
    ) -> None:
        """Take at most *pool_size* connections, or as many as the URL's ``max_conns`` allows.

        *pool_timeout* is how long a unit of work waits for one, in seconds; *lock_timeout* how long
        a writer waits for SQLite's one write lock.
        """
        size = min(pool_size, pool_limit(url) or pool_size)
        self._is_sqlite = normalise_url(url).startswith("sqlite")
        if self._is_sqlite:
            reader = _sqlite_reader(url, size, pool_timeout, lock_timeout)
            writer = _sqlite_writer(url, lock_timeout)
            self._engines: tuple[AsyncEngine, ...] = (reader, writer)
            self._reading = KeptConnections(reader, size=size, timeout=pool_timeout)
            self._writing = KeptConnections(writer, size=1, timeout=lock_timeout)
        else:
            engine = _postgresql_engine(url, size, pool_timeout)
            self._engines = (engine,)
            self._reading = self._writing = PostgresConnections(
                engine, size=size, timeout=pool_timeout
            )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Rows]:
        """Read without a transaction: each statement sees what is committed when it runs."""
        async with self._reading.use(transaction=False) as connection:
            yield Rows(Unit(connection))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Rows]:
        """Do everything or nothing: committed when the block ends, undone when it raises.

        A commit that fails raises too, so nothing is certain before the block has been left.
        """
        async with self._writing.use(transaction=True) as connection:
            unit = Unit(connection)
            yield Rows(unit)
            await unit.catch_up()

    async def at_once(
        self,
        work: Callable[[Rows], Coroutine[Any, Any, Result]],
        *,
        transaction: bool = True,
    ) -> Result:
        """Do *work* as within :meth:`writing`, where it waits for nothing but its rows.

        It may run in another thread: SQLite's carries it out in one trip (ADR-0025). Without
        *transaction*, for what reads and then writes one thing, each statement may be committed by
        itself.
        """
        if not self._is_sqlite:
            async with self._writing.use(transaction=transaction) as connection:
                unit = Unit(connection)
                result = await work(Rows(unit))
                await unit.catch_up()
                return result
        async with self._writing.use(transaction=False) as connection:
            return await at_once(connection, lambda unit: work(Rows(unit)))

    async def at_head(self) -> bool:
        """Tell whether the database has every table and column that this code needs."""
        async with self._reading.use(transaction=False) as connection:
            return is_at_head(await connection.run_sync(revision_of))

    async def dispose(self) -> None:
        """Close every connection."""
        for kept in {self._reading, self._writing}:
            await kept.close()
        for engine in self._engines:
            await engine.dispose()


def _engine(url: str, **options: Any) -> AsyncEngine:
    return create_async_engine(
        normalise_url(url),
        max_overflow=0,
        pool_recycle=RECYCLE_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,
        **options,
    )


def _postgresql_engine(url: str, size: int, pool_timeout: float) -> AsyncEngine:
    engine = _engine(
        url,
        pool_size=size,
        pool_timeout=pool_timeout,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead_connection)
    return engine


def _sqlite_reader(url: str, size: int, pool_timeout: float, lock_timeout: float) -> AsyncEngine:
    engine = _engine(
        url,
        pool_size=size,
        pool_timeout=pool_timeout,
        skip_autocommit_rollback=True,
        module=OneTrip(),
        connect_args=_sqlite_options(_ReadingConnection, lock_timeout),
    )
    event.listen(engine.sync_engine, "do_connect", make_private)
    return engine


def _sqlite_writer(url: str, lock_timeout: float) -> AsyncEngine:
    """Make an engine of one connection: writers queue for it, and do not race for the file's lock.

    The driver begins no transaction by itself, because it would begin too late: a transaction that
    reads first and then writes fails at once when another writer came in between.
    """
    engine = _engine(
        url,
        pool_size=1,
        pool_timeout=lock_timeout,
        module=OneTrip(),
        connect_args=_sqlite_options(_WritingConnection, lock_timeout),
    )
    event.listen(engine.sync_engine, "do_connect", make_private)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    event.listen(engine.sync_engine, "invalidate", _give_up_lock)
    return engine


def _sqlite_options(kind: type[sqlite3.Connection], lock_timeout: float) -> dict[str, Any]:
    return {"factory": kind, "timeout": lock_timeout, "isolation_level": None}


class _WritingConnection(sqlite3.Connection):
    """Set up while it is opened: in the driver's thread, so that nothing comes in between."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        with suppress(sqlite3.OperationalError):  # locked: the next connection sets it for the file
            self.execute("PRAGMA journal_mode = WAL").close()
        self.execute("PRAGMA synchronous = NORMAL").close()
        self.execute("PRAGMA foreign_keys = ON").close()


class _ReadingConnection(_WritingConnection):
    """The same, and it refuses to write."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute("PRAGMA query_only = ON").close()


def _begin_immediate(connection: sa.Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.begins_with = "BEGIN IMMEDIATE"


def _give_up_lock(connection: Any, _record: object, _exception: object) -> None:
    """End the transaction of a unit that was cancelled in the middle of a statement.

    Closing such a connection does not: SQLite keeps it, and the write lock with it, for as long as
    the statement's cursor is somewhere in memory.
    """
    connection.rollback()


def _refuse_dead_connection(connection: Any, _record: object, _fairy: object) -> None:
    """Let the pool open new connections instead of the ones that the server has closed."""
    if is_dead(connection.driver_connection):
        raise InvalidatePoolError("the server has closed the connection")
