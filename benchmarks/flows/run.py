"""The parts of a run, one after the other, and the goals that each is measured by."""

import contextlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.flows import servers
from benchmarks.flows.browser import SILENT, Step
from benchmarks.flows.figures import Goal, Round, Spread, growth, ratios, spread, without
from benchmarks.flows.load import STORED, Advance, Crowd, bare_hash, person_of
from benchmarks.flows.processes import Memory
from benchmarks.flows.servers import App, Ory, Programs
from benchmarks.real_portal import browser, fill_database
from tests.hydra.server import answers, free_port, running, stop

PEOPLE: Final = 2000
MANY_WORKERS: Final = 4
STARTS: Final = 5
CHECKS: Final = 20
"""How often memory is looked at in a run."""
UNHASHED: Final = ("GET login", "GET consent", "POST consent")
Pairs = dict[str, list[Round]]
"""Rounds of both apps, by the app's name."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asked for."""

    pairs: int
    flows: int
    concurrency: int
    warm_up: int
    parts: frozenset[str]
    memory_flows: int
    workers: bool
    json: Path | None
    svg: Path | None


@dataclass
class Found:
    """All that was measured."""

    wanted: Wanted
    machine: str
    full: Pairs = field(default_factory=dict)
    silent: Pairs = field(default_factory=dict)
    bare: list[float] = field(default_factory=list)
    """CPU seconds of one verification, pair by pair, with nothing else running."""
    amid: list[float] = field(default_factory=list)
    """The same while flows go on at the reference app."""
    steps: dict[tuple[str, Step], Pairs] = field(default_factory=dict)
    """By kind of flow and step."""
    steps_bare: list[float] = field(default_factory=list)
    after_flows: dict[str, Memory] = field(default_factory=dict)
    memory: dict[str, list[Memory]] = field(default_factory=dict)
    workers: dict[str, dict[str, list[Round]]] = field(default_factory=dict)
    help_seconds: list[float] = field(default_factory=list)
    ready_seconds: list[float] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)


@dataclass
class Bench:
    """Servers that run, and who drives them."""

    wanted: Wanted
    found: Found
    programs: Programs
    ory: Ory
    directory: Path
    database: str
    http: aiohttp.ClientSession
    progress: Progress

    @contextlib.contextmanager
    def both(self) -> Iterator[tuple[App, App]]:
        """The reference app and the portal, freshly started."""
        with (
            servers.reference_app(self.programs.reference, self.ory, self.directory) as reference,
            servers.portal(self.database, self.ory, self.directory) as portal,
        ):
            yield reference, portal

    @contextlib.contextmanager
    def doing(self, what: str, flows: int) -> Iterator["Doing"]:
        """A bar of its own for one part."""
        task = self.progress.add_task(what, total=flows)
        yield Doing(self, lambda n: self.progress.advance(task, n))
        self.progress.update(task, completed=flows)


@dataclass
class Doing:
    """One part of the run."""

    bench: Bench
    advance: Advance

    def crowd(self, app: App, concurrency: int | None = None) -> Crowd:
        bench = self.bench
        at_once = concurrency or bench.wanted.concurrency
        return Crowd(bench.http, bench.ory, app, PEOPLE, at_once, self.advance)


