"""What a run found: tables for the terminal, JSON, and a picture."""

import html
import json
import statistics
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.flows.figures import Goal, Round, percentile
from benchmarks.flows.run import Found, Pairs

SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
APPS = ("portal", "reference")
WIDEST = 120


def print_tables(found: Found) -> None:
    """Everything, on the terminal."""
    console = Console()
    console.width = max(console.width, WIDEST)  # a line may wrap; a cell may not
    console.print(
        f"{found.machine}; {found.wanted.pairs} pairs of {found.wanted.flows} flows, "
        f"{found.wanted.concurrency} at once"
    )
    for kind, pairs in (("full", found.full), ("silent", found.silent)):
        if pairs:
            console.print(_flows_table(found, kind, pairs))
    if found.steps:
        console.print(_steps_table(found))
    if found.memory or found.after_flows:
        console.print(_memory_table(found))
    if found.workers:
        console.print(_workers_table(found))
    console.print(_goals_table(found.goals))


def _flows_table(found: Found, kind: str, pairs: Pairs) -> Table:
    table = _table(f"{kind} flows", "", *APPS)
    table.add_row("flows per second", *(f"{_median(pairs[a], 'per_second'):.1f}" for a in APPS))
    cpu = [_median(pairs[app], "cpu_per_flow") * 1000 for app in APPS]
    table.add_row("CPU ms per flow", *(f"{each:.2f}" for each in cpu))
    if kind == "full":
        for words, hashes in (("amid flows", found.amid), ("alone", found.bare)):
            bare = statistics.median(hashes) * 1000
            table.add_row(f"  without a hash ({bare:.2f} {words})", f"{cpu[0] - bare:.2f}", "")
    for step in pairs["portal"][0].latencies:
        both = [_latencies(pairs[app], step) for app in APPS]
        table.add_row(f"{step} ms p50 / p95 / p99", *both)
    return table


def _steps_table(found: Found) -> Table:
    table = _table("step by step", "", "portal CPU ms", "reference CPU ms", *APPS)
    for (kind, step), pairs in found.steps.items():
        cpu = [f"{_median(pairs[app], 'cpu_per_flow') * 1000:.2f}" for app in APPS]
        table.add_row(f"{kind}: {step}", *cpu, *(_latencies(pairs[app], step) for app in APPS))
    bare = statistics.median(found.steps_bare) * 1000
    table.add_row("a bare hash", f"{bare:.2f}", "", "", "")
    table.caption = "ms p50 / p95 / p99"
    return table


