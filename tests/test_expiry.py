"""Grants whose time is over: marked and told once, in line with policies, whoever comes first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from portal import expiry
from portal.grants import Ask, Given, Policy, decided, given_silently, remembered_until, state_of
from portal.store import Store
from portal.store.tables import AuditEvent, ClientPolicy, GrantRecord
from portal.store.unit import columns
from tests.fixtures.portal import NewPortal, Portal
from tests.store.records import NOW, grant, save

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
ANY = Policy()


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locking, and adding durations to instants, is where databases differ: both."""
    return database_url


def remembered(subject: str = "ann", client_id: str = "photos", **fields: Any) -> GrantRecord:
    return grant(subject, client_id, **{"remembered_scopes": ["openid"], **fields})


async def find(store: Store, subject: str = "ann", client_id: str = "photos") -> GrantRecord:
    async with store.reading() as rows:
        found = await rows.grants.find(subject, client_id)
    assert found is not None
    return found


async def events(store: Store, action: str = "grant.expired") -> Sequence[AuditEvent]:
    async with store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1000, oldest_first=True)
    return [event for event in page.events if event.action == action]


async def demand(
    store: Store, longest: timedelta | None, *, client_id: str = "photos", at: Any = NOW - DAY
) -> None:
    seconds = None if longest is None else int(longest.total_seconds())
    async with store.writing() as rows:
        await rows.policies.save(
            ClientPolicy(
                client_id=client_id,
                required_scopes=[],
                longest_grant=seconds,
                updated_at=at,
                updated_by="admin",
            )
        )


async def applied(store: Store, client_id: str = "photos") -> bool:
    async with store.reading() as rows:
        policy = await rows.policies.find(client_id)
    assert policy is not None
    return policy.applied_at is not None


async def test_an_end_is_marked_and_told_from_its_instant_on_and_not_before(portal: Portal) -> None:
    await save(portal.store, remembered(expires_at=NOW, granted_at=NOW - 30 * DAY))
    await expiry.write_down(portal.services, now=NOW - TICK)
    assert (await find(portal.store)).expired_at is None
    assert not await events(portal.store)
    await expiry.write_down(portal.services, now=NOW)
    assert (await find(portal.store)).expired_at == NOW
    (event,) = await events(portal.store)
    assert (event.actor, event.subject, event.client_id) == ("system", "ann", "photos")
    assert event.detail == {
        "app": "Photos",
        "scopes": ["openid"],
        "allowed_at": (NOW - 30 * DAY).isoformat(),
        "expires_at": NOW.isoformat(),
    }
    await expiry.write_down(portal.services, now=NOW + DAY)
    assert len(await events(portal.store)) == 1
    assert (await find(portal.store)).expired_at == NOW


async def test_what_lasts_was_for_once_or_was_revoked_has_no_end_to_tell(portal: Portal) -> None:
    await save(
        portal.store,
        remembered("lasting"),
        grant("once"),
        remembered("revoked", expires_at=NOW - DAY, revoked_at=NOW - 2 * DAY),
        remembered("told", expires_at=NOW - DAY, expired_at=NOW - DAY),
    )
    assert await expiry.write_down(portal.services, now=NOW) is False
    assert not await events(portal.store)


async def test_everything_else_about_a_grant_stays_as_it_is(portal: Portal) -> None:
    before = remembered(expires_at=NOW, remember_for=60, remembered_at=NOW, hydra_scopes=["openid"])
    await save(portal.store, before)
    await expiry.write_down(portal.services, now=NOW)
    before.expired_at = NOW
    after = await find(portal.store)
    for name in (column.name for column in columns(GrantRecord)):
        assert getattr(after, name) == getattr(before, name), name


async def test_many_ends_are_told_in_portions_and_each_once(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 4)
    await save(portal.store, *(remembered(f"s{n}", expires_at=NOW) for n in range(10)))
    rounds = 1
    while await expiry.write_down(portal.services, now=NOW):
        rounds += 1
    assert rounds == 3
    assert sorted(event.subject or "" for event in await events(portal.store)) == [
        f"s{n}" for n in range(10)
    ]


