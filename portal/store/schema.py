"""The schema's revision: what the database has, what this code needs, and getting there.

Synchronous, by Alembic's API, so that no alembic.ini is needed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import NullPool

from portal.resources import resource_dir
from portal.store.errors import StoreError, StoreUnavailableError
from portal.store.files import make_private
from portal.store.revision import head, is_at_head, revision_of
from portal.store.translation import translated
from portal.store.urls import normalise_sync_url

__all__ = ["at_head", "current", "head", "migration_engine", "upgrade", "wait_until_reachable"]

LOCK_TIMEOUT: Final = 60
"""Seconds that one migrating process waits for another on SQLite."""
_LONGEST_PAUSE: Final = 2.0


def upgrade(url: str) -> None:
    """Bring the database to :func:`head`; several may at once, and one may die half-way."""
    from alembic import command  # noqa: PLC0415 - the server, which migrates nothing, goes without
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")).replace("%", "%%"))
    config.attributes["url"] = url
    try:
        with translated():
            command.upgrade(config, "head")
    except CommandError as exc:
        raise StoreError(
            f"the database has a revision that this version does not know: {exc}"
        ) from exc


def current(url: str) -> str | None:
    """Read the revision of the database; ``None`` if it was never migrated. Creates no file."""
    if _is_absent_file(url):
        return None
    with translated(), migration_engine(url).connect() as connection:
        return revision_of(connection)


def at_head(url: str) -> bool:
    """Whether the database has what this code needs."""
    return is_at_head(current(url))


def wait_until_reachable(
    url: str,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Try to connect until it works; raise :class:`StoreUnavailableError` after *seconds*."""
    engine = migration_engine(url)
    deadline, pause = clock() + seconds, 0.1
    while True:
        try:
            with translated(), engine.connect():
                return
        except StoreUnavailableError:
            if clock() + pause > deadline:
                raise
        sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _is_absent_file(url: str) -> bool:
    """Whether *url* is a SQLite file that is not there, which connecting would create."""
    parsed = sa.make_url(normalise_sync_url(url))
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.query:
        return False
    return parsed.database != ":memory:" and not Path(parsed.database).exists()


def migration_engine(url: str) -> sa.Engine:
    """Make an engine without a pool; SQLite's driver begins no transactions by itself."""
    engine = sa.create_engine(normalise_sync_url(url), poolclass=NullPool, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", make_private)
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000}")
