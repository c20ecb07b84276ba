"""Bulk revocation: everything that a search found is revoked by a job that nothing interrupts.

The grants themselves are the list of what is left to do: what has been revoked is found no more. So
a job that died is taken up where it was, by whoever comes first.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from portal import logs
from portal.acting import require_admin
from portal.decisions import new_decision_id
from portal.origin import Origin
from portal.services import Services, Visitor
from portal.store import Rows, Selection, StoreUnavailableError
from portal.store.audit import event
from portal.store.bulk_revocations import RUNNING, Pair
from portal.store.grant_index import GrantPage, Position
from portal.store.grants import LIVING
from portal.store.tables import AuditEvent, BulkRevocation, GrantRecord, Revocation, User

BATCH: Final = 100
BATCHES_AT_ONCE: Final = 20
"""After so many the next job has its turn."""
LEASE: Final = timedelta(seconds=10)
"""How long the job of a process that died is left alone; each batch renews it."""
TRIES: Final = 3
PAUSE: Final = 0.05
REASON: Final = "admin"


def meant_by(selection: Selection, *, now: datetime) -> Selection:
    """What of *selection* can be revoked *now*: what lives, and nothing that is allowed later."""
    wanted = LIVING if selection.states is None else selection.states
    until = selection.allowed_until
    return msgspec.structs.replace(
        selection,
        states=tuple(state for state in LIVING if state in wanted),
        allowed_until=now if until is None else min(until, now),
    )


async def start(
    services: Services,
    *,
    selection: Selection,
    words: Mapping[str, str],
    matched: int,
    actor: str,
    by: str,
    visitor: Visitor,
) -> str:
    """Settle that everything of *selection* is to be revoked; the background does it. The job's
    id. *by* is how the log calls the *actor*.
    """
    job = BulkRevocation(
        id=new_decision_id(),
        actor=actor,
        selection=msgspec.to_builtins(meant_by(selection, now=visitor.now)),
        words=dict(words),
        granted_until=visitor.now,
        matched=matched,
        created_at=visitor.now,
        due_at=visitor.now,
        address=visitor.origin.address,
        user_agent=visitor.origin.user_agent,
    )
    async with services.store.writing() as rows:
        await require_admin(rows, actor)
        await rows.bulk_revocations.add(job)
        await rows.audit.add(
            "bulk.started",
            at=visitor.now,
            actor=actor,
            detail={"bulk_id": job.id, "search": job.words, "matched": matched},
            origin=visitor.origin,
        )
    logs.step("bulk.started", by=by)
    return job.id


async def stop(services: Services, bulk_id: str, *, admin: User, visitor: Visitor) -> None:
    """Revoke nothing more; what was revoked stays so."""
    async with services.store.writing() as rows:
        await require_admin(rows, admin.subject)
        job = await rows.bulk_revocations.end(bulk_id, state="stopped", at=visitor.now)
        if job is None:
            return
        await rows.audit.add(
            "bulk.stopped",
            at=visitor.now,
            actor=admin.subject,
            detail={"bulk_id": bulk_id, "revoked": job.revoked},
            origin=visitor.origin,
        )
    logs.step("bulk.stopped", by=admin.email)


async def advance(services: Services, *, now: datetime) -> bool:
    """Go on with the job that has waited longest: whether there was one."""
    started = time.monotonic()
    async with services.store.writing() as rows:
        job = await rows.bulk_revocations.claim_due(now=now, lease=LEASE)
    if job is None:
        return False
    run = _Run(job, services, now=now, started=started)
    if await run.to_its_end():
        await run.finish()
    return True


class _Run:
    """A while of one job in this process."""

    def __init__(
        self, job: BulkRevocation, services: Services, *, now: datetime, started: float
    ) -> None:
        self._job, self._services = job, services
        self._selection = msgspec.convert(job.selection, Selection)
        self._began, self._started = now, started

    @property
    def _now(self) -> datetime:
        return self._began + timedelta(seconds=time.monotonic() - self._started)

    async def to_its_end(self) -> bool:
        """Revoke batch after batch until nothing is left: false if it is not this one's to end."""
        place: Position | None = None
        batches = 0
        while True:
            async with self._services.store.reading() as rows:
                page = await self._page(rows, place)
            pairs = [(row.grant.subject, row.grant.client_id) for row in page.rows]
            revoked = await self._revoke(pairs) if pairs else 0
            if revoked is None:
                return False
            place = page.next
            if place is None:
                return True
            batches += 1 if pairs else 0
            if batches == BATCHES_AT_ONCE:
                async with self._services.store.writing() as rows:
                    await self._hand_on(rows)
                return False

    async def finish(self) -> None:
        """Write down that nothing is left.

        A removal that its person undoes is there again. So they can do that no longer, and if
        somebody has just done it, this is not the end.
        """
        async with self._services.store.writing() as rows:
            job = await rows.bulk_revocations.find(self._job.id, lock=True)
            if job is None or job.state != RUNNING:
                return
            await rows.revocations.end_undo(
                subjects=self._selection.subjects,
                client_ids=self._selection.client_ids,
                at=self._now,
            )
            if await self._is_left(rows):
                await self._hand_on(rows)
                return
            await rows.bulk_revocations.end(job.id, state="done", at=self._now)
            await rows.audit.add(
                "bulk.finished",
                at=self._now,
                actor="system",
                detail={"bulk_id": job.id, "revoked": job.revoked},
            )
        logs.step("bulk.finished")

    async def _is_left(self, rows: Rows) -> bool:
        """Whether something is to be revoked, however far one has to look for it."""
        page = await self._page(rows, None)
        while not page.rows and page.next is not None:
            page = await self._page(rows, page.next)
        return bool(page.rows)

    async def _page(self, rows: Rows, place: Position | None) -> GrantPage:
        return await rows.grant_index.page(
            self._selection, order="newest", after=place, limit=BATCH
        )

    async def _hand_on(self, rows: Rows) -> None:
        """Let whoever comes first go on, after those that have waited longer."""
        await rows.bulk_revocations.note(self._job.id, revoked=0, due_at=self._began)

    async def _revoke(self, pairs: list[Pair]) -> int | None:
        """Revoke those of *pairs* that are still meant: how many, or ``None`` if the job has ended.

        Databases end one of two units that stand in each other's way; it is simply done again.
        """
        for attempt in range(1, TRIES + 1):
            try:
                async with self._services.store.writing() as rows:
                    return await self._revoke_in(rows, pairs)
            except StoreUnavailableError as exc:
                if attempt == TRIES:
                    raise
                logs.problem("bulk.batch_again", reason=type(exc).__name__)
                await asyncio.sleep(PAUSE * attempt)
        raise AssertionError

    async def _revoke_in(self, rows: Rows, pairs: list[Pair]) -> int | None:
        job = await rows.bulk_revocations.find(self._job.id, lock=True)
        if job is None or job.state != RUNNING:
            return None
        grants = await rows.bulk_revocations.lock_living(
            pairs, until=job.granted_until, used_until=self._selection.used_until
        )
        at = self._now  # only now: whoever was waited for has decided before it
        if grants:
            await rows.bulk_revocations.revoke(
                [(grant.subject, grant.client_id) for grant in grants], reason=REASON, at=at
            )
            await rows.revocations.add_all([_deletion(job, grant, at) for grant in grants])
            await rows.audit.add_all([_event(job, grant, at) for grant in grants])
        await rows.bulk_revocations.note(job.id, revoked=len(grants), due_at=at + LEASE)
        return len(grants)


def _deletion(job: BulkRevocation, grant: GrantRecord, at: datetime) -> Revocation:
    return Revocation(
        id=new_decision_id(),
        subject=grant.subject,
        client_id=grant.client_id,
        end_logins=False,
        reason=REASON,
        revoked_at=at,
        state="pending",
        due_at=at,
        bulk_id=job.id,
    )


def _event(job: BulkRevocation, grant: GrantRecord, at: datetime) -> AuditEvent:
    return event(
        "grant.revoked",
        at=at,
        actor=job.actor,
        subject=grant.subject,
        client_id=grant.client_id,
        detail={"app": grant.client_name, "scopes": grant.scopes, "bulk_id": job.id},
        origin=Origin(address=job.address, user_agent=job.user_agent),
    )
