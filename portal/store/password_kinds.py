"""Which kinds of password hashes are stored: what an answer has to take as long as."""

from typing import Any, Final

import sqlalchemy as sa

from portal.passwords.hashes import UNKNOWN_KIND, kind_of
from portal.store.tables import User
from portal.store.unit import Unit

MOST: Final = 100
"""So many kinds are told apart; the walk ends there."""


class PasswordKinds:
    """The column ``users.password_kind``."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def list_stored(self) -> tuple[str, ...]:
        """List every kind once: a step through the index for each, however many users there are."""
        return tuple(row[0] for row in await self._unit.all(_STORED) if row[0] is not None)

    async def name_some(self, limit: int) -> int:
        """Name the kinds of at most *limit* hashes that an older version stored: how many."""
        found = await self._unit.all(_UNNAMED.limit(limit))
        for subject, password_hash in found:
            kind = kind_of(password_hash) or UNKNOWN_KIND
            await self._unit.run(_NAME, {"of": subject, "hash": password_hash, "kind": kind})
        return len(found)


def _walk() -> sa.Select[Any]:
    """From each kind to the next greater one: a DISTINCT would read the whole index."""
    column = User.password_kind
    first = sa.select(sa.func.min(column).label("kind"), sa.literal(1).label("n"))
    walk = first.where(column.is_not(None)).cte("walk", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > walk.c.kind).scalar_subquery()
    walk = walk.union_all(
        sa.select(following, walk.c.n + 1).where(walk.c.kind.is_not(None), walk.c.n < MOST)
    )
    return sa.select(walk.c.kind)


_STORED: Final = _walk()
_UNNAMED: Final = sa.select(User.subject, User.password_hash).where(
    User.password_kind.is_(None), User.password_hash.is_not(None)
)
_NAME: Final = (
    sa.update(User)
    .where(User.subject == sa.bindparam("of"), User.password_hash == sa.bindparam("hash"))
    .values(password_kind=sa.bindparam("kind"))
)
