"""``portal grants``: what people let apps do, to list, to revoke, and to compare with Ory."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, get_args

import rich_click as click

from portal.claims import load_catalogs
from portal.cli.common import (
    ACTOR,
    explained,
    format_option,
    load_settings,
    make_passwords,
    open_store,
    print_document,
    print_rows,
    require_head,
    run,
    subject_of,
)
from portal.cli.grant_filters import ONE_PERSON, filtered, read_filters, select
from portal.cli.reconciling import compare_all, document_of, told
from portal.cli.revoking import confirm, finish_job, revocable, revoke_one, start_job
from portal.grants import Policy, state_of
from portal.ory.connect import open_client
from portal.pace import Pace
from portal.reconciliation import runs
from portal.sealing import Sealer
from portal.services import Services
from portal.settings import Settings
from portal.store import GrantRow, Selection, Store, Tally
from portal.store.grant_index import Order

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
ORDERS: Final = get_args(Order)
WHICH: Final = (
    "Name what to revoke: --subject, --user, --client, --scope, --state or a time. "
    "Everything at once cannot be revoked."
)
BEGUN: Final = (
    "portal: what was begun is not undone: the running portal finishes it. "
    "See: portal grants list --state pending"
)


@click.group()
def grants() -> None:
    """What people let apps do: list, revoke, compare with Ory."""


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
    filters = read_filters(given)
    settings = _prepared()

    async def work() -> tuple[list[dict[str, Any]], bool]:
        async with open_store(settings) as store:
            selected = await select(store, filters)
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
    filters = read_filters(given)
    if not filters.words:
        raise click.UsageError(WHICH)
    settings = _prepared(ory=True)

    async def find() -> tuple[Selection, Tally, GrantRow | None]:
        async with open_store(settings) as store:
            return await revocable(store, filters)

    selection, tally, only = run(find)
    if not tally.grants:
        click.echo("There is nothing to revoke: no living grant fits.")
        return
    if only is None and not yes:
        confirm(tally)

    async def work() -> str:
        async with _services(settings) as services:
            if only is not None:
                return await revoke_one(services, only, wait=not no_wait)
            job_id = await start_job(services, selection, tally, filters)
            return await finish_job(services, job_id, wait=not no_wait)

    try:
        click.echo(run(work))
    except KeyboardInterrupt:
        click.echo(BEGUN, err=True)
        raise


@grants.command()
@ONE_PERSON[0]
@ONE_PERSON[1]
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
    filters = read_filters({"subject": subject, "user": user})
    settings = _prepared(ory=True)

    async def work() -> dict[str, Any]:
        async with _services(settings) as services:
            named = await subject_of(services.store, user=filters.user, subject=filters.subject)
            if named is None:
                return await compare_all(services, dry_run=dry_run)
            found = await runs.reconcile_subject(
                services, named, actor=ACTOR, now=datetime.now(UTC), dry_run=dry_run
            )
            return document_of(found, found.counts, checked=1, dry_run=dry_run)

    document = run(work)
    if output == "table":
        rows = [drift | {"kind": drift["kind"].partition(".")[2]} for drift in document["drift"]]
        print_rows(rows, DRIFT, output=output, empty="Nothing differs.")
        click.echo(told(document), err=True)
    else:
        print_document(document, output)


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
    catalogs = load_catalogs(settings)
    with make_passwords(settings) as passwords:
        async with open_store(settings) as store, open_client(settings) as ory:
            yield Services(
                settings=settings,
                store=store,
                ory=ory.paced(Pace(settings.background_rate)),
                passwords=passwords,
                catalog=catalogs.scopes,
                attributes=catalogs.attributes,
                sealer=Sealer(settings.secret_keys),
            )


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
