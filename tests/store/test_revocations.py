import asyncio
from datetime import timedelta

import pytest

from portal.store import AlreadyExistsError, Store
from tests.store.records import MINUTE, NOW, revocation

LEASE = timedelta(seconds=30)


async def add(store, *records):
    async with store.writing() as rows:
        for record in records:
            await rows.revocations.add(record)


async def claim(store, now=NOW, limit=10):
    async with store.writing() as rows:
        return [r.id for r in await rows.revocations.claim_due(now=now, limit=limit, lease=LEASE)]


async def test_a_pair_waits_for_its_own_deletion_and_for_that_of_everything(store):
    await add(
        store,
        revocation("r-1"),
        revocation("r-2", client_id=None),
        revocation("r-3", client_id="music"),
        revocation("r-4", subject="bob"),
        revocation("r-5", state="sweeping"),
        revocation("r-6", state="done"),
    )
    async with store.reading() as rows:
        assert [r.id for r in await rows.revocations.pending_for("ann", "photos")] == ["r-1", "r-2"]
        assert await rows.revocations.pending_for("eve", "photos") == ()


async def test_work_is_claimed_when_it_is_due_and_again_when_the_claim_runs_out(store):
    await add(store, revocation("r-1"), revocation("r-2", due_at=NOW + MINUTE))
    assert await claim(store) == ["r-1"]
    assert await claim(store) == []
    assert await claim(store, NOW + LEASE) == ["r-1"]
    assert await claim(store, NOW + 5 * MINUTE) == ["r-1", "r-2"]


async def test_the_oldest_is_claimed_first_and_no_more_than_asked_for(store):
    await add(
        store,
        *(
            revocation(f"r-{n}", due_at=NOW - n * MINUTE, revoked_at=NOW - n * MINUTE)
            for n in range(5)
        ),
    )
    assert await claim(store, limit=2) == ["r-4", "r-3"]
    assert await claim(store, limit=2) == ["r-2", "r-1"]


async def test_work_is_claimed_by_one_worker_only(store, database_url):
    other = Store(database_url)
    await add(store, *(revocation(f"r-{n:02}") for n in range(20)))
    claimed = await asyncio.gather(*(claim((store, other)[n % 2], limit=3) for n in range(10)))
    rest = await claim(store, limit=100)
    await other.dispose()
    assert sorted(sum(claimed, rest)) == [f"r-{n:02}" for n in range(20)]


async def test_a_deletion_is_confirmed_swept_and_done(store):
    await add(store, revocation(last_error="timeout"))
    async with store.writing() as rows:
        await rows.revocations.postpone(
            "r-1", state="pending", error="x" * 9000, due_at=NOW + MINUTE
        )
        (waiting,) = await rows.revocations.pending_for("ann", "photos")
        assert await rows.revocations.confirm("r-1", at=NOW, sweep_at=NOW + 30 * MINUTE)
        assert not await rows.revocations.confirm("r-1", at=NOW, sweep_at=NOW)
    assert (waiting.attempts, waiting.due_at, len(waiting.last_error)) == (1, NOW + MINUTE, 500)
    assert await claim(store, NOW + 29 * MINUTE) == []
    async with store.writing() as rows:
        (swept,) = await rows.revocations.claim_due(now=NOW + 30 * MINUTE, limit=1, lease=LEASE)
        await rows.revocations.finish("r-1", NOW + 30 * MINUTE)
    assert (swept.state, swept.synced_at, swept.last_error) == ("sweeping", NOW, None)
    assert await claim(store, NOW + 10_000 * MINUTE) == []
    async with store.writing() as rows:
        assert await rows.revocations.delete_before(NOW + 30 * MINUTE, 10) == 0
        assert await rows.revocations.delete_before(NOW + 31 * MINUTE, 10) == 1


async def test_pending_work_is_never_forgotten(store):
    await add(store, revocation())
    async with store.writing() as rows:
        assert await rows.revocations.delete_before(NOW + 10_000 * MINUTE, 10) == 0


async def test_an_id_is_used_once(store):
    await add(store, revocation())
    with pytest.raises(AlreadyExistsError):
        await add(store, revocation())
