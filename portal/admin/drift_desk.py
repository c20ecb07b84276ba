"""Comparing with Ory at an administrator's word, and telling what was found."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from portal import logs
from portal.accounts import canonical_identifier
from portal.admin.audit_pages import ACTORS, actor_in_words
from portal.admin.drift_pages import (
    PATH,
    WHAT,
    DriftPage,
    FoundView,
    ResultView,
    RunState,
    RunView,
)
from portal.admin.wording import trouble_in_words
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import OryError
from portal.page import GoTo, NotThereError
from portal.reconciliation import runs
from portal.reconciliation.comparing import SYSTEM, Findings
from portal.reconciliation.drift import KINDS, Drift
from portal.services import Services, Visitor
from portal.store import AuditSearch, Rows
from portal.store.audit import AuditPage
from portal.store.reconciliations import DONE, RUNNING
from portal.store.tables import AuditEvent, Reconciliation, User

RUNS: Final = 10
PAGE: Final = 50
NOTICES: Final = {
    "started": N_("The comparison has started. You can close this page: it goes on by itself."),
    "running": N_("A comparison is running already. Its progress is below."),
}
NOBODY: Final = N_(
    "Nobody who is known here has this address or subject. Look for them in the list of people."
)


async def show(
    services: Services, *, after: str | None, admin: User, notice: str | None, **more: Any
) -> DriftPage:
    """The newest comparisons, and a page of what they found, from the event *after* on."""
    search = AuditSearch(actions=KINDS, actors=(SYSTEM,))
    async with services.store.reading() as rows:
        place = None if after is None else await rows.audit.find(after)
        if after is not None and place is None:
            raise NotThereError
        newest = await rows.reconciliations.list_newest(RUNS)
        told = await rows.audit.list_page(
            search, after=(place.occurred_at, place.id) if place else None, limit=PAGE
        )
        people = {run.actor for run in newest} | {run.subject for run in newest}
        names = await _names(rows, people | {event.subject for event in told.events})
    every = services.settings.reconcile_every
    return DriftPage(
        account=admin.email,
        runs=tuple(_run(run, names) for run in newest),
        every=timedelta(seconds=every) if every else None,
        found=tuple(_event(event, names) for event in told.events),
        next_url=_next_url(told),
        looked_until=told.looked_until,
        notice=_(NOTICES.get(notice or "", "")) or None,
        **more,
    )


async def compare_all(
    services: Services, *, stale: str | None, admin: User, visitor: Visitor
) -> DriftPage | GoTo:
    """Start a comparison of everybody, unless one is running."""
    if stale:
        return await show(services, after=None, admin=admin, notice=None, error=stale, status=403)
    run = await runs.start(services, actor=admin.subject, now=visitor.now, origin=visitor.origin)
    return GoTo(f"{PATH}?notice={'started' if run else 'running'}")


async def compare_one(
    services: Services, person: str, *, stale: str | None, admin: User, visitor: Visitor
) -> DriftPage:
    """Compare one person now; what was found is on the page that answers."""
    subject, name = await _find(services, person)
    status, problem = 403 if stale else 422, stale or _(NOBODY)
    result: ResultView | None = None
    if subject is not None and not stale:
        try:
            findings = await runs.reconcile_subject(
                services,
                subject,
                actor=admin.subject,
                now=visitor.now,
                origin=visitor.origin,
            )
            status, problem, result = 200, "", _result(findings, name)
        except OryError as exc:
            logs.problem("reconciliation.refused", reason=type(exc).__name__)
            status, problem = 503, trouble_in_words(type(exc).__name__)
            problem = _("{trouble} Nothing was changed.").format(trouble=problem)
    return await show(
        services,
        after=None,
        admin=admin,
        notice=None,
        status=status,
        person=person,
        person_error=problem or None,
        result=result,
    )


async def _find(services: Services, person: str) -> tuple[str | None, str]:
    """The subject that *person* names, who need not be a user here, and what to call them."""
    typed = person.strip()
    async with services.store.reading() as rows:
        user = await rows.users.find_by_email(canonical_identifier(typed))
        user = user or await rows.users.find(typed)
        if user is not None:
            return user.subject, user.email
        known = bool(typed) and bool(await rows.grants.of_subject(typed))
    return (typed if known else None), typed


async def _names(rows: Rows, subjects: Iterable[str | None]) -> dict[str | None, str]:
    """How to call each of *subjects*: by address, where there is one."""
    wanted = {subject for subject in subjects if subject is not None}
    emails = await rows.users.emails_of(wanted - ACTORS.keys())
    return {who: emails.get(who) or actor_in_words(who) for who in wanted}


def _run(run: Reconciliation, names: dict[str | None, str]) -> RunView:
    state: RunState = "done" if run.state == DONE else "stopped"
    if run.state == RUNNING:
        state = "comparing" if run.last_error is None else "waiting"
    return RunView(
        started_by=names[run.actor],
        started=run.created_at,
        finished=run.finished_at,
        person=names.get(run.subject),
        state=state,
        checked=run.checked,
        only_looked=run.dry_run,
        found=tuple((kind, run.found[kind]) for kind in WHAT if run.found.get(kind)),
        trouble=trouble_in_words(run.last_error) if run.last_error else None,
    )


def _event(event: AuditEvent, names: dict[str | None, str]) -> FoundView:
    return FoundView(
        person=names.get(event.subject),
        client_id=event.client_id or "",
        app_name=str(event.detail.get("app") or event.client_id),
        kind=event.action,
        at=event.occurred_at,
        permissions=_texts(event.detail.get("scopes")),
    )


def _result(findings: Findings, name: str) -> ResultView:
    return ResultView(person=name, found=tuple(_found(drift) for drift in findings.drift))


def _found(drift: Drift) -> FoundView:
    return FoundView(
        client_id=drift.client_id,
        app_name=drift.app,
        kind=drift.kind,
        permissions=drift.scopes,
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _next_url(told: AuditPage) -> str | None:
    return f"{PATH}?{urlencode({'after': told.next[1]})}" if told.next else None
