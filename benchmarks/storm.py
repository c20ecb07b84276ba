"""A storm: people sign in at ten times what can be hashed. Does everybody else notice?

One portal on PostgreSQL in front of a real Hydra, with default settings: its pool of hashes leaves
one core free. Signed-in people allow apps, are sent back silently and look at pages of the
administration, first alone, then while another process posts sign-ins at ten times the rate at
which they can be verified, whatever it is answered. Compared are the times of the portal's own
steps.

It ends with 1 if the p95 of a consent or silent step grows to more than three times itself, or if a
sign-in is answered with anything but yes, "try again in a moment" and "too busy".

    make bench-storm
    python -m benchmarks.storm --seconds 20
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import uvloop
from argon2 import PasswordHasher

from benchmarks.flows.servers import postgres
from benchmarks.real_portal import PASSWORD, Form, Served, told
from benchmarks.stage import (
    PatientBrowser,
    Person,
    Stage,
    during,
    is_back,
    is_consent,
    is_login,
    share,
    show,
    sign_in,
    staged,
    write_json,
)
from tests.real.relying_party import App

TIMES = 10
"""What is asked for, as a multiple of what can be hashed."""
MOST_RATIO = 3.0
AT_ONCE = 2
STORMING = 200
"""People who sign in, each from an address of their own."""
ADMIN = "p0@example.org"
ALLOWED = {303, 429, 503}
OPEN_AT_MOST = 500
"""As a proxy in front would pass on; more would only wait longer in a line of connections."""
ADMIN_PAGES = ("/admin/grants", "/admin/users", "/admin/audit")
JUDGED = ("silent login", "silent consent", "GET consent", "POST consent")


def main() -> int:
    """Print every figure, and whether it is good enough."""
    wanted = arguments()
    if wanted.shoot:
        print(json.dumps(uvloop.run(shoot(wanted.shoot, wanted.rate, wanted.seconds))))
        return 0
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the server of the database is another account's
        with (
            postgres(directory / "postgres") as server,
            staged(
                directory,
                server,
                replicas=1,
                people=STORMING + 2 * AT_ONCE,
                apps=2,
                settings={"PORTAL_TRUSTED_PROXIES": "127.0.0.1"},
                fields={ADMIN: {"admin": True}},
            ) as stage,
        ):
            figures = asyncio.run(measure(stage, wanted.seconds))
    write_json(wanted.json, figures)
    return 0 if report(figures) else 1


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm takes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--shoot", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


async def measure(stage: Stage, seconds: float) -> dict[str, Any]:
    """Look at everybody else, without a storm and in it."""
    workers = max(1, (os.cpu_count() or 1) - 1)
    capacity = workers / bare()
    rate = TIMES * capacity
    async with Others(stage) as others:
        portal = Served(stage.balancer.url, stage.replicas[0].pid)
        await others.go_on(5, "warming up")
        before = portal.cpu()
        calm = await others.go_on(max(10.0, seconds / 2), "calm")
        calm_cpu = portal.cpu() - before
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.storm", "--shoot", stage.balancer.url),
            *("--rate", str(rate), "--seconds", str(seconds + 4)),
            stdout=asyncio.subprocess.PIPE,
        )
        before = portal.cpu()
        await asyncio.sleep(4)  # its forms are opened, and the queue is full
        storm = await others.go_on(seconds, "storm")
        shots = json.loads((await process.communicate())[0])
        storm_cpu = portal.cpu() - before
    return {
        "cores": os.cpu_count(),
        "capacity_per_second": round(capacity, 1),
        "asked_per_second": round(shots["sent"] / shots["seconds"], 1),
        "answers": shots["answers"],
        "cpu": attributed(
            (sum(map(len, calm.values())), calm_cpu),
            (sum(map(len, storm.values())), storm_cpu),
            shots["answers"],
            workers / capacity,
        ),
        "seen": dict(others.seen),
        "steps": {
            name: {
                "calm_p50_ms": ms(calm[name], 0.5),
                "calm_p95_ms": ms(calm[name], 0.95),
                "storm_p50_ms": ms(storm[name], 0.5),
                "storm_p95_ms": ms(storm[name], 0.95),
                "calm_count": len(calm[name]),
                "storm_count": len(storm[name]),
                "ratio_p95": round(share(storm[name], 0.95) / (share(calm[name], 0.95) or 1), 2),
            }
            for name in sorted(calm)
        },
    }


def attributed(
    calm: tuple[int, float],
    storm: tuple[int, float],
    answers: dict[str, int],
    verification: float,
) -> dict[str, float]:
    """Where the portal's processors went: milliseconds for each of these, given how many steps
    there were and their CPU. What a refused sign-in costs is what is left without hashes and
    everybody else's steps.
    """
    (calm_steps, calm_cpu), (storm_steps, storm_cpu) = calm, storm
    step = calm_cpu / calm_steps
    refused = answers.get("503", 0)
    left = storm_cpu - answers.get("303", 0) * verification - step * storm_steps
    return {
        "step_ms": round(step * 1000, 2),
        "hash_ms": round(verification * 1000, 1),
        "refused_ms": round(left / refused * 1000, 2) if refused else 0.0,
        "storm_seconds": round(storm_cpu, 1),
    }


def bare() -> float:
    """Seconds of a processor that one verification takes; a busy machine makes them no more."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    stored, took = hasher.hash(PASSWORD), []
    for _ in range(15):
        began = time.process_time()
        hasher.verify(stored, PASSWORD)
        took.append(time.process_time() - began)
    return statistics.median(took)


