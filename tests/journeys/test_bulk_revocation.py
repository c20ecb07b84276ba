"""Thousands of grants are revoked while processes die, Ory is away, and people go on allowing.

``PORTAL_TEST_BULK`` says how many grants, ``PORTAL_TEST_AWAY`` for how many seconds Ory is away.
"""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from portal.store import Store
from portal.store.audit import AuditSearch
from portal.store.grant_index import EXACT_TO
from portal.store.tables import BulkRevocation, GrantRecord, User
from tests.driver import Browser
from tests.fixtures.hydra import hydra_binary, hydra_dsn
from tests.fixtures.real_parts import has_postgres
from tests.hydra.server import HydraSettings, free_port, running, running_hydra, wait_for
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import allow, code_at, open_portal, press_main_button, sign_in
from tests.real.grants import RealGrant, active, connect_many, public_app
from tests.real.hydra import RealHydra
from tests.real.portal import COMMAND, Person, RealPortal
from tests.real.relying_party import App, RelyingParty

LOG = logging.getLogger(__name__)
HOW_MANY = int(os.environ.get("PORTAL_TEST_BULK", "300"))
AWAY = float(os.environ.get("PORTAL_TEST_AWAY", "6"))
APPS = 3
KEPT = 20
"""So many of the people have one more app, which nobody searches for."""
KILLS = 10
PEOPLE_ALLOWING = 20
SETTLED_WITHIN = 90 + HOW_MANY / 20
"""Seconds: leases of half a minute of processes that died, and the deletions themselves."""


