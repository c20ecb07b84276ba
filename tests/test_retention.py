"""What is forgotten and what stays; grants of an older version, made ready for the search."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from portal import retention
from portal.store import GrantSearch, schema
from portal.store.grants import scope_set_id
from portal.store.tables import GrantRecord
from tests.fixtures.portal import NewPortal, Portal
from tests.store.records import bulk_revocation, grant, revocation, save

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0)


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """What is deleted by a condition, and who may: both."""
    return database_url


@pytest.fixture
async def portal(new_portal: NewPortal) -> Portal:
    return await new_portal(PORTAL_KEEP_AUDIT="60d", PORTAL_KEEP_ENDED_GRANTS="90d")


async def note(portal: Portal, *ages: timedelta) -> None:
    async with portal.store.writing() as rows:
        for age in ages:
            await rows.audit.add("grant.used", at=NOW - age, actor="ann", detail={"days": age.days})


async def kept_events(portal: Portal) -> list[int]:
    async with portal.store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1000)
    return [event.detail["days"] for event in page.events]


async def kept_grants(portal: Portal) -> list[str]:
    async with portal.store.reading() as rows:
        return sorted(g.client_id for g in await rows.grants.of_subject("ann"))


async def forget(portal: Portal) -> bool:
    return await retention.forget_history(portal.services, now=NOW)


async def test_events_go_when_the_setting_says(portal: Portal) -> None:
    await note(portal, 400 * DAY, 61 * DAY, 60 * DAY - timedelta(minutes=1), 31 * DAY, 0 * DAY)
    assert not await forget(portal)
    assert await kept_events(portal) == [0, 31, 59]


async def test_the_shortest_time_that_can_be_set_is_one_that_the_database_accepts(
    new_portal: NewPortal,
) -> None:
    """It refuses to forget an event of the last thirty days, by its own clock."""
    portal = await new_portal(PORTAL_KEEP_AUDIT="30d")
    await note(portal, 30 * DAY + timedelta(seconds=1), 30 * DAY - timedelta(seconds=1), 31 * DAY)
    later = NOW + timedelta(minutes=30)  # a portal whose clock is ahead
    assert not await retention.forget_history(portal.services, now=later)
    assert await kept_events(portal) == [29, 30]


async def test_much_goes_in_portions_and_says_that_there_is_more(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    await note(portal, *(n * DAY for n in (400, 300, 200, 100, 50)))
    await save(portal.store, *(ended(f"app-{n}") for n in range(3)))
    assert await forget(portal)
    assert await kept_events(portal) == [50, 100, 200]
    assert await kept_grants(portal) == ["app-2"]
    assert await forget(portal)
    assert not await forget(portal)
    assert (await kept_events(portal), await kept_grants(portal)) == ([50], [])


def ended(client_id: str, days: int = 91, **fields: Any) -> GrantRecord:
    at = NOW - days * DAY
    values = {
        "revoked_at": at,
        "revoke_reason": "user",
        "revoke_synced_at": at,
        "granted_at": NOW - 500 * DAY,
    }
    return grant(client_id=client_id, **values | fields)


async def test_grants_go_when_they_ended_long_ago_and_nothing_is_left_to_do(
    portal: Portal,
) -> None:
    await save(
        portal.store,
        ended("long-ago"),
        ended("at-ory", revoke_reason="revoked at Ory"),
        ended("lately", days=89),
        ended("unconfirmed", revoke_synced_at=None),
        ended("confirmed-lately", revoke_synced_at=NOW - DAY),
        ended("swept-later"),
        ended("swept"),
        grant(client_id="living", granted_at=NOW - 500 * DAY, last_accept_at=NOW - 500 * DAY),
        grant(client_id="expired", expires_at=NOW - 400 * DAY, expired_at=NOW - 400 * DAY),
        ended("allowed-again", revoked_at=None, revoke_reason=None),
    )
    async with portal.store.writing() as rows:
        for state, client_id in (("sweeping", "swept-later"), ("done", "swept")):
            await rows.revocations.add(
                revocation(state, subject="ann", client_id=client_id, state=state)
            )
    assert not await forget(portal)
    assert await kept_grants(portal) == [
        "allowed-again",
        "confirmed-lately",
        "expired",
        "lately",
        "living",
        "swept-later",
        "unconfirmed",
    ]


async def test_a_deletion_of_everything_keeps_all_grants_of_its_person(portal: Portal) -> None:
    await save(portal.store, ended("photos"), ended("notes"))
    async with portal.store.writing() as rows:
        await rows.grants.save(
            grant("bob", revoked_at=NOW - 99 * DAY, revoke_synced_at=NOW - 99 * DAY)
        )
        await rows.revocations.add(revocation("all", subject="ann", client_id=None))
    assert not await forget(portal)
    assert await kept_grants(portal) == ["notes", "photos"]
    async with portal.store.reading() as rows:
        assert await rows.grants.find("bob", "photos") is None


async def test_removals_of_many_go_with_their_events_once_ory_knows_all_of_them(
    portal: Portal,
) -> None:
    long_ago = {"state": "done", "created_at": NOW - 62 * DAY, "finished_at": NOW - 61 * DAY}
    jobs: dict[str, dict[str, Any]] = {
        "done": long_ago,
        "stopped": long_ago | {"state": "stopped"},
        "swept-later": long_ago,
        "lately": long_ago | {"finished_at": NOW - 59 * DAY},
        "half-told": long_ago,
        "running": long_ago | {"state": "running", "finished_at": None},
    }
    async with portal.store.writing() as rows:
        for bulk_id, fields in jobs.items():
            await rows.bulk_revocations.add(bulk_revocation(bulk_id, **fields))
        await rows.revocations.add_all(
            [
                revocation("r-1", bulk_id="half-told", state="done"),
                revocation("r-2", bulk_id="half-told", state="pending"),
                revocation("r-3", bulk_id="swept-later", state="sweeping"),
                revocation("r-4", state="pending"),
            ]
        )
    assert not await forget(portal)
    assert await kept_jobs(portal) == ["half-told", "lately", "running"]
    async with portal.store.writing() as rows:
        await rows.revocations.finish("r-2", NOW)
    assert not await forget(portal)
    assert await kept_jobs(portal) == ["lately", "running"]


async def test_removals_of_many_go_in_portions_the_oldest_first(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    async with portal.store.writing() as rows:
        for days in (100, 300, 200):
            at = NOW - days * DAY
            await rows.bulk_revocations.add(
                bulk_revocation(f"b-{days}", state="done", created_at=at, finished_at=at)
            )
    assert await forget(portal)
    assert await kept_jobs(portal) == ["b-100"]
    assert not await forget(portal)
    assert await kept_jobs(portal) == []


async def kept_jobs(portal: Portal) -> list[str]:
    async with portal.store.reading() as rows:
        found = await rows.bulk_revocations.list_page(after=None, limit=100)
    return sorted(row.job.id for row in found)


# Grants of an older version


def by_the_version_before(portal: Portal, statement: str) -> None:
    """As a replica does that knows nothing of the new columns and tables."""
    engine = schema.migration_engine(portal.settings.database_url)
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text(statement))


async def searched(portal: Portal, **fields: Any) -> list[str]:
    async with portal.store.reading() as rows:
        selected = await rows.grant_index.select(GrantSearch(**fields))
        page = await rows.grant_index.page(selected.selection, order="newest", after=None, limit=50)
    return [row.grant.client_id for row in page.rows]


async def index(portal: Portal) -> bool:
    return await retention.index_grants(portal.services, now=NOW)


@pytest.fixture
async def old_grants(portal: Portal) -> None:
    """Five, of two apps that nobody has allowed since, and of five people."""
    records = [
        grant(
            f"s{n}",
            f"app-{n % 2}",
            scopes=["openid", "email"][: 1 + n % 2],
            client_name=f"Name {n}",
            granted_at=NOW - n * DAY,
            revoked_at=NOW if n == 4 else None,
        )
        for n in range(5)
    ]
    await save(portal.store, *records)
    by_the_version_before(portal, "UPDATE grants SET scope_set = 0")
    by_the_version_before(portal, "DELETE FROM scope_sets")
    by_the_version_before(portal, "DELETE FROM known_clients")


@pytest.mark.usefixtures("old_grants")
async def test_grants_from_before_are_found_by_scope_and_app(portal: Portal) -> None:
    assert await searched(portal, scope="openid") == []
    assert await searched(portal, client="Name") == []
    assert not await index(portal)
    assert len(await searched(portal, scope="openid")) == 5
    assert await searched(portal, scope="openid email") == ["app-1", "app-1"]
    assert len(await searched(portal, client="App-")) == 5
    assert await searched(portal, client="Name 1") == ["app-1", "app-1"]  # the newest name


@pytest.mark.usefixtures("old_grants")
async def test_many_are_made_ready_in_portions(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    assert await index(portal)
    assert len(await searched(portal, scope="openid")) == 3
    rounds = 1
    while await index(portal):
        rounds += 1
    await index(portal)
    assert len(await searched(portal, scope="openid")) == 5


async def test_nothing_that_is_ready_is_written_again(portal: Portal) -> None:
    await save(portal.store, grant(last_accept_at=NOW), grant(client_id="music"))
    async with portal.store.writing() as rows:
        assert await rows.grants.index_some(10) == 0
        assert await rows.grants.index_used(NOW - DAY, 10) == 0


async def test_what_a_replica_of_the_version_before_changes_is_put_right(portal: Portal) -> None:
    """It replaces the scopes and leaves their number: a search for the new one would miss it."""
    await save(portal.store, grant(last_accept_at=NOW), grant("bob", last_accept_at=NOW))
    by_the_version_before(
        portal, """UPDATE grants SET scopes = '["openid", "files"]' WHERE subject = 'ann'"""
    )
    assert await searched(portal, scope="files") == []
    assert not await index(portal)
    assert await searched(portal, scope="files") == ["photos"]
    async with portal.store.reading() as rows:
        found = await rows.grants.find("ann", "photos")
        other = await rows.grants.find("bob", "photos")
    assert found is not None
    assert other is not None
    assert found.scope_set == scope_set_id(["files", "openid"])
    assert other.scope_set == scope_set_id(["openid"])
