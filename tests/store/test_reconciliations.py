import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from portal.store import Store
from portal.store.reconciliations import DONE, Reconciliations
from portal.store.tables import Reconciliation
from tests.store.records import MINUTE, NOW, grant, user

LEASE = timedelta(seconds=30)


def run(run_id="n-1", **fields):
    values = {"id": run_id, "actor": "cli", "found": {}, "created_at": NOW, "due_at": NOW}
    return Reconciliation(**values | fields)


async def add(store, *records):
    async with store.writing() as rows:
        for record in records:
            await rows.reconciliations.add(record)


async def subjects(store, after, limit):
    async with store.reading() as rows:
        return list(await rows.reconciliations.subjects_after(after, limit))


async def test_everybody_who_is_known_is_listed_once_in_order(store):
    async with store.writing() as rows:
        for subject in ("b", "d", "f"):
            await rows.users.add(user(subject))
        for subject in ("a", "b", "e"):
            for client_id in ("photos", "notes", "mail"):
                await rows.grants.save(grant(subject, client_id))
    assert await subjects(store, None, 100) == ["a", "b", "d", "e", "f"]
    found, after = [], None
    while page := await subjects(store, after, 2):
        assert len(page) <= 2
        found += page
        after = page[-1]
    assert found == ["a", "b", "d", "e", "f"]
    assert await subjects(store, "f", 2) == []


