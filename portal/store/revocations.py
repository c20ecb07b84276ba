"""The outbox of deletions at Ory: each is kept until Ory confirmed it and was swept once more."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import msgspec
import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import GrantRecord, Revocation, User
from portal.store.unit import Unit, load, load_all, select, width

MAX_ERROR: Final = 500
_IN_BULK: Final = Revocation.bulk_id.is_not(None)
_TURNS: Final = (
    (Revocation.state == "pending", ~_IN_BULK),
    (Revocation.state == "pending", _IN_BULK),
    (Revocation.state == "sweeping",),
)
"""What is worked on first: nobody waits for the thousands of a bulk revocation, and the second look
is the least urgent. Each is a stretch of one index."""


class Stuck(msgspec.Struct, frozen=True):
    """A deletion that did not work yet, with the address and the app's name where they are
    known.
    """

    revocation: Revocation
    email: str | None
    app_name: str | None


class Revocations:
    """The ``revocations`` table: ``pending``, then ``sweeping``, then ``done``."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, record: Revocation) -> None:
        """Queue a deletion, in the unit of work that revokes."""
        await self._unit.add(record)

    async def add_all(self, records: Sequence[Revocation]) -> None:
        """Queue many."""
        await self._unit.add_all(records)

    async def pending_for(
        self, subject: str, client_id: str, *, logins: bool = True
    ) -> tuple[Revocation, ...]:
        """List what Ory has not confirmed about the pair; it has to happen before a new accept.

        Without *logins*, leave out what ends sign-ins alone and no grant.
        """
        statement = _pending(logins=logins)
        values = {"subject": subject, "client_id": client_id}
        return load_all(Revocation, await self._unit.all(statement, values))

    async def pending_of(self, subject: str) -> tuple[Revocation, ...]:
        """List what Ory has not confirmed about any grant of the subject."""
        statement = select(Revocation).where(
            Revocation.state == "pending",
            Revocation.subject == subject,
            ~Revocation.keep_grants,
        )
        return load_all(Revocation, await self._unit.all(statement.order_by(Revocation.id)))

    async def was_asked(
        self, subject: str, client_id: str, *, reason: str, after: datetime
    ) -> bool:
        """Whether a deletion of the pair was asked for later than *after* for that reason."""
        statement = sa.select(Revocation.id).where(
            Revocation.subject == subject,
            Revocation.client_id == client_id,
            Revocation.reason == reason,
            Revocation.revoked_at > after,
        )
        return await self._unit.first(statement.limit(1)) is not None

    async def take_back(self, revocation: Revocation) -> bool:
        """Forget a deletion that waits just as *revocation* says: not one that somebody took."""
        condition = sa.and_(
            Revocation.id == revocation.id,
            Revocation.state == "pending",
            Revocation.due_at == revocation.due_at,
        )
        return bool(await self._unit.run(sa.delete(Revocation).where(condition)))

    async def end_undo(
        self, *, subjects: Iterable[str] | None, client_ids: Iterable[str] | None, at: datetime
    ) -> None:
        """Let nobody undo any more what waits for that, of these subjects and clients; ``None``:
        of all.
        """
        statement = sa.update(Revocation).where(
            Revocation.state == "pending", Revocation.due_at > at, Revocation.undo_until > at
        )
        for column, wanted in ((Revocation.subject, subjects), (Revocation.client_id, client_ids)):
            if wanted is not None:
                statement = statement.where(column.in_(sorted(wanted)))
        await self._unit.run(statement.values(undo_until=None, due_at=at))

    async def claim_due(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> tuple[Revocation, ...]:
        """Take work that is due, so that nobody else does before *lease* is over; what somebody
        waits for first, and the oldest of it.

        Whoever dies with it loses nothing: it is due again after the lease.
        """
        claimed: list[Revocation] = []
        for turn in _TURNS:
            left = limit - len(claimed)
            if left:
                claimed += await self._claim(*turn, now=now, limit=left, lease=lease)
        return tuple(claimed)

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

    async def count_pending(self, bulk_ids: Iterable[str]) -> dict[str, int]:
        """Count what Ory has yet to confirm of bulk revocations; those with nothing are left
        out.
        """
        statement = (
            sa.select(Revocation.bulk_id, sa.func.count())
            .where(Revocation.bulk_id.in_(sorted(set(bulk_ids))), Revocation.state == "pending")
            .group_by(Revocation.bulk_id)
        )
        return {row[0]: int(row[1]) for row in await self._unit.all(statement)}

    async def list_stuck(self, bulk_id: str, *, limit: int) -> tuple[tuple[Stuck, ...], int]:
        """List what of a bulk revocation was tried in vain, at most *limit*, and count all of
        it.
        """
        stuck = sa.and_(
            Revocation.bulk_id == bulk_id, Revocation.state == "pending", Revocation.attempts > 0
        )
        counted = await self._unit.first(sa.select(sa.func.count()).where(stuck))
        if not counted or not counted[0]:
            return (), 0
        app = sa.and_(
            GrantRecord.subject == Revocation.subject, GrantRecord.client_id == Revocation.client_id
        )
        found = await self._unit.all(
            select(Revocation)
            .add_columns(User.email, GrantRecord.client_name)
            .outerjoin_from(Revocation, User, User.subject == Revocation.subject)
            .outerjoin(GrantRecord, app)
            .where(stuck)
            .order_by(Revocation.due_at, Revocation.id)
            .limit(limit)
        )
        split = width(Revocation)
        rows = tuple(Stuck(load(Revocation, row[:split]), *row[split:]) for row in found)
        return rows, int(counted[0])

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget what was done before *at*, at most *limit*: how many."""
        condition = sa.and_(Revocation.state == "done", Revocation.due_at < at)
        return await self._unit.delete_some(Revocation, condition, limit=limit)

    async def _claim(
        self, *turn: sa.ColumnElement[bool], now: datetime, limit: int, lease: timedelta
    ) -> list[Revocation]:
        claimed = await self._unit.change_some(
            Revocation,
            sa.and_(*turn, Revocation.due_at <= now),
            {"due_at": now + lease},
            limit=limit,
            first=Revocation.__table__.c.due_at,
        )
        return sorted(claimed, key=lambda revocation: (revocation.revoked_at, revocation.id))


@cache
def _pending(*, logins: bool) -> sa.Executable:
    """What is to be deleted of a pair; with *logins*, what ends sign-ins alone, too."""
    client_id = sa.bindparam("client_id", type_=sa.String())
    statement = select(Revocation).where(
        Revocation.state == "pending",
        Revocation.subject == sa.bindparam("subject", type_=sa.String()),
        sa.or_(Revocation.client_id == client_id, Revocation.client_id.is_(None)),
    )
    if not logins:
        statement = statement.where(~Revocation.keep_grants)
    return kept(statement.order_by(Revocation.id))
