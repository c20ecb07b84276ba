"""A bulk revocation: everything that was found and nothing else, once, whatever comes between."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from portal import bulk, jobs
from portal.grants import revoke, undoable
from portal.origin import Origin
from portal.services import Visitor
from portal.store import (
    GrantSearch,
    Selection,
    StoreError,
    StoreUnavailableError,
    grant_walks,
)
from portal.store.audit import Audit, AuditSearch
from portal.store.bulk_revocations import BulkRevocations
from portal.store.tables import AuditEvent, BulkRevocation, GrantRecord
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person
from tests.store.records import grant

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(days=10)
MINUTE = timedelta(minutes=1)
HERE = Origin(address="198.51.100.9", user_agent="Desk")
Pair = tuple[str, str]


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks are where databases differ: both."""
    return database_url


async def connect(
    portal: Portal, *, people: int, apps: tuple[str, ...] = ("photos",), **fields: Any
) -> set[Pair]:
    """As many people have each of *apps* connected, for ten days."""
    pairs = {(f"person-{number:04}", app) for number in range(people) for app in apps}
    when = {"granted_at": EARLIER, "last_accept_at": EARLIER}
    async with portal.store.writing() as rows:
        for subject, app in sorted(pairs):
            await rows.grants.save(grant(subject, app, **when | fields))
    return pairs


async def start(
    portal: Portal, admin: Person, *, at: datetime = NOW, **terms: Any
) -> BulkRevocation:
    """Somebody says yes to the removal of what *terms* find."""
    async with portal.store.reading() as rows:
        found = await rows.grant_index.select(GrantSearch(**terms))
    bulk_id = await bulk.start(
        portal.services,
        selection=bulk.meant_by(found.selection, now=at),
        words={name: str(value) for name, value in terms.items()},
        matched=1,
        actor=admin.subject,
        by=admin.email,
        visitor=Visitor(browser_hash=None, origin=HERE, now=at),
    )
    return await job(portal, bulk_id)


async def job(portal: Portal, bulk_id: str) -> BulkRevocation:
    async with portal.store.reading() as rows:
        found = await rows.bulk_revocations.find(bulk_id)
    assert found is not None
    return found


async def work(portal: Portal, *, after: timedelta = MINUTE) -> None:
    """Go on until no job is due."""
    while await bulk.advance(portal.services, now=NOW + after):
        pass


async def grants(portal: Portal) -> dict[Pair, GrantRecord]:
    async with portal.store.reading() as rows:
        page = await rows.grant_index.page(Selection(), order="newest", after=None, limit=1000)
    return {(row.grant.subject, row.grant.client_id): row.grant for row in page.rows}


async def living(portal: Portal) -> set[Pair]:
    return {pair for pair, record in (await grants(portal)).items() if record.revoked_at is None}


async def events(portal: Portal, action: str) -> list[AuditEvent]:
    async with portal.store.reading() as rows:
        search = AuditSearch(actions=(action,))
        page = await rows.audit.list_page(search, after=None, limit=1000, oldest_first=True)
    return list(page.events)


async def revoked_events(portal: Portal) -> list[Pair]:
    """What the audit trail says was revoked; sorted, so that a second time would show."""
    found = await events(portal, "grant.revoked")
    return sorted((event.subject or "", event.client_id or "") for event in found)


async def test_everything_that_was_found_is_revoked_and_nothing_else(
    portal: Portal, ory: OryDouble, admin: Person
) -> None:
    meant = await connect(portal, people=130)
    others = await connect(portal, people=30, apps=("notes",))
    started = await start(portal, admin, client="photos")
    await work(portal)
    assert await living(portal) == others
    assert await revoked_events(portal) == sorted(meant)
    ended = await job(portal, started.id)
    assert (ended.state, ended.revoked) == ("done", 130)
    assert ended.finished_at is not None


