"""Database URLs as people write them, also for Hydra, made into what the drivers take."""

from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from portal.store.errors import DatabaseUrlError

_POSTGRES_NAMES: Final = frozenset({"postgres", "postgresql"})
_DRIVERS: Final = {
    "postgresql": frozenset({"", "psycopg", "asyncpg"}),
    "sqlite": frozenset({"", "pysqlite", "aiosqlite"}),
}
_OF_HYDRA: Final = frozenset(
    {"max_conns", "max_idle_conns", "max_conn_lifetime", "max_conn_idle_time"}
)
"""What Hydra's own pool is told in its DSN; drivers refuse it."""
_OF_HYDRA_SQLITE: Final = frozenset({"mode", "cache"})
_CONNECT_TIMEOUT: Final = "5"


def normalise_url(url: str) -> str:
    """Make the URL for the asynchronous engine: aiosqlite or psycopg, whichever driver is named."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return (
            _sqlite(parsed).set(drivername="sqlite+aiosqlite").render_as_string(hide_password=False)
        )
    return _for_psycopg(parsed).render_as_string(hide_password=False)


def normalise_sync_url(url: str) -> str:
    """Make the URL for Alembic, which is synchronous; for PostgreSQL always by psycopg."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return (
            _sqlite(parsed).set(drivername="sqlite+pysqlite").render_as_string(hide_password=False)
        )
    return _for_psycopg(parsed).render_as_string(hide_password=False)


def pool_limit(url: str) -> int | None:
    """Read how many connections the URL allows (Hydra's ``max_conns``), if it says so."""
    value = _parse(url).query.get("max_conns")
    if value is None:
        return None
    if not isinstance(value, str) or not value.isdecimal() or int(value) < 1:
        raise DatabaseUrlError("max_conns in the database URL has to be a number from 1 on")
    return int(value)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as exc:
        raise DatabaseUrlError("it cannot be read as sqlite:///file.db or postgresql://…") from exc
    kind, _, driver = parsed.drivername.partition("+")
    kind = "postgresql" if kind in _POSTGRES_NAMES else kind
    if driver not in _DRIVERS.get(kind, ()):
        raise DatabaseUrlError(f"{parsed.drivername!r} is not supported: sqlite or postgresql")
    return parsed.set(drivername=f"{kind}+{driver}" if driver else kind)


def _sqlite(url: URL) -> URL:
    """Drop Hydra's parameters (``_fk=true&mode=rwc``): every connection gets the portal's own."""
    if not url.database or ":memory:" in url.database or url.query.get("mode") == "memory":
        raise DatabaseUrlError("SQLite in memory cannot be shared by connections: name a file")
    unwanted = [
        name for name in url.query if name.startswith("_") or name in _OF_HYDRA | _OF_HYDRA_SQLITE
    ]
    return url.difference_update_query(unwanted)


def _for_psycopg(url: URL) -> URL:
    plain = url.difference_update_query([*_OF_HYDRA, "ssl"]).set(drivername="postgresql+psycopg")
    added = {} if "connect_timeout" in plain.query else {"connect_timeout": _CONNECT_TIMEOUT}
    if isinstance(mode := url.query.get("ssl"), str):  # asyncpg's word
        added["sslmode"] = mode
    return plain.update_query_dict(added)
