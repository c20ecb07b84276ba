"""Background work: the outbox of deletions at Ory, bulk revocations, forgetting what is over.

One process of all that share a database does it, and another takes over when that one ends
(ADR-0030). Each piece is claimed for a while besides: by the commands that work something off at
once, by whoever takes over, and by all where the database has no lock that ends with its holder.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final

from portal import bulk, expiry, logs, postbox, retention, sessions
from portal.ory.errors import OryError, OryKeyError, OryUnavailableError
from portal.pace import Pace
from portal.reconciliation import runs
from portal.revocations import carry_out, next_try, sweep
from portal.services import Services
from portal.store import Rows, StoreError
from portal.store.leader import Lead, NotLockableError, lead_of
from portal.store.tables import Revocation
from portal.throttle import ACCOUNT

EVERY: Final = 2.0
"""How often the one looks for something to do, and the others whether they may."""
CLEAN_EVERY: Final = 300.0
COMPARE_EVERY: Final = 60.0
"""How often to ask whether it is time to compare with Ory."""
IN_VAIN: Final = 5 * EVERY
"""Seconds after which one that does not reach Ory lets another try."""
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
    """Work until cancelled, whenever it is this process's turn. A database that is away is waited
    for.
    """
    lead = lead_of(services.settings.database_url)
    is_first_try = True
    try:
        while True:
            pause = EVERY
            if await _is_ours(lead):
                if not is_first_try:  # a portal that is alone leads from its start
                    logs.step("jobs.leading")
                if await _lead(lead, services) is Ending.IN_VAIN:
                    pause = 3 * EVERY  # so that somebody else is first
            is_first_try = False
            await asyncio.sleep(pause)
    except NotLockableError as exc:
        logs.step("jobs.shared", reason=str(exc))
        await _work(services, Pace(services.settings.background_rate))
    finally:
        await lead.give_up()


class Ending(Enum):
    """Why a process leads no longer."""

    LOST = auto()
    IN_VAIN = auto()


async def _is_ours(lead: Lead) -> bool:
    try:
        return await lead.take()
    except NotLockableError:
        raise
    except StoreError as exc:
        logs.problem("jobs.postponed", reason=type(exc).__name__)
    except Exception as exc:  # as below
        logs.alarm("jobs.failed", exc=exc)
    return False


async def _lead(lead: Lead, services: Services) -> Ending:
    """Work until another process may do it, or had better: its way to Ory may be open where this
    one's is not. What was under way then is claimed again later.
    """
    pace = Pace(services.settings.background_rate)
    working = asyncio.create_task(_work(services, pace))
    losing = asyncio.create_task(lead.until_lost())
    failing = asyncio.create_task(_until_in_vain(pace))
    tasks = (working, losing, failing)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await lead.give_up()
    for end in ends:
        if isinstance(end, Exception):
            logs.alarm("jobs.failed", exc=end)
    ending = Ending.IN_VAIN if failing in done else Ending.LOST
    logs.problem("jobs.lost", reason=ending.name.lower())
    return ending


async def _until_in_vain(pace: Pace) -> None:
    while pace.in_vain < IN_VAIN:  # noqa: ASYNC110 - time passes, nothing happens
        await asyncio.sleep(EVERY)


async def _work(services: Services, pace: Pace) -> None:
    """Do all kinds of it until cancelled."""
    background = replace(services, ory=services.ory.paced(pace))
    when_due: dict[str, Work] = {
        "revocations": work_off,
        "ended_sessions": sessions.tell_ended,
        "mails": postbox.deliver,
        "bulk_revocations": bulk.advance,
        "reconciliations": runs.advance,
        "expiry": expiry.write_down,
    }
    regular: tuple[tuple[Work, float], ...] = (
        (runs.advance, COMPARE_EVERY),
        (forget, CLEAN_EVERY),
        (retention.forget_history, CLEAN_EVERY),
        (retention.index_grants, CLEAN_EVERY),
        (retention.seal_codes_anew, CLEAN_EVERY),
        (retention.fold_names, CLEAN_EVERY),
        (retention.name_password_kinds, CLEAN_EVERY),
    )
    signals = {kind: asyncio.Event() for kind in when_due}
    async with asyncio.TaskGroup() as group:
        for kind, work in when_due.items():
            group.create_task(_when_due(work, background, signals[kind]))
        for work, every in regular:
            group.create_task(_regularly(work, background, every))
        group.create_task(_look_out(background, signals))


async def _look_out(services: Services, signals: Mapping[str, asyncio.Event]) -> None:
    """Wake up whoever has something to do. One look at the database is for all of them."""

    async def look(services: Services, *, now: datetime) -> None:
        async with services.store.reading() as rows:
            due = await rows.due_work.look(now=now, policies_until=now - expiry.SETTLED)
        for kind, signal in signals.items():
            if getattr(due, kind):
                signal.set()

    await _regularly(look, services, EVERY)


async def _when_due(work: Work, services: Services, signal: asyncio.Event) -> None:
    """Each kind of work goes on by itself; what returns true has more to do at once."""
    while True:
        await signal.wait()
        signal.clear()
        while await _tried(work, services):
            pass


async def _regularly(work: Work, services: Services, every: float) -> None:
    """What no look at a table tells is tried now and then."""
    while True:
        outcome = await _tried(work, services)
        pause = 0.0 if outcome else every
        await asyncio.sleep(EVERY if outcome is None else pause)


async def _tried(work: Work, services: Services) -> bool | None:
    """Do one round of *work*: whether there is more to do at once, ``None`` where it failed."""
    try:
        return await work(services, now=datetime.now(UTC)) is True
    except StoreError as exc:
        logs.problem("jobs.postponed", reason=type(exc).__name__)
    except Exception as exc:  # a defect in one round must not end all later ones; it is told
        logs.alarm("jobs.failed", exc=exc)
    return None


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