pytestmark = [pytest.mark.hydra, pytest.mark.timeout(200 + HOW_MANY)]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A portal that can be started, a database, and grants of which a search finds most."""

    portal: RealPortal
    store: Store
    admin: Person
    search: str
    meant: list[RealGrant]
    kept: list[RealGrant]

    @contextlib.contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        with running(
            [*COMMAND, "serve"],
            env=self.portal.environment(),
            log=self.portal.log,
            cwd=self.portal.directory,
        ) as process:
            wait_for(f"{self.portal.url}/health/ready", process, log=self.portal.log)
            yield process

    async def jobs(self) -> list[BulkRevocation]:
        async with self.store.reading() as rows:
            return [row.job for row in await rows.bulk_revocations.list_page(after=None, limit=9)]

    async def settled(self) -> list[BulkRevocation]:
        """Wait until every job is done and Ory has confirmed everything."""
        with anyio.fail_after(SETTLED_WITHIN):
            while True:
                jobs = await self.jobs()
                async with self.store.reading() as rows:
                    pending = await rows.revocations.count_pending(job.id for job in jobs)
                if jobs and not pending and {job.state for job in jobs} == {"done"}:
                    return jobs
                await anyio.sleep(0.25)

    async def check(self) -> None:
        """Exactly what was meant is revoked, here and at Ory, and the trail says so once."""
        expected = sorted(grant.pair for grant in self.meant)
        assert await self.revoked() == expected
        async with self.store.reading() as rows:
            for grant in self.meant:
                record = await rows.grants.find(*grant.pair)
                assert record is not None
                assert record.revoke_synced_at is not None
            for grant in self.kept:
                record = await rows.grants.find(*grant.pair)
                assert record is not None
                assert record.revoked_at is None
        at_ory = await active(self.portal.hydra, [*self.meant, *self.kept])
        assert {pair for pair in expected if at_ory[pair]} == set()
        both = {"access", "refresh"}
        assert [grant.pair for grant in self.kept if at_ory[grant.pair] != both] == []

    async def revoked(self) -> list[tuple[str, str]]:
        """What the audit trail says was revoked, once for each time."""
        found, after = [], None
        async with self.store.reading() as rows:
            while True:
                search = AuditSearch(actions=("grant.revoked",))
                page = await rows.audit.list_page(search, after=after, limit=1000)
                found += [(event.subject or "", event.client_id or "") for event in page.events]
                if (after := page.next) is None:
                    return sorted(found)


@pytest.fixture
async def scene(
    request: pytest.FixtureRequest, hydra: RealHydra, portal_database: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    if portal_database == "postgresql":
        url = request.getfixturevalue("postgres_cluster").create_database()
    async with made(hydra, url, tmp_path) as scene:
        yield scene


@contextlib.asynccontextmanager
async def made(hydra: RealHydra, database_url: str, directory: Path) -> AsyncIterator[Scene]:
    portal = RealPortal(
        hydra=hydra,
        admin_url=hydra.admin_url,
        port=free_port(),
        database_url=database_url,
        directory=directory,
        settings={"PORTAL_RECONCILE_EVERY": "0"},
    )
    portal.cli("db", "upgrade")
    admin = portal.create_user("admin@example.org", "--admin")
    mark = secrets.token_hex(4)
    apps = {public_app(hydra, f"Bulk {mark}"): f"Bulk {mark}" for _ in range(APPS)}
    other = public_app(hydra, f"Kept {mark}")
    people = [f"person-{mark}-{number}" for number in range(-(-HOW_MANY // APPS))]
    wanted = [(person, app, name) for person in people for app, name in apps.items()]
    store = Store(database_url)
    try:
        yield Scene(
            portal=portal,
            store=store,
            admin=admin,
            search=f"Bulk {mark}",
            meant=await connect_many(hydra, store, wanted),
            kept=await connect_many(
                hydra, store, [(person, other, f"Kept {mark}") for person in people[:KEPT]]
            ),
        )
    finally:
        await store.dispose()


async def remove_all(browser: Browser, scene: Scene, at: RealPortal, **terms: str) -> None:
    """Search, be asked, say yes."""
    query = httpx.QueryParams(terms or {"client": scene.search})
    page = await open_portal(browser, at, f"/admin/grants/revoke-all?{query}", scene.admin)
    meant = len(scene.meant)
    told = "removes about" if meant > EXACT_TO else f"{meant:,} connected apps in all"
    assert told in page.text, str(page)
    await press_main_button(browser)
    assert browser.page.url.path.startswith("/admin/grants/jobs/"), str(browser.page)


async def test_a_process_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    browser: Browser, scene: Scene
) -> None:
    with scene.serving() as process:
        await remove_all(browser, scene, scene.portal)
        await die_after(process, random.uniform(0, 2.5))  # noqa: S311 - no secret
    for _ in range(KILLS - 1):
        with scene.serving() as process:
            await die_after(process, random.uniform(0, 1))  # noqa: S311 - no secret
    started = time.monotonic()
    with scene.serving():
        (job,) = await scene.settled()
        LOG.info("settled %.1f s after the last start", time.monotonic() - started)
        page = await browser.open(f"{scene.portal.url}/admin/grants/jobs/{job.id}")
        assert "Done" in page.text
    assert job.revoked == len(scene.meant)
    await scene.check()


async def die_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    await anyio.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.skipif("PORTAL_TEST_BULK" not in os.environ, reason="a measurement, made by hand")
async def test_a_job_takes_as_long_as_ory_needs(browser: Browser, scene: Scene) -> None:
    with scene.serving():
        started = time.monotonic()
        await remove_all(browser, scene, scene.portal)
        (job,) = await scene.settled()
        took = time.monotonic() - started
        assert job.finished_at is not None
        here = (job.finished_at - job.created_at).total_seconds()
        LOG.info("%s: revoked here in %.1f s, at Ory in %.1f s", HOW_MANY, here, took)
    await scene.check()


async def test_two_operators_with_overlapping_searches_revoke_each_grant_once(
    new_browser: NewBrowser, scene: Scene
) -> None:
    """At two replicas, at once."""
    replica = replace(scene.portal, port=free_port())
    other = replace(scene, portal=replica)
    desks = await new_browser(), await new_browser()
    with scene.serving(), other.serving():
        for desk, at in zip(desks, (scene.portal, replica), strict=True):
            await open_portal(desk, at, "/admin/grants/jobs", scene.admin)
        await asyncio.gather(
            remove_all(desks[0], scene, scene.portal),
            remove_all(desks[1], scene, replica, client=scene.search, allowed="1d"),
        )
        jobs = await scene.settled()
    assert len(jobs) == 2
    assert sum(job.revoked for job in jobs) == len(scene.meant)
    await scene.check()


@pytest.mark.skipif(not has_postgres(), reason="Hydra in memory would forget what it is asked")
async def test_while_ory_is_away_the_job_waits_and_goes_on(
    request: pytest.FixtureRequest, browser: Browser, http_client: httpx.Client, tmp_path: Path
) -> None:
    cluster = request.getfixturevalue("postgres_cluster")
    settings = HydraSettings(
        bin=hydra_binary(),
        portal_url="http://localhost:3000",
        log=tmp_path / "hydra.log",
        dsn=hydra_dsn(cluster.create_database()),
    )
    hydra = RealHydra(settings=settings, http=http_client)
    async with contextlib.AsyncExitStack() as stack:
        with running_hydra(settings):
            scene = await stack.enter_async_context(
                made(hydra, f"sqlite:///{tmp_path / 'portal.db'}", tmp_path)
            )
            stack.enter_context(scene.serving())
            await remove_all(browser, scene, scene.portal)
            await until(scene, lambda pending, job: 0 < pending < job.revoked)
        await anyio.sleep(AWAY)
        page = await browser.reload()
        assert "Waiting for Ory" in page.text or "Removing" in page.text
        assert "Ory does not answer" in page.text
        with running_hydra(settings):
            (job,) = await scene.settled()
            assert job.revoked == len(scene.meant)
            await scene.check()


async def until(scene: Scene, reached: Callable[[int, BulkRevocation], bool]) -> None:
    with anyio.fail_after(60):
        while True:
            (job,) = await scene.jobs()
            async with scene.store.reading() as rows:
                pending = await rows.revocations.count_pending((job.id,))
            if reached(pending.get(job.id, 0), job):
                return
            await anyio.sleep(0.02)


async def test_whoever_allows_while_an_operator_revokes_has_no_token_that_was_revoked(
    new_browser: NewBrowser,
    portal: RealPortal,
    relying_party: RelyingParty,
    admin: Person,
) -> None:
    app = portal.hydra.create_client(
        relying_party, client_name=f"Race {secrets.token_hex(4)}", token_endpoint_auth_method="none"
    )
    store = Store(portal.database_url)
    people = await add_people(store, PEOPLE_ALLOWING)
    tabs = [await allowing(await new_browser(), app, person) for person in people]
    desk = await new_browser()
    query = httpx.QueryParams({"client": app.client_id})
    page = await open_portal(desk, portal, f"/admin/grants/revoke-all?{query}", admin)
    assert f"{PEOPLE_ALLOWING} connected apps" in page.text

    async def later(tab: Browser) -> str:
        await anyio.sleep(random.uniform(0, 3))  # noqa: S311 - no secret
        await allow(tab, "openid", "offline", remember=True)
        return code_at(tab.page, app)

    saying_yes = asyncio.create_task(press_main_button(desk))
    codes = await asyncio.gather(*(later(tab) for tab, _ in tabs))
    await saying_yes
    new = [await anyio.to_thread.run_sync(redeemed, app, code) for code in codes]
    await sweep_now(portal, store, app)
    ended = 0
    for person, (_, old), token in zip(people, tabs, new, strict=True):
        async with store.reading() as rows:
            grant = await rows.grants.find(person.subject, app.client_id)
        assert grant is not None
        revocations = await of_pair(store, portal, grant)
        if revocations:
            ended += 1
            assert not app.is_active(old), person.subject
        if token is not None and app.is_active(token):
            assert grant.revoked_at is None, person.subject
    await store.dispose()
    LOG.info("%s of %s were revoked", ended, PEOPLE_ALLOWING)


def redeemed(app: App, code: str) -> str | None:
    """The app's access token, unless what it rests on has been revoked."""
    answer = app.http.post(
        f"{app.public_url}/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": app.redirect_uri,
            "client_id": app.client_id,
        },
    )
    token: str | None = answer.json().get("access_token")
    return token