def _memory_table(found: Found) -> Table:
    table = _table("memory of a worker, MB", "", "portal RSS", "PSS", "reference RSS", "PSS")
    for words, by_app in (("after all rounds", found.after_flows),):
        if by_app:
            figures = [(by_app[app].rss, by_app[app].pss) for app in APPS]
            table.add_row(words, *(f"{each:.0f}" for pair in figures for each in pair))
    checks = len(found.memory.get("portal", ()))
    for at in sorted({0, checks // 4, checks // 2, checks * 3 // 4, checks - 1}) if checks else ():
        done = found.wanted.memory_flows * (at + 1) // checks
        figures = [(found.memory[app][at].rss, found.memory[app][at].pss) for app in APPS]
        cells = (f"{each:.0f}" for pair in figures for each in pair)
        table.add_row(f"from its start, {done:,} flows", *cells)
    return table


def _workers_table(found: Found) -> Table:
    counts = list(next(iter(found.workers.values())))
    table = _table("workers of the portal", "CPU ms per flow", *counts)
    for kind, by_count in found.workers.items():
        cells = (f"{_median(by_count[n], 'cpu_per_flow') * 1000:.2f}" for n in counts)
        table.add_row(kind, *cells)
    return table


def _goals_table(goals: Iterable[Goal]) -> Table:
    table = _table("portal : reference app", "", "median (lowest-highest)", "goal", "")
    for goal in goals:
        verdict = "[green]met[/]" if goal.met else "[red]missed[/]"
        table.add_row(goal.name, f"{goal.found}{goal.unit}", goal.wanted, verdict)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def _median(rounds: list[Round], what: str) -> float:
    return float(statistics.median(getattr(each, what) for each in rounds))


def _percentiles(rounds: list[Round], step: str) -> dict[str, float]:
    """Over all rounds together, in ms."""
    together = [took for each in rounds for took in each.latencies[step]]
    return {name: percentile(together, share) * 1000 for name, share in SHARES.items()}


def _latencies(rounds: list[Round], step: str) -> str:
    return " / ".join(f"{took:.1f}" for took in _percentiles(rounds, step).values())


def as_json(found: Found) -> str:
    """All figures, for a program."""
    told: dict[str, Any] = {
        "machine": found.machine,
        "pairs": found.wanted.pairs,
        "flows": found.wanted.flows,
        "concurrency": found.wanted.concurrency,
        "goals": [goal.as_json() for goal in found.goals],
    }
    for kind, pairs in (("full", found.full), ("silent", found.silent)):
        if pairs:
            told[kind] = {app: [_round_as_json(each) for each in pairs[app]] for app in APPS}
    if found.bare:
        told["hash_cpu_ms"] = {"alone": _ms(found.bare), "amid_flows": _ms(found.amid)}
    if found.steps:
        told["steps"] = {
            f"{kind}: {step}": {app: [_round_as_json(r) for r in pairs[app]] for app in APPS}
            for (kind, step), pairs in found.steps.items()
        }
        told["steps_hash_cpu_ms"] = _ms(found.steps_bare)
    if found.after_flows:
        told["memory_mb"] = {app: vars(each) for app, each in found.after_flows.items()}
    if found.memory:
        told["memory_run_mb"] = {app: list(map(vars, each)) for app, each in found.memory.items()}
    if found.workers:
        told["workers"] = {
            kind: {count: [_round_as_json(each) for each in made] for count, made in by.items()}
            for kind, by in found.workers.items()
        }
    if found.help_seconds:
        told["start_s"] = {"help": found.help_seconds, "ready": found.ready_seconds}
    return json.dumps(told, indent=2) + "\n"


def _round_as_json(made: Round) -> dict[str, Any]:
    return {
        "flows_per_second": round(made.per_second, 2),
        "cpu_ms_per_flow": round(made.cpu_per_flow * 1000, 3),
        "latency_ms": {
            step: {name: round(took, 2) for name, took in _percentiles([made], step).items()}
            for step in made.latencies
        },
    }


def _ms(seconds: list[float]) -> list[float]:
    return [round(each * 1000, 3) for each in seconds]


ROW, LEFT, WIDTH, EDGE = 26, 330, 820, 30
MOST = 4.0
"""Where the picture ends; what is beyond ends there, too."""


def as_svg(found: Found) -> str:
    """Each ratio as a dot on its spread, and its goal as a tick. Times are left to the table."""
    goals = [goal for goal in found.goals if not goal.unit]
    most = max([2.0, *(min(goal.found.high, MOST) for goal in goals)])
    height = ROW * len(goals) + 2 * EDGE

    def x(ratio: float) -> float:
        return LEFT + min(ratio, most) / most * (WIDTH - LEFT - EDGE)

    drawn = [
        f'<line x1="{x(at):.0f}" y1="{EDGE}" x2="{x(at):.0f}" y2="{height - EDGE}" class="grid"/>'
        f'<text x="{x(at):.0f}" y="{height - 10}" text-anchor="middle">{at:g}</text>'
        for at in (0, 0.5, 1, 1.5, *range(2, int(most) + 1))
    ]
    for number, goal in enumerate(goals):
        y = EDGE + ROW * number + ROW / 2
        kind, found_at = "met" if goal.met else "missed", goal.found
        drawn.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{html.escape(goal.name)}</text>'
            f'<line x1="{x(found_at.low):.1f}" y1="{y}" x2="{x(found_at.high):.1f}" y2="{y}" '
            f'class="{kind}"/><circle cx="{x(found_at.median):.1f}" cy="{y}" r="5" class="{kind}"/>'
            f'<line x1="{x(goal.limit):.1f}" y1="{y - 8}" x2="{x(goal.limit):.1f}" y2="{y + 8}" '
            f'class="goal"><title>{goal.wanted}</title></line>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        "<title>The portal by Ory's reference app: median and spread of each ratio; "
        "a tick is the goal</title><style>"
        "text{font:13px system-ui,sans-serif;fill:#222}.grid{stroke:#ddd}"
        ".met{stroke:#1a7f37;fill:#1a7f37;stroke-width:2}"
        ".missed{stroke:#c2410c;fill:#c2410c;stroke-width:2}.goal{stroke:#222;stroke-width:2}"
        "</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(drawn)}</svg>\n'
    )