async def test_the_audit_trail_tells_who_searched_for_what_and_each_grant(
    portal: Portal, admin: Person
) -> None:
    await connect(portal, people=1)
    started = await start(portal, admin, client="photos")
    await work(portal)
    (begun,) = await events(portal, "bulk.started")
    search = {"client": "photos"}
    assert begun.detail == {"bulk_id": started.id, "search": search, "matched": 1}
    (one,) = await events(portal, "grant.revoked")
    assert one.actor == admin.subject
    assert one.detail == {"app": "Photos", "scopes": ["openid"], "bulk_id": started.id}
    assert (one.address, one.user_agent) == (HERE.address, HERE.user_agent)
    (end,) = await events(portal, "bulk.finished")
    assert end.detail == {"bulk_id": started.id, "revoked": 1}


async def test_ory_is_told_of_each_of_them(portal: Portal, ory: OryDouble, admin: Person) -> None:
    meant = await connect(portal, people=25, apps=("photos", "photos-2"))
    started = await start(portal, admin, client="photo")
    await work(portal)
    assert await jobs.work_off(portal.services, now=NOW + 2 * MINUTE) == 50
    assert sorted((q["subject"], q["client"]) for _, q in ory.deletions) == sorted(meant)
    assert {record.revoke_synced_at is not None for record in (await grants(portal)).values()} == {
        True
    }
    async with portal.store.reading() as rows:
        assert await rows.revocations.count_pending((started.id,)) == {}


async def test_what_is_allowed_after_the_question_is_not_meant(
    portal: Portal, admin: Person
) -> None:
    await connect(portal, people=3)
    await start(portal, admin, client="photos")
    newer: dict[str, Any] = {
        "granted_at": NOW + timedelta(seconds=1),
        "last_accept_at": NOW + MINUTE,
    }
    await connect(portal, people=1, **newer)
    await work(portal, after=2 * MINUTE)
    assert await living(portal) == {("person-0000", "photos")}