async def add_people(store: Store, number: int) -> list[Person]:
    """Accounts with one password, because hashing is dear."""
    mark, password, now = secrets.token_hex(4), "correct horse battery", datetime.now(UTC)
    hashed = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(password)
    people = [
        Person(email=f"race-{mark}-{n}@example.org", password=password, subject=f"race-{mark}-{n}")
        for n in range(number)
    ]
    async with store.writing() as rows:
        for person in people:
            await rows.users.add(
                User(
                    subject=person.subject,
                    email=person.email,
                    password_hash=hashed,
                    created_at=now,
                    updated_at=now,
                )
            )
    return people


async def allowing(browser: Browser, app: App, person: Person) -> tuple[Browser, str]:
    """Somebody who has connected the app, and is being asked once more; their token."""
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, person, remember=True)
    await allow(browser, "openid", "offline", remember=True)
    token = redeemed(app, code_at(browser.page, app))
    assert token is not None
    await browser.open(app.authorize_url("openid offline", prompt="consent"))
    return browser, token


async def sweep_now(portal: RealPortal, store: Store, app: App) -> None:
    """Wait until Ory has confirmed everything; then let the second look happen at once."""
    for state in ("pending", "sweeping"):
        with anyio.fail_after(60):
            while execute(
                portal,
                "SELECT count(*) FROM revocations WHERE client_id = :app AND state = :state",
                app=app.client_id,
                state=state,
            ) != [(0,)] or await running_jobs(store):
                if state == "sweeping":
                    due = "UPDATE revocations SET due_at = revoked_at WHERE client_id = :app"
                    execute(portal, due, app=app.client_id)
                await anyio.sleep(0.5)


async def running_jobs(store: Store) -> bool:
    async with store.reading() as rows:
        jobs = await rows.bulk_revocations.list_page(after=None, limit=9)
    return not jobs or any(row.job.state == "running" for row in jobs)


async def of_pair(store: Store, portal: RealPortal, grant: GrantRecord) -> list[tuple[str]]:
    return execute(
        portal,
        "SELECT id FROM revocations WHERE bulk_id IS NOT NULL AND subject = :s AND client_id = :c",
        s=grant.subject,
        c=grant.client_id,
    )


def execute(portal: RealPortal, statement: str, **values: str) -> list[tuple]:
    """Look into the portal's database past the portal."""
    url = sa.make_url(portal.database_url)
    if url.drivername.startswith("postgres"):
        url = url.set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []
