"""What a search among millions of grants costs, and the look-up of one by a consent decision.

Fills PostgreSQL databases of several sizes with the schema of the real migrations
(benchmarks/fill_grants.py), then searches them through the portal's own store as the admin page
does: words become a selection, the selection a page and a count. Every filter is measured many
times, each time for somebody or something else, half of them on a first page and half somewhere in
the middle; the databases take turns. Two clocks run: the server's own, which it reports for every
statement that the portal sent, and that of whoever waits for the answer.

    make bench-grants
    GRANTS=100000,1000000 make bench-grants
    python -m benchmarks.grants --grants 1000000,10000000 --keep /var/tmp/grants

Starts a PostgreSQL of its own, or uses the server of BENCH_DATABASE_URL, as a superuser. Exits with
1 if something took longer than it may.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pwd
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg import sql

from benchmarks import fill_grants
from portal.consent.case import read_case
from portal.origin import Origin
from portal.ory.models import ConsentRequest, OAuth2Client
from portal.services import Visitor
from portal.store import GrantSearch, Store, schema
from portal.store.grant_index import Order, Position
from tests.fixtures.real_parts import find_postgres

PAGE: Final = 50
SEARCH_MS: Final = 50.0
LOOKUP_MS: Final = 1.0
GROWTH: Final = 1.5
NOISE: Final = 0.04
"""Growth by so much of the limit is none: two runs of the same differ by as much."""
REPORTED: Final = re.compile(r"([0-9.]+) s user, ([0-9.]+) s system, ([0-9.]+) s elapsed")
OPTIONS: Final = "-c log_statement_stats=on -c client_min_messages=log"
CLUSTER: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "1GB",
    "effective_cache_size": "6GB",
    "max_wal_size": "8GB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_messages": "fatal",
}


@dataclass
class Place:
    """One filled database."""

    url: str
    grants: int
    users: int
    store: Store
    busy: bool
    """Count the server's CPU, not the time that passes for it."""
    clock: list[float] = field(default_factory=list)
    """What the server said, in ms, about each statement since it was last asked."""

    def spent(self) -> float:
        """What the server needed since the last time."""
        total = sum(self.clock)
        self.clock.clear()
        return total


@dataclass
class Sample:
    """One search: (server, waiting) of each step, in ms."""

    select: tuple[float, float]
    page: tuple[float, float]
    tally: tuple[float, float]

    @property
    def server(self) -> float:
        return self.select[0] + self.page[0] + self.tally[0]

    @property
    def waiting(self) -> float:
        return self.select[1] + self.page[1] + self.tally[1]


# Filling and starting


@contextlib.contextmanager
def cluster(directory: Path) -> Iterator[str]:
    """Run a PostgreSQL in *directory*; its address."""
    initdb = find_postgres()
    if initdb is None:
        sys.exit("PostgreSQL's programs were not found.")
    run: dict[str, Any] = {"cwd": directory}
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        shutil.chown(directory, "postgres", "postgres")
        run |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data, port = directory / "data", _free_port()
    if not data.exists():
        made = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale=C.UTF-8"]
        made += ["--locale-provider=icu", "--icu-locale=en-US"]
        subprocess.run([initdb, "-D", data, *made], check=True, capture_output=True, **run)
    options = [f"-c{name}={value}" for name, value in (CLUSTER | {"port": port}).items()]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [initdb.parent / "postgres", "-D", data, *options], stdout=log, stderr=log, **run
        )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        schema.wait_until_reachable(url, seconds=60)
        yield url
    finally:
        server.send_signal(2)  # SIGINT: end every session, then the server
        server.wait(120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def filled(server: str, grants: int) -> tuple[str, int]:
    """A database of that size on *server*, made if it is not there: its address and real size."""
    name = f"bench_grants_{grants}"
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [name],
        ).fetchone()
        revision = schema.head()
        if row and row[0] and row[0].startswith(f"{revision} "):
            return url, int(row[0].split()[1])
        print(f"Filling {name}", flush=True)
        database = sql.Identifier(name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(database))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        schema.upgrade(url)
        size = fill_grants.fill(url, grants)
        note = sql.Literal(f"{revision} {size}")
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(database, note))
        return url, size


@contextlib.asynccontextmanager
async def opened(url: str, *, grants: int, asked: int, busy: bool) -> AsyncIterator[Place]:
    """The portal's store on it, with the server's clock running."""
    told = sa.make_url(url).update_query_dict({"options": OPTIONS})
    store = Store(told.render_as_string(hide_password=False), pool_size=1)
    place = Place(url, grants, max(1, asked // fill_grants.PER_USER), store, busy)

    def listen(connection: Any, _record: object) -> None:
        def note(diagnostic: psycopg.errors.Diagnostic) -> None:
            if said := REPORTED.search(diagnostic.message_detail or ""):
                user, system, elapsed = (float(seconds) * 1000 for seconds in said.groups())
                place.clock.append(user + system if place.busy else elapsed)

        connection.driver_connection.add_notice_handler(note)

    sa.event.listen(store._writer.sync_engine, "connect", listen)
    yield place
    await store.dispose()


def warm(url: str) -> None:
    """Have everything read once, so that the disk is not what is measured."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute(
            "SELECT pg_prewarm(c.oid::regclass, 'read') FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')"
        )


# What is searched for


class Draw:
    """What somebody types, drawn by chance: the same for the same *seed*."""

    def __init__(self, seed: str, users: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - a choice of what to measure, no secret
        self._users = users

    def one(self, *choices: str) -> str:
        return self._chance.choice(choices)

    def two(self, *choices: str) -> str:
        return " ".join(self._chance.sample(choices, 2))

    def user(self) -> int:
        return self._chance.randint(1, self._users)

    def subject(self) -> str:
        return fill_grants.subject_of(self.user())

    def email(self) -> str:
        return fill_grants.email_of(self.user())

    def beginning(self, most: int) -> str:
        return self.email()[: self._chance.randint(1, most)]

    def client(self) -> str:
        """As popular as it is."""
        return fill_grants.client_of(int(fill_grants.CLIENTS ** self._chance.random()))

    def word(self) -> str:
        return self.one(*fill_grants.PREFIXES, *fill_grants.KINDS).lower()

    def day(self) -> datetime:
        return fill_grants.NOW - timedelta(days=self._chance.uniform(1, 1000))

    def place(self) -> Position | None:
        """Where a page begins: half of them are first ones."""
        if self._chance.random() < 0.5:
            return None
        return self.day(), self.subject(), self.client()


@dataclass(frozen=True)
class Filter:
    """What somebody searches for."""

    name: str
    words: Callable[[Draw], dict[str, Any]]
    order: Order = "newest"


COMMON, MIDDLING, RARE = fill_grants.COMMON, fill_grants.MIDDLING, fill_grants.RARE
STATES: Final = ("active", "expired", "revoked", "pending", "at_ory")
FILTERS: Final = (
    Filter("nothing, newest", lambda _: {}),
    Filter("nothing, oldest", lambda _: {}, "oldest"),
    Filter("nothing, used", lambda _: {}, "used"),
    Filter("nothing, unused", lambda _: {}, "unused"),
    Filter("user: address", lambda d: {"user": d.email()}),
    Filter("user: subject", lambda d: {"user": d.subject()}),
    Filter("user: beginning, long", lambda d: {"user": d.email().split("@")[0][:-1]}),
    Filter("user: beginning, short", lambda d: {"user": d.beginning(8)}),
    Filter("user: nobody", lambda d: {"user": f"nobody{d.user()}@example.org"}),
    Filter("client: most popular", lambda _: {"client": fill_grants.client_of(1)}),
    Filter("client: any", lambda d: {"client": d.client()}),
    Filter("client: part of the name", lambda d: {"client": d.word()}),
    Filter("client: part of the name, used", lambda d: {"client": d.word()}, "used"),
    Filter("scope: common", lambda d: {"scope": d.one(*COMMON)}),
    Filter("scope: middling", lambda d: {"scope": d.one(*MIDDLING)}),
    Filter("scope: rare", lambda d: {"scope": d.one(*RARE)}),
    Filter("scopes: two common", lambda d: {"scope": d.two(*COMMON)}),
    Filter(
        "scopes: common, middling",
        lambda d: {"scope": f"{d.one(*COMMON)} {d.one(*MIDDLING)}"},
    ),
    Filter("scopes: common, rare", lambda d: {"scope": f"{d.one(*COMMON)} {d.one(*RARE)}"}),
    *(Filter(f"state: {s}", lambda _, s=s: {"state": s}) for s in STATES),
    Filter("state: active, unused", lambda _: {"state": "active"}, "unused"),
    Filter("allowed since", lambda d: {"allowed_since": d.day()}),
    Filter("allowed until", lambda d: {"allowed_until": d.day()}),
    Filter("allowed until, unused", lambda d: {"allowed_until": d.day()}, "unused"),
    Filter("used since", lambda d: {"used_since": d.day()}),
    Filter("used until", lambda d: {"used_until": d.day()}),
    Filter("used until, unused", lambda d: {"used_until": d.day()}, "unused"),
    Filter(
        "allowed since, used until",
        lambda d: {"allowed_since": d.day(), "used_until": d.day()},
    ),
    Filter("user + state", lambda d: {"user": d.email(), "state": d.one(*STATES)}),
    Filter(
        "user's beginning + scope",
        lambda d: {"user": d.beginning(6), "scope": d.one(*COMMON, *MIDDLING, *RARE)},
    ),
    Filter("user + client", lambda d: {"user": d.email(), "client": d.word()}),
    Filter("client + state", lambda d: {"client": d.client(), "state": d.one(*STATES)}),
    Filter("client's name + state", lambda d: {"client": d.word(), "state": d.one(*STATES)}),
    Filter("client + common scope", lambda d: {"client": d.client(), "scope": d.one(*COMMON)}),
    Filter("client + middling scope", lambda d: {"client": d.client(), "scope": d.one(*MIDDLING)}),
    Filter("client + rare scope", lambda d: {"client": d.client(), "scope": d.one(*RARE)}),
    Filter(
        "client's name + common scope",
        lambda d: {"client": d.word(), "scope": d.one(*COMMON)},
    ),
    Filter("client + used until", lambda d: {"client": d.client(), "used_until": d.day()}),
    Filter(
        "client + used until, unused",
        lambda d: {"client": d.client(), "used_until": d.day()},
        "unused",
    ),
    Filter(
        "scope + state",
        lambda d: {"scope": d.one(*COMMON, *MIDDLING, *RARE), "state": d.one(*STATES)},
    ),
    Filter("scope + used until", lambda d: {"scope": d.one(*MIDDLING), "used_until": d.day()}),
    Filter("state + used until", lambda d: {"state": d.one(*STATES), "used_until": d.day()}),
    Filter(
        "client, scope, state, used until",
        lambda d: {
            "client": d.word(),
            "scope": d.one(*COMMON, *MIDDLING),
            "state": d.one(*STATES),
            "used_until": d.day(),
        },
    ),
)


# Measuring


async def search(place: Place, chosen: Filter, draw: Draw) -> Sample:
    """Search once, as the page does."""
    words, after = GrantSearch(**chosen.words(draw)), draw.place()
    async with place.store.reading() as rows:
        place.spent()
        start = time.perf_counter()
        selected = await rows.grant_index.select(words)
        select = place.spent(), _since(start)
        start = time.perf_counter()
        await rows.grant_index.page(selected.selection, order=chosen.order, after=after, limit=PAGE)
        page = place.spent(), _since(start)
        start = time.perf_counter()
        await rows.grant_index.tally(selected.selection)
        return Sample(select, page, (place.spent(), _since(start)))


async def find(place: Place, draw: Draw) -> tuple[float, float]:
    """Look one pair up."""
    subject, client_id = draw.subject(), draw.client()
    async with place.store.reading() as rows:
        place.spent()
        start = time.perf_counter()
        await rows.grants.find(subject, client_id)
        return place.spent(), _since(start)


async def decide(place: Place, draw: Draw) -> tuple[float, float]:
    """Read all that a consent decision is made from, in its transaction."""
    user = draw.user()
    request = ConsentRequest(
        challenge=f"challenge {time.perf_counter_ns()}",
        client=OAuth2Client(client_id=draw.client(), client_name="Photos"),
        request_url="https://ory.example/oauth2/auth?client_id=photos",
        subject=fill_grants.subject_of(user),
        login_session_id=f"session {user}",
        requested_scope=("openid", "email"),
    )
    visitor = Visitor(browser_hash="b" * 64, origin=Origin(), now=fill_grants.NOW)
    async with place.store.writing() as rows:
        place.spent()
        start = time.perf_counter()
        await read_case(rows, request, visitor=visitor)
        return place.spent(), _since(start)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


async def measure(places: list[Place], *, times: int, only: str) -> list[dict[str, Any]]:
    """Every filter and look-up in every place, the places taking turns."""
    rows = []
    for name, look in (("grants.find", find), ("consent decision", decide)):
        if only not in name:
            continue
        found: list[list[tuple[float, float]]] = [[] for _ in places]
        for place in places:
            warm(place.url)
        for turn in range(times * 5 + 20):
            for place, samples in zip(places, found, strict=True):
                sample = await look(place, Draw(f"{name} {turn}", place.users))
                if turn >= 20:
                    samples.append(sample)
        rows.append(_lookup_row(name, found))
        print(_line(rows[-1]), flush=True)
    for chosen in FILTERS:
        if only not in chosen.name:
            continue
        searched: list[list[Sample]] = [[] for _ in places]
        for place in places:  # each time, as a machine that others use forgets it
            warm(place.url)
        for turn in range(times + 10):
            for place, results in zip(places, searched, strict=True):
                result = await search(place, chosen, Draw(f"{chosen.name} {turn}", place.users))
                if turn >= 10:  # the first ones warm up
                    results.append(result)
        rows.append(_search_row(chosen.name, searched))
        print(_line(rows[-1]), flush=True)
    return rows


def _lookup_row(name: str, found: list[list[tuple[float, float]]]) -> dict[str, Any]:
    server = [[sample[0] for sample in samples] for samples in found]
    waiting = [[sample[1] for sample in samples] for samples in found]
    return _judged({"name": name, "limit": LOOKUP_MS}, server, waiting)


def _search_row(name: str, searched: list[list[Sample]]) -> dict[str, Any]:
    row = {
        "name": name,
        "limit": SEARCH_MS,
        "steps": [
            [_usual_high([getattr(sample, step)[0] for sample in samples]) for samples in searched]
            for step in ("select", "page", "tally")
        ],
    }
    server = [[sample.server for sample in samples] for samples in searched]
    waiting = [[sample.waiting for sample in samples] for samples in searched]
    return _judged(row, server, waiting)


def _judged(
    row: dict[str, Any], server: list[list[float]], waiting: list[list[float]]
) -> dict[str, Any]:
    high = [_usual_high(samples) for samples in server]
    ratio = high[-1] / high[0]
    flat = ratio <= GROWTH or high[-1] - high[0] <= NOISE * row["limit"]
    return row | {
        "p50": [statistics.median(samples) for samples in server],
        "p95": high,
        "max": [max(samples) for samples in server],
        "waiting": [_usual_high(samples) for samples in waiting],
        "ratio": ratio,
        "passed": high[-1] <= row["limit"] and flat,
    }


def _high(samples: list[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.95)]


def _usual_high(samples: list[float]) -> float:
    """The middle of three: somebody else's busy second is in one of them."""
    return statistics.median(
        _high(samples[part * len(samples) // 3 : (part + 1) * len(samples) // 3])
        for part in range(3)
    )


def _line(row: dict[str, Any]) -> str:
    def both(values: list[float]) -> str:
        return " / ".join(f"{value:.2f}" for value in values)

    steps = [both(step) for step in row.get("steps", ())] or ["", "", ""]
    cells = [row["name"], both(row["p50"]), both(row["p95"]), both(row["max"]), *steps]
    cells += [both(row["waiting"]), f"{row['ratio']:.2f}", "pass" if row["passed"] else "FAIL"]
    return f"| {' | '.join(cells)} |"


HEAD: Final = (
    "| search | p50 | p95 | max | select p95 | page p95 | tally p95 | waiting p95 | ratio | |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


async def run(
    server: str, sizes: list[int], *, times: int, only: str, busy: bool
) -> list[dict[str, Any]]:
    """Fill what is not filled, measure, print."""
    made = [(*filled(server, size), size) for size in sizes]
    async with contextlib.AsyncExitStack() as stack:
        places = [
            await stack.enter_async_context(opened(url, grants=size, asked=asked, busy=busy))
            for url, size, asked in made
        ]
        print("Grants: " + " / ".join(f"{place.grants:,}" for place in places))
        clock = "Milliseconds of the server's CPU" if busy else "Milliseconds on the server"
        print(f"{clock}, of {times} searches each.\n\n{HEAD}", flush=True)
        return await measure(places, times=times, only=only)


def main() -> None:
    """Measure, print a Markdown table, and say whether everything was fast enough."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--grants", default=os.environ.get("GRANTS", "1000000,10000000"))
    arguments.add_argument("--times", type=int, default=300, help="searches by each filter")
    arguments.add_argument("--only", default="", help="filters whose name holds this")
    arguments.add_argument(
        "--busy", action="store_true", help="others use this machine: judge the server's CPU time"
    )
    arguments.add_argument("--keep", type=Path, help="where the databases stay for the next run")
    arguments.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = arguments.parse_args()
    sizes = sorted(int(size) for size in chosen.grants.split(","))
    with contextlib.ExitStack() as stack:
        server = os.environ.get("BENCH_DATABASE_URL")
        if server is None:
            if chosen.keep:
                chosen.keep.mkdir(parents=True, exist_ok=True)
            directory = chosen.keep or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-grants-"))
            )
            server = stack.enter_context(cluster(directory))
        rows = asyncio.run(
            run(server, sizes, times=chosen.times, only=chosen.only, busy=chosen.busy)
        )
    if chosen.json:
        chosen.json.write_text(json.dumps(rows) + "\n")
    missed = [row["name"] for row in rows if not row["passed"]]
    if missed:
        sys.exit(f"Too slow: {', '.join(missed)}")


if __name__ == "__main__":
    main()
