"""Background work: the outbox of deletions at Ory, bulk revocations, forgetting what is over.

Any number of processes may run it: each piece of outbox work is claimed by one of them for a while,
and is claimed again if that one dies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from portal import bulk, expiry, logs, postbox, retention, sessions
from portal.ory.errors import OryError, OryKeyError, OryUnavailableError
from portal.pace import Pace
from portal.reconciliation import runs
from portal.revocations import carry_out, next_try, sweep
from portal.services import Services
from portal.store import Rows, StoreError
from portal.store.tables import Revocation
from portal.throttle import ACCOUNT

EVERY: Final = 2.0
CLEAN_EVERY: Final = 300.0
LEASE: Final = timedelta(seconds=30)
WORKERS: Final = 4
FORGET_AT_ONCE: Final = 1000
HALF_DONE: Final = timedelta(hours=1)
"""Sign-ins that nobody went on with: longer than they count."""
KEEP_FLOWS: Final = timedelta(days=1)
KEEP_ATTEMPTS: Final = timedelta(days=2)
"""But not where the ceiling is reached: that holds until somebody lifts it."""
KEEP_LINKS: Final = timedelta(days=1)
KEEP_DONE: Final = timedelta(days=30)
KEEP_BROWSERS: Final = timedelta(days=400)
KEEP_COMPARED: Final = timedelta(days=90)
Work = Callable[..., Awaitable[object]]
"""Takes the services and ``now``."""


async def run(services: Services) -> None:
    """Work until cancelled. A database that is away is waited for."""
    pace = Pace(services.settings.background_rate)
    background = replace(services, ory=services.ory.paced(pace))
    works: tuple[tuple[Work, float], ...] = (
        (work_off, EVERY),
        (postbox.deliver, EVERY),
        (sessions.tell_ended, EVERY),
        (bulk.advance, EVERY),
        (runs.advance, EVERY),
        (expiry.write_down, EVERY),
        (forget, CLEAN_EVERY),
        (retention.forget_history, CLEAN_EVERY),
        (retention.index_grants, CLEAN_EVERY),
        (retention.seal_codes_anew, CLEAN_EVERY),
        (retention.fold_names, CLEAN_EVERY),
        (retention.name_password_kinds, CLEAN_EVERY),
    )
    async with asyncio.TaskGroup() as group:
        for work, every in works:
            group.create_task(_again_and_again(work, background, every))


async def _again_and_again(work: Work, services: Services, every: float) -> None:
    """Each kind of work goes on by itself; what returns true has more to do at once."""
    while True:
        pause = EVERY
        try:
            pause = 0.0 if await work(services, now=datetime.now(UTC)) is True else every
        except StoreError as exc:
            logs.problem("jobs.postponed", reason=type(exc).__name__)
        except Exception as exc:  # a defect in one round must not end all later ones; it is told
            logs.alarm("jobs.failed", exc=exc)
        await asyncio.sleep(pause)


async def work_off(services: Services, *, now: datetime) -> int:
    """Carry out what is due in the outbox, and the second sweeps, until nothing is or Ory is away:
    how many pieces were taken.

    A few workers, and each claims one piece at a time: what waits behind a slow answer may be
    carried out by whoever needs it first, and must then not be done again.
    """
    started, away = time.monotonic(), asyncio.Event()

    async def claim() -> Revocation | None:
        at = now + timedelta(seconds=time.monotonic() - started)
        async with services.store.writing() as rows:
            return next(iter(await rows.revocations.claim_due(now=at, limit=1, lease=LEASE)), None)

    async def worker(piece: Revocation | None) -> int:
        taken = 0
        while not away.is_set() and (piece := piece or await claim()):
            taken += 1
            if not await _work_on(piece, services):
                away.set()
            piece = None
        return taken

    first = await claim()
    if first is None:
        return 0
    rate = services.settings.background_rate
    others = min(WORKERS, rate or WORKERS) - 1
    outcomes = await asyncio.gather(
        worker(first), *(worker(None) for _ in range(others)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return sum(outcome for outcome in outcomes if isinstance(outcome, int))


async def _work_on(revocation: Revocation, services: Services) -> bool:
    """Do one piece, or put it off; false if the next piece would not do better: Ory is away."""
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
        return not isinstance(exc, OryUnavailableError | OryKeyError)
    return True


async def forget(services: Services, *, now: datetime) -> None:
    """Delete what is over, in bounded batches, so that no table grows with traffic alone."""
    settings = services.settings
    proofs = timedelta(seconds=settings.challenge_ttl) + KEEP_FLOWS
    idle = timedelta(seconds=max(settings.session_idle, settings.admin_idle))
    sign_ins = timedelta(seconds=settings.remember_login_for) + KEEP_FLOWS

    async def each(call: Callable[[Rows], Awaitable[int]]) -> None:
        forgotten = FORGET_AT_ONCE
        while forgotten == FORGET_AT_ONCE:  # other writers get their turn between two portions
            async with services.store.writing() as rows:
                forgotten = await call(rows)

    await each(lambda rows: rows.flows.delete_before(now - KEEP_FLOWS, FORGET_AT_ONCE))
    await each(lambda rows: rows.sign_ins.delete_before(now - HALF_DONE, FORGET_AT_ONCE))
    await each(lambda rows: rows.spent_proofs.delete_before(now - proofs, FORGET_AT_ONCE))
    await each(lambda rows: rows.portal_sessions.delete_before(now - idle, FORGET_AT_ONCE))
    await each(lambda rows: rows.login_sessions.delete_before(now - sign_ins, FORGET_AT_ONCE))
    await each(lambda rows: rows.revocations.delete_before(now - KEEP_DONE, FORGET_AT_ONCE))
    await each(lambda rows: rows.browsers.delete_before(now - KEEP_BROWSERS, FORGET_AT_ONCE))
    await each(lambda rows: rows.reconciliations.delete_before(now - KEEP_COMPARED, FORGET_AT_ONCE))
    await each(lambda rows: rows.mailed_links.delete_before(now - KEEP_LINKS, FORGET_AT_ONCE))
    until = (now - KEEP_ATTEMPTS).timestamp()
    ceiling = ACCOUNT.ceiling
    await each(lambda rows: rows.attempts.delete_before(until, FORGET_AT_ONCE, streak=ceiling))
