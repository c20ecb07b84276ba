"""The outbox: what Ory has to be told is told, late but surely; and what is over is forgotten."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from portal import jobs
from portal.grants import revoke
from portal.revocations import next_try, try_now
from portal.services import Services
from portal.store import Store, StoreError, StoreUnavailableError
from portal.store.leader import FileLead, NotLockableError, SessionLead
from portal.store.tables import Revocation
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person
from tests.store.records import flow, grant, id_at, login_session, portal_session, revocation

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SWEEP = timedelta(minutes=36)
"""After the longest life of a challenge, and its grace."""


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Claiming is where databases differ: both."""
    return database_url


async def take_back(
    portal: Portal, person: Person, client_id: str | None = "photos", **options: Any
) -> Revocation:
    async with portal.store.writing() as rows:
        return await revoke(
            rows, subject=person.subject, client_id=client_id, reason="user", now=NOW, **options
        )


async def work(portal: Portal, *, after: timedelta = timedelta()) -> int:
    with time_machine.travel(NOW + after, tick=False):
        return await jobs.work_off(portal.services, now=NOW + after)


async def states(portal: Portal) -> list[tuple[str, str | None]]:
    """State and last error of everything that is left in the outbox."""
    found: list[tuple[str, str | None]] = []
    with suppress(LookupError):
        async with portal.store.writing() as rows:
            far = NOW + timedelta(days=999)
            claimed = await rows.revocations.claim_due(now=far, limit=99, lease=timedelta())
            found = [(revocation.state, revocation.last_error) for revocation in claimed]
            raise LookupError("only a look: nothing is claimed")
    return found


async def test_a_fresh_revocation_is_left_to_the_request_that_made_it(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await take_back(portal, ann)
    assert await work(portal) == 0
    assert await work(portal, after=timedelta(seconds=6)) == 1
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]


