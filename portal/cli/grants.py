"""``portal grants``: what people let apps do, to list, to revoke, and to compare with Ory."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, get_args

import msgspec
import rich_click as click

from portal import bulk, jobs
from portal.accounts import canonical_identifier
from portal.cli.common import (
    ACTOR,
    explained,
    format_option,
    has_terminal,
    load_settings,
    make_passwords,
    open_store,
    print_document,
    print_rows,
    require_head,
    run,
)
from portal.cli.refusal import Refusal
from portal.grants import Policy, state_of
from portal.origin import Origin
from portal.ory.connect import open_client
from portal.pace import Pace
from portal.reconciliation import runs
from portal.reconciliation.comparing import Findings
from portal.revocations import remove_access
from portal.scopes import load_catalog
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.settings.reading import seconds
from portal.store import GrantRow, GrantSearch, Selection, Store, Tally
from portal.store.bulk_revocations import RUNNING as REVOKING
from portal.store.grant_index import Order, Selected
from portal.store.reconciliations import RUNNING, STOPPED
from portal.store.tables import GRANT_STATES, BulkRevocation, Reconciliation, User

F = TypeVar("F", bound=Callable[..., Any])
COLUMNS: Final = {
    "user": "USER",
    "client_id": "CLIENT ID",
    "client_name": "APP",
    "scopes": "SCOPES",
    "state": "STATE",
    "granted_at": "ALLOWED",
    "last_accept_at": "LAST USED",
}
DRIFT: Final = {
    "kind": "KIND",
    "subject": "SUBJECT",
    "client_id": "CLIENT ID",
    "app": "APP",
    "scopes": "SCOPES",
}
PAGE: Final = 500
POLL: Final = 0.5
PORTION_SECONDS: Final = 1.0
PATIENCE: Final = timedelta(seconds=30)
"""How long nothing may move before Ory's silence is told."""
ORDERS: Final = get_args(Order)
WHICH: Final = (
    "Name what to revoke: --subject, --user, --client, --scope, --state or a time. "
    "Everything at once cannot be revoked."
)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed to say which grants are meant."""

    subject: str | None = None
    user: str | None = None
    client: str | None = None
    scope: str | None = None
    state: str | None = None
    allowed_before: datetime | None = None
    allowed_after: datetime | None = None
    used_before: datetime | None = None
    used_after: datetime | None = None

    @property
    def words(self) -> dict[str, str]:
        """Those that were given, as texts."""
        given = msgspec.structs.asdict(self)
        return {name: str(value) for name, value in given.items() if value is not None}


class Moment(click.ParamType[datetime]):
    """A date, an instant, or how long ago."""

    name = "date or duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read what was typed; midnight and UTC where nothing else is said."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        except ValueError:
            pass
        try:
            return datetime.now(UTC) - timedelta(seconds=seconds(value))
        except (ValueError, OverflowError):
            problem = f"{value!r} is neither a date such as 2026-11-24 nor a duration such as 90d."
            self.fail(problem, param, ctx)


MOMENT: Final = Moment()
FILTERS: Final = (
    click.option("--subject", metavar="S", help="Of this subject exactly."),
    click.option("--user", metavar="EMAIL", help="Of the user with this address."),
    click.option("--client", metavar="ID", help="To this app: its id, or a part of id or name."),
    click.option("--scope", metavar='"A B"', help="With all of these scopes."),
    click.option("--state", type=click.Choice(GRANT_STATES), help="In this state."),
    click.option("--allowed-before", type=MOMENT, help="Allowed until then: 2026-11-24, or 90d."),
    click.option("--allowed-after", type=MOMENT, help="Allowed from then on."),
    click.option("--used-before", type=MOMENT, help="Last used until then."),
    click.option("--used-after", type=MOMENT, help="Last used from then on."),
)
user_or_subject = (FILTERS[0], FILTERS[1])


@click.group()
def grants() -> None:
    """What people let apps do: list, revoke, compare with Ory."""


def filtered(command: F) -> F:
    """Give *command* the flags that say which grants are meant."""
    for option in reversed(FILTERS):
        command = option(command)
    return command


@grants.command("list")
@filtered
@click.option(
    "--order",
    type=click.Choice(ORDERS),
    default="newest",
    show_default=True,
    help="By when it was allowed or last used.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="At most so many.",
)
@format_option
def list_grants(*, order: Order, limit: int, output: str, **given: Any) -> None:
    """List grants, also ended ones.

    For example:

    $ portal grants list --user ann@example.org

    $ portal grants list --client photos --scope "openid email" --state active

    $ portal grants list --used-before 90d --order unused --limit 1000 --format json
    """
    filters = _filters(given)
    settings = _prepared()

    async def work() -> tuple[list[dict[str, Any]], bool]:
        async with open_store(settings) as store:
            selected = await _select(store, filters)
            if not selected.whole:
                click.echo("portal: more fits than is shown: type more of it.", err=True)
            return await _list(store, selected.selection, order=order, limit=limit)

    rows, more = run(work)
    hint = "No grant fits. Without options, all are listed."
    print_rows(rows, COLUMNS, output=output, empty=hint)
    if more:
        click.echo(f"These are the first {limit:,}. See more with --limit.", err=True)


@grants.command()
@filtered
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait until Ory has confirmed.")
def revoke(*, yes: bool, no_wait: bool, **given: Any) -> None:
    """Revoke grants, here at once and at Ory. The people are asked again the next time.

    For more than one it asks first. Ctrl-C does not undo anything: what was begun is finished by
    the running portal. For example:

    $ portal grants revoke --user ann@example.org --client photos

    $ portal grants revoke --client 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11 --yes

    $ portal grants revoke --used-before 365d
    """
    filters = _filters(given)
    if not filters.words:
        raise click.UsageError(WHICH)
    settings = _prepared(ory=True)

    async def find() -> tuple[Selection, Tally, GrantRow | None]:
        async with open_store(settings) as store:
            return await _revocable(store, filters)

    selection, tally, only = run(find)
    if not tally.grants:
        click.echo("There is nothing to revoke: no living grant fits.")
        return
    if only is None and not yes:
        _confirm(tally)

    async def work() -> str:
        async with _services(settings) as services:
            if only is not None:
                return await _revoke_one(services, only, wait=not no_wait)
            job_id = await _start_job(services, selection, tally, filters)
            return await _finish_job(services, job_id, wait=not no_wait)

    click.echo(run(work))


@grants.command()
@user_or_subject[0]
@user_or_subject[1]
@click.option("--dry-run", is_flag=True, help="Only look: nothing is changed.")
@format_option
def reconcile(*, subject: str | None, user: str | None, dry_run: bool, output: str) -> None:
    """Compare what is kept here with what Ory lists, and put right what differs.

    Without --subject or --user it is everybody; a comparison that was interrupted goes on. For
    example:

    $ portal grants reconcile --dry-run

    $ portal grants reconcile

    $ portal grants reconcile --user ann@example.org --format json
    """
    filters = _filters({"subject": subject, "user": user})
    settings = _prepared(ory=True)

    async def work() -> dict[str, Any]:
        async with _services(settings) as services:
            named = await _subject(services.store, filters)
            if named is None:
                return await _compare_all(services, dry_run=dry_run)
            found = await runs.reconcile_subject(
                services, named, actor=ACTOR, now=datetime.now(UTC), dry_run=dry_run
            )
            return _document(found, found.counts, checked=1, dry_run=dry_run)

    document = run(work)
    if output == "table":
        rows = [drift | {"kind": drift["kind"].partition(".")[2]} for drift in document["drift"]]
        print_rows(rows, DRIFT, output=output, empty="Nothing differs.")
        click.echo(_told(document), err=True)
    else:
        print_document(document, output)


def _filters(given: dict[str, Any]) -> Filters:
    """Read the flags. An empty one is a variable of a script that was not set, and means nobody
    rather than everybody.
    """
    for name, value in given.items():
        if isinstance(value, str) and not value.strip():
            raise click.UsageError(f"--{name} is empty.")
    return Filters(**given)


def _prepared(*, ory: bool = False) -> Settings:
    with explained():
        settings = load_settings(require=("hydra_admin_url",) if ory else ())
        require_head(settings)
    return settings


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    """What the portal itself works with; Ory is asked no faster than by its background work.

    Its log is for operators of a service; here the command itself tells what happens.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    with make_passwords(settings) as passwords:
        async with open_store(settings) as store, open_client(settings) as ory:
            yield Services(
                settings=settings,
                store=store,
                ory=ory.paced(Pace(settings.background_rate)),
                passwords=passwords,
                catalog=load_catalog(settings.scope_catalog),
            )


