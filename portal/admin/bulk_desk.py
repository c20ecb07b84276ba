"""What the pages about removing everything that was found say, and what they start."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from portal import bulk
from portal.admin.audit_pages import actor_in_words
from portal.admin.bulk_pages import (
    JOBS,
    JobPage,
    JobsPage,
    JobState,
    JobView,
    RevokeAllPage,
    StuckView,
    WordView,
)
from portal.admin.grant_pages import LABELS, term_in_words
from portal.admin.grant_search import Wanted
from portal.admin.wording import TROUBLES, apps_in_words, people_in_words
from portal.i18n import N_, ngettext
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError
from portal.services import Services, Visitor
from portal.store import Selection, Tally
from portal.store.bulk_revocations import RUNNING, BulkRow
from portal.store.grant_index import EXACT_TO, MOST_CLIENTS, MOST_USERS
from portal.store.revocations import Stuck
from portal.store.tables import User
from portal.writing import number

PAGE: Final = 50
EVERYTHING: Final = N_(
    "Narrow the search first: without a word to search for, this would be everything there is."
)
MANY_USERS: Final = N_(
    "More than {most} people fit these words, so it is not certain who is meant. "
    "Type more of the address, or the whole of it."
)
MANY_APPS: Final = N_(
    "More than {most} apps fit these words, so it is not certain which are meant. "
    "Type the exact id of the app."
)
DID_NOT_WORK: Final = N_("It did not work.")
NOTHING: Final = N_("No app that has access now fits this search, so there is nothing to remove.")


async def question(services: Services, wanted: Wanted, *, now: datetime) -> RevokeAllPage:
    """Say in numbers what would happen, or why nothing can."""
    return (await _count(services, wanted, now=now))[0]


async def start(
    services: Services,
    wanted: Wanted,
    *,
    expected: int,
    stale: str | None,
    admin: User,
    visitor: Visitor,
) -> RevokeAllPage | GoTo:
    """Start the job, if it is still what was asked about: *expected* is what was told then.

    *stale*: why the form cannot count.
    """
    page, selection = await _count(services, wanted, now=visitor.now)
    if selection is None:
        return page
    changed = None if expected == page.expected else _changed(expected, page.expected)
    if stale or changed:
        status = 403 if stale else 409
        return msgspec.structs.replace(page, error=stale or changed, status=status)
    bulk_id = await bulk.start(
        services,
        selection=selection,
        words=wanted.terms,
        matched=page.expected,
        actor=admin.subject,
        by=admin.email,
        visitor=visitor,
    )
    return GoTo(f"{JOBS}/{bulk_id}")


async def stop(
    services: Services, bulk_id: str, *, stale: str | None, admin: User, visitor: Visitor
) -> JobPage | GoTo:
    """Stop a job, if it still goes on."""
    page = await one_job(services, bulk_id, admin=admin)
    if stale:
        return msgspec.structs.replace(page, error=stale, status=403)
    await bulk.stop(services, page.job.id, admin=admin, visitor=visitor)
    return GoTo(f"{JOBS}/{page.job.id}")


async def one_job(
    services: Services, bulk_id: str, *, admin: User, told: str | None = None
) -> JobPage:
    """How far a job is, and what stands in its way; *told*: the stage that is known already."""
    async with services.store.reading() as rows:
        job = await rows.bulk_revocations.find(_possible(bulk_id))
        if job is None:
            raise NotThereError
        user = await rows.users.find(job.actor)
        pending = await rows.revocations.count_pending((job.id,))
        stuck, count = await rows.revocations.list_stuck(job.id, limit=PAGE)
    row = BulkRow(job, user.email if user else None)
    return JobPage(
        account=admin.email,
        job=_view(row, pending.get(job.id, 0)),
        stuck=tuple(_stuck(one) for one in stuck),
        stuck_count=count,
        told=told,
    )


async def all_jobs(services: Services, *, after: str | None, admin: User) -> JobsPage:
    """A page of all jobs, from the one called *after* on."""
    async with services.store.reading() as rows:
        place = await rows.bulk_revocations.find(_possible(after)) if after is not None else None
        if after is not None and place is None:
            raise NotThereError
        found = await rows.bulk_revocations.list_page(after=place, limit=PAGE + 1)
        shown = found[:PAGE]
        pending = await rows.revocations.count_pending(row.job.id for row in shown)
    more = f"{JOBS}?{urlencode({'after': shown[-1].job.id})}" if len(found) > PAGE else None
    return JobsPage(
        account=admin.email,
        jobs=tuple(_view(row, pending.get(row.job.id, 0)) for row in shown),
        next_url=more,
    )


async def _count(
    services: Services, wanted: Wanted, *, now: datetime
) -> tuple[RevokeAllPage, Selection | None]:
    """The page for what *wanted* means *now*, and the selection if something can be removed."""
    words, back = _words(wanted.terms), wanted.url()
    if not any(word.value.strip() for word in words):
        return RevokeAllPage(status=422, refusal=_(EVERYTHING), back_url=back), None
    async with services.store.reading() as rows:
        selected = await rows.grant_index.select(wanted.search(now))
        if not selected.whole:
            refusal = _(MANY_APPS).format(most=MOST_CLIENTS)
            if selected.more_users:
                refusal = _(MANY_USERS).format(most=MOST_USERS)
            return RevokeAllPage(status=422, words=words, refusal=refusal, back_url=back), None
        selection = bulk.meant_by(selected.selection, now=now)
        tally = await rows.grant_index.tally(selection)
    if not tally.grants:
        return RevokeAllPage(words=words, refusal=_(NOTHING), back_url=back), None
    page = RevokeAllPage(
        words=words, consequence=_consequence(tally), expected=tally.grants, back_url=back
    )
    return page, selection


def _changed(expected: int, found: int) -> str | None:
    """What is told only roughly cannot be compared."""
    if expected > EXACT_TO and found > EXACT_TO:
        return None
    return _(
        "You were told of {before}, but now it is {now}. "
        "Nothing was removed yet: look again, then decide."
    ).format(before=_about(expected), now=_about(found))


def _consequence(tally: Tally) -> str:
    if not tally.exact:
        return _("This removes about {number} connected apps.").format(number=number(tally.grants))
    connected = ngettext("{count} connected app", "{count} connected apps", tally.grants)
    return _("This removes access of {apps} for {people}: {connected} in all.").format(
        apps=apps_in_words(tally.apps),
        people=people_in_words(tally.people),
        connected=connected.format(count=number(tally.grants)),
    )


def _about(count: int) -> str:
    said = number(count)
    return said if count <= EXACT_TO else _("about {number}").format(number=said)


def _words(terms: Mapping[str, Any]) -> tuple[WordView, ...]:
    return tuple(
        WordView(
            name=name,
            label=_(label),
            value=str(terms[name]),
            text=term_in_words(name, str(terms[name])),
        )
        for name, label in LABELS.items()
        if terms.get(name)
    )


def _possible(bulk_id: str) -> str:
    """*bulk_id* if it can be one."""
    try:
        return str(UUID(bulk_id))
    except ValueError:
        raise NotThereError from None


def _view(row: BulkRow, pending: int) -> JobView:
    job = row.job
    state: JobState = "waiting" if pending else "done"
    if job.state != "done":
        state = "removing" if job.state == RUNNING else "stopped"
    return JobView(
        id=job.id,
        state=state,
        words=_words(job.words),
        started_by=row.email or actor_in_words(job.actor),
        started=job.created_at,
        finished=job.finished_at,
        matched=job.matched,
        revoked=job.revoked,
        confirmed=max(0, job.revoked - pending),
    )


def _stuck(stuck: Stuck) -> StuckView:
    revocation = stuck.revocation
    return StuckView(
        person=stuck.email or revocation.subject,
        app_name=stuck.app_name or revocation.client_id or "",
        trouble=_(TROUBLES.get(revocation.last_error or "", DID_NOT_WORK)),
        attempts=revocation.attempts,
        due=revocation.due_at,
    )
