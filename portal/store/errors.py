"""What can go wrong with the database, in the portal's own words.

SQLAlchemy's exceptions do not leave the store.
"""


class StoreError(Exception):
    """Something the database did not take. The text is for operators and holds no stored value."""


class StoreUnavailableError(StoreError):
    """The database is away, full, locked, overloaded or not migrated; later it may work."""


class AlreadyExistsError(StoreError):
    """A row with this key or this unique value is there already."""


class UnstorableValueError(StoreError, ValueError):
    """A value that not every database keeps: a NUL, a lone surrogate, a naive time, a long text."""


class DatabaseUrlError(StoreError, ValueError):
    """A ``DATABASE_URL`` that cannot be used; the text says why and never repeats the URL."""
