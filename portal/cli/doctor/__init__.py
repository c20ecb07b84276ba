"""``portal doctor``: is everything in place for a sign-in, and if not, what is to do?

A check is a function from the :class:`~portal.cli.doctor.examination.Examination` to a verdict. It
lives with the side that it looks at, and its place in ``CHECKS`` is its number.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import rich_click as click

from portal.cli.common import ended_by_sigterm, explained, print_document
from portal.cli.doctor import cookies, ory_side, pages, portal_side, scopes
from portal.cli.doctor.examination import Examination
from portal.cli.doctor.finding import Finding, SkippedError, Verdict, failed, ok
from portal.cli.doctor.probe import ProbeError
from portal.operator_files import OperatorFileError
from portal.settings import SettingsError, read_environment

Check = Callable[[Examination], Awaitable[Verdict]]


async def cleaning_up(exam: Examination) -> Verdict:
    """Nothing of this examination stays at Ory."""
    if exam.temporary_client is None and exam.subject is None:
        raise SkippedError("nothing was made at Ory")
    left = await exam.clean_up()
    if left:
        return failed(f"still at Ory: {'; '.join(left)}", "Delete it there")
    return ok("what was made at Ory for this examination is deleted")


CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("settings", portal_side.settings),
    ("database", portal_side.database),
    ("signing key", portal_side.signing_key),
    ("the portal's address", portal_side.address),
    ("mail server", portal_side.mail_server),
    ("Ory's admin API", ory_side.admin_api),
    ("API key", ory_side.api_key),
    ("discovery", ory_side.discovery),
    ("clocks", ory_side.clock),
    ("login page", pages.login_page),
    ("one Ory", pages.one_ory),
    ("consent page", pages.consent_page),
    ("logout page", pages.logout_page),
    ("after logout", pages.after_logout),
    ("error page", pages.error_page),
    ("device flow", pages.device_flow),
    ("cookies", cookies.cookies),
    ("lifetimes", cookies.lifetime),
    ("scopes and claims", scopes.scopes_and_claims),
    ("the portal itself", portal_side.portal_answers),
    ("cleaning up", cleaning_up),
)
"""In this order and with these numbers; later ones build upon earlier ones."""

TERMINATED: Final = 128 + signal.SIGTERM
COLOURS: Final[Mapping[str, str]] = {
    "ok": "green",
    "warning": "yellow",
    "failed": "red",
    "skipped": "bright_black",
}


@click.command()
@click.option(
    "--client-id",
    help="Begin the sign-in as this app.",
    show_default="one that is registered for a moment and deleted again",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Print lines, or a JSON list at the end.",
)
@click.pass_context
def doctor(ctx: click.Context, *, client_id: str | None, output: str) -> None:
    """Check everything that a sign-in needs, and say what to do about each problem.

    It begins a sign-in at Ory as a browser would, compares where Ory sends it with BASE_URL, and
    leaves nothing behind at Ory. Exit codes: 0 unless a check failed (warnings are no failures), 1
    if one failed, 2 wrong usage.

    For example:

    $ HYDRA_ADMIN_URL=http://127.0.0.1:4445 HYDRA_PUBLIC_URL=http://127.0.0.1:4444 portal doctor

    $ portal doctor --format json | jq '.[] | select(.status == "failed")'
    """
    with explained():
        env = read_environment()
    tell = _print if output == "text" else _stay_silent
    try:
        work = examine(env=env, client_id=client_id, tell=tell)
        findings = asyncio.run(ended_by_sigterm(work))
    except asyncio.CancelledError:
        ctx.exit(TERMINATED)
    if output == "json":
        print_document([finding.document() for finding in findings])
    else:
        click.echo(_summary(findings))
    if any(finding.status == "failed" for finding in findings):
        ctx.exit(1)


async def examine(
    *, env: Mapping[str, str], client_id: str | None, tell: Callable[[Finding], None]
) -> list[Finding]:
    """Make all checks and *tell* each finding at once; what was made at Ory is always deleted."""
    exam = Examination(env=env, client_id=client_id)
    findings = []
    try:
        for number, (name, check) in enumerate(CHECKS, 1):
            verdict = await _made(check, exam)
            finding = Finding(
                number=number,
                name=name,
                status=verdict.status,
                found=verdict.found,
                advice=verdict.advice,
            )
            findings.append(finding)
            tell(finding)
    finally:
        for left in await exam.clean_up():
            click.echo(f"portal: still at Ory: {left}", err=True)
        await exam.aclose()
    return findings


async def _made(check: Check, exam: Examination) -> Verdict:
    try:
        return await check(exam)
    except SkippedError as exc:
        return Verdict("skipped", str(exc))
    except (SettingsError, OperatorFileError):
        return Verdict("skipped", "a file that the settings name cannot be used")
    except ProbeError as exc:
        return failed(str(exc), "Check the address, and that it runs")


def _print(finding: Finding) -> None:
    status = click.style(finding.status.ljust(8), fg=COLOURS[finding.status])
    click.echo(f"{finding.number:2}. {status} {finding.name}: {finding.found}")
    if finding.advice:
        click.echo(f"    -> {finding.advice}.")


def _stay_silent(_: Finding) -> None:
    """JSON comes whole."""


def _summary(findings: list[Finding]) -> str:
    counts = {
        status: sum(finding.status == status for finding in findings)
        for status in ("ok", "warning", "failed", "skipped")
    }
    told = [f"{count} {status}" for status, count in counts.items() if count]
    return f"{len(findings)} checks: {', '.join(told)}"
