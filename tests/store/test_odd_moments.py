"""Connections to PostgreSQL at odd moments: cancelled, refused, changed under a running process."""

import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from portal import jobs
from portal.grants import revoke
from portal.ory.connect import open_client
from portal.store import AlreadyExistsError, Store, StoreError
from tests.store.records import NOW, flow, grant, login_session, user

pytestmark = pytest.mark.postgres


@pytest.fixture
def database_url(postgres_cluster, postgres_template):
    url = postgres_cluster.create_database(postgres_template)
    yield url
    postgres_cluster.drop_database(url)


@pytest.mark.parametrize(
    "is_kept",
    [
        pytest.param(True, id="kept"),
        pytest.param(False, id="sqlalchemy's"),
    ],
)
async def test_a_column_that_grew_under_a_running_process_fails_once_at_most(database_url, is_kept):
    """psycopg prepares both kinds, and forgets what it prepared only after a rollback."""
    store = Store(database_url, pool_size=1)
    outcomes: list[str] = []

    async def look() -> None:
        async with store.reading() as rows:
            if is_kept:
                assert await rows.users.find("ann") is not None
            else:
                assert await rows.users.list_page(after_email=None, limit=5)

    try:
        async with store.writing() as rows:
            await rows.users.add(user())
        for _ in range(8):
            await look()
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("ALTER TABLE users ALTER subject TYPE VARCHAR(1000)")
        for _ in range(4):
            try:
                await look()
                outcomes.append("found")
            except StoreError as exc:
                outcomes.append(str(exc))
    finally:
        await store.dispose()
    assert outcomes[1:] == ["found"] * 3, outcomes


async def test_a_unit_that_the_server_undid_does_not_end_as_if_it_were_committed(database_url):
    store = Store(database_url)
    try:
        with contextlib.suppress(StoreError):
            async with store.writing() as rows:
                await rows.users.add(user("bob"))
                with contextlib.suppress(AlreadyExistsError):
                    await rows.users.add(user("bob"))
            async with store.reading() as rows:
                assert await rows.users.find("bob") is not None, "committed, it seemed"
    finally:
        await store.dispose()


async def test_whoever_is_cancelled_twice_leaves_the_connections_whole(database_url):
    store = Store(database_url, pool_size=3, pool_timeout=5)
    choice = random.Random(7)  # noqa: S311 - not for secrets

    async def unit(number: int) -> None:
        async with store.writing() as rows:
            await rows.grants.find("ann", f"app{number % 5}", lock=True)
            await rows.grants.save(grant(client_id=f"app{number % 5}"))
            await rows.audit.add("consent.allowed", at=NOW, actor="ann", subject="ann")
            await rows.flows.open_automatic(
                flow(f"{number:064x}"),
                decision="accept",
                decision_id="d",
                subject="ann",
                answer={},
                at=NOW,
            )

    async def read() -> None:
        async with store.reading() as rows:
            await rows.standings.find("ann", "app1", session_id_hash="x", challenge_hash="y")

    async def cancelled(number: int) -> None:
        task = asyncio.ensure_future(unit(number) if number % 3 else read())
        for _ in range(2):
            await asyncio.sleep(choice.random() * 0.01)
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    try:
        async with store.writing() as rows:
            await rows.users.add(user())
        for round_ in range(40):
            await asyncio.gather(*(cancelled(round_ * 6 + n) for n in range(6)))
        await asyncio.sleep(0.3)
        for number in range(9000, 9012):
            await unit(number)
        with psycopg.connect(database_url, autocommit=True) as other:
            states = other.execute(
                "SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() GROUP BY state"
            ).fetchall()
            decided = other.execute("SELECT state, count(*) FROM flows GROUP BY state").fetchall()
            left = other.execute(
                "SELECT (SELECT count(*) FROM flows), (SELECT count(*) FROM audit_events)"
            ).fetchone()
        assert {state for state, _ in states} == {"idle"}, states
        assert sum(count for _, count in states) <= 3, states
        assert left is not None
        assert left[0] == left[1], (left, decided)
    finally:
        await store.dispose()


