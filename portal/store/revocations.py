"""The outbox of deletions at Ory: each is kept until Ory confirmed it and was swept once more."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from portal.store.tables import Revocation
from portal.store.unit import Unit, load_all, select

MAX_ERROR: Final = 500


class Revocations:
    """The ``revocations`` table: ``pending``, then ``sweeping``, then ``done``."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, record: Revocation) -> None:
        """Queue a deletion, in the unit of work that revokes."""
        await self._unit.add(record)

    async def pending_for(self, subject: str, client_id: str) -> tuple[Revocation, ...]:
        """List what Ory has not confirmed about the pair; it has to happen before a new accept."""
        statement = select(Revocation).where(
            Revocation.state == "pending",
            Revocation.subject == subject,
            sa.or_(Revocation.client_id == client_id, Revocation.client_id.is_(None)),
        )
        return load_all(Revocation, await self._unit.all(statement.order_by(Revocation.id)))

    async def claim_due(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> tuple[Revocation, ...]:
        """Take work that is due, so that nobody else does before *lease* is over; the oldest first.

        Whoever dies with it loses nothing: it is due again after the lease.
        """
        due = (
            sa.select(Revocation.id)
            .where(Revocation.state.in_(("pending", "sweeping")), Revocation.due_at <= now)
            .order_by(Revocation.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        statement = (
            sa.update(Revocation)
            .where(Revocation.id.in_(sa.select(due.c.id)))
            .values(due_at=now + lease)
            .returning(*Revocation.__table__.columns)
        )
        claimed = load_all(Revocation, await self._unit.all(statement))
        return tuple(sorted(claimed, key=lambda revocation: (revocation.revoked_at, revocation.id)))

    async def confirm(self, revocation_id: str, *, at: datetime, sweep_at: datetime) -> bool:
        """Ory has deleted: look again at *sweep_at*. Whether it was still pending."""
        values = {"state": "sweeping", "due_at": sweep_at, "synced_at": at, "last_error": None}
        condition = sa.and_(Revocation.id == revocation_id, Revocation.state == "pending")
        return bool(await self._unit.run(sa.update(Revocation).where(condition).values(values)))

    async def finish(self, revocation_id: str, at: datetime) -> None:
        """Nothing is left to do."""
        statement = sa.update(Revocation).where(Revocation.id == revocation_id)
        await self._unit.run(statement.values(state="done", due_at=at, last_error=None))

    async def postpone(
        self, revocation_id: str, *, state: str, error: str, due_at: datetime
    ) -> None:
        """Note that it did not work, and try again at *due_at*; not if it left *state* since."""
        statement = sa.update(Revocation).where(
            Revocation.id == revocation_id, Revocation.state == state
        )
        values = {
            "attempts": Revocation.attempts + 1,
            "last_error": error[:MAX_ERROR],
            "due_at": due_at,
        }
        await self._unit.run(statement.values(values))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget what was done before *at*, at most *limit*: how many."""
        condition = sa.and_(Revocation.state == "done", Revocation.due_at < at)
        return await self._unit.delete_some(Revocation, condition, limit=limit)