def ms(values: list[float], part: float) -> float:
    """In milliseconds."""
    return round(share(values, part) * 1000, 1)


class TimedBrowser(PatientBrowser):
    """Notes how long the portal takes for each of its steps."""

    def __init__(self, http: httpx.AsyncClient, seen: Counter[str], portal_port: int) -> None:
        super().__init__(http, seen)
        self._port = portal_port
        self.name_of: dict[tuple[str, str], str] = {}
        self.times: dict[str, list[float]] = defaultdict(list)

    async def _request(self, *request: Any) -> httpx.Response:
        method, url = request[0], request[1]
        began = time.perf_counter()
        answer = await super()._request(*request)
        if url.port == self._port and (name := self.name_of.get((method, url.path))):
            self.times[name].append(time.perf_counter() - began)
        return answer


class Others:
    """People who are signed in already."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.seen: Counter[str] = Counter()
        self._clients: list[httpx.AsyncClient] = []
        self._pairs: list[tuple[TimedBrowser, App]] = []
        self._administering: TimedBrowser
        self._times: dict[str, list[float]] = {}

    async def __aenter__(self) -> "Others":
        people = self._stage.people[1 : 1 + 2 * AT_ONCE]
        for n, person in enumerate(people):
            browser = self._new()
            app = self._stage.apps[n % 2]
            await self._allow(browser, app, person)
            self._pairs.append((browser, app))
        self._administering = self._new()
        page = await self._administering.open(self._stage.balancer.url + ADMIN_PAGES[0])
        page = await sign_in(self._administering, self._stage.people[0], remember=False)
        if page.status != 200:
            raise SystemExit(f"the administrator did not get in: {page}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    def _new(self) -> TimedBrowser:
        self._clients.append(httpx.AsyncClient(trust_env=False, timeout=60))
        return TimedBrowser(self._clients[-1], self.seen, self._stage.balancer.port)

    async def go_on(self, seconds: float, words: str) -> dict[str, list[float]]:
        """Let them do what they do for so long: seconds of each step."""
        self._times = defaultdict(list)
        every = [browser for browser, _ in self._pairs] + [self._administering]
        for browser in every:
            browser.times = self._times
        began = time.monotonic()

        async def watch() -> None:
            show((time.monotonic() - began) / seconds, f"{words} {time.monotonic() - began:.0f} s")
            await asyncio.sleep(0.5)

        silent = [lambda pair=pair: self._silently(*pair) for pair in self._pairs[:AT_ONCE]]
        asking = [lambda pair=pair: self._asked(*pair) for pair in self._pairs[AT_ONCE:]]
        await during(seconds, watch, self._administer, *silent, *asking)
        return self._times

    async def _allow(self, browser: TimedBrowser, app: App, person: Person) -> None:
        page = await browser.open(app.authorize_url("openid offline"))
        if is_login(page):
            page = await sign_in(browser, person, remember=True)
        browser.choose("grant_scope", "openid", "offline")
        browser.tick("remember")
        page = await browser.click("accept")
        if not is_back(page, app):
            raise SystemExit(f"a first flow did not arrive: {page}")

    async def _silently(self, browser: TimedBrowser, app: App) -> None:
        browser.name_of = {("GET", "/login"): "silent login", ("GET", "/consent"): "silent consent"}
        page = await browser.open(app.authorize_url("openid offline"))
        if not is_back(page, app):
            raise SystemExit(f"what was remembered was asked again: {page}")
        await asyncio.sleep(pause())

    async def _asked(self, browser: TimedBrowser, app: App) -> None:
        """Signed in already, so that no hash of their own is waited for."""
        browser.name_of = {
            ("GET", "/login"): "silent login",
            ("GET", "/consent"): "GET consent",
            ("POST", "/consent"): "POST consent",
        }
        page = await browser.open(app.authorize_url("openid offline", prompt="consent"))
        if not is_consent(page):
            raise SystemExit(f"nobody was asked: {page}")
        await asyncio.sleep(pause())
        browser.choose("grant_scope", "openid", "offline")
        page = await browser.click("accept")
        if not is_back(page, app):
            raise SystemExit(f"a consent did not arrive: {page}")

    async def _administer(self) -> None:
        path = random.choice(ADMIN_PAGES)  # noqa: S311 - any
        self._administering.name_of = {("GET", path): "admin page"}
        page = await self._administering.open(self._stage.balancer.url + path)
        if page.status != 200:
            raise SystemExit(f"an administrator saw {page}")
        await asyncio.sleep(pause())


def pause() -> float:
    """People read; and the machine must not be busy with those who are measured."""
    return random.uniform(0.05, 0.15)  # noqa: S311 - a person's


async def shoot(url: str, rate: float, seconds: float) -> dict[str, Any]:
    """Post sign-ins at *rate*, whatever is answered."""
    answers: Counter[int] = Counter()
    portal = Served(url, 0)
    open_now: set[asyncio.Task[None]] = set()
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as http:
        forms = []
        for n in range(20):
            forms.append(await Form.open(http, portal, address=f"198.18.1.{n + 1}"))

        async def post(n: int) -> None:
            who = n % STORMING
            try:
                status, _, _ = await forms[n % len(forms)].post(
                    http,
                    portal,
                    f"p{2 * AT_ONCE + who}@example.org",
                    address=f"198.18.0.{who + 1}",
                )
            except (aiohttp.ClientError, TimeoutError):
                status = 0
            answers[status] += 1

        began, sent = time.monotonic(), 0
        while (now := time.monotonic() - began) < seconds:
            while sent < now * rate and len(open_now) < OPEN_AT_MOST:
                task = asyncio.create_task(post(sent))
                open_now.add(task)
                task.add_done_callback(open_now.discard)
                sent += 1
            await asyncio.sleep(0.005)
        took = time.monotonic() - began
        if open_now:
            await asyncio.wait(open_now, timeout=30)
    return {"sent": sent, "seconds": took, "answers": {str(k): v for k, v in answers.items()}}


def report(figures: dict[str, Any]) -> bool:
    """Tell a person: whether it is all good enough."""
    print(
        f"\n{figures['cores']} cores; {figures['capacity_per_second']:.0f} passwords a second can "
        f"be verified, {figures['asked_per_second']:.0f} were sent: {figures['answers']}"
    )
    cpu = figures["cpu"]
    print(
        f"the portal's CPU: a step {cpu['step_ms']} ms, a hash {cpu['hash_ms']} ms, "
        f"a sign-in that is refused {cpu['refused_ms']} ms"
    )
    print(f"{'step':<16}{'calm p50':>10}{'p95':>8}{'storm p50':>11}{'p95':>8}{'ratio':>8}")
    for name, step in figures["steps"].items():
        print(
            f"{name:<16}{step['calm_p50_ms']:>10}{step['calm_p95_ms']:>8}{step['storm_p50_ms']:>11}"
            f"{step['storm_p95_ms']:>8}{step['ratio_p95']:>8}"
        )
    worst = max(figures["steps"][name]["ratio_p95"] for name in JUDGED)
    good = told(worst <= MOST_RATIO, f"p95 grows to at most {MOST_RATIO:.0f} times: {worst:.2f}")
    strange = {int(status) for status in figures["answers"]} - ALLOWED
    good &= told(not strange, f"sign-ins are answered with {sorted(ALLOWED)} only {strange or ''}")
    asked = figures["asked_per_second"] / figures["capacity_per_second"]
    good &= told(asked >= TIMES * 0.9, f"{asked:.1f} times what can be hashed was asked for")
    return told(not figures["seen"], f"nobody else had to reload {figures['seen'] or ''}") and good


if __name__ == "__main__":
    sys.exit(main())
