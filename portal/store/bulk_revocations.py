"""Bulk revocations: jobs that revoke everything that a search found."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa

from portal.store.grants import LIVING
from portal.store.tables import BulkRevocation, GrantRecord, Revocation, User
from portal.store.unit import Unit, columns, load, load_all, load_first, select, width

RUNNING: Final = "running"
Pair = tuple[str, str]
"""Subject and client id."""


class BulkRow(msgspec.Struct, frozen=True):
    """A bulk revocation, and the address of whoever started it, where the user is known here."""

    job: BulkRevocation
    email: str | None


class BulkRevocations:
    """The ``bulk_revocations`` table, and what its rows do to grants."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, record: BulkRevocation) -> None:
        """Start one."""
        await self._unit.add(record)

    async def find(self, bulk_id: str, *, lock: bool = False) -> BulkRevocation | None:
        """Find one; with *lock*, others who ask with it wait until this unit ends."""
        statement = select(BulkRevocation).where(BulkRevocation.id == bulk_id)
        if lock:
            statement = statement.with_for_update()
        return load_first(BulkRevocation, await self._unit.first(statement))

    async def list_page(self, *, after: BulkRevocation | None, limit: int) -> tuple[BulkRow, ...]:
        """List a page of them, the newest first, from *after* on."""
        place = sa.tuple_(BulkRevocation.created_at, BulkRevocation.id)
        statement = (
            select(BulkRevocation)
            .add_columns(User.email)
            .outerjoin_from(BulkRevocation, User, User.subject == BulkRevocation.actor)
            .order_by(BulkRevocation.created_at.desc(), BulkRevocation.id.desc())
            .limit(limit)
        )
        if after is not None:
            end = (after.created_at, after.id)
            columns_of = (BulkRevocation.created_at, BulkRevocation.id)
            bound = (sa.literal(v, c.type) for v, c in zip(end, columns_of, strict=True))
            statement = statement.where(place < sa.tuple_(*bound))
        split = width(BulkRevocation)
        found = await self._unit.all(statement)
        return tuple(BulkRow(load(BulkRevocation, row[:split]), row[split]) for row in found)

    async def claim_due(self, *, now: datetime, lease: timedelta) -> BulkRevocation | None:
        """Take the one that has waited longest, so that nobody else does before *lease* is over."""
        claimed = await self._unit.change_some(
            BulkRevocation,
            sa.and_(BulkRevocation.state == RUNNING, BulkRevocation.due_at <= now),
            {"due_at": now + lease},
            limit=1,
            first=BulkRevocation.__table__.c.due_at,
        )
        return next(iter(claimed), None)

    async def lock_living(
        self, pairs: Iterable[Pair], *, until: datetime, used_until: datetime | None
    ) -> tuple[GrantRecord, ...]:
        """Lock those of *pairs* that live and were allowed no later than *until*, nor used later
        than *used_until*.

        Everybody locks in the order of the keys, so that two who want the same wait for each other
        and not in a circle.
        """
        keys = (GrantRecord.subject, GrantRecord.client_id)
        statement = (
            select(GrantRecord)
            .where(
                sa.tuple_(*keys).in_(sorted(pairs)),
                GrantRecord.state.in_(LIVING),
                GrantRecord.granted_at <= until,
            )
            .order_by(*keys)
            .with_for_update()
        )
        if used_until is not None:
            statement = statement.where(GrantRecord.last_accept_at <= used_until)
        return load_all(GrantRecord, await self._unit.all(statement))

    async def revoke(self, pairs: Iterable[Pair], *, reason: str, at: datetime) -> None:
        """Mark the grants of *pairs*, which this unit has locked."""
        key = sa.tuple_(GrantRecord.subject, GrantRecord.client_id)
        statement = sa.update(GrantRecord).where(key.in_(sorted(pairs)))
        await self._unit.run(
            statement.values(revoked_at=at, revoke_reason=reason, revoke_synced_at=None)
        )

    async def note(self, bulk_id: str, *, revoked: int, due_at: datetime) -> None:
        """Note that so many more were revoked, and that nobody need go on before *due_at*."""
        statement = sa.update(BulkRevocation).where(
            BulkRevocation.id == bulk_id, BulkRevocation.state == RUNNING
        )
        await self._unit.run(
            statement.values(revoked=BulkRevocation.revoked + revoked, due_at=due_at)
        )

    async def end(self, bulk_id: str, *, state: str, at: datetime) -> BulkRevocation | None:
        """End one as ``done`` or ``stopped``: what it is now, unless it had ended before."""
        statement = (
            sa.update(BulkRevocation)
            .where(BulkRevocation.id == bulk_id, BulkRevocation.state == RUNNING)
            .values(state=state, finished_at=at)
            .returning(*columns(BulkRevocation))
        )
        return load_first(BulkRevocation, await self._unit.first(statement))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget what ended before *at*, at most *limit*, the oldest first: how many.

        Not while Ory is still to be told a part of it.
        """
        jobs = BulkRevocation.__table__.c
        pending = sa.exists().where(Revocation.bulk_id == jobs.id, Revocation.state == "pending")
        over = sa.and_(jobs.finished_at < at, jobs.state != RUNNING, ~pending)
        return await self._unit.delete_some(
            BulkRevocation, over, limit=limit, first=jobs.created_at
        )