async def test_what_was_used_after_the_question_is_spared_where_unused_ones_were_meant(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is used between being found and being locked."""
    await connect(portal, people=3)
    await start(portal, admin, client="photos", used_until=NOW - timedelta(days=5))
    lock_living = BulkRevocations.lock_living

    async def used_meanwhile(self: BulkRevocations, *arguments: Any, **how: Any) -> Any:
        used = grant("person-0001", granted_at=EARLIER, last_accept_at=NOW)
        await self._unit.upsert(used)
        return await lock_living(self, *arguments, **how)

    monkeypatch.setattr(BulkRevocations, "lock_living", used_meanwhile)
    await work(portal)
    assert await living(portal) == {("person-0001", "photos")}


async def test_only_what_lives_is_meant_whatever_was_searched_for(
    portal: Portal, admin: Person
) -> None:
    await connect(portal, people=2)
    gone = {"revoked_at": EARLIER, "revoke_reason": "user"}
    await connect(portal, people=1, apps=("notes",), **gone)
    await start(portal, admin, state="pending")
    await work(portal)
    assert await revoked_events(portal) == []
    await start(portal, admin, state="active")
    await work(portal)
    assert await revoked_events(portal) == [("person-0000", "photos"), ("person-0001", "photos")]
    assert (await grants(portal))["person-0000", "notes"].revoke_reason == "user"


async def test_a_job_that_was_stopped_gives_nothing_back_and_takes_nothing_more(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 10)
    monkeypatch.setattr(bulk, "BATCHES_AT_ONCE", 1)
    await connect(portal, people=25)
    started = await start(portal, admin, client="photos")
    assert await bulk.advance(portal.services, now=NOW + MINUTE)
    visitor = Visitor(browser_hash=None, origin=HERE, now=NOW + MINUTE)
    for _ in range(2):
        await bulk.stop(
            portal.services, started.id, admin=await portal.user(admin), visitor=visitor
        )
    await work(portal, after=2 * MINUTE)
    ended = await job(portal, started.id)
    assert (ended.state, ended.revoked) == ("stopped", 10)
    assert len(await living(portal)) == 15
    (event,) = await events(portal, "bulk.stopped")
    assert event.detail == {"bulk_id": started.id, "revoked": 10}
    assert await events(portal, "bulk.finished") == []


async def test_a_stop_in_the_middle_of_a_batch_is_heard_before_the_next(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 10)
    await connect(portal, people=25)
    started = await start(portal, admin, client="photos")
    revoke_in = bulk._Run._revoke_in

    async def then_stopped(self: Any, *arguments: Any) -> int | None:
        count = await revoke_in(self, *arguments)
        await arguments[0].bulk_revocations.end(started.id, state="stopped", at=NOW)
        return count

    monkeypatch.setattr(bulk._Run, "_revoke_in", then_stopped)
    await work(portal)
    assert len(await living(portal)) == 15
    assert (await job(portal, started.id)).state == "stopped"


async def test_the_job_of_a_process_that_died_is_taken_up_ten_seconds_later(
    portal: Portal, admin: Person
) -> None:
    await connect(portal, people=2)
    await start(portal, admin, client="photos")
    async with portal.store.writing() as rows:
        assert await rows.bulk_revocations.claim_due(now=NOW, lease=bulk.LEASE)
    assert not await bulk.advance(portal.services, now=NOW + timedelta(seconds=9))
    assert await bulk.advance(portal.services, now=NOW + timedelta(seconds=10))
    assert await living(portal) == set()


async def test_a_death_in_the_middle_of_a_batch_writes_nothing_of_it(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 10)
    meant = await connect(portal, people=25)
    started = await start(portal, admin, client="photos")
    add_all, calls = Audit.add_all, iter(range(99))

    async def dies_at_the_second(self: Audit, added: Any) -> None:
        await add_all(self, added)
        if next(calls) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Audit, "add_all", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            await work(portal)
    assert len(await living(portal)) == 15
    assert len(await revoked_events(portal)) == (await job(portal, started.id)).revoked == 10
    await work(portal, after=2 * MINUTE)
    assert await revoked_events(portal) == sorted(meant)
    assert (await job(portal, started.id)).revoked == 25


async def test_two_overlapping_jobs_at_once_revoke_each_grant_once(
    portal: Portal, new_portal: NewPortal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 7)
    meant = await connect(portal, people=40, apps=("photos", "notes"))
    other = await new_portal()
    by_app = await start(portal, admin, client="photos")
    by_state = await start(portal, admin, state="active")
    await asyncio.gather(work(portal), work(other), work(portal), work(other))
    assert await revoked_events(portal) == sorted(meant)
    ended = [await job(portal, one.id) for one in (by_app, by_state)]
    assert [one.state for one in ended] == ["done", "done"]
    assert sum(one.revoked for one in ended) == 80
    async with portal.store.reading() as rows:
        pending = await rows.revocations.count_pending(one.id for one in ended)
    assert sum(pending.values()) == 80


async def test_a_batch_that_the_database_ended_as_a_deadlock_is_done_again(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = await connect(portal, people=5)
    await start(portal, admin, client="photos")
    note, trouble = BulkRevocations.note, [StoreUnavailableError("deadlock"), None]

    async def at_first_refused(self: BulkRevocations, *arguments: Any, **how: Any) -> None:
        if trouble and (error := trouble.pop(0)):
            raise error
        await note(self, *arguments, **how)

    monkeypatch.setattr(BulkRevocations, "note", at_first_refused)
    await work(portal)
    assert await revoked_events(portal) == sorted(meant)


async def test_a_database_that_stays_away_is_waited_for(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = await connect(portal, people=5)
    await start(portal, admin, client="photos")

    async def refused(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(BulkRevocations, "note", refused)
        with pytest.raises(StoreError):
            await work(portal)
    assert await living(portal) == meant
    await work(portal, after=2 * MINUTE)
    assert await living(portal) == set()


async def test_a_removal_that_is_undone_behind_the_job_is_found_all_the_same(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 5)
    await connect(portal, people=12)
    undone = grant("aaron", granted_at=NOW - MINUTE, last_accept_at=NOW - MINUTE)
    await start(portal, admin, client="photos")
    revoke_in, rounds = bulk._Run._revoke_in, []

    async def then_undone(self: Any, rows: Any, pairs: list[Pair]) -> int | None:
        count = await revoke_in(self, rows, pairs)
        rounds.append(pairs)
        if len(rounds) == 2:
            await rows.grants.save(undone)
        return count

    monkeypatch.setattr(bulk._Run, "_revoke_in", then_undone)
    await work(portal)
    assert await living(portal) == set()


async def test_a_removal_that_is_undone_last_is_found_however_far_away_it_is(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look does not reach past everything that is not meant."""
    monkeypatch.setattr(grant_walks, "REACH", 4)
    monkeypatch.setattr(bulk, "BATCH", 1)
    await connect(portal, people=12)
    old_and_used = {"granted_at": EARLIER - MINUTE, "last_accept_at": NOW - MINUTE}
    async with portal.store.writing() as rows:
        for number in range(12):
            await rows.grants.save(grant(f"new-{number}", granted_at=NOW, last_accept_at=NOW))
        await rows.grants.save(grant("zoe", **old_and_used))
    used_since = NOW - 2 * MINUTE
    await start(portal, admin, client="photos", allowed_until=EARLIER, used_since=used_since)
    finish, ends = bulk._Run.finish, []

    async def undone_before(self: Any) -> None:
        ends.append(self)
        if len(ends) == 1:
            async with portal.store.writing() as rows:
                await rows.grants.save(grant("aaron", **old_and_used))
        await finish(self)

    monkeypatch.setattr(bulk._Run, "finish", undone_before)
    await work(portal)
    assert await revoked_events(portal) == [("aaron", "photos"), ("zoe", "photos")]


async def remove_with_undo(portal: Portal, subject: str, client_id: str, *, at: datetime) -> None:
    async with portal.store.writing() as rows:
        await revoke(
            rows,
            subject=subject,
            client_id=client_id,
            reason="user",
            now=at,
            undo_for=timedelta(hours=1),
        )


async def can_undo(portal: Portal, subject: str, client_id: str) -> bool:
    async with portal.store.reading() as rows:
        pending = await rows.revocations.pending_for(subject, client_id)
        found = await rows.grants.find(subject, client_id)
    assert found is not None
    return undoable(found, pending, now=NOW + 2 * MINUTE) is not None


async def test_nobody_undoes_afterwards_what_the_job_was_to_remove(
    portal: Portal, admin: Person
) -> None:
    await connect(portal, people=2, apps=("photos", "notes"))
    await start(portal, admin, client="photos")
    await remove_with_undo(portal, "person-0000", "photos", at=NOW + timedelta(seconds=1))
    await remove_with_undo(portal, "person-0000", "notes", at=NOW + timedelta(seconds=1))
    assert await can_undo(portal, "person-0000", "photos")
    await work(portal)
    assert not await can_undo(portal, "person-0000", "photos")
    assert await can_undo(portal, "person-0000", "notes"), "which nobody searched for"
    assert await revoked_events(portal) == [("person-0001", "photos")]


async def test_a_small_job_does_not_wait_for_a_large_one(
    portal: Portal, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    monkeypatch.setattr(bulk, "BATCHES_AT_ONCE", 3)
    await connect(portal, people=40)
    await connect(portal, people=2, apps=("notes",))
    large = await start(portal, admin, client="photos")
    small = await start(portal, admin, client="notes", at=NOW + timedelta(seconds=1))
    for seconds in (60, 61):
        assert await bulk.advance(portal.services, now=NOW + timedelta(seconds=seconds))
    assert (await job(portal, small.id)).state == "done"
    assert (await job(portal, large.id)).state == "running"
    await work(portal, after=2 * MINUTE)
    assert (await job(portal, large.id)).revoked == 40


def test_a_selection_comes_back_from_the_database_as_it_was() -> None:
    selection = Selection(
        subjects=("ann",),
        client_ids=("photos",),
        scopes=("openid",),
        scope_sets=(2**62,),
        states=("active",),
        allowed_since=EARLIER,
        allowed_until=NOW + timedelta(microseconds=1),
        used_since=EARLIER,
        used_until=NOW,
    )
    kept = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(selection)))
    assert msgspec.convert(kept, Selection) == selection