async def everything(wanted: Wanted, programs: Programs, directory: Path) -> Found:
    """Start the servers and measure what is wanted."""
    found = Found(wanted, machine())
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(
            Progress(
                TextColumn("{task.description:<28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
        )
        starting = progress.add_task("starting the servers", total=None)
        server = stack.enter_context(servers.postgres(directory / "postgres"))
        ory = stack.enter_context(servers.hydra(programs.hydra, server, directory))
        database = servers.new_database(server, "bench_portal")
        await fill_database(database, {person_of(n).email: STORED for n in range(PEOPLE)})
        progress.update(starting, total=1, completed=1)
        async with browser() as http:
            bench = Bench(wanted, found, programs, ory, directory, database, http, progress)
            if wanted.parts & {"flows", "steps"}:
                with bench.both() as apps:
                    await warm_up(bench, apps)
                    if "flows" in wanted.parts:
                        await flows(bench, apps)
                    if "steps" in wanted.parts:
                        await steps(bench, apps)
            if wanted.memory_flows:
                await memory(bench)
            if wanted.workers:
                await workers(bench)
        if "start" in wanted.parts:
            start(bench)
    return found


def machine() -> str:
    """What the figures are of."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return (
        f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, "
        f"Node.js {node.stdout.strip().lstrip('v')}"
    )


async def warm_up(bench: Bench, apps: tuple[App, App]) -> None:
    """Compiled templates, hot functions, open connections: not what a first flow costs."""
    each = bench.wanted.warm_up
    with bench.doing("warming up", 4 * each) as doing:
        for app in apps:
            await doing.crowd(app).full(each)
            await doing.crowd(app).silent(each)


async def flows(bench: Bench, apps: tuple[App, App]) -> None:
    """Complete flows, among one another."""
    wanted, found = bench.wanted, bench.found
    with bench.doing("flows, A B A B", wanted.pairs * wanted.flows * 5) as doing:
        for _ in range(wanted.pairs):
            for app in apps:
                made = await doing.crowd(app).full(wanted.flows)
                found.full.setdefault(app.name, []).append(made)
            found.bare.append(bare_hash())
            found.amid.append(await doing.crowd(apps[0]).hash_amid(wanted.flows))
            for app in apps:
                made = await doing.crowd(app).silent(wanted.flows)
                found.silent.setdefault(app.name, []).append(made)
    found.after_flows = {app.name: app.memory() for app in apps}
    full, silent = found.full, found.silent
    reference = [each.cpu_per_flow for each in full["reference"]]
    found.goals += [
        Goal(
            "CPU per full flow, hash not counted",
            ratios(without(full["portal"], found.amid), reference),
            0.8,
        ),
        Goal("CPU per silent flow", cpu_ratio(silent), 0.7),
        *(
            Goal(f"p95 of {step}, full flows at once", p95_ratio(full, step), 1.0)
            for step in UNHASHED
        ),
        *(
            Goal(f"p95 of {step}, silent flows at once", p95_ratio(silent, step), 1.0)
            for step in SILENT
        ),
    ]


async def steps(bench: Bench, apps: tuple[App, App]) -> None:
    """Step by step: what each costs, and how long it takes while nobody hashes."""
    wanted, found = bench.wanted, bench.found
    each = max(wanted.flows // 2, wanted.concurrency)
    with bench.doing("step by step, A B A B", wanted.pairs * each * 4) as doing:
        for _ in range(wanted.pairs):
            for app in apps:
                crowd = doing.crowd(app)
                made = {
                    "full": await crowd.full_by_step(each),
                    "silent": await crowd.silent_by_step(each),
                }
                for kind, by_step in made.items():
                    for step, measured in by_step.items():
                        pairs = found.steps.setdefault((kind, step), {})
                        pairs.setdefault(app.name, []).append(measured)
            found.steps_bare.append(bare_hash())
    sign_in = [each.cpu_per_flow for each in found.steps["full", "POST login"]["portal"]]
    found.goals += [
        Goal(
            "bare hash by CPU per POST login", ratios(found.steps_bare, sign_in), 0.8, at_least=True
        ),
        *(
            Goal(f"p95 of {step}, {kind}, step by step", p95_ratio(pairs, step), 1.0)
            for (kind, step), pairs in found.steps.items()
            if step != "POST login"
        ),
    ]


async def memory(bench: Bench) -> None:
    """One worker of each, from its start: people sign in and come back."""
    each = max(bench.wanted.memory_flows // CHECKS, 4)
    with bench.doing("memory", 2 * CHECKS * each) as doing, bench.both() as apps:
        crowds = [doing.crowd(app) for app in apps]
        for _ in range(CHECKS):
            for crowd in crowds:
                await crowd.mixed(each)
                bench.found.memory.setdefault(crowd.app.name, []).append(crowd.memory())
    ours, theirs = (bench.found.memory[name] for name in ("portal", "reference"))
    after = f"after {CHECKS * each:,} flows"
    last = slice(-CHECKS // 4, None)  # Node's rises and falls with its collector
    rss, pss = (
        ratios(*([getattr(each, kind) for each in taken[last]] for taken in (ours, theirs)))
        for kind in ("rss", "pss")
    )
    bench.found.goals += [
        Goal(f"memory {after}, RSS", rss, 1.0),
        Goal(f"memory {after}, PSS", pss, 1.0),
        Goal(
            "the portal's PSS, last quarter by second",
            spread([growth([each.pss for each in ours])]),
            1.03,
        ),
    ]


async def workers(bench: Bench) -> None:
    """Four workers beside one, the portal alone."""
    wanted, found = bench.wanted, bench.found
    counts = {"1": 1, str(MANY_WORKERS): MANY_WORKERS}
    total = (wanted.pairs + 1) * len(counts) * 2 * wanted.flows
    with bench.doing("workers, A B A B", total) as doing, contextlib.ExitStack() as stack:
        apps = {
            name: stack.enter_context(
                servers.portal(bench.database, bench.ory, bench.directory, workers=count)
            )
            for name, count in counts.items()
        }
        for turn in range(wanted.pairs + 1):
            for name, app in apps.items():
                crowd = doing.crowd(app)
                made = {
                    "full": await crowd.full(wanted.flows),
                    "silent": await crowd.silent(wanted.flows),
                }
                if turn:  # the first one warms up
                    for kind, measured in made.items():
                        found.workers.setdefault(kind, {}).setdefault(name, []).append(measured)
    for kind, by_count in found.workers.items():
        many, one = (
            [each.cpu_per_flow for each in by_count[name]] for name in (str(MANY_WORKERS), "1")
        )
        found.goals.append(
            Goal(f"CPU per {kind} flow, {MANY_WORKERS} workers by 1", ratios(many, one), 1.1)
        )


def start(bench: Bench) -> None:
    """From the command to its help, and to the first answer."""
    found = bench.found
    with bench.doing("start", 2 * STARTS) as doing:
        for _ in range(STARTS):
            found.help_seconds.append(_seconds_of_help())
            doing.advance(1)
            found.ready_seconds.append(_seconds_to_ready(bench))
            doing.advance(1)
    found.goals += [
        Goal("`portal --help`", spread(found.help_seconds), 0.3, " s"),
        Goal("`portal serve` to ready", spread(found.ready_seconds), 1.5, " s"),
    ]


def _seconds_of_help() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "portal", "--help"], capture_output=True, check=True)
    return time.perf_counter() - started


def _seconds_to_ready(bench: Bench) -> float:
    port, log = free_port(), bench.directory / "start.log"
    environment = servers.portal_environment(bench.database, bench.ory, bench.directory, port)
    command = [sys.executable, "-m", "portal", "serve"]
    started = time.perf_counter()
    with running(command, env=environment, log=log, cwd=bench.directory) as process:
        while not answers(f"http://127.0.0.1:{port}/health/ready"):
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise servers.MissingError(f"the portal did not start:\n{log.read_text()}")
            time.sleep(0.01)
        took = time.perf_counter() - started
        stop(process)
    return took


def cpu_ratio(pairs: Pairs) -> Spread:
    """The portal's CPU per flow by the reference app's."""
    ours, theirs = ([each.cpu_per_flow for each in pairs[n]] for n in ("portal", "reference"))
    return ratios(ours, theirs)


def p95_ratio(pairs: Pairs, step: str) -> Spread:
    """The portal's p95 of one step by the reference app's."""
    ours, theirs = (
        [each.percentile(step, 0.95) for each in pairs[n]] for n in ("portal", "reference")
    )
    return ratios(ours, theirs)
