"""Reconciliations: comparisons of what is kept here with what Ory lists, and how far they are."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from portal.store.revocations import MAX_ERROR
from portal.store.tables import AuditEvent, GrantRecord, Reconciliation, User
from portal.store.unit import Unit, load_all, load_first, select

RUNNING: Final = "running"
STOPPED: Final = "stopped"
DONE: Final = "done"
_LOCK: Final = 0x0DD5_7E95
"""Any number that no other advisory lock of ours is likely to have."""


class Reconciliations:
    """The ``reconciliations`` table, and what a comparison has to ask of others."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, record: Reconciliation) -> None:
        """Write one down that is over already, or is about one subject."""
        await self._unit.add(record)

    async def start(self, record: Reconciliation, *, not_since: datetime | None = None) -> bool:
        """Start a comparison of everybody unless one is running: whether it was started.

        Nor if one that mends began after *not_since*: of several who find that it is time for one,
        one starts it.
        """
        if self._unit.is_postgresql:
            await self._unit.first(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        in_its_way = [Reconciliation.state == RUNNING]
        if not_since is not None:
            mends = Reconciliation.dry_run.is_(False)
            in_its_way.append(sa.and_(mends, Reconciliation.created_at > not_since))
        statement = sa.select(Reconciliation.id).where(_OF_EVERYBODY, sa.or_(*in_its_way))
        if await self._unit.first(statement.limit(1)):
            return False
        await self._unit.add(record)
        return True

    async def find(self, reconciliation_id: str) -> Reconciliation | None:
        statement = select(Reconciliation).where(Reconciliation.id == reconciliation_id)
        return load_first(Reconciliation, await self._unit.first(statement))

    async def running(self) -> Reconciliation | None:
        """Find the comparison of everybody that is under way."""
        statement = select(Reconciliation).where(_OF_EVERYBODY, Reconciliation.state == RUNNING)
        return load_first(Reconciliation, await self._unit.first(statement))

    async def last(self) -> Reconciliation | None:
        """Find the newest comparison of everybody that mends, also one that is running."""
        statement = select(Reconciliation).where(_OF_EVERYBODY, Reconciliation.dry_run.is_(False))
        newest_first = (Reconciliation.created_at.desc(), Reconciliation.id.desc())
        found = await self._unit.first(statement.order_by(*newest_first).limit(1))
        return load_first(Reconciliation, found)

    async def list_newest(self, limit: int) -> tuple[Reconciliation, ...]:
        newest_first = (Reconciliation.created_at.desc(), Reconciliation.id.desc())
        statement = select(Reconciliation).order_by(*newest_first).limit(limit)
        return load_all(Reconciliation, await self._unit.all(statement))

    async def is_due(self, now: datetime) -> bool:
        """Whether :meth:`claim_due` would find one; this writes nothing."""
        due = sa.select(Reconciliation.id).where(_due(now)).limit(1)
        return await self._unit.first(due) is not None

    async def claim_due(self, *, now: datetime, lease: timedelta) -> Reconciliation | None:
        """Take the one that has waited longest, so that nobody else does before *lease* is over."""
        return await self._claim(_due(now), until=now + lease)

    async def claim(
        self, reconciliation_id: str, *, now: datetime, lease: timedelta
    ) -> Reconciliation | None:
        """Take this one, also if it waits for Ory; not while somebody works on it."""
        waits = sa.or_(Reconciliation.due_at <= now, Reconciliation.last_error.is_not(None))
        wanted = sa.and_(
            Reconciliation.id == reconciliation_id, Reconciliation.state == RUNNING, waits
        )
        return await self._claim(wanted, until=now + lease)

    async def save(
        self,
        run: Reconciliation,
        *,
        cursor: str | None,
        checked: int,
        found: Mapping[str, int],
        due_at: datetime,
        error: str | None = None,
    ) -> bool:
        """Keep how far *run* is, and when to go on: not if somebody else went on from there."""
        values: dict[str, Any] = {
            "cursor": cursor,
            "checked": checked,
            "found": dict(found),
            "due_at": due_at,
            "last_error": None if error is None else error[:MAX_ERROR],
        }
        return await self._change(run, values)

    async def end(
        self, run: Reconciliation, *, state: str, at: datetime, error: str | None = None
    ) -> bool:
        """End *run* where it is kept to be: not if somebody else went on from there."""
        values = {
            "state": state,
            "due_at": at,
            "finished_at": at,
            "last_error": None if error is None else error[:MAX_ERROR],
        }
        return await self._change(run, values)

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget what was over before *at*, at most *limit*: how many."""
        over = Reconciliation.state.in_((DONE, STOPPED))
        condition = sa.and_(over, Reconciliation.due_at < at)
        return await self._unit.delete_some(Reconciliation, condition, limit=limit)

    async def subjects_after(self, subject: str | None, limit: int) -> tuple[str, ...]:
        """List the next *limit* subjects after *subject*, of users and of grants, in the order of
        their keys. Both are read along an index, and not further than that.
        """
        some = []
        for table in (User, GrantRecord):
            each = sa.select(table.subject.label("subject")).distinct()
            if subject is not None:
                each = each.where(table.subject > subject)
            part = each.order_by(table.subject).limit(limit).subquery()
            some.append(sa.select(part.c.subject))
        every = sa.union(*some).subquery()
        statement = sa.select(every.c.subject).order_by(every.c.subject).limit(limit)
        return tuple(row[0] for row in await self._unit.all(statement))

    async def mark_seen(
        self,
        subject: str,
        client_ids: Collection[str],
        *,
        lasting: Collection[str],
        at: datetime,
    ) -> None:
        """Note that Ory lists the subject's living grants to *client_ids*; those to *lasting* stay
        listed until somebody deletes them.
        """
        condition = sa.and_(
            GrantRecord.subject == subject,
            GrantRecord.client_id.in_(sorted(client_ids)),
            GrantRecord.revoked_at.is_(None),
            GrantRecord.revoke_reason.is_(None),  # narrowed: what is listed is from before
        )
        stays = sa.or_(GrantRecord.listable, GrantRecord.client_id.in_(sorted(lasting)))
        values = {"listed_at": at, "listable": stays}
        await self._unit.run(sa.update(GrantRecord).where(condition).values(values))

    async def newest_clients(self, limit: int) -> tuple[str, ...]:
        """List clients that people allowed most recently, among the newest hundred grants."""
        newest = (
            sa.select(GrantRecord.client_id)
            .where(GrantRecord.state == "active")
            .order_by(GrantRecord.granted_at.desc())
            .limit(100)
        )
        found = [row[0] for row in await self._unit.all(newest)]
        return tuple(dict.fromkeys(found))[:limit]

    async def in_use_since(self) -> datetime | None:
        """When the first event that is still in the audit trail was."""
        statement = sa.select(AuditEvent.occurred_at).order_by(AuditEvent.occurred_at).limit(1)
        found = await self._unit.first(statement)
        return found[0] if found else None

    async def _claim(
        self, wanted: sa.ColumnElement[bool], *, until: datetime
    ) -> Reconciliation | None:
        claimed = await self._unit.change_some(
            Reconciliation,
            wanted,
            {"due_at": until, "last_error": None},
            limit=1,
            first=Reconciliation.__table__.c.due_at,
        )
        return next(iter(claimed), None)

    async def _change(self, run: Reconciliation, values: Mapping[str, Any]) -> bool:
        cursor = Reconciliation.cursor
        unchanged = sa.and_(
            Reconciliation.id == run.id,
            Reconciliation.state == RUNNING,
            cursor.is_(None) if run.cursor is None else cursor == run.cursor,
        )
        return bool(await self._unit.run(sa.update(Reconciliation).where(unchanged).values(values)))


_OF_EVERYBODY: Final = Reconciliation.subject.is_(None)


def _due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Reconciliation.state == RUNNING, Reconciliation.due_at <= now)
