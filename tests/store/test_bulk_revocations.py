"""Bulk revocations: listed page by page, worked on by one at a time, ended once."""

from datetime import timedelta

from portal.store import Store
from tests.store.records import MINUTE, NOW, bulk_revocation, grant, revocation, user

LEASE = timedelta(seconds=10)


async def test_pages_of_jobs_neither_repeat_nor_lose_one_the_newest_first(store: Store) -> None:
    async with store.writing() as rows:
        await rows.users.add(user("ann"))
        for number in range(7):
            created = NOW + MINUTE * (number // 3)
            actor = "ann" if number else "gone"
            await rows.bulk_revocations.add(
                bulk_revocation(f"b-{number}", created_at=created, actor=actor)
            )
    seen, after = [], None
    async with store.reading() as rows:
        while page := await rows.bulk_revocations.list_page(after=after, limit=2):
            seen += [(row.job.id, row.email) for row in page]
            after = page[-1].job
    assert [bulk_id for bulk_id, _ in seen] == ["b-6", "b-5", "b-4", "b-3", "b-2", "b-1", "b-0"]
    assert {email for bulk_id, email in seen if bulk_id != "b-0"} == {"ann@example.org"}
    assert seen[-1] == ("b-0", None)


async def test_a_job_is_worked_on_by_one_until_its_lease_is_over(store: Store) -> None:
    async with store.writing() as rows:
        await rows.bulk_revocations.add(bulk_revocation("b-1"))
        await rows.bulk_revocations.add(bulk_revocation("b-2", due_at=NOW - MINUTE))
        await rows.bulk_revocations.add(bulk_revocation("b-3", state="done", due_at=NOW - MINUTE))
    claimed = []
    for _ in range(3):
        async with store.writing() as rows:
            found = await rows.bulk_revocations.claim_due(now=NOW, lease=LEASE)
            claimed.append(found.id if found else None)
    assert claimed == ["b-2", "b-1", None]
    async with store.writing() as rows:
        again = await rows.bulk_revocations.claim_due(now=NOW + LEASE, lease=LEASE)
    assert again is not None


async def test_a_job_ends_once(store: Store) -> None:
    async with store.writing() as rows:
        await rows.bulk_revocations.add(bulk_revocation())
        await rows.bulk_revocations.note("b-1", revoked=2, due_at=NOW + MINUTE)
        ended = await rows.bulk_revocations.end("b-1", state="stopped", at=NOW)
        assert ended is not None
        assert (ended.state, ended.revoked, ended.finished_at) == ("stopped", 2, NOW)
        assert await rows.bulk_revocations.end("b-1", state="done", at=NOW) is None
        await rows.bulk_revocations.note("b-1", revoked=5, due_at=NOW + MINUTE)
        after = await rows.bulk_revocations.find("b-1")
    assert after is not None
    assert (after.state, after.revoked) == ("stopped", 2)


async def test_only_living_grants_of_before_are_locked(store: Store) -> None:
    async with store.writing() as rows:
        await rows.grants.save(grant("ann", "a"))
        await rows.grants.save(grant("ann", "b", revoked_at=NOW, revoke_reason="user"))
        await rows.grants.save(grant("ann", "c", granted_at=NOW + MINUTE))
        await rows.grants.save(grant("ann", "d", last_accept_at=NOW + MINUTE))
        await rows.grants.save(grant("ann", "e"))
        pairs = [("ann", name) for name in "abcd"]
        locked = await rows.bulk_revocations.lock_living(pairs, until=NOW, used_until=None)
        assert [one.client_id for one in locked] == ["a", "d"]
        locked = await rows.bulk_revocations.lock_living(pairs, until=NOW, used_until=NOW)
        assert [one.client_id for one in locked] == ["a"]
        await rows.bulk_revocations.revoke([("ann", "a")], reason="admin", at=NOW)
        found = await rows.grants.of_subject("ann")
    states = {one.client_id: one.revoke_reason for one in found}
    assert states == {"a": "admin", "b": "user", "c": None, "d": None, "e": None}


async def test_what_waits_for_ory_is_counted_and_what_failed_is_listed(store: Store) -> None:
    async with store.writing() as rows:
        await rows.users.add(user("ann"))
        await rows.grants.save(grant("ann", "photos", client_name="Photo Printer"))
        await rows.revocations.add_all(
            [
                revocation("r-1", bulk_id="b-1"),
                revocation("r-2", bulk_id="b-1", attempts=2, last_error="OryKeyError"),
                revocation("r-3", bulk_id="b-1", attempts=1, subject="gone", due_at=NOW + MINUTE),
                revocation("r-4", bulk_id="b-1", state="sweeping", attempts=1),
                revocation("r-5", bulk_id="b-2", attempts=1),
                revocation("r-6"),
            ]
        )
    async with store.reading() as rows:
        counts = await rows.revocations.count_pending(("b-1", "b-2", "b-3"))
        stuck, count = await rows.revocations.list_stuck("b-1", limit=1)
        rest, _ = await rows.revocations.list_stuck("b-1", limit=9)
        none = await rows.revocations.list_stuck("b-3", limit=9)
    assert counts == {"b-1": 3, "b-2": 1}
    assert count == 2
    ((first, email, app),) = [(one.revocation.id, one.email, one.app_name) for one in stuck]
    assert (first, email, app) == ("r-2", "ann@example.org", "Photo Printer")
    assert [(one.revocation.id, one.email, one.app_name) for one in rest][1] == ("r-3", None, None)
    assert none == ((), 0)
