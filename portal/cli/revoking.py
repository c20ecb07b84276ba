"""Revoking from a terminal: one grant or many, here at once and then at Ory."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import rich_click as click

from portal import bulk, jobs
from portal.cli.common import ACTOR, POLL, has_terminal, progress
from portal.cli.grant_filters import Filters, select
from portal.cli.refusal import Refusal
from portal.origin import Origin
from portal.revocations import remove_access
from portal.services import Services, Visitor
from portal.store import GrantRow, Rows, Selection, Store, Tally
from portal.store.bulk_revocations import RUNNING
from portal.store.grant_index import Position
from portal.store.tables import BulkRevocation

PATIENCE: Final = timedelta(seconds=30)
"""How long nothing may move before Ory's silence is told."""


async def revocable(store: Store, filters: Filters) -> tuple[Selection, Tally, GrantRow | None]:
    """What can be revoked of what was named; and the one grant, where it is one."""
    selected = await select(store, filters)
    if not selected.whole:
        raise Refusal("more apps fit than can be revoked in one go. Type more of --client.")
    selection = bulk.meant_by(selected.selection, now=datetime.now(UTC))
    async with store.reading() as rows:
        tally = await rows.grant_index.tally(selection)
        if tally.grants != 1:
            return selection, tally, None
        return selection, tally, await _only_one(rows, selection)


async def _only_one(rows: Rows, selection: Selection) -> GrantRow | None:
    """A page that stopped to stay fast may be empty although there is more."""
    after: Position | None = None
    while True:
        page = await rows.grant_index.page(selection, order="newest", after=after, limit=1)
        if page.rows or page.next is None:
            return next(iter(page.rows), None)
        after = page.next


def confirm(tally: Tally) -> None:
    """Ask whether to go on; a script has to say --yes."""
    about = (
        f"{tally.grants:,} grants: of {tally.people:,} people, to {tally.apps:,} apps"
        if tally.exact
        else f"about {tally.grants:,} grants"
    )
    if not has_terminal():
        raise Refusal(f"this would revoke {about}. There is no terminal to ask at: say --yes.")
    click.confirm(f"This revokes {about}. Go on?", abort=True, err=True)


async def revoke_one(services: Services, row: GrantRow, *, wait: bool) -> str:
    """Revoke one grant, and tell how far that is."""
    grant = row.grant
    now, name = datetime.now(UTC), row.email or grant.subject
    visitor = Visitor(browser_hash=None, origin=Origin(), now=now)
    about = f"{grant.client_name} has no access for {name} any more"
    if await remove_access(
        services, grant=grant, user=name, actor=ACTOR, reason="admin", visitor=visitor
    ):
        return f"{about}; Ory has confirmed it."

    async def left() -> int:
        async with services.store.reading() as rows:
            return len(
                await rows.revocations.pending_for(grant.subject, grant.client_id, logins=False)
            )

    if wait:
        with progress() as show:
            await _until_confirmed(services, left, lambda _: show("Waiting for Ory …"))
        return f"{about}; Ory has confirmed it."
    return f"{about}. Ory is told as soon as it can be reached, by the running portal."


async def start_job(
    services: Services, selection: Selection, tally: Tally, filters: Filters
) -> str:
    """Start a bulk revocation: its id."""
    now = datetime.now(UTC)
    return await bulk.start(
        services,
        selection=selection,
        words=filters.words,
        matched=tally.grants,
        actor=ACTOR,
        by=ACTOR,
        visitor=Visitor(browser_hash=None, origin=Origin(), now=now),
    )


async def finish_job(services: Services, job_id: str, *, wait: bool) -> str:
    """Do here what the background would do, until it is done by either."""

    async def left() -> int:
        async with services.store.reading() as rows:
            return (await rows.revocations.count_pending((job_id,))).get(job_id, 0)

    with progress() as show:
        while (job := await _job(services, job_id)).state == RUNNING:
            show(f"Revoked {job.revoked:,} of {job.matched:,} …")
            if not await bulk.advance(services, now=datetime.now(UTC)):
                await asyncio.sleep(POLL)
        if wait:
            await _until_confirmed(
                services,
                left,
                lambda n: show(f"Revoked {job.revoked:,}; Ory has confirmed {job.revoked - n:,} …"),
            )
    done = f"{job.revoked:,} grants revoked"
    if wait:
        return f"{done}; Ory has confirmed it."
    return f"{done}. Ory is told as soon as it can be reached, by the running portal."


async def _job(services: Services, job_id: str) -> BulkRevocation:
    async with services.store.reading() as rows:
        job = await rows.bulk_revocations.find(job_id)
    if job is None:
        raise Refusal("somebody has deleted the job meanwhile. See: portal grants list")
    return job


async def _until_confirmed(
    services: Services, left: Callable[[], Any], show: Callable[[int], None]
) -> None:
    """Work off the outbox until nothing of ours is in it; not for ever where Ory is away."""
    moved_at, before = datetime.now(UTC), -1
    while remaining := await left():
        show(remaining)
        now = datetime.now(UTC)
        if remaining != before:
            moved_at, before = now, remaining
        elif now - moved_at > PATIENCE:
            raise Refusal(
                f"{remaining:,} revoked here, but Ory does not answer and has yet to be told. The "
                "running portal goes on trying; see: portal grants list --state pending"
            )
        if not await jobs.work_off(services, now=now):
            await asyncio.sleep(POLL)