async def _subject(store: Store, filters: Filters) -> str | None:
    """Whom the flags name; both must not name two people."""
    if filters.user is None:
        return filters.subject
    async with store.reading() as rows:
        user = await rows.users.find_by_email(canonical_identifier(filters.user))
    if user is None:
        raise Refusal(f"there is no user {filters.user!r}. See: portal users list")
    if filters.subject not in (None, user.subject):
        raise Refusal("--user and --subject name two people. Give one of them.")
    return user.subject


async def _select(store: Store, filters: Filters) -> Selected:
    subject = await _subject(store, filters)
    search = GrantSearch(
        client=filters.client or "",
        scope=filters.scope or "",
        state=filters.state or "",
        allowed_since=filters.allowed_after,
        allowed_until=filters.allowed_before,
        used_since=filters.used_after,
        used_until=filters.used_before,
    )
    async with store.reading() as rows:
        selected = await rows.grant_index.select(search)
    if subject is None:
        return selected
    selection = msgspec.structs.replace(selected.selection, subjects=(subject,))
    return msgspec.structs.replace(selected, selection=selection)


async def _list(
    store: Store, selection: Selection, *, order: Order, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """The first *limit*, and whether there are more."""
    found: list[GrantRow] = []
    now, after = datetime.now(UTC), None
    async with store.reading() as rows:
        while len(found) < limit:
            size = min(PAGE, limit - len(found))
            page = await rows.grant_index.page(selection, order=order, after=after, limit=size)
            found += page.rows
            after = page.next
            if after is None:
                break
        policies = await rows.policies.of_clients({row.grant.client_id for row in found})
    shown = [_shown(r, Policy.of(policies.get(r.grant.client_id)), now) for r in found]
    return shown, after is not None


def _shown(row: GrantRow, policy: Policy, now: datetime) -> dict[str, Any]:
    grant = row.grant
    instants = {
        name: _iso(getattr(grant, name))
        for name in (
            *("granted_at", "last_accept_at", "expires_at", "listed_at"),
            *("revoked_at", "revoke_synced_at"),
        )
    }
    return {
        "user": row.email or grant.subject,
        "email": row.email,
        "subject": grant.subject,
        "client_id": grant.client_id,
        "client_name": grant.client_name,
        "scopes": grant.scopes,
        "audience": grant.audience,
        "remembered_scopes": grant.remembered_scopes,
        "remembered_audience": grant.remembered_audience,
        "state": state_of(grant, policy, now=now),
        "revoke_reason": grant.revoke_reason,
        "decision_id": grant.decision_id,
        **instants,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


async def _revocable(store: Store, filters: Filters) -> tuple[Selection, Tally, GrantRow | None]:
    """What can be revoked of what was named; and the one grant, where it is one."""
    selected = await _select(store, filters)
    if not selected.whole:
        raise Refusal("more apps fit than can be revoked in one go. Type more of --client.")
    selection = bulk.meant_by(selected.selection, now=datetime.now(UTC))
    async with store.reading() as rows:
        tally = await rows.grant_index.tally(selection)
        if tally.grants != 1:
            return selection, tally, None
        page = await rows.grant_index.page(selection, order="newest", after=None, limit=1)
    return selection, tally, page.rows[0] if page.rows else None


def _confirm(tally: Tally) -> None:
    about = (
        f"{tally.grants:,} grants: of {tally.people:,} people, to {tally.apps:,} apps"
        if tally.exact
        else f"about {tally.grants:,} grants"
    )
    if not has_terminal():
        raise Refusal(f"this would revoke {about}. There is no terminal to ask at: say --yes.")
    click.confirm(f"This revokes {about}. Go on?", abort=True, err=True)


async def _revoke_one(services: Services, row: GrantRow, *, wait: bool) -> str:
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
            return len(await rows.revocations.pending_for(grant.subject, grant.client_id))

    if wait:
        with _progress() as show:
            await _until_confirmed(services, left, lambda _: show("Waiting for Ory …"))
        return f"{about}; Ory has confirmed it."
    return f"{about}. Ory is told as soon as it can be reached, by the running portal."


async def _start_job(
    services: Services, selection: Selection, tally: Tally, filters: Filters
) -> str:
    now = datetime.now(UTC)
    terminal = User(subject=ACTOR, email=ACTOR, created_at=now, updated_at=now)
    return await bulk.start(
        services,
        selection=selection,
        words=filters.words,
        matched=tally.grants,
        admin=terminal,
        visitor=Visitor(browser_hash=None, origin=Origin(), now=now),
    )


async def _finish_job(services: Services, job_id: str, *, wait: bool) -> str:
    """Do here what the background would do, until it is done by either."""

    async def left() -> int:
        async with services.store.reading() as rows:
            return (await rows.revocations.count_pending((job_id,))).get(job_id, 0)

    with _progress() as show:
        while (job := await _job(services, job_id)).state == REVOKING:
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


async def _compare_all(services: Services, *, dry_run: bool) -> dict[str, Any]:
    """Start a comparison, or go on with the one that there is; watch while another process works
    on it.
    """
    comparison = await _begin(services, dry_run=dry_run)
    found: list[Findings] = []
    with _progress() as show:
        while comparison.state == RUNNING:
            show(f"{comparison.checked:,} people compared …")
            now = datetime.now(UTC)
            async with services.store.writing() as rows:
                mine = await rows.reconciliations.claim(comparison.id, now=now, lease=runs.LEASE)
            if mine is None:
                await asyncio.sleep(POLL)
            else:
                portion = await runs.carry_on(mine, services, now=now, seconds=PORTION_SECONDS)
                found.append(portion)
            comparison = await _again(services, comparison)
    if comparison.state == STOPPED:
        raise Refusal(f"the comparison was stopped: {comparison.last_error}")
    drift = tuple(drift for portion in found for drift in portion.drift)
    return _document(
        Findings(drift=drift),
        comparison.found,
        checked=comparison.checked,
        dry_run=dry_run,
    )


async def _begin(services: Services, *, dry_run: bool) -> Reconciliation:
    now = datetime.now(UTC)
    started = await runs.start(services, actor=ACTOR, now=now, dry_run=dry_run)
    if started is not None:
        return started
    async with services.store.reading() as rows:
        under_way = await rows.reconciliations.running()
    if under_way is None:
        return await _begin(services, dry_run=dry_run)
    if under_way.dry_run != dry_run:
        other = "only looks" if under_way.dry_run else "changes what differs"
        raise Refusal(
            f"a comparison is running that {other}. Wait for its end, or go on with it "
            f"{'with' if under_way.dry_run else 'without'} --dry-run."
        )
    click.echo(f"Going on with the comparison of {_iso(under_way.created_at)}.", err=True)
    return under_way


async def _again(services: Services, comparison: Reconciliation) -> Reconciliation:
    async with services.store.reading() as rows:
        found = await rows.reconciliations.find(comparison.id)
    if found is None:
        raise Refusal("somebody has deleted the comparison meanwhile.")
    return found


def _document(findings: Findings, counts: Any, *, checked: int, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "checked": checked,
        "found": {kind: count for kind, count in counts.items() if count},
        "drift": msgspec.to_builtins(findings.drift),
    }


def _told(document: dict[str, Any]) -> str:
    """The end of a table, in words."""
    people = f"{document['checked']:,} {'person' if document['checked'] == 1 else 'people'}"
    differed = sum(n for kind, n in document["found"].items() if kind != runs.UNREAD)
    elsewhere = differed - len(document["drift"])
    said = [f"{people} compared"]
    if differed:
        said.append(f"{differed:,} differed{'; nothing was changed' * document['dry_run']}")
    if elsewhere > 0:
        said.append(f"{elsewhere:,} of them were found before, or by another process")
    if unread := document["found"].get(runs.UNREAD):
        said.append(f"the lists of {unread:,} could not be read")
    return ", ".join(said) + "."


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on standard error that is written over, where somebody sees it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: click.echo(f"\r\x1b[K{text}", nl=False, err=True)
    finally:
        click.echo("\r\x1b[K", nl=False, err=True)
