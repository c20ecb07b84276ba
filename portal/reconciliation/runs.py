"""Comparisons of everybody, which go on through restarts, and of one subject at once."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from portal import logs
from portal.acting import require_admin
from portal.decisions import new_decision_id
from portal.i18n import N_
from portal.origin import Origin
from portal.ory.errors import OryError, OryKeyError
from portal.reconciliation.comparing import SYSTEM, AppsAtOry, Findings, compare_subject
from portal.services import Services
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.reconciliations import DONE, RUNNING, STOPPED
from portal.store.tables import Reconciliation

UNREAD: Final = "unread"
"""Counted beside them: subjects whose list Ory does not give, while it answers about others."""
MOST_SUBJECTS: Final = 200
MOST_SECONDS: Final = 2.0
"""A portion: afterwards it is kept how far the run is, and other work has its turn."""
LEASE: Final = timedelta(seconds=30)
"""How long the run of a process that died is left alone; each portion renews it."""
TRY_AGAIN_AFTER: Final = timedelta(seconds=30)
FIRST_AFTER: Final = timedelta(hours=1)
"""A portal that was set up just now has nothing to compare: every challenge is younger."""
NEWEST_APPS: Final = 3
ANOTHER_ORY: Final = N_(
    "Ory knows none of the apps that people allowed last. If HYDRA_ADMIN_URL is right, compare by "
    "hand."
)


async def reconcile_subject(
    services: Services,
    subject: str,
    *,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    origin: Origin = UNKNOWN,
) -> Findings:
    """Compare one subject because *actor* asked for it, and write down that they did."""
    async with services.store.reading() as rows:
        await require_admin(rows, actor)
    run = _new_run(actor=actor, now=now, dry_run=dry_run, subject=subject)
    findings = await compare_subject(services, subject, now=now, dry_run=dry_run, run_id=run.id)
    run.state, run.finished_at = DONE, now
    run.checked, run.found = 1, dict(findings.counts)
    async with services.store.writing() as rows:
        await rows.reconciliations.add(run)
        await _audit_end(rows, run, now=now, origin=origin)
    return findings


async def start(
    services: Services,
    *,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    origin: Origin = UNKNOWN,
    lease: timedelta = timedelta(),
    not_since: datetime | None = None,
) -> Reconciliation | None:
    """Start a comparison of everybody: None if one is running, or began after *not_since*.

    The background goes on with it; after *lease*, where the one who starts it works on it.
    """
    run = _new_run(actor=actor, now=now, dry_run=dry_run)
    run.due_at = now + lease
    async with services.store.writing() as rows:
        await require_admin(rows, actor)
        if not await rows.reconciliations.start(run, not_since=not_since):
            return None
        await rows.audit.add(
            "reconciliation.started",
            at=now,
            actor=actor,
            detail={"reconciliation": run.id, "dry_run": dry_run},
            origin=origin,
        )
    logs.step("reconciliation.started", by=actor)
    return run


async def advance(services: Services, *, now: datetime) -> bool:
    """Go on with a run that waits, or start the one that it is time for: whether there is more to
    do at once.
    """
    async with services.store.reading() as rows:
        due = await rows.reconciliations.is_due(now)
    if not due:
        return await _start_if_time(services, now=now)
    async with services.store.writing() as rows:
        run = await rows.reconciliations.claim_due(now=now, lease=LEASE)
    if run is None:
        return False
    try:
        await carry_on(run, services, now=now)
    except OryError as exc:
        logs.problem("reconciliation.postponed", reason=type(exc).__name__)
        return False
    return True


async def carry_on(
    run: Reconciliation,
    services: Services,
    *,
    now: datetime,
    at_most: int = MOST_SUBJECTS,
    seconds: float = MOST_SECONDS,
) -> Findings:
    """Do one portion of *run*, which was claimed, and keep how far it is.

    What is certain by then is kept also when Ory is away; then the run waits, and this raises.
    """
    apps = AppsAtOry(services.ory)
    began = time.monotonic()
    trouble: OryError | None = None
    try:
        if run.actor == SYSTEM and run.cursor is None and await _is_another_ory(services, apps):
            await _stop(run, services, now=now)
            return Findings(checked=0)
    except OryError as exc:
        trouble = exc
    async with services.store.reading() as rows:
        subjects = await rows.reconciliations.subjects_after(run.cursor, at_most)
    portion = _Portion(run)
    for subject in subjects if trouble is None else ():
        if portion.moved and time.monotonic() - began > seconds:
            break
        try:
            portion.add(
                subject,
                await compare_subject(
                    services, subject, now=now, dry_run=run.dry_run, apps=apps, run_id=run.id
                ),
            )
        except OryKeyError as exc:
            trouble = exc
            break
        except OryError:
            trouble = await _trouble_of_all(services)
            if trouble is not None:
                break
            portion.leave_behind(subject)
    else:
        portion.complete = trouble is None and len(subjects) < at_most
    took = timedelta(seconds=time.monotonic() - began)
    await _keep(portion, services, now=now + took, trouble=trouble)
    if trouble is not None:
        raise trouble
    return portion.whole()


class _Portion:
    """How far a run is, while a portion of it is worked on."""

    def __init__(self, run: Reconciliation) -> None:
        self.run = run
        self.findings: list[Findings] = []
        self.complete = False
        """There is nobody left."""
        self._cursor = run.cursor
        self._found = Counter[str](run.found)

    @property
    def moved(self) -> bool:
        """Whether there is something to keep."""
        return self._cursor != self.run.cursor

    def add(self, subject: str, findings: Findings) -> None:
        """Count what was found."""
        self.findings.append(findings)
        self._found += findings.counts
        self._cursor = subject

    def leave_behind(self, subject: str) -> None:
        """Count one whose list cannot be read, and go on after it."""
        self._found[UNREAD] += 1
        self._cursor = subject

    def progress(self) -> dict[str, Any]:
        """What to keep."""
        checked = self.run.checked + sum(each.checked for each in self.findings)
        return {"cursor": self._cursor, "checked": checked, "found": self._found}

    def whole(self) -> Findings:
        """Everything that was found."""
        drift = tuple(drift for each in self.findings for drift in each.drift)
        return Findings(drift=drift, checked=sum(each.checked for each in self.findings))


async def _keep(
    portion: _Portion, services: Services, *, now: datetime, trouble: OryError | None
) -> None:
    run, error, due_at = portion.run, None, now
    if trouble is not None:
        asked = getattr(trouble, "retry_after", None) or 0
        error, due_at = type(trouble).__name__, now + max(TRY_AGAIN_AFTER, timedelta(seconds=asked))
    progress = portion.progress()
    async with services.store.writing() as rows:
        saved = await rows.reconciliations.save(run, **progress, due_at=due_at, error=error)
        if not saved or not portion.complete:
            return
        run.cursor, run.checked, run.found = (
            progress["cursor"],
            progress["checked"],
            progress["found"],
        )
        await rows.reconciliations.end(run, state=DONE, at=now)
        await _audit_end(rows, run, now=now)
    logs.step("reconciliation.finished", by=run.actor)


async def _stop(run: Reconciliation, services: Services, *, now: datetime) -> None:
    """End every grant, because Ory was mixed up with another one? Somebody has to look first."""
    async with services.store.writing() as rows:
        if not await rows.reconciliations.end(run, state=STOPPED, at=now, error=ANOTHER_ORY):
            return
        await _audit_end(rows, run, now=now, stopped=ANOTHER_ORY)
    logs.alarm("reconciliation.stopped", reason=ANOTHER_ORY)


async def _trouble_of_all(services: Services) -> OryError | None:
    """What is wrong with Ory; ``None`` where it answers about somebody who has nothing there, so
    that the fault is in one list.
    """
    try:
        await services.ory.list_consent_sessions(new_decision_id())
    except OryError as exc:
        return exc
    return None


async def _is_another_ory(services: Services, apps: AppsAtOry) -> bool:
    """Whether none of the apps that were allowed last exists there.

    The only app of all may have been deleted; then a run that somebody asks for ends its grants.
    """
    async with services.store.reading() as rows:
        clients = await rows.reconciliations.newest_clients(NEWEST_APPS)
    return bool(clients) and all([await apps.lack(client_id) for client_id in clients])


async def _start_if_time(services: Services, *, now: datetime) -> bool:
    every = timedelta(seconds=services.settings.reconcile_every)
    if not every:
        return False
    async with services.store.reading() as rows:
        last = await rows.reconciliations.last()
        since = await rows.reconciliations.in_use_since() if last is None else None
    if last is not None:
        is_time = last.state != RUNNING and now - (last.finished_at or last.created_at) >= every
    else:
        is_time = since is not None and now - since >= FIRST_AFTER
    if not is_time:
        return False
    not_since = last.created_at if last else None
    return await start(services, actor=SYSTEM, now=now, not_since=not_since) is not None


def _new_run(
    *, actor: str, now: datetime, dry_run: bool, subject: str | None = None
) -> Reconciliation:
    return Reconciliation(
        id=new_decision_id(),
        actor=actor,
        subject=subject,
        dry_run=dry_run,
        found={},
        created_at=now,
        due_at=now,
    )


async def _audit_end(
    rows: Rows, run: Reconciliation, *, now: datetime, origin: Origin = UNKNOWN, **more: str
) -> None:
    await rows.audit.add(
        "reconciliation.finished",
        at=now,
        actor=run.actor,
        subject=run.subject,
        detail={
            "reconciliation": run.id,
            "dry_run": run.dry_run,
            "checked": run.checked,
            "found": dict(run.found),
            **more,
        },
        origin=origin,
    )
