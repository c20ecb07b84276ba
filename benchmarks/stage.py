"""What the benchmarks of many processes share: portals over one PostgreSQL in front of a real
Hydra, a balancer between them and the browsers, people and apps.
"""

import asyncio
import contextlib
import itertools
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import msgspec
from argon2 import PasswordHasher

from benchmarks.flows.servers import new_database
from benchmarks.real_portal import KEPT, PASSWORD, fill_database
from tests.driver import Browser, Document
from tests.hydra import build
from tests.hydra.server import HydraSettings, free_port, running_hydra, stop, wait_for
from tests.real.hydra import RealHydra
from tests.real.relying_party import App, RelyingParty

TRIES = 12
"""How often somebody reloads a page that did not come."""
PAUSE = 0.25
CHUNK = 65_536


class Balancer:
    """Passes connections on, in turns; whoever refuses one is passed over. In a thread of its own,
    so that nothing that browsers do here holds it up.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.targets: Sequence[int] = ()
        self._turns = itertools.count()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event

    @property
    def url(self) -> str:
        """On ``localhost``; Hydra and the apps are on 127.0.0.1: another site, as in real life."""
        return f"http://localhost:{self.port}"

    def __enter__(self) -> "Balancer":
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)
        self._started.set()
        await self._end.wait()
        server.close()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
        await asyncio.sleep(0.1)  # the transports close one by one

    async def _serve(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        turn = next(self._turns)
        try:
            for n in range(len(self.targets)):
                port = self.targets[(turn + n) % len(self.targets)]
                try:
                    there, onward = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    continue
                both = _copy(here, onward), _copy(there, back)
                await asyncio.gather(*both, return_exceptions=True)
                return
        except asyncio.CancelledError:
            pass  # the end of it all; asyncio's server would tell of it
        finally:
            back.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until either side ends, however it does."""
    try:
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    finally:
        with contextlib.suppress(Exception):
            target.close()


