"""``portal audit``: the audit trail, to take along."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import rich_click as click

from portal.admin.audit_export import pages
from portal.admin.export import lines_of
from portal.cli.common import (
    ACTOR,
    explained,
    load_settings,
    open_store,
    require_head,
    run,
    subject_of,
)
from portal.cli.grant_filters import MOMENT
from portal.cli.refusal import Refusal
from portal.store import AuditSearch
from portal.store.audit import ACTIONS


class Action(click.ParamType[tuple[str, ...]]):
    """An action of the audit trail, or the beginning of several up to the dot."""

    name = "action"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """List the actions that are meant."""
        group = value if value.endswith(".") else f"{value}."
        meant = tuple(a for a in ACTIONS if a == value or a.startswith(group))
        if not meant:
            groups = ", ".join(dict.fromkeys(f"{a.partition('.')[0]}." for a in ACTIONS))
            self.fail(
                f"nothing is called {value!r}. Name an action, or one of {groups}", param, ctx
            )
        return meant


@click.group()
def audit() -> None:
    """What happened: who did what, when and from where."""


@audit.command()
@click.option("--since", type=MOMENT, help="From then on: a date (UTC), or so long ago: 30d.")
@click.option("--until", type=MOMENT, help="Up to then; by default now.")
@click.option(
    "--action",
    "actions",
    type=Action(),
    multiple=True,
    help="Only this action, such as grant.revoked, or all that begin with it: grant. May be "
    "given again.",
)
@click.option("--user", metavar="EMAIL", help="Only about the account with this address.")
@click.option("--subject", metavar="S", help="Only about the account with this subject.")
@click.option("--actor", metavar="S", help="Only what this subject, cli or system did.")
@click.option("--client", metavar="ID", help="Only about this app.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, not to standard output; a new one is readable by you alone.",
)
def export(
    *,
    since: datetime | None,
    until: datetime | None,
    actions: tuple[tuple[str, ...], ...],
    user: str | None,
    subject: str | None,
    actor: str | None,
    client: str | None,
    output: Path | None,
) -> None:
    """Print the audit trail as JSON lines, the oldest event first. That it was taken is noted, too.

    For example:

    $ portal audit export --since 30d --action grant. > revocations.jsonl

    $ portal audit export --user ann@example.org | jq -r '[.occurred_at, .action] | @tsv'

    $ portal audit export --since 2026-01-01 --until 2026-04-01 --output first-quarter.jsonl
    """
    if user and subject:
        raise click.UsageError("Give --user or --subject, not both.")
    with explained():
        settings = load_settings()
        require_head(settings)
    now = datetime.now(UTC)
    named = {
        "since": since and since.isoformat(),
        "until": until and until.isoformat(),
        "action": " ".join(name for names in actions for name in names),
        "user": user,
        "subject": subject,
        "actor": actor,
        "client": client,
    }

    async def work() -> None:
        async with open_store(settings) as store:
            whose = await subject_of(store, user=user, subject=subject)
            search = AuditSearch(
                actions=tuple(name for names in actions for name in names) or None,
                actors=(actor,) if actor else None,
                subjects=(whose,) if whose else None,
                client_ids=(client,) if client else None,
                since=since,
                until=min(until or now, now),
            )
            with _opened(output) as file:
                async with store.writing() as rows:
                    detail = {"search": {k: v for k, v in named.items() if v}, "format": "jsonl"}
                    await rows.audit.add("audit.exported", at=now, actor=ACTOR, detail=detail)
                async for page in pages(store, search):
                    file.write(lines_of(page, "jsonl"))
                    file.flush()

    run(work)


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """The file, or standard output; a reader that has seen enough ends it without a word."""
    if output is None:
        yield sys.stdout.buffer
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except OSError as exc:
        raise Refusal(f"{output} cannot be written: {exc.strerror}.") from exc
