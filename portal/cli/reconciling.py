"""Comparing everybody with Ory from a terminal, and telling what was found."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import rich_click as click

from portal.cli.common import ACTOR, POLL, progress
from portal.cli.refusal import Refusal
from portal.reconciliation import runs
from portal.reconciliation.comparing import Findings
from portal.services import Services
from portal.store.reconciliations import RUNNING, STOPPED
from portal.store.tables import Reconciliation

PORTION_SECONDS: Final = 1.0


async def compare_all(services: Services, *, dry_run: bool) -> dict[str, Any]:
    """Start a comparison, or go on with the one that there is; watch while another process works
    on it.
    """
    comparison = await _begin(services, dry_run=dry_run)
    found: list[Findings] = []
    with progress() as show:
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
    return document_of(
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
    since = under_way.created_at.isoformat(timespec="seconds")
    click.echo(f"Going on with the comparison of {since}.", err=True)
    return under_way


async def _again(services: Services, comparison: Reconciliation) -> Reconciliation:
    async with services.store.reading() as rows:
        found = await rows.reconciliations.find(comparison.id)
    if found is None:
        raise Refusal("somebody has deleted the comparison meanwhile.")
    return found


def document_of(findings: Findings, counts: Any, *, checked: int, dry_run: bool) -> dict[str, Any]:
    """What is printed; *counts* go beyond *findings* where another process did a part of it."""
    return {
        "dry_run": dry_run,
        "checked": checked,
        "found": {kind: count for kind, count in counts.items() if count},
        "drift": msgspec.to_builtins(findings.drift),
    }


def told(document: dict[str, Any]) -> str:
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
