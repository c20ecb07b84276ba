"""Background work: the outbox of deletions at Ory, and forgetting what is over.

Any number of processes may run it: each piece of outbox work is claimed by one of them for a while,
and is claimed again if that one dies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from portal import logs
from portal.ory.errors import OryError, OryUnavailableError
from portal.revocations import carry_out, next_try, sweep
from portal.services import Services
from portal.store import Rows, StoreError
from portal.store.tables import Revocation
from portal.throttle import ACCOUNT

EVERY: Final = 2.0
CLEAN_EVERY: Final = timedelta(minutes=5)
LEASE: Final = timedelta(seconds=30)
BATCH: Final = 100
FORGET_AT_ONCE: Final = 1000
KEEP_FLOWS: Final = timedelta(days=1)
KEEP_ATTEMPTS: Final = timedelta(days=2)
"""But not where the ceiling is reached: that holds until somebody lifts it."""
KEEP_DONE: Final = timedelta(days=30)
KEEP_BROWSERS: Final = timedelta(days=400)


async def run(services: Services) -> None:
    """Work until cancelled. A database that is away is waited for."""
    cleaned_at = datetime.min.replace(tzinfo=UTC)
    while True:
        now = datetime.now(UTC)
        try:
            await work_off(services, now=now)
            if now - cleaned_at > CLEAN_EVERY:
                await forget(services, now=now)
                cleaned_at = now
        except StoreError as exc:
            logs.problem("jobs.postponed", reason=type(exc).__name__)
        except Exception as exc:  # a defect in one round must not end all later ones; it is told
            logs.alarm("jobs.failed", exc=exc)
        await asyncio.sleep(EVERY)


async def work_off(services: Services, *, now: datetime) -> int:
    """Carry out what is due in the outbox, and the second sweeps; how many pieces were taken.

    One at a time: what waits behind a slow answer may be carried out by whoever needs it first, and
    must then not be done again.
    """
    started = time.monotonic()
    for done in range(BATCH):
        at = now + timedelta(seconds=time.monotonic() - started)
        async with services.store.writing() as rows:
            claimed = await rows.revocations.claim_due(now=at, limit=1, lease=LEASE)
        if not claimed:
            return done
        if not await _work_on(claimed[0], services):
            return done + 1
    return BATCH


async def _work_on(revocation: Revocation, services: Services) -> bool:
    """Do one piece, or put it off; false if Ory is away and the next piece would not do better."""
    try:
        if revocation.state == "pending":
            await carry_out(revocation, services)
        else:
            await sweep(revocation, services)
    except OryError as exc:
        due_at = next_try(revocation.attempts, now=datetime.now(UTC))
        logs.problem("revocation.postponed", reason=type(exc).__name__)
        async with services.store.writing() as rows:
            await rows.revocations.postpone(
                revocation.id, state=revocation.state, error=type(exc).__name__, due_at=due_at
            )
        return not isinstance(exc, OryUnavailableError)
    return True


async def forget(services: Services, *, now: datetime) -> None:
    """Delete what is over, in bounded batches, so that no table grows with traffic alone."""
    settings = services.settings
    idle = timedelta(seconds=max(settings.session_idle, settings.admin_idle))
    sign_ins = timedelta(seconds=settings.remember_login_for) + KEEP_FLOWS

    async def each(call: Callable[[Rows], Awaitable[int]]) -> None:
        forgotten = FORGET_AT_ONCE
        while forgotten == FORGET_AT_ONCE:  # other writers get their turn between two portions
            async with services.store.writing() as rows:
                forgotten = await call(rows)

    await each(lambda rows: rows.flows.delete_before(now - KEEP_FLOWS, FORGET_AT_ONCE))
    await each(lambda rows: rows.portal_sessions.delete_before(now - idle, FORGET_AT_ONCE))
    await each(lambda rows: rows.login_sessions.delete_before(now - sign_ins, FORGET_AT_ONCE))
    await each(lambda rows: rows.revocations.delete_before(now - KEEP_DONE, FORGET_AT_ONCE))
    await each(lambda rows: rows.browsers.delete_before(now - KEEP_BROWSERS, FORGET_AT_ONCE))
    until = (now - KEEP_ATTEMPTS).timestamp()
    ceiling = ACCOUNT.ceiling
    await each(lambda rows: rows.attempts.delete_before(until, FORGET_AT_ONCE, streak=ceiling))