async def test_several_processes_at_once_tell_each_end_once(
    portal: Portal, new_portal: NewPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "BATCH", 3)
    await save(portal.store, *(remembered(f"s{n}", expires_at=NOW) for n in range(30)))
    others = [portal, await new_portal(), await new_portal()]

    async def work(one: Portal) -> None:
        for _ in range(12):
            await expiry.write_down(one.services, now=NOW)

    await asyncio.gather(*(work(one) for one in others))
    told = [event.subject for event in await events(portal.store)]
    assert len(told) == len(set(told)) == 30


async def test_one_that_dies_half_way_has_marked_and_told_nothing(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(portal.store, *(remembered(f"s{n}", expires_at=NOW) for n in range(3)))
    with monkeypatch.context() as patch:
        patch.setattr(expiry, "remembered_since", _dies_at_second())
        with pytest.raises(RuntimeError):
            await expiry.write_down(portal.services, now=NOW)
    assert not await events(portal.store)
    assert (await find(portal.store, "s0")).expired_at is None
    await expiry.write_down(portal.services, now=NOW)
    assert len(await events(portal.store)) == 3


def _dies_at_second() -> Any:
    calls: list[GrantRecord] = []

    def since(record: GrantRecord) -> Any:
        calls.append(record)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return record.granted_at

    return since


async def test_what_a_person_decides_at_this_moment_is_left_to_the_next_time(
    portal: Portal, new_portal: NewPortal
) -> None:
    """On SQLite the one writer is waited for; on PostgreSQL the row is passed over."""
    await save(portal.store, remembered(expires_at=NOW), remembered("bob", expires_at=NOW))
    other, begun = await new_portal(), asyncio.Event()

    async def decide() -> None:
        async with other.store.writing() as rows:
            held = await rows.grants.find("ann", "photos", lock=True)
            begun.set()
            await asyncio.sleep(0.3)
            given = _given(remember=True, until=NOW + DAY)
            await rows.grants.save(decided(held, _ask(), given, ANY))

    deciding = asyncio.create_task(decide())
    await begun.wait()
    await expiry.write_down(portal.services, now=NOW)
    await deciding
    await expiry.write_down(portal.services, now=NOW)
    assert [event.subject for event in await events(portal.store)] == ["bob"]
    ann = await find(portal.store)
    assert (ann.expired_at, ann.expires_at) == (None, NOW + DAY)


async def test_a_new_decision_lives_and_a_silent_accept_does_not_revive(portal: Portal) -> None:
    await save(portal.store, remembered(expires_at=NOW))
    await expiry.write_down(portal.services, now=NOW)
    silent = given_silently(await find(portal.store), _ask(), _given())
    assert (silent.expired_at, silent.expires_at) == (NOW, NOW)
    again = decided(silent, _ask(), _given(remember=True, until=NOW + DAY), ANY)
    await save(portal.store, again)
    assert (await find(portal.store)).expired_at is None
    await expiry.write_down(portal.services, now=NOW + DAY)
    assert len(await events(portal.store)) == 2


async def test_a_shorter_limit_is_brought_in_line_and_what_it_ends_is_told(portal: Portal) -> None:
    week, longer = 7 * DAY, NOW + 100 * DAY
    cases = {
        "always": remembered("always", granted_at=NOW - DAY),
        "long": remembered("long", granted_at=NOW - DAY, expires_at=longer),
        "short": remembered("short", granted_at=NOW - DAY, expires_at=NOW + TICK),
        "over": remembered("over", granted_at=NOW - week),
        "again": remembered("again", granted_at=NOW, remembered_at=NOW - week + TICK),
        "sound": remembered("sound", remembered_scopes=[], remembered_audience=["a"]),
        "nothing": remembered("nothing", remembered_scopes=[], remembered_at=NOW, remember_for=0),
        "once": grant("once", granted_at=NOW - 9 * DAY),
        "revoked": remembered("revoked", granted_at=NOW - DAY, revoked_at=NOW),
        "other": remembered("other", "music", granted_at=NOW - DAY),
    }
    await save(portal.store, *cases.values())
    await demand(portal.store, week)
    policy = Policy(longest=week)
    await expiry.write_down(portal.services, now=NOW)
    assert await applied(portal.store)
    for name, before in cases.items():
        after = await find(portal.store, before.subject, before.client_id)
        cut = name not in ("once", "revoked", "other")
        assert after.expires_at == (remembered_until(before, policy) if cut else None), name
        expected = {"over": "expired", "revoked": "pending"}.get(name, "active")
        assert state_of(after, policy, now=NOW) == expected, name
    assert [event.subject for event in await events(portal.store)] == ["over"]


async def test_a_client_of_many_is_gone_through_in_portions(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where many were allowed in the same instant."""
    monkeypatch.setattr(expiry, "BATCH", 4)
    await save(
        portal.store,
        *(remembered(f"s{n:02}", granted_at=NOW - DAY * (n // 9)) for n in range(19)),
    )
    await demand(portal.store, 7 * DAY)
    await expiry.write_down(portal.services, now=NOW)
    for n in range(19):
        assert (await find(portal.store, f"s{n:02}")).expires_at == NOW - DAY * (n // 9) + 7 * DAY
    assert await applied(portal.store)


async def test_a_limit_prolongs_nothing_and_one_that_is_lifted_gives_nothing_back(
    portal: Portal,
) -> None:
    await save(portal.store, remembered(granted_at=NOW, expires_at=NOW + DAY))
    for longest in (7 * DAY, None):
        await demand(portal.store, longest)
        await expiry.write_down(portal.services, now=NOW)
        assert await applied(portal.store)
        assert (await find(portal.store)).expires_at == NOW + DAY


async def test_a_limit_is_applied_once_no_decision_from_before_it_is_under_way(
    portal: Portal,
) -> None:
    await save(portal.store, remembered())
    await demand(portal.store, DAY, at=NOW)
    await expiry.write_down(portal.services, now=NOW + expiry.SETTLED - TICK)
    assert (await find(portal.store)).expires_at is None
    assert not await applied(portal.store)
    await expiry.write_down(portal.services, now=NOW + expiry.SETTLED)
    assert (await find(portal.store)).expires_at == NOW + DAY


async def test_a_limit_that_is_saved_again_meanwhile_is_applied_again(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await save(portal.store, remembered())
    await demand(portal.store, 7 * DAY)
    async with portal.store.reading() as rows:
        (seen,) = await rows.policies.to_apply(until=NOW)
    await demand(portal.store, DAY, at=NOW - DAY + TICK)
    async with portal.store.writing() as rows:
        await rows.policies.mark_applied(seen, at=NOW)
    assert not await applied(portal.store)
    await expiry.write_down(portal.services, now=NOW)
    assert (await find(portal.store)).expires_at == NOW + DAY


async def test_a_grant_that_is_held_while_a_limit_is_applied_comes_later(
    portal: Portal, new_portal: NewPortal
) -> None:
    await save(portal.store, remembered(), remembered("bob"))
    await demand(portal.store, 7 * DAY)
    other, begun = await new_portal(), asyncio.Event()

    async def hold() -> None:
        async with other.store.writing() as rows:
            await rows.grants.find("ann", "photos", lock=True)
            begun.set()
            await asyncio.sleep(0.3)

    holding = asyncio.create_task(hold())
    await begun.wait()
    await expiry.write_down(portal.services, now=NOW)
    await holding
    await expiry.write_down(portal.services, now=NOW)
    for subject in ("ann", "bob"):
        assert (await find(portal.store, subject)).expires_at == NOW + 7 * DAY
    assert await applied(portal.store)


def _ask() -> Ask:
    return Ask(
        subject="ann",
        client_id="photos",
        client_name="Photos",
        client_uri=None,
        scopes=("openid",),
        audience=(),
    )


def _given(*, remember: bool = False, until: Any = None) -> Given:
    return Given(
        decision_id="d",
        scopes=("openid",),
        audience=(),
        remember=remember,
        expires_at=until,
        ory_remembers=remember,
        at=NOW,
    )
