"""Types of columns: they refuse what one of the databases refuses, so that both behave alike."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from portal.store.errors import UnstorableValueError


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware instant; SQLite, which has no time zones, keeps it as naive UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Refuse naive instants, which would be guesses."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise UnstorableValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """Give every instant its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Text(sa.types.TypeDecorator[str]):
    """Text that both databases can keep: without NUL and lone surrogates."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: sa.Dialect) -> str | None:
        """Refuse it here; SQLite would keep a NUL, and the drivers have an error each."""
        if value is not None:
            require_plain(value)
        return value


class Json(sa.types.TypeDecorator[Any]):
    """Lists and objects of such text; ``None`` is the database's NULL, not JSON's."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """On PostgreSQL the kind that can be searched."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> Any:
        """Refuse NUL and surrogates at any depth."""
        require_plain_json(value)
        return value


def require_plain(value: str) -> None:
    """Raise :class:`UnstorableValueError` for text that not every database keeps."""
    if "\x00" in value:
        raise UnstorableValueError("text with a NUL character cannot be stored")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise UnstorableValueError("text with a lone surrogate cannot be stored")


def require_plain_json(value: Any) -> None:
    """Require the same of every text in *value*."""
    if isinstance(value, str):
        require_plain(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            require_plain(name)
            require_plain_json(item)
    elif isinstance(value, list | tuple):
        for item in value:
            require_plain_json(item)
