"""From SQLAlchemy's exceptions to the store's own, in one place."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc as sa_exc

from portal.store.errors import (
    AlreadyExistsError,
    StoreError,
    StoreUnavailableError,
    UnstorableValueError,
)

_UNIQUE_VIOLATION: Final = "23505"
_UNIQUE_CODES: Final = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)
_PASSING_STATES: Final = ("08", "25", "40", "53", "55", "57", "58", "42P01", "42703")
"""Connection, standby, deadlock, resources, locks, operator, system; table or column missing."""
_PASSING_KINDS: Final = (sa_exc.OperationalError, sa_exc.InterfaceError, sa_exc.InternalError)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLAlchemy raises inside into a :class:`StoreError`."""
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        error = _translate(exc)
        if isinstance(error, AlreadyExistsError):
            raise error from None  # the driver's text repeats the value, perhaps an e-mail address
        raise error from exc


def _translate(exc: sa_exc.SQLAlchemyError) -> StoreError:
    if isinstance(exc, sa_exc.TimeoutError):
        return StoreUnavailableError("no database connection became free in time")
    if isinstance(exc, sa_exc.StatementError) and isinstance(exc.orig, StoreError):
        return exc.orig
    if not isinstance(exc, sa_exc.DBAPIError):
        return StoreError(f"the database could not be used: {type(exc).__name__}")
    return _translate_driver_error(exc, str(getattr(exc.orig, "sqlstate", None) or ""))


def _translate_driver_error(exc: sa_exc.DBAPIError, state: str) -> StoreError:
    if _is_duplicate(exc.orig, state):
        return AlreadyExistsError("it exists already")
    if isinstance(exc, sa_exc.DataError) or state.startswith("22"):
        return UnstorableValueError("the database refused a value: too long or out of range")
    passing = state.startswith(_PASSING_STATES) or isinstance(exc, _PASSING_KINDS)
    if exc.connection_invalidated or passing:
        return StoreUnavailableError(f"the database is not available: {_first_line(exc.orig)}")
    return StoreError(
        f"the database refused a statement: {type(exc.orig).__name__} {state}".rstrip()
    )


def _is_duplicate(cause: BaseException | None, state: str) -> bool:
    if isinstance(cause, sqlite3.IntegrityError):
        return cause.sqlite_errorcode in _UNIQUE_CODES
    return state == _UNIQUE_VIOLATION


def _first_line(cause: BaseException | None) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
