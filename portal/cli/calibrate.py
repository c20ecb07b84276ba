"""``portal calibrate``: which parameters of argon2id this machine can bear."""

import statistics
import time
from typing import Any, Final

import msgspec
import rich_click as click
from argon2 import PasswordHasher

from portal.cli.common import cell, print_document
from portal.cli.refusal import Refusal
from portal.settings.fields import ARGON2_MINIMUM

RUNS: Final = 3
MOST_PASSES: Final = 100
MIB: Final = 1_024
MEMORIES: Final = (
    *(7_168, 9_216, 12_288, 19_456, 32_768, 47_104, 65_536),
    *(131_072, 262_144, 524_288, 1_048_576),
)
COLUMNS: Final = {
    "memory_cost": "KiB",
    "time_cost": "PASSES",
    "milliseconds": "MS",
    "per_second": "PER SECOND AND CORE",
    "note": "",
}


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters, and what one hash takes with them here."""

    memory_cost: int
    time_cost: int
    seconds: float

    @property
    def is_minimum(self) -> bool:
        """Whether it is one of those that OWASP calls the least."""
        return (self.time_cost, self.memory_cost) in ARGON2_MINIMUM


@click.command()
@click.option(
    "--target",
    default="100ms",
    show_default=True,
    help="What one hash may take: 80ms, 0.25s.",
)
@click.option(
    "--memory",
    default="64MiB",
    show_default=True,
    help="The most memory of one hash: 47104KiB, 64MiB, 1GiB. As many hashes are made at once as "
    "there are cores.",
)
@click.option(
    "--format", "output", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="Print the answer as table or json.",
)  # fmt: skip
def calibrate(*, target: str, memory: str, output: str) -> None:
    """Propose parameters of argon2id for this machine, by measuring.

    Run it where the portal runs. What counts is time of a processor, so that other work there
    changes little. For example:

    $ portal calibrate

    $ portal calibrate --target 250ms --memory 128MiB
    """
    most_seconds, most_memory = _duration(target), _kibibytes(memory)
    found = measured(most_seconds, most_memory)
    proposal = best(found, most_seconds)
    if output == "json":
        print_document(
            {
                "proposal": _shown(proposal),
                "within_target": proposal.seconds <= most_seconds,
                "candidates": [_shown(candidate) for candidate in found],
            }
        )
        return
    _print_table(found, proposal)
    click.echo("")
    if proposal.seconds > most_seconds:
        click.echo(
            f"Nothing that OWASP finds acceptable takes {target} or less here; this is the least."
        )
    click.echo("OWASP's minimum is 19456 KiB with 2 passes, or what the table marks so.")
    click.echo("Put into the environment:\n")
    click.echo(f"PORTAL_ARGON2_MEMORY_COST={proposal.memory_cost}")
    click.echo(f"PORTAL_ARGON2_TIME_COST={proposal.time_cost}")


def measured(most_seconds: float, most_memory: int) -> list[Candidate]:
    """Measure, for each amount of memory, the fewest passes that OWASP accepts, and as many as the
    target allows. More memory than takes too long already is not tried.
    """
    found: list[Candidate] = []
    for memory_cost in (size for size in MEMORIES if size <= most_memory):
        least = min(passes for passes, size in ARGON2_MINIMUM if memory_cost >= size)
        fewest = _measure(memory_cost, least)
        found.append(fewest)
        fitting = min(MOST_PASSES, int(most_seconds / fewest.seconds * least))
        if fitting > least:
            found.append(_measure(memory_cost, fitting))
        if least == 1 and fewest.seconds > most_seconds:
            break
    return found


def best(found: list[Candidate], most_seconds: float) -> Candidate:
    """The one with most memory that takes no longer than it may, then with most passes (RFC 9106,
    4); if all do, the quickest.
    """
    within = [candidate for candidate in found if candidate.seconds <= most_seconds]
    if not within:
        return min(found, key=lambda candidate: candidate.seconds)
    return max(within, key=lambda one: (one.memory_cost, one.time_cost))


def _measure(memory_cost: int, time_cost: int) -> Candidate:
    hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_cost, parallelism=1)
    times = []
    for _ in range(RUNS):
        started = time.thread_time()
        hasher.hash("a password of usual length")
        times.append(time.thread_time() - started)
    seconds = statistics.median(times)
    return Candidate(memory_cost=memory_cost, time_cost=time_cost, seconds=seconds)


def _print_table(found: list[Candidate], proposal: Candidate) -> None:
    lines = [list(COLUMNS.values())]
    for candidate in found:
        shown = _shown(candidate)
        notes = ["OWASP's minimum"] * candidate.is_minimum + ["proposed"] * (candidate is proposal)
        lines.append([cell(value) for value in shown.values()] + [", ".join(notes)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [text.rjust(width) for text, width in zip(line[:-1], widths, strict=False)]
        click.echo("  ".join((*padded, line[-1])).rstrip())


def _shown(candidate: Candidate) -> dict[str, Any]:
    return {
        "memory_cost": candidate.memory_cost,
        "time_cost": candidate.time_cost,
        "milliseconds": round(candidate.seconds * 1000, 1),
        "per_second": round(1 / candidate.seconds, 1),
    }


def _duration(text: str) -> float:
    number, unit = _split(text)
    seconds = number * {"ms": 0.001, "s": 1.0}.get(unit, 0.0)
    if not 0.005 <= seconds <= 10:
        raise Refusal(f"--target {text!r} is no duration from 5ms to 10s. For example: 100ms")
    return seconds


def _kibibytes(text: str) -> int:
    number, unit = _split(text)
    size = int(number * {"kib": 1, "mib": MIB, "gib": MIB * MIB}.get(unit, 0))
    least, most = MEMORIES[0], MEMORIES[-1]
    if not least <= size <= most:
        raise Refusal(f"--memory {text!r} is no size from {least}KiB to 1GiB. For example: 64MiB")
    return size


def _split(text: str) -> tuple[float, str]:
    stripped = text.strip().lower()
    digits = stripped.rstrip("abcdefghijklmnopqrstuvwxyz ")
    plain = digits.replace(".", "", 1)
    number = float(digits) if plain.isascii() and plain.isdigit() and len(plain) < 10 else 0.0
    return number, stripped[len(digits) :].strip()
