"""A soak: many mixed requests while Ory and the database fail now and then. Does the portal leak?

One portal on PostgreSQL in front of a real Hydra; between it and Hydra's admin port a proxy that is
told every few seconds to refuse, to be slow, to drip, to answer rubbish, and to heal; and now and
then all sessions of the database are ended. People sign in (some with a wrong password), allow, are
sent back silently, remove apps and look at pages; others send nonsense.

After a fifth of the requests, and at the end, all is healed and left alone for a moment, and
memory, open files and threads are counted. It ends with 1 if memory grew by more than 10 % and
8 MB, files or threads by more than a few, or if anything was answered with a 500 or not at all.

    make bench-soak
    python -m benchmarks.soak --requests 5000
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.flows.servers import postgres
from benchmarks.real_portal import told
from benchmarks.stage import (
    PatientBrowser,
    Person,
    Stage,
    in_thread,
    is_back,
    is_consent,
    is_login,
    show,
    sign_in,
    staged,
    write_json,
)
from tests.driver import Document
from tests.real.faults import FaultProxy
from tests.real.relying_party import App

AT_ONCE = 6
FIRST_LOOK = 0.2
"""Of all requests: by then everything that is kept for good has been made."""
MOST_GROWTH, MOST_MB = 0.10, 8.0
MOST_FILES, MOST_THREADS = 5, 2
REST_SECONDS = 5.0
FAULT_SECONDS = (0.5, 2.0)
HEALTHY_SECONDS = (2.0, 6.0)
LEFT_ALONE = frozenset({404, 405, 400, 401, 403, 409, 410, 413, 422, 429, 431, 502, 503})
"""Errors that are the right answer to something that is done here."""
NONSENSE = (
    "/login?login_challenge=no-such-challenge-0123456789",
    "/consent?consent_challenge=" + "x" * 900,
    "/consent?consent_challenge=%00",
    "/nowhere",
    "/account/apps",
    "/admin/grants?q=%F0%9F%92%A5",
    "/static/nothing.css",
    "/device/verify?user_code=ABCDEFGH",
    "/error?error=server_error&error_description=soak",
    "/health/ready",
    "/",
)


@dataclass
class Look:
    """What the portal's process holds."""

    memory_mb: float
    files: int
    threads: int

    @classmethod
    def at(cls, pid: int) -> "Look":
        """Right now."""
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in status)
        return cls(
            memory_mb=round(int(fields["VmRSS"].split()[0]) / 1024, 1),
            files=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208 - names of no interest
            threads=int(fields["Threads"]),
        )


@dataclass
class Outcome:
    """Everything that was counted, and what was wrong."""

    requests: int = 0
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    looks: list[Look] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)


def main() -> int:
    """Print every figure, and whether it is good enough."""
    wanted = arguments()
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the server of the database is another account's
        proxies: list[FaultProxy] = []

        def in_between(hydra: Any) -> str:
            proxies.append(FaultProxy(hydra.admin_port))
            return proxies[0].url

        with (
            postgres(directory / "postgres") as server,
            staged(
                directory,
                server,
                replicas=1,
                people=40,
                apps=4,
                settings={"PORTAL_UNDO_FOR": "1", "PORTAL_ORY_TIMEOUT": "1"},
                admin_url=in_between,
            ) as stage,
        ):
            outcome = asyncio.run(Soak(stage, proxies[0], wanted.requests).run())
            proxies[0].close()
    write_json(wanted.json, outcome)
    return 0 if report(outcome) else 1


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args()


class CountingBrowser(PatientBrowser):
    """Counts what the portal answers; nothing is reloaded: there is enough else to do."""

    def __init__(self, http: httpx.AsyncClient, soak: "Soak") -> None:
        super().__init__(http, Counter())
        self._soak = soak

    async def _request(self, *request: Any) -> httpx.Response:
        is_portal = request[1].port == self._soak.stage.balancer.port
        try:
            answer = await super(PatientBrowser, self)._request(*request)
        except httpx.TransportError as exc:
            if is_portal:
                self._soak.count(f"no answer: {type(exc).__name__}", request[1].path)
            raise InterruptedFlowError from exc
        if is_portal:
            self._soak.count(str(answer.status_code), request[1].path)
        return answer


class InterruptedFlowError(Exception):
    """What was begun is given up."""


class Soak:
    """People, faults, and looks at the process in between."""

    def __init__(self, stage: Stage, proxy: FaultProxy, requests: int) -> None:
        self.stage = stage
        self._proxy = proxy
        self._wanted = requests
        self._outcome = Outcome()
        self._until = int(requests * FIRST_LOOK)
        self._random = random.Random(8)  # noqa: S311 - a choice of what people do

    async def run(self) -> Outcome:
        began = time.monotonic()
        await self._part()
        self._until = self._wanted
        await self._part()
        self._outcome.seconds = round(time.monotonic() - began, 1)
        return self._outcome

    def count(self, status: str, path: str) -> None:
        """One request was answered, or not."""
        self._outcome.requests += 1
        self._outcome.statuses[status] += 1
        if not (status.isdecimal() and (int(status) < 400 or int(status) in LEFT_ALONE)):
            self._outcome.wrong[f"{status} at {path}"] += 1

    async def _part(self) -> None:
        """Go on until so many requests were made, then look."""
        disturbing = asyncio.create_task(self._disturb())
        people = self.stage.people
        await asyncio.gather(*(self._live(list(people[n::AT_ONCE])) for n in range(AT_ONCE)))
        disturbing.cancel()
        await asyncio.gather(disturbing, return_exceptions=True)
        self._proxy.heal()
        await asyncio.sleep(REST_SECONDS)
        self._outcome.looks.append(Look.at(self.stage.replicas[0].pid))

    async def _disturb(self) -> None:
        rubbish: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Ory away", self._proxy.down),
            ("Ory slow", lambda: self._proxy.slow(0.4)),
            ("Ory slower than we wait", lambda: self._proxy.slow(5)),
            ("Ory drips", self._proxy.drip),
            ("Ory answers HTML", self._proxy.garbage),
            ("Ory answers 500", lambda: self._proxy.answer(500, '{"error":"server_error"}')),
            ("Ory answers 429", lambda: self._proxy.answer(429, '{"error":"slow_down"}')),
            ("Ory answers []", lambda: self._proxy.answer(200, "[]")),
        )
        while True:
            await asyncio.sleep(self._random.uniform(*HEALTHY_SECONDS))
            if self._random.random() < 0.15:
                self._outcome.faults["database ends sessions"] += 1
                await in_thread(end_sessions, self.stage.database_url)
                continue
            name, begin = self._random.choice(rubbish)
            self._outcome.faults[name] += 1
            begin()
            await asyncio.sleep(self._random.uniform(*FAULT_SECONDS))
            self._proxy.heal()

    async def _live(self, people: list[Person]) -> None:
        acts = (self._flow, self._flow, self._silent, self._remove, self._look_around, self._fail)
        while self._outcome.requests < self._until:
            person, app = self._random.choice(people), self._random.choice(self.stage.apps)
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                browser = CountingBrowser(http, self)
                for act in self._random.choices(acts, k=4):
                    try:
                        await act(browser, person, app)
                    except (InterruptedFlowError, AssertionError):
                        self._outcome.done["given up"] += 1
            show(self._outcome.requests / self._wanted, f"{self._outcome.requests:,} requests")

    async def _flow(self, browser: CountingBrowser, person: Person, app: App) -> None:
        page = await browser.open(app.authorize_url("openid offline", prompt="consent"))
        if is_login(page):
            page = await sign_in(browser, person, remember=True)
        if is_consent(page):
            browser.choose("grant_scope", "openid", "offline")
            browser.tick("remember", ticked=self._random.random() < 0.7)
            deny = self._random.random() < 0.1
            page = await browser.click("reject" if deny else "accept")
        self._arrived("full flow", page, app)

    async def _silent(self, browser: CountingBrowser, person: Person, app: App) -> None:
        page = await browser.open(app.authorize_url("openid offline"))
        if is_login(page):
            page = await sign_in(browser, person, remember=True)
        self._arrived("silent flow", page, app)

    async def _remove(self, browser: CountingBrowser, person: Person, app: App) -> None:
        page = await browser.open(f"{self.stage.balancer.url}/account/apps")
        if is_login(page):
            page = await sign_in(browser, person, remember=False)
        await browser.open(page.link_to("/account/apps/disconnect", app.client_id))
        for form in browser.page.root.iter("form"):
            posts = form.get("method", "").lower() == "post"
            if posts and "logout" not in form.get("action", ""):
                await browser.submit(next(form.iter("button")))
                self._outcome.done["removal"] += 1
                return

    async def _look_around(self, browser: CountingBrowser, *_: object) -> None:
        for path in self._random.sample(NONSENSE, 4):
            await browser.open(self.stage.balancer.url + path)
        self._outcome.done["looked around"] += 1

    async def _fail(self, browser: CountingBrowser, person: Person, _: App) -> None:
        """A wrong password now and then; more would be throttled, and that for all from here."""
        await browser.open(f"{self.stage.balancer.url}/login")
        if is_login(browser.page) and self._random.random() < 0.05:
            browser.fill("email", person.email)
            browser.fill("password", "not what they chose")
            await browser.click("accept")
            self._outcome.done["wrong password"] += 1

    def _arrived(self, kind: str, page: Document, app: App) -> None:
        here = is_back(page, app)
        self._outcome.done[kind if here else f"{kind}, not to its end"] += 1


def end_sessions(url: str) -> None:
    """As a server does that is restarted."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def report(outcome: Outcome) -> bool:
    """Tell a person: whether it is all good enough."""
    print(f"\n{outcome.requests:,} requests in {outcome.seconds:.0f} s")
    for title, counts in (
        ("answers", outcome.statuses),
        ("done", outcome.done),
        ("faults", outcome.faults),
    ):
        print(f"{title}: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items())))
    early, late = outcome.looks[0], outcome.looks[-1]
    print(f"after {FIRST_LOOK:.0%}: {early}\nat the end: {late}")
    limit = max(early.memory_mb * (1 + MOST_GROWTH), early.memory_mb + MOST_MB)
    good = told(late.memory_mb <= limit, f"memory at most {limit:.0f} MB at the end")
    good &= told(late.files <= early.files + MOST_FILES, "open files stay")
    good &= told(late.threads <= early.threads + MOST_THREADS, "threads stay")
    for words, count in outcome.wrong.most_common(10):
        print(f"MISS  {words}, {count} times")
    return told(not outcome.wrong, "every request was answered, and rightly") and good


if __name__ == "__main__":
    sys.exit(main())