async def test_what_was_carried_out_is_confirmed(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    revocation = await take_back(portal, ann)
    with time_machine.travel(NOW, tick=False):
        assert await try_now(revocation, portal.services)
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoke_synced_at == NOW
    assert await states(portal) == [("sweeping", None)]
    assert await work(portal, after=timedelta(minutes=30)) == 0


async def test_a_whole_person_is_taken_out_with_their_sign_ins(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await take_back(portal, ann, None, end_logins=True)
    await work(portal, after=timedelta(minutes=1))
    assert ory.deletions == [
        ("consent", {"subject": ann.subject, "all": "true"}),
        ("login", {"subject": ann.subject}),
    ]


@pytest.mark.parametrize("fault", ["down", "garbage", "key"])
async def test_what_ory_did_not_hear_is_told_again_until_it_does(
    portal: Portal, ory: OryDouble, ann: Person, fault: str
) -> None:
    await portal.add_grant(ann)
    await take_back(portal, ann)
    if fault == "key":
        ory.status(401, {"error": {"code": 401}})
    elif fault == "garbage":
        ory.status(404, "404 page not found")
    else:
        ory.down()
    after = timedelta(seconds=6)
    for _ in range(4):
        assert await work(portal, after=after) == 1
        assert await work(portal, after=after) == 0, "not at once"
        after += timedelta(minutes=1)
    ((state, error),) = await states(portal)
    assert state == "pending"
    assert error is not None
    assert error.startswith("Ory")
    ory.heal()
    await work(portal, after=after + timedelta(minutes=1))
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]
    assert await states(portal) == [("sweeping", None)]
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoke_synced_at is not None


async def test_half_a_deletion_is_repeated_whole(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await take_back(portal, ann, None, end_logins=True)
    ory.down(times=2)
    await work(portal, after=timedelta(seconds=6))
    assert ory.deletions == []
    await work(portal, after=timedelta(minutes=1))
    assert [kind for kind, _ in ory.deletions] == ["consent", "login"]


def test_the_wait_between_two_tries_doubles_up_to_ten_minutes() -> None:
    waits = [(next_try(n, now=NOW) - NOW).total_seconds() for n in range(40)]
    assert waits[:8] == [5, 10, 20, 40, 80, 160, 320, 600]
    assert set(waits[8:]) == {600}


async def test_two_workers_do_not_do_the_same_work(
    portal: Portal, new_portal: NewPortal, ory: OryDouble, ann: Person
) -> None:
    for number in range(12):
        await take_back(portal, ann, f"app-{number}")
    other = await new_portal()
    ory.slow(0.02)
    taken = await asyncio.gather(
        *(work(p, after=timedelta(seconds=6)) for p in (portal, other, portal, other))
    )
    assert sum(taken) == 12
    assert len(ory.deletions) == len({query["client"] for _, query in ory.deletions}) == 12


async def test_the_work_of_a_worker_that_died_is_done_by_another(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await take_back(portal, ann)
    soon = NOW + timedelta(seconds=6)
    async with portal.store.writing() as rows:
        assert len(await rows.revocations.claim_due(now=soon, limit=1, lease=jobs.LEASE)) == 1
    assert await work(portal, after=timedelta(seconds=10)) == 0
    assert await work(portal, after=timedelta(seconds=40)) == 1


async def queue_in_bulk(portal: Portal, number: int) -> None:
    """Due since :data:`NOW`."""
    async with portal.store.writing() as rows:
        await rows.revocations.add_all(
            [
                revocation(
                    f"bulk-{i:03}", client_id=f"app-{i}", bulk_id="b-1", revoked_at=NOW, due_at=NOW
                )
                for i in range(number)
            ]
        )


async def test_a_single_removal_does_not_wait_for_a_bulk_one(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Although it was asked for last."""
    await queue_in_bulk(portal, 30)
    await take_back(portal, ann, "notes")
    await work(portal, after=timedelta(seconds=6))
    assert "notes" in [query["client"] for _, query in ory.deletions[: jobs.WORKERS]]
    assert len(ory.deletions) == 31


async def test_a_removal_waits_for_no_second_look(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    async with portal.store.writing() as rows:
        for number in range(10):
            swept = {"state": "sweeping", "due_at": NOW - SWEEP, "client_id": f"old-{number}"}
            await rows.grants.save(grant(client_id=f"old-{number}", revoked_at=NOW))
            await rows.revocations.add(revocation(f"r-{number}", **swept))
    await queue_in_bulk(portal, 1)
    await work(portal)
    assert len(ory.deletions) == 11
    assert ory.deletions.index(("consent", {"subject": "ann", "client": "app-0"})) < jobs.WORKERS


async def test_several_workers_share_the_outbox(portal: Portal, ory: OryDouble) -> None:
    """So many calls are under way at once, and no more."""
    await queue_in_bulk(portal, 3 * jobs.WORKERS)
    all_there, at_once = asyncio.Barrier(jobs.WORKERS), 0
    delete = portal.services.ory.revoke_consent

    async def together(*pair: Any) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once <= jobs.WORKERS
        await all_there.wait()
        await delete(*pair)
        at_once -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portal.services.ory, "revoke_consent", together)
        taken = work(portal, after=timedelta(seconds=1))
        assert await asyncio.wait_for(taken, 30) == 3 * jobs.WORKERS
    assert len(ory.deletions) == 3 * jobs.WORKERS


@pytest.mark.parametrize("fault", ["down", "key"])
async def test_while_ory_is_away_not_all_of_the_outbox_is_tried(
    portal: Portal, ory: OryDouble, fault: str
) -> None:
    await queue_in_bulk(portal, 30)
    if fault == "key":
        ory.status(401, {"error": {"code": 401}})
    else:
        ory.down()
    assert await work(portal, after=timedelta(seconds=1)) <= jobs.WORKERS
    ory.heal()
    await work(portal, after=timedelta(minutes=1))
    assert len(ory.deletions) == 30


async def test_the_rate_of_background_calls_is_kept(
    new_portal: NewPortal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "EVERY", 0.01)
    portal = await new_portal(PORTAL_ORY_BACKGROUND_RATE="40")
    await queue_in_bulk(portal, 21)
    started = asyncio.get_running_loop().time()
    worker = asyncio.create_task(jobs.run(portal.services))
    with time_machine.travel(NOW + timedelta(seconds=1)):
        while len(ory.deletions) < 21:  # noqa: ASYNC110 - the double sends no event
            await asyncio.sleep(0.01)
    assert asyncio.get_running_loop().time() - started >= 0.45
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker


PAIR = ("consent", {"subject": "ann-71f0", "client": "photos"})
EARLIER, LATER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=2)


async def swept(
    portal: Portal,
    ory: OryDouble,
    person: Person,
    *made: datetime | str | None,
    again: bool,
    left: int = 0,
) -> None:
    """Carry a revocation out; then Ory lists consents of decisions *made* at these times.

    *again*: the app was allowed something since. *left*: so much is to be swept after that.
    """
    await portal.add_grant(person)
    revocation = await take_back(portal, person)
    with time_machine.travel(NOW, tick=False):
        assert await try_now(revocation, portal.services)
    ory.deletions.clear()
    if again:
        await portal.add_grant(person, granted_at=LATER)
    for moment in made:
        context = {"decision_id": id_at(moment)} if isinstance(moment, datetime) else moment
        ory.plant_consent_session(person.subject, "photos", context=context)
    assert await work(portal, after=SWEEP) == 1
    assert await states(portal) == [("sweeping", None)] * left


@pytest.mark.parametrize("made", [(), (EARLIER,), (LATER,), (None,)])
async def test_the_second_sweep_deletes_everything_where_nothing_was_allowed_since(
    portal: Portal, ory: OryDouble, ann: Person, made: tuple[datetime | None, ...]
) -> None:
    """Also what Ory does not list: an accept that was on its way when the access was removed."""
    await swept(portal, ory, ann, *made, again=False)
    assert ory.deletions == [PAIR]
    assert ory.sessions_of(ann.subject) == []


async def test_the_second_sweep_spares_what_was_allowed_since(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await swept(portal, ory, ann, NOW + timedelta(milliseconds=1), LATER, again=True)
    assert ory.deletions == []
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None


@pytest.mark.parametrize("context", [None, "text", "{}"])
async def test_the_second_sweep_spares_what_is_not_ours(
    portal: Portal, ory: OryDouble, ann: Person, context: str | None
) -> None:
    await swept(portal, ory, ann, context, again=True)
    assert ory.deletions == []


async def test_the_second_sweep_asks_again_where_ory_cannot_tell_old_from_new(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    """Ory deletes the pair, so the newer grant is gone too and must not be taken for living."""
    await swept(portal, ory, ann, EARLIER, EARLIER, LATER, again=True, left=1)
    assert ory.deletions == [PAIR]
    assert ory.sessions_of(ann.subject) == []
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoke_reason == "second sweep"
    assert grant.revoke_synced_at is not None
    assert await portal.actions() == ["grant.revoked"]


async def test_the_second_sweep_takes_back_before_it_deletes(
    portal: Portal, ory: OryDouble, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is allowed in between would be given, deleted at Ory and taken for living."""
    seen = []

    async def revoke_consent(*pair: str) -> None:
        grant = await portal.grant(ann)
        assert grant is not None
        async with portal.store.reading() as rows:
            seen.append((grant.revoked_at, len(await rows.revocations.pending_for(*pair))))

    await portal.add_grant(ann)
    revocation = await take_back(portal, ann)
    with time_machine.travel(NOW, tick=False):
        assert await try_now(revocation, portal.services)
    await portal.add_grant(ann, granted_at=LATER)
    ory.plant_consent_session(ann.subject, "photos", context={"decision_id": id_at(EARLIER)})
    monkeypatch.setattr(portal.services.ory, "revoke_consent", revoke_consent)
    assert await work(portal, after=SWEEP) == 1
    assert seen == [(NOW + SWEEP, 1)]


@pytest.mark.parametrize("undone", [True, False])
async def test_the_second_sweep_waits_for_somebody_who_may_undo(
    portal: Portal, ory: OryDouble, ann: Person, undone: bool
) -> None:
    """What they bring back lives at Ory, too."""
    await portal.add_grant(ann)
    revocation = await take_back(portal, ann)
    with time_machine.travel(NOW, tick=False):
        assert await try_now(revocation, portal.services)
    ory.deletions.clear()
    await portal.add_grant(ann, granted_at=LATER)
    ory.plant_consent_session(ann.subject, "photos", context={"decision_id": id_at(LATER)})
    removed = NOW + SWEEP - timedelta(seconds=1)
    async with portal.store.writing() as rows:
        waiting = await revoke(
            rows,
            subject=ann.subject,
            client_id="photos",
            reason="user",
            now=removed,
            undo_for=timedelta(seconds=8),
        )
    await work(portal, after=SWEEP)
    assert ory.deletions == []
    if undone:
        async with portal.store.writing() as rows:
            assert await rows.revocations.take_back(waiting)
            await rows.grants.restore(ann.subject, "photos", revoked_at=removed)
    await work(portal, after=SWEEP + timedelta(minutes=1))
    assert (ory.deletions == []) is undone
    assert len(await states(portal)) == (0 if undone else 1)


async def test_the_second_sweep_deletes_one_flow_alone_where_ory_can(
    new_portal: NewPortal, ory: OryDouble
) -> None:
    ory.release = "26"
    portal = await new_portal()
    ann = await portal.add_user("ann@example.org")
    await swept(portal, ory, ann, EARLIER, LATER, again=True)
    ((kind, query),) = ory.deletions
    assert kind == "consent"
    assert query.keys() == {"consent_request_id"}
    assert len(ory.sessions_of(ann.subject)) == 1
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None


@pytest.mark.parametrize("again", [True, False])
async def test_the_second_sweep_spares_other_apps_and_other_people(
    portal: Portal, ory: OryDouble, ann: Person, bob: Person, *, again: bool
) -> None:
    old = {"decision_id": id_at(EARLIER)}
    await portal.add_grant(ann, "notes")
    await portal.add_grant(bob)
    ory.plant_consent_session(ann.subject, "notes", context=old)
    ory.plant_consent_session(bob.subject, "photos", context=old)
    await swept(portal, ory, ann, again=again)
    assert ory.deletions == ([] if again else [PAIR])


async def test_a_sweep_that_failed_is_swept_again(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    revocation = await take_back(portal, ann)
    with time_machine.travel(NOW, tick=False):
        assert await try_now(revocation, portal.services)
    ory.deletions.clear()
    ory.down()
    await work(portal, after=SWEEP)
    ((state, _),) = await states(portal)
    assert state == "sweeping"
    ory.heal()
    await work(portal, after=SWEEP + timedelta(minutes=15))
    assert ory.deletions == [PAIR]
    assert await states(portal) == []


async def test_what_is_over_is_forgotten_and_what_is_not_is_kept(
    portal: Portal, ann: Person
) -> None:
    store, day = portal.store, timedelta(days=1)
    old, new = NOW - 35 * day, NOW - timedelta(minutes=1)
    async with store.writing() as rows:
        for mark, moment in (("a", old), ("b", new)):
            await rows.flows.open(flow(mark * 64, created_at=moment))
            await rows.portal_sessions.add(
                portal_session(mark * 64, subject=ann.subject, seen_at=moment)
            )
            await rows.login_sessions.save(
                login_session(mark * 64, subject=ann.subject, last_used_at=moment)
            )
            await rows.browsers.remember(mark * 64, mark * 64, moment - 370 * day)
            await rows.attempts.take(mark, now=moment.timestamp(), burst=1, seconds_each=1)
    await jobs.forget(portal.services, now=NOW)
    async with store.reading() as rows:
        for mark, kept in (("a", False), ("b", True)):
            assert (await rows.flows.find(mark * 64) is not None) is kept
            assert (await rows.portal_sessions.find(mark * 64) is not None) is kept
            assert (await rows.login_sessions.find(mark * 64) is not None) is kept
            assert await rows.browsers.is_known(mark * 64, mark * 64) is kept


async def test_the_outbox_is_not_forgotten_before_it_is_empty(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    await take_back(portal, ann)
    await jobs.forget(portal.services, now=NOW + timedelta(days=365))
    assert await states(portal) == [("pending", None)]


@asynccontextmanager
async def background(portal: Portal) -> AsyncIterator[asyncio.Task[None]]:
    """What a running portal does beside its pages."""
    worker = asyncio.create_task(jobs.run(portal.services))
    yield worker
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker


async def until(condition: Callable[[], bool], *, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the double sends no event
            await asyncio.sleep(0.01)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "EVERY", 0.02)


@pytest.mark.usefixtures("often")
async def test_while_there_is_nothing_to_do_nothing_is_written_and_little_is_asked(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    for name in ("reading", "writing"):
        unit = getattr(Store, name)

        def counted(store: Store, name: str = name, unit: Any = unit) -> Any:
            opened[name] += 1
            return unit(store)

        monkeypatch.setattr(Store, name, counted)
    async with background(portal):
        await asyncio.sleep(1)  # what is looked after every few minutes is done once
        opened.clear()
        await asyncio.sleep(0.5)
    assert opened["writing"] == 0
    assert 5 <= opened["reading"] <= 26


@pytest.mark.usefixtures("often")
async def test_of_two_portals_one_works_and_the_other_takes_over(
    portal: Portal, new_portal: NewPortal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await new_portal()
    worked: list[Store] = []
    work_off = jobs.work_off

    async def noted(services: Services, *, now: datetime) -> int:
        worked.append(services.store)
        return await work_off(services, now=now)

    monkeypatch.setattr(jobs, "work_off", noted)
    async with background(portal):
        await queue_more(portal, 1)
        await until(lambda: len(ory.deletions) == 1)
        async with background(other):
            await asyncio.sleep(0.3)
            await queue_more(portal, 5)
            await until(lambda: len(ory.deletions) == 6)
            assert set(worked) == {portal.store}
            await asyncio.sleep(0.2)
    # The first one has ended last: now it is the other way round.
    async with background(portal) as first:
        await asyncio.sleep(0.3)
        async with background(other):
            await asyncio.sleep(0.3)
            first.cancel()
            worked.clear()
            await queue_more(portal, 4)
            await until(lambda: len(ory.deletions) == 10)
            assert set(worked) == {other.store}


@pytest.mark.usefixtures("often")
async def test_who_lost_the_lead_stops_at_once_and_may_get_it_again(
    portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = asyncio.Event()

    class Losing:
        """A lead that ends when the test says so."""

        async def take(self) -> bool:
            return True

        async def until_lost(self) -> None:
            await lost.wait()

        async def give_up(self) -> None:
            lost.clear()

    monkeypatch.setattr(jobs, "lead_of", lambda _: Losing())
    stopped, started = asyncio.Event(), asyncio.Event()

    async def work_off(services: Services, *, now: datetime) -> int:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return 0

    monkeypatch.setattr(jobs, "work_off", work_off)
    await queue_more(portal, 1)
    async with background(portal):
        await asyncio.wait_for(started.wait(), 5)
        started.clear()
        lost.set()
        await asyncio.wait_for(stopped.wait(), 1)
        await asyncio.wait_for(started.wait(), 5)


@pytest.mark.usefixtures("often")
async def test_where_nobody_can_lead_all_work_and_claims_keep_them_apart(
    portal: Portal, new_portal: NewPortal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(_: object) -> bool:
        raise NotLockableError("a pooler is in between")

    for kind in (SessionLead, FileLead):
        monkeypatch.setattr(kind, "take", take)
    other = await new_portal()
    ory.slow(0.01)
    await queue_more(portal, 20)
    async with background(portal), background(other):
        await until(lambda: len(ory.deletions) >= 20)
        await asyncio.sleep(0.2)
    assert len(ory.deletions) == len({query["client"] for _, query in ory.deletions}) == 20


@pytest.mark.usefixtures("often")
async def test_a_command_works_beside_the_one_that_leads(
    portal: Portal, new_portal: NewPortal, ory: OryDouble
) -> None:
    beside = await new_portal()
    ory.slow(0.02)
    async with background(portal):
        await asyncio.sleep(0.2)
        await queue_more(portal, 30)
        taken = await jobs.work_off(beside.services, now=datetime.now(UTC))
        await until(lambda: len(ory.deletions) >= 30)
    assert taken > 0
    assert len(ory.deletions) == len({query["client"] for _, query in ory.deletions}) == 30


@pytest.mark.usefixtures("often")
async def test_a_database_that_is_away_at_the_start_is_waited_for(
    portal: Portal, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble: list[Exception] = [StoreUnavailableError("away"), RuntimeError("a defect")] * 3
    for kind in (SessionLead, FileLead):
        take = kind.take

        async def troubled(lead: Any, take: Any = take) -> bool:
            if trouble:
                raise trouble.pop()
            return bool(await take(lead))

        monkeypatch.setattr(kind, "take", troubled)
    await queue_more(portal, 1)
    async with background(portal):
        await until(lambda: len(ory.deletions) == 1)


async def queue_more(portal: Portal, number: int) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=1)
    async with portal.store.writing() as rows:
        await rows.revocations.add_all(
            [
                revocation(
                    secrets.token_hex(8), client_id=f"a-{i}", revoked_at=moment, due_at=moment
                )
                for i in range(number)
            ]
        )


async def test_the_worker_outlives_a_database_that_is_away_and_a_defect(
    portal: Portal, ory: OryDouble, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue_more(portal, 1)
    trouble: list[Exception] = [StoreError("away"), RuntimeError("a defect")]
    done = asyncio.Event()

    async def work_off(*_: object, **__: object) -> int:
        if trouble:
            raise trouble.pop()
        done.set()
        return 0

    monkeypatch.setattr(jobs, "work_off", work_off)
    monkeypatch.setattr(jobs, "EVERY", 0.01)
    worker = asyncio.create_task(jobs.run(portal.services))
    await asyncio.wait_for(done.wait(), 5)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