async def test_first_consents_at_one_time_lose_nothing(database_url):
    """The pair's own lock is taken only where there is no row: what was given is not forgotten."""
    stores = [Store(database_url), Store(database_url)]

    async def give(store: Store, number: int) -> None:
        async with store.writing() as rows:
            before = await rows.grants.find("ann", "photos", lock=True)
            scopes = list(before.scopes) if before else []
            await asyncio.sleep(0)
            await rows.grants.save(grant(scopes=[*scopes, f"s{number}"]), before=before)

    async def look(store: Store) -> None:
        async with store.writing() as rows:
            await rows.grants.find("ann", "photos", lock=True)

    try:
        async with stores[0].writing() as rows:
            await rows.users.add(user())
        for round_ in range(15):
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("DELETE FROM grants")
            work = [give(stores[n % 2], n) for n in range(6)] + [look(store) for store in stores]
            random.Random(round_).shuffle(work)  # noqa: S311 - not for secrets
            await asyncio.gather(*work)
            async with stores[0].reading() as rows:
                found = await rows.grants.find("ann", "photos")
            assert found is not None
            assert sorted(found.scopes) == [f"s{n}" for n in range(6)]
    finally:
        for store in stores:
            await store.dispose()


async def test_a_session_and_its_person_may_be_written_as_one(database_url):
    """Foreign keys hold whichever part of a combined statement the server begins with."""
    store = Store(database_url)
    try:
        async with store.writing() as rows:
            await rows.users._unit.add_later(user("cal"))
            await rows.login_sessions.save(login_session(subject="cal"))
            await rows.audit.add("login.succeeded", at=NOW, actor="cal", subject="cal")
        async with store.reading() as rows:
            assert await rows.login_sessions.find(login_session().session_id_hash) is not None
    finally:
        await store.dispose()


@pytest.fixture
def portal_database_url(database_url):
    return database_url


async def test_who_leads_and_does_not_reach_ory_lets_another_try(portal, ory, ann, monkeypatch):
    """Its session with the database is well; its way to Ory, or its key, is not."""
    monkeypatch.setattr(jobs, "EVERY", 0.05)
    monkeypatch.setattr(jobs, "IN_VAIN", 0.25)
    monkeypatch.setattr(jobs, "next_try", lambda *_, now: now + timedelta(seconds=0.1))
    now = datetime.now(UTC) - timedelta(minutes=1)
    async with portal.store.writing() as rows:
        await revoke(rows, subject=ann.subject, client_id="photos", reason="user", now=now)

    def unreachable(request):
        raise httpx.ConnectError("no route")

    mute = httpx.MockTransport(unreachable)
    async with open_client(portal.services.settings, transport=mute) as nowhere:
        leading = asyncio.ensure_future(jobs.run(replace(portal.services, ory=nowhere)))
        await asyncio.sleep(0.5)
        other = asyncio.ensure_future(jobs.run(portal.services))
        await asyncio.sleep(4)
        for task in (leading, other):
            task.cancel()
        await asyncio.gather(leading, other, return_exceptions=True)
    assert ory.deletions


async def test_what_is_put_off_locks_in_the_order_in_which_it_was_asked(database_url):
    """Two that write the same rows in the same order wait for each other, and not in a circle."""
    store = Store(database_url)
    held = asyncio.Event()

    async def sign_in() -> None:
        async with store.writing() as rows:
            await rows.browsers.remember("a" * 64, "b" * 64, NOW)
            await rows.attempts.forgive("acc:ann")

    async def reset() -> None:
        async with store.writing() as rows:
            await rows.browsers.forget_all("a" * 64)
            held.set()
            await asyncio.sleep(0.3)
            await rows.attempts.forgive("acc:ann")

    try:
        async with store.writing() as rows:
            await rows.browsers.remember("a" * 64, "b" * 64, NOW)
            await rows.attempts.take("acc:ann", now=0.0, burst=1, seconds_each=1.0)
        resetting = asyncio.ensure_future(reset())
        await held.wait()
        outcomes = await asyncio.gather(resetting, sign_in(), return_exceptions=True)
        assert outcomes == [None, None]
    finally:
        await store.dispose()
