"""Many flows at once against one app, and what they cost."""

import asyncio
import itertools
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import aiohttp
from argon2 import PasswordHasher

from benchmarks.flows.browser import FULL, SILENT, Browser, Flow, Person, Step
from benchmarks.flows.figures import Round
from benchmarks.flows.processes import Memory
from benchmarks.flows.servers import App, Ory

PASSWORD = "seven tame herons in a row"  # noqa: S105 - opens nothing but what is made here
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
STORED = HASHER.hash(PASSWORD)
SILENT_PER_FULL = 3
"""Somebody whom both sides remember comes back so often in a run that looks at memory."""
Advance = Callable[[int], None]


def person_of(n: int) -> Person:
    """One of those that the portal knows, with an address of their own."""
    return Person(f"person{n}@example.org", PASSWORD, f"198.18.{n // 250}.{n % 250 + 1}")


REFERENCE_PERSON = Person("foo@bar.com", "foobar", "198.18.0.1")


@dataclass
class Crowd:
    """Browsers in front of one app, each flow with another person where there are others."""

    http: aiohttp.ClientSession
    ory: Ory
    app: App
    people: int
    concurrency: int
    advance: Advance
    _latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _turn: Iterator[int] = field(default_factory=itertools.count)

    async def full(self, flows: int) -> Round:
        """New browsers, both forms shown and sent."""

        async def one() -> None:
            await self._browser().flow()
            self.advance(1)

        return await self._measured(flows, self._at_once(one, flows))

    async def hash_amid(self, flows: int) -> float:
        """CPU seconds of one verification in this process while such flows go on, one for each, as
        many at once as the portal lets run: caches and memory are shared as they are there.
        """
        spent: list[float] = []
        with ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1)) as pool:

            async def verify() -> None:
                loop = asyncio.get_running_loop()
                spent.append(await loop.run_in_executor(pool, _verify))

            async def one() -> None:
                await self._browser().flow(meanwhile=verify)
                self.advance(1)

            await self._at_once(one, flows)
        return statistics.mean(spent)

    async def silent(self, flows: int) -> Round:
        """Browsers and consents that both sides remember: nothing is shown."""
        browsers = await self._remembered(self.concurrency)
        left = itertools.repeat(None, flows)

        async def use(browser: Browser) -> None:
            for _ in left:
                await browser.flow(silent=True)
                self.advance(1)

        return await self._measured(flows, asyncio.gather(*map(use, browsers)))

    async def mixed(self, flows: int) -> None:
        """People who sign in once and come back."""
        per_browser = 1 + SILENT_PER_FULL

        async def one() -> None:
            browser = self._browser()
            await browser.flow(remember=True)
            for _ in range(SILENT_PER_FULL):
                await browser.flow(silent=True)
            self.advance(per_browser)

        await self._at_once(one, flows // per_browser)

    async def full_by_step(self, flows: int) -> dict[Step, Round]:
        """All flows do the same step at the same time: what each step costs, and how long it takes
        while nobody hashes.
        """
        under_way = [Flow(self._browser()) for _ in range(flows)]
        found: dict[Step, Round] = {}
        await self._each(under_way, Flow.start)
        work = (Flow.get_login, Flow.post_login, Flow.get_consent, Flow.post_consent)
        for step, do in zip(FULL, work, strict=True):
            if step == "GET consent":
                await self._each(under_way, Flow.to_consent)
            found[step] = await self._measured(flows, self._each(under_way, do))
        await self._each(under_way, Flow.finish)
        self.advance(flows)
        return found

    async def silent_by_step(self, flows: int) -> dict[Step, Round]:
        """As :meth:`full_by_step`; a browser has one flow at a time."""
        found: dict[Step, Round] = {}
        browsers = await self._remembered(flows)
        under_way = [Flow(browser, silent=True) for browser in browsers]
        await self._each(under_way, Flow.start)
        for step, do in zip(SILENT, (Flow.get_login, Flow.get_consent), strict=True):
            if step == "GET consent":
                await self._each(under_way, Flow.to_consent)
            found[step] = await self._measured(flows, self._each(under_way, do))
        await self._each(under_way, Flow.finish)
        self.advance(flows)
        return found

    def memory(self) -> Memory:
        return self.app.memory()

    async def _remembered(self, count: int) -> list[Browser]:
        browsers = [self._browser() for _ in range(count)]
        waiting = iter(browsers)

        async def sign_in() -> None:
            await next(waiting).flow(remember=True)

        await self._at_once(sign_in, count)
        return browsers

    async def _each(self, flows: list[Flow], do: Callable[[Flow], Awaitable[None]]) -> None:
        waiting = iter(flows)

        async def one() -> None:
            await do(next(waiting))

        await self._at_once(one, len(flows))

    async def _at_once(self, one: Callable[[], Awaitable[None]], times: int) -> None:
        left = itertools.repeat(None, times)

        async def work() -> None:
            for _ in left:
                await one()

        await asyncio.gather(*(work() for _ in range(self.concurrency)))

    async def _measured(self, flows: int, work: Awaitable[object]) -> Round:
        self._latencies.clear()
        cpu, started = self.app.cpu(), time.perf_counter()
        await work
        seconds = time.perf_counter() - started
        await asyncio.sleep(0)
        return Round(flows, seconds, self.app.cpu() - cpu, dict(self._latencies))

    def _browser(self) -> Browser:
        person = REFERENCE_PERSON
        if self.app.name == "portal":
            person = person_of(next(self._turn) % self.people)
        return Browser(self.http, self.ory, self.app, person, self._note)

    def _note(self, step: Step, took: float) -> None:
        self._latencies[step].append(took)


def bare_hash(times: int = 16) -> float:
    """CPU seconds of one verification while nothing else runs."""
    return statistics.median(_verify() for _ in range(times))


def _verify() -> float:
    started = time.thread_time()
    HASHER.verify(STORED, PASSWORD)
    return time.thread_time() - started