async def test_subjects_are_read_along_indexes(store):
    """Otherwise each portion of a run would read a table of millions."""
    said = []

    class Listening:
        is_postgresql = False

        async def all(self, statement):
            said.append(statement)
            return []

    await Reconciliations(Listening()).subjects_after("m", 200)
    dialect = postgresql.dialect() if "postgres" in str(store._engines[0].url) else sqlite.dialect()
    query = str(said[0].compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN" if dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    async with store._engines[0].connect() as connection:
        if dialect.name == "postgresql":
            for way in ("seqscan", "bitmapscan", "sort", "hashagg"):  # as for millions of rows
                await connection.execute(sa.text(f"SET enable_{way} = off"))
        plan = "\n".join(
            str(row) for row in await connection.execute(sa.text(f"{explain} {query}"))
        )
    for table in ("users", "grants"):
        found = f"COVERING INDEX sqlite_autoindex_{table}", f"Index Only Scan using pk_{table}"
        assert any(words in plan for words in found), plan


async def test_one_comparison_of_everybody_runs_at_a_time(store):
    async with store.writing() as rows:
        assert await rows.reconciliations.start(run("n-1"))
        assert not await rows.reconciliations.start(run("n-2", dry_run=True))
        await rows.reconciliations.add(run("n-3", subject="ann", state=DONE))
        assert (await rows.reconciliations.running()).id == "n-1"
        assert await rows.reconciliations.end(run("n-1"), state=DONE, at=NOW)
        assert await rows.reconciliations.running() is None
        assert await rows.reconciliations.start(run("n-4"))


async def test_several_who_start_one_at_once_start_one(store, database_url):
    other = Store(database_url)

    async def start(number):
        async with (store, other)[number % 2].writing() as rows:
            return await rows.reconciliations.start(run(f"n-{number}"))

    started = await asyncio.gather(*(start(number) for number in range(10)))
    await other.dispose()
    assert sum(started) == 1


async def test_it_is_not_started_again_by_who_saw_an_older_one(store):
    await add(store, run("n-1", state=DONE, created_at=NOW))
    async with store.writing() as rows:
        assert not await rows.reconciliations.start(run("n-2"), not_since=NOW - MINUTE)
        assert await rows.reconciliations.start(run("n-3"), not_since=NOW)


async def test_a_run_is_claimed_by_one_and_again_when_the_claim_runs_out(store):
    await add(store, run("n-1"))

    async def claim(now=NOW):
        async with store.writing() as rows:
            found = await rows.reconciliations.claim_due(now=now, lease=LEASE)
        return found and found.id

    async with store.reading() as rows:
        assert await rows.reconciliations.is_due(NOW)
        assert not await rows.reconciliations.is_due(NOW - MINUTE)
    assert await claim() == "n-1"
    assert await claim() is None
    assert await claim(NOW + LEASE) == "n-1"


async def test_one_that_waits_for_ory_can_be_hurried_and_one_in_work_cannot(store):
    waits = {"last_error": "OryUnavailableError"}
    later = NOW + 5 * MINUTE
    await add(
        store, run("n-1", due_at=later, **waits), run("n-2", due_at=later), run("n-3", state=DONE)
    )
    async with store.writing() as rows:
        claimed = await rows.reconciliations.claim("n-1", now=NOW, lease=LEASE)
        assert (claimed.due_at, claimed.last_error) == (NOW + LEASE, None)
        assert await rows.reconciliations.claim("n-1", now=NOW, lease=LEASE) is None
        assert await rows.reconciliations.claim("n-2", now=NOW, lease=LEASE) is None
        assert await rows.reconciliations.claim("n-3", now=NOW, lease=LEASE) is None


async def test_progress_is_kept_by_who_went_on_from_where_it_was(store):
    await add(store, run("n-1"))
    async with store.writing() as rows:
        kept = {"checked": 5, "found": {"grant.imported": 2}, "due_at": NOW}
        assert await rows.reconciliations.save(run("n-1"), cursor="m", **kept)
        assert not await rows.reconciliations.save(run("n-1"), cursor="c", **kept)
        assert not await rows.reconciliations.end(run("n-1"), state=DONE, at=NOW)
        found = await rows.reconciliations.find("n-1")
        assert (found.cursor, found.checked, found.found) == ("m", 5, {"grant.imported": 2})
        error = "x" * 9000
        assert await rows.reconciliations.save(found, cursor="m", error=error, **kept)
        assert await rows.reconciliations.end(found, state=DONE, at=NOW)
        assert not await rows.reconciliations.save(found, cursor="m", **kept)
        assert (await rows.reconciliations.find("n-1")).finished_at == NOW


async def test_a_living_grant_is_seen_and_an_ended_one_is_not(store):
    async with store.writing() as rows:
        for client_id in ("a", "b", "c"):
            await rows.grants.save(grant("ann", client_id))
        await rows.grants.save(grant("ann", "d", revoked_at=NOW))
        await rows.grants.save(grant("bob", "a"))
        await rows.reconciliations.mark_seen("ann", ["a", "b", "d"], lasting=["b"], at=NOW)
        seen = [await rows.grants.find("ann", client_id) for client_id in "abcd"]
        other = await rows.grants.find("bob", "a")
    assert [found.listed_at for found in seen] == [NOW, NOW, None, None]
    assert [found.listable for found in seen] == [False, True, False, False]
    assert other.listed_at is None


async def test_the_clients_that_were_allowed_last_are_known(store):
    async with store.writing() as rows:
        for age, client_id in enumerate(("new", "new", "older", "oldest")):
            await rows.grants.save(grant(f"s-{age}", client_id, granted_at=NOW - age * MINUTE))
        await rows.grants.save(grant("ann", "ended", revoked_at=NOW))
        assert await rows.reconciliations.newest_clients(2) == ("new", "older")


async def test_the_first_event_tells_since_when_it_is_in_use(store):
    async with store.writing() as rows:
        assert await rows.reconciliations.in_use_since() is None
        for age in (3, 9, 1):
            await rows.audit.add("user.created", at=NOW - age * MINUTE, actor="cli")
        assert await rows.reconciliations.in_use_since() == NOW - 9 * MINUTE


@pytest.mark.parametrize("state", ["running", "stopped", "done"])
async def test_what_was_over_long_ago_is_forgotten(store, state):
    await add(store, run("n-1", state=state, due_at=NOW - MINUTE), run("n-2", state=state))
    async with store.writing() as rows:
        forgotten = await rows.reconciliations.delete_before(NOW, 100)
        left = [found.id for found in await rows.reconciliations.list_newest(9)]
    assert (forgotten, left) == ((0, ["n-2", "n-1"]) if state == "running" else (1, ["n-2"]))