@dataclass
class Replica:
    """One portal of several that share a database and an address."""

    number: int
    url: str
    database_url: str
    admin_url: str
    public_url: str
    directory: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.directory / f"portal-{self.number}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None  # noqa: S101 - it was started
        return self.process.pid

    def start(self) -> None:
        """Serve, and return when it answers."""
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "HYDRA_ADMIN_URL": self.admin_url,
            "HYDRA_PUBLIC_URL": self.public_url,
            "BASE_URL": self.url,
            "PORT": str(self.port),
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": "0123456789abcdef0123456789abcdef-for-benchmarks",
            "PORTAL_DATA_DIR": str(self.directory),
            "PORTAL_LOG_FORMAT": "json",
            **self.settings,
        }
        command = (sys.executable, "-m", "portal", "serve")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=self.directory,
                start_new_session=True,
            )  # fmt: skip
        wait_for(f"http://127.0.0.1:{self.port}/health/ready", self.process, log=self.log)

    def kill(self) -> None:
        """As a machine does that loses its power."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account."""

    email: str
    subject: str
    password: str = PASSWORD


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that runs."""

    hydra: RealHydra
    balancer: Balancer
    database_url: str
    replicas: Sequence[Replica]
    people: Sequence[Person]
    apps: Sequence[App]


@contextlib.contextmanager
def staged(
    directory: Path,
    server: str,
    *,
    replicas: int,
    people: int,
    apps: int,
    settings: Mapping[str, str],
    admin_url: Callable[[RealHydra], str] = lambda hydra: hydra.admin_url,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Stage]:
    """Start it all on databases of *server*, a PostgreSQL; *admin_url* is what the portals are
    told, *fields* those of single people by address.
    """
    database = new_database(server, "bench_portal")
    rest = new_database(server, "bench_hydra").partition("://")[2]
    mark = "&" if "?" in rest else "?"
    stored = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(PASSWORD)
    some = [Person(email=f"p{n}@example.org", subject=f"subject-{n}") for n in range(people)]
    asyncio.run(fill_database(database, {p.email: stored for p in some}, **(fields or {})))
    with contextlib.ExitStack() as stack:
        balancer = Balancer()
        if replicas > 1:  # one alone listens there itself
            stack.enter_context(balancer)
        hydra_settings = HydraSettings(
            bin=build.find_or_build(lambda text: print(text, file=sys.stderr, flush=True)),
            portal_url=balancer.url,
            log=directory / "hydra.log",
            dsn=f"postgres://{rest}{mark}sslmode=disable&max_conns=30",
        )
        stack.enter_context(running_hydra(hydra_settings))
        http = stack.enter_context(httpx.Client(trust_env=False, timeout=30))
        hydra = RealHydra(settings=hydra_settings, http=http)
        party = stack.enter_context(contextlib.closing(RelyingParty()))
        made = [
            hydra.create_client(
                party, client_name=f"App number {n}", scope="openid offline profile"
            )
            for n in range(apps)
        ]
        several = [
            Replica(
                number=n,
                url=balancer.url,
                database_url=database,
                admin_url=admin_url(hydra),
                public_url=hydra.public_url,
                directory=directory,
                settings=settings,
                port=free_port() if replicas > 1 else balancer.port,
            )
            for n in range(replicas)
        ]
        for replica in several:
            stack.callback(replica.stop)
            replica.start()
        balancer.targets = [replica.port for replica in several]
        yield Stage(
            hydra=hydra,
            balancer=balancer,
            database_url=database,
            replicas=several,
            people=some,
            apps=made,
        )


class PatientBrowser(Browser):
    """In front of it somebody who reloads a page that did not come, and who notes what came."""

    def __init__(self, http: httpx.AsyncClient, seen: Counter[str]) -> None:
        super().__init__(http)
        self.seen = seen

    async def _request(self, *request: Any) -> httpx.Response:
        for turn in range(TRIES):
            try:
                answer = await super()._request(*request)
            except httpx.TransportError as exc:
                self.seen[f"no answer: {type(exc).__name__}"] += 1
            else:
                if answer.status_code != 503 or turn == TRIES - 1:
                    return answer
                self.seen["503, reloaded"] += 1
            await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - a person's
        raise LostError(f"{request[0]} {request[1].copy_with(query=None)} was never answered")


class LostError(Exception):
    """A person gave up."""


@contextlib.asynccontextmanager
async def new_browser(seen: Counter[str]) -> AsyncIterator[PatientBrowser]:
    """One without cookies."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        yield PatientBrowser(http, seen)


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """What blocks, beside the loop."""
    return await anyio.to_thread.run_sync(lambda: call(*arguments))


def is_login(page: Document) -> bool:
    """Whether it asks who is there."""
    return page.has("login-title") and page.has("password")


def is_consent(page: Document) -> bool:
    """Whether it asks for permission."""
    return bool(page.boxes("grant_scope"))


def is_back(page: Document, app: App) -> bool:
    """Whether the app has its answer."""
    return str(page.url.copy_with(query=None)) == app.redirect_uri


async def sign_in(browser: Browser, person: Person, *, remember: bool) -> Document:
    """Fill in the form that is open, and send it."""
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    if browser.page.has("remember"):
        browser.tick("remember", ticked=remember)
    return await browser.click("accept")


async def during(seconds: float, *works: Callable[[], Awaitable[object]]) -> None:
    """Do each of *works* again and again for so long; what they begin they finish."""
    until = asyncio.get_running_loop().time() + seconds

    async def again(work: Callable[[], Awaitable[object]]) -> None:
        while asyncio.get_running_loop().time() < until:
            await work()

    await asyncio.gather(*map(again, works))


def show(part: float, words: str) -> None:
    """A line that tells how far it is, for somebody who watches."""
    if sys.stderr.isatty():
        done = int(30 * min(1.0, part))
        sys.stderr.write(f"\r{'█' * done}{'·' * (30 - done)} {words}\x1b[K")
        if part >= 1:
            sys.stderr.write("\n")
        sys.stderr.flush()


def share(values: Sequence[float], part: float) -> float:
    """The value below which so large a *part* of them lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def write_json(path: Path | None, figures: object) -> None:
    """Keep *figures* where somebody asked for that."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
