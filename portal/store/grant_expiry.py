"""The end of grants as it is written down: marked when it came, moved where a limit came later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from portal.store.columns import UtcDateTime
from portal.store.tables import GrantRecord
from portal.store.unit import Unit

Place = tuple[datetime, str]
"""``granted_at`` and subject of a client's grant."""


class GrantExpiry:
    """The ``grants`` table, as the background job that ends them goes through it."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def any_over(self, *, now: datetime) -> bool:
        """Tell whether :meth:`mark_expired` has something to do."""
        return await self._unit.first(sa.select(sa.true()).where(_over(now)).limit(1)) is not None

    async def mark_expired(self, *, now: datetime, limit: int) -> tuple[GrantRecord, ...]:
        """Note of at most *limit* grants that their time is over, and return these.

        What somebody else works on is left to the next time, so that each is returned to one.
        """
        return await self._unit.change_some(
            GrantRecord,
            _over(now),
            {"expired_at": now},
            limit=limit,
            first=GrantRecord.__table__.c.expires_at,
        )

    async def shorten(
        self, client_id: str, longest: timedelta, *, after: Place | None, limit: int
    ) -> tuple[Place | None, bool]:
        """Let the next *limit* grants of a client, in the order of :data:`Place`, be remembered no
        longer than *longest*: where to go on, ``None`` at the end, and whether somebody else works
        on one of them, which is then left as it is.
        """
        place = sa.tuple_(GrantRecord.granted_at, GrantRecord.subject)
        conditions = [GrantRecord.client_id == client_id, GrantRecord.state == "active"]
        if after is not None:
            conditions.append(place > _place(after))
        window = sa.select(GrantRecord.granted_at, GrantRecord.subject).where(*conditions)
        ordered = window.order_by(GrantRecord.granted_at, GrantRecord.subject).limit(limit)
        found = await self._unit.all(ordered)
        latest = self._later(longest)
        # By their keys from here on: how many a range of places holds, no planner guesses well.
        too_long = sa.and_(
            _of(client_id, [row[1] for row in found]),
            _C.revoked_at.is_(None),
            _REMEMBERS,
            sa.or_(_C.expires_at.is_(None), _C.expires_at > latest),
        )
        some = sa.select(_C.subject).where(too_long)
        free = [row[0] for row in await self._unit.all(some.with_for_update(skip_locked=True))]
        cut = sa.update(GrantRecord).where(_of(client_id, free))
        await self._unit.run(cut.values(expires_at=latest))
        left = await self._unit.first(some.limit(1))
        last: Place | None = (found[-1][0], found[-1][1]) if len(found) == limit else None
        return last, left is not None

    def _later(self, span: timedelta) -> sa.ColumnElement[datetime]:
        """The instant *span* after each grant was to be remembered."""
        since = sa.func.coalesce(GrantRecord.remembered_at, GrantRecord.granted_at)
        if self._unit.is_postgresql:
            moved = sa.type_coerce(since, sa.DateTime(timezone=True)) + sa.literal(
                span, sa.Interval()
            )
            return sa.type_coerce(moved, UtcDateTime())
        text = sa.type_coerce(since, sa.String())  # SQLite's functions know no microseconds
        form, seconds = "%Y-%m-%d %H:%M:%S", f"+{int(span.total_seconds())} seconds"
        whole = sa.func.strftime(form, text, seconds, type_=sa.String())
        return sa.type_coerce(whole + sa.func.substr(text, 20), UtcDateTime())


_C: Final = GrantRecord.__table__.c
_REMEMBERS: Final = sa.or_(
    _C.remembered_scopes != sa.literal([], _C.remembered_scopes.type),
    _C.remembered_audience != sa.literal([], _C.remembered_audience.type),
    _C.remembered_at.is_not(None),
)
"""As :func:`portal.grants.remembers_something`."""


def _over(now: datetime) -> sa.ColumnElement[bool]:
    """Mean what index ``ix_grants_expires_at`` holds, up to *now*."""
    return sa.and_(
        _C.expires_at.is_not(None),
        _C.expires_at <= now,
        _C.expired_at.is_(None),
        _C.revoked_at.is_(None),
    )


def _of(client_id: str, subjects: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.and_(_C.client_id == client_id, _C.subject.in_(subjects))


def _place(place: Place) -> sa.ColumnElement[Any]:
    moment, subject = place
    return sa.tuple_(sa.literal(moment, _C.granted_at.type), sa.literal(subject, _C.subject.type))
