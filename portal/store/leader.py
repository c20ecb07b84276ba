"""One process at a time: a lock that ends with whoever holds it.

On PostgreSQL it is an advisory lock of a session of its own, on SQLite a lock on a file beside the
database. Both end at the moment at which the process dies, however it dies (ADR-0030).
"""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol, cast
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from portal.store.errors import StoreUnavailableError
from portal.store.files import PRIVATE
from portal.store.urls import normalise_url

BEAT: Final = 4.0
"""How often the holder looks whether its session is alive, beside watching its socket."""
PATIENCE: Final = 4.0
"""A server that says nothing for so long is taken for lost. With BEAT that is less than the server
needs to give up the session of a machine that vanished."""
NAME: Final = "portal background"
"""As ``pg_stat_activity`` calls the session."""
_LOCK: Final = 0x0DD5_7E96
"""Any number that no other advisory lock of ours has; the other half of the key is the schema,
because several portals may have one each in a database."""
_SESSION: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "11000",
    "idle_session_timeout": "0",
}
"""The server gives up a machine that vanished after eleven seconds instead of two hours."""


class NotLockableError(Exception):
    """There is no lock here that would end with its holder; the text says why."""


class Lead(Protocol):
    """To be taken by one process at a time."""

    async def take(self) -> bool:
        """Take it unless somebody has it: whether it is ours."""

    async def until_lost(self) -> None:
        """Return when it may be somebody else's."""

    async def give_up(self) -> None:
        """Let others have it. May be called at any time, and again."""


def lead_of(url: str) -> Lead:
    """The one lead of the database at *url*. Nothing is opened before it is taken."""
    parsed = sa.make_url(normalise_url(url))
    if parsed.get_backend_name() == "sqlite":
        path = str(parsed.database)
        return FileLead(unquote(urlsplit(path).path) if path.startswith("file:") else path)
    return SessionLead(parsed)


class SessionLead:
    """Of a PostgreSQL database. Who has it not keeps a session too, to ask again soon."""

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._connection: Any = None

    async def take(self) -> bool:
        """Raises :class:`NotLockableError` behind a pooler: its session may outlive ours."""
        try:
            if self._connection is None:
                self._connection = await self._connect()
            row = await self._ask(
                "SELECT pg_try_advisory_lock(%s, hashtext(coalesce(current_schema(), '')))", _LOCK
            )
        except BaseException:
            await self.give_up()
            raise
        return bool(row[0])

    async def until_lost(self) -> None:
        loop, spoke = asyncio.get_running_loop(), asyncio.Event()
        while self._connection is not None:
            # An idle session has nothing to say: if it does, that is mostly the server's farewell.
            descriptor = self._connection.fileno()
            loop.add_reader(descriptor, spoke.set)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await spoke.wait()
            finally:
                loop.remove_reader(descriptor)
            spoke.clear()
            try:
                await self._ask("SELECT 1")
            except StoreUnavailableError:
                return

    async def give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it is gone anyway
                await connection.close()

    async def _connect(self) -> Any:
        import psycopg  # noqa: PLC0415 - an extra, and not needed for SQLite

        arguments, options = self._url.get_dialect()().create_connect_args(self._url)
        options.setdefault("application_name", NAME)
        try:
            connection = await psycopg.AsyncConnection.connect(
                *arguments, autocommit=True, **options
            )
        except psycopg.Error as exc:
            raise _unavailable(exc) from exc
        self._connection = connection
        (backend,) = await self._ask("SELECT pg_backend_pid()")
        if backend != connection.info.backend_pid:
            raise NotLockableError("a pooler is between the portal and PostgreSQL")
        settings = ", ".join("(%s, %s)" for _ in _SESSION)
        await self._ask(
            "SELECT count(set_config(s.name, wanted.value, false)) FROM pg_settings AS s"  # noqa: S608 - marks
            f" JOIN (VALUES {settings}) AS wanted(name, value) ON wanted.name = s.name",
            *(word for pair in _SESSION.items() for word in pair),
        )
        return connection

    async def _ask(self, statement: str, *values: Any) -> tuple[Any, ...]:
        """The one row of the answer. A server that says nothing is hung up on: the driver waits
        for it even where whoever asked is cancelled.
        """
        import psycopg  # noqa: PLC0415 - as above

        asking = asyncio.ensure_future(self._fetch(statement, values))
        try:
            if not (await asyncio.wait({asking}, timeout=PATIENCE))[0]:
                _hang_up(self._connection)
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            _hang_up(self._connection)
            await asyncio.wait({asking})
            with suppress(Exception):
                asking.result()
            raise
        except psycopg.Error as exc:
            if exc.sqlstate in _UNKNOWN_HERE:
                raise NotLockableError(f"this database has no advisory locks: {exc}") from exc
            raise _unavailable(exc) from exc

    async def _fetch(self, statement: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
        cursor = await self._connection.execute(statement, values or None)
        return cast("tuple[Any, ...]", await cursor.fetchone())


class FileLead:
    """Of a database of SQLite, whose processes are all on one machine.

    The lock is on a file of its own: one on the database would be SQLite's business, and end when
    any descriptor of that file is closed here.
    """

    def __init__(self, database: str) -> None:
        self._path = f"{database}-lead"
        self._file: IO[bytes] | None = None

    async def take(self) -> bool:
        """Raises :class:`NotLockableError` where files have no such locks."""
        try:
            import fcntl  # noqa: PLC0415 - not on Windows
        except ImportError as exc:
            raise NotLockableError("this system has no flock") from exc
        if self._file is None:
            try:
                self._file = open(self._path, "ab", opener=_private)  # noqa: SIM115, ASYNC230 - kept
            except OSError as exc:
                raise StoreUnavailableError(f"{self._path}: {exc.strerror}") from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as exc:
            raise NotLockableError(f"{self._path} cannot be locked: {exc.strerror}") from exc
        return True

    async def until_lost(self) -> None:
        """Nobody can take it away; but a file that was deleted or replaced is no longer the one
        that others lock.
        """
        while self._file is not None and self._is_there(self._file):  # noqa: ASYNC110 - no event
            await asyncio.sleep(BEAT)
        await self.give_up()

    async def give_up(self) -> None:
        """The file stays: deleting it could let two have it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _is_there(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(Path(self._path).stat(), os.fstat(file.fileno()))
        except OSError:
            return False


_UNKNOWN_HERE: Final = frozenset({"0A000", "42883", "42P01"})
"""Not supported, no such function, no such table: something that only resembles PostgreSQL."""


def _unavailable(exc: Exception) -> StoreUnavailableError:
    first = (str(exc).strip().splitlines() or [type(exc).__name__])[0]
    return StoreUnavailableError(f"the database is not available: {first}")


def _hang_up(connection: Any) -> None:
    """Make everybody who waits for *connection* wake up with an error."""
    with (
        suppress(Exception),  # closed by itself meanwhile
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
