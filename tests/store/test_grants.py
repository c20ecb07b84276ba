import asyncio

import pytest

from portal.store import Store
from portal.store.unit import columns
from tests.store.records import MINUTE, NOW, grant, save


async def find(store, subject="ann", client_id="photos"):
    async with store.reading() as rows:
        return await rows.grants.find(subject, client_id)


async def test_saving_a_grant_again_replaces_every_column(store):
    await save(store, grant(expires_at=NOW, hydra_scopes=["openid"], revoked_at=NOW))
    second = grant(
        scopes=["openid", "e mail", "ünïcode"],
        audience=["https://api.example"],
        remembered_scopes=["openid"],
        hydra_scopes=[],
        granted_at=NOW + MINUTE,
        client_uri="https://photos.example",
    )
    await save(store, second)
    found = await find(store)
    for name in (column.name for column in columns(type(second))):
        assert getattr(found, name) == getattr(second, name), name


async def test_nothing_told_to_ory_differs_from_an_empty_set(store):
    await save(store, grant(hydra_scopes=None), grant(client_id="music", hydra_scopes=[]))
    assert (await find(store)).hydra_scopes is None
    assert (await find(store, client_id="music")).hydra_scopes == []


async def test_revoking_one_app_leaves_the_others_and_other_people(store):
    await save(store, grant(hydra_scopes=["openid"]), grant(client_id="music"), grant("bob"))
    async with store.writing() as rows:
        assert await rows.grants.revoke("ann", "photos", reason="user", at=NOW) == ("photos",)
        assert await rows.grants.revoke("ann", "photos", reason="admin", at=NOW + MINUTE) == ()
    revoked = await find(store)
    assert (revoked.revoked_at, revoked.revoke_reason) == (NOW, "user")
    assert (await find(store, client_id="music")).revoked_at is None
    assert (await find(store, "bob")).revoked_at is None


async def test_revoking_everything_names_what_was_revoked(store):
    await save(store, grant(), grant(client_id="music"), grant(client_id="old", revoked_at=NOW))
    async with store.writing() as rows:
        assert await rows.grants.revoke("ann", None, reason="user", at=NOW) == ("music", "photos")


async def test_a_confirmation_counts_only_for_what_was_revoked_before(store):
    await save(
        store,
        grant(client_id="before", revoked_at=NOW),
        grant(client_id="after", revoked_at=NOW + MINUTE),
        grant(client_id="living"),
    )
    async with store.writing() as rows:
        await rows.grants.mark_synced("ann", None, revoked_until=NOW, at=NOW + 2 * MINUTE)
    async with store.reading() as rows:
        synced = {g.client_id: g.revoke_synced_at for g in await rows.grants.of_subject("ann")}
    assert synced == {"before": NOW + 2 * MINUTE, "after": None, "living": None}


async def test_a_lock_on_a_pair_makes_the_second_unit_wait_even_without_a_row(store, database_url):
    other = Store(database_url)
    order = []

    async def second():
        async with other.writing() as rows:
            await rows.grants.find("ann", "photos", lock=True)
            order.append("second")

    async with store.writing() as rows:
        await rows.grants.find("ann", "photos", lock=True)
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.3)
        order.append("first")
    await waiting
    await other.dispose()
    assert order == ["first", "second"]


async def test_a_revocation_waits_for_who_has_locked_the_grant(store):
    await save(store, grant())
    started = asyncio.Event()

    async def revoke():
        started.set()
        async with store.writing() as rows:
            return await rows.grants.revoke("ann", None, reason="user", at=NOW)

    async with store.writing() as rows:
        held = await rows.grants.find("ann", "photos", lock=True)
        task = asyncio.create_task(revoke())
        await started.wait()
        await asyncio.sleep(0.2)
        assert not task.done()
        await rows.grants.save(held)
    assert await task == ("photos",)
    assert (await find(store)).revoked_at == NOW


async def test_people_are_counted_for_many_clients_at_once(store):
    await save(
        store,
        grant(),
        grant("bob"),
        grant("gone", revoked_at=NOW),
        grant(client_id="music"),
        grant(client_id="old", revoked_at=NOW),
    )
    async with store.reading() as rows:
        assert await rows.grants.count_people(["photos", "music", "old", "x"]) == {
            "photos": 2,
            "music": 1,
        }
        assert await rows.grants.count_people([]) == {}


async def test_a_client_that_ory_has_forgotten_ends_for_everybody(store):
    later = NOW + MINUTE
    await save(
        store,
        grant(hydra_scopes=["openid"]),
        grant("bob", revoked_at=NOW, revoke_reason="user"),
        grant("carol", revoked_at=NOW, revoke_reason="user", revoke_synced_at=NOW),
        grant(client_id="music"),
    )
    async with store.writing() as rows:
        assert await rows.grants.end_client("photos", reason="client deleted", at=later) == 1
    ann, bob, carol = [await find(store, subject) for subject in ("ann", "bob", "carol")]
    assert (ann.revoked_at, ann.revoke_reason, ann.hydra_scopes) == (later, "client deleted", None)
    assert ann.revoke_synced_at == bob.revoke_synced_at == later
    assert (bob.revoked_at, bob.revoke_reason) == (NOW, "user")
    assert carol.revoke_synced_at == NOW
    assert (await find(store, client_id="music")).revoked_at is None


@pytest.mark.parametrize("brought_back", [True, False])
async def test_a_client_ends_also_for_whoever_undoes_a_removal_meanwhile(
    store, database_url, brought_back
):
    """Nobody is left with an app that is connected and that Ory has forgotten."""
    await save(store, grant(revoked_at=NOW, revoke_reason="user"))
    other = Store(database_url)

    async def end_client():
        async with other.writing() as rows:
            return await rows.grants.end_client("photos", reason="client deleted", at=NOW + MINUTE)

    async with store.writing() as rows:
        await rows.grants.find("ann", "photos", lock=True)
        task = asyncio.create_task(end_client())
        await asyncio.sleep(0.2)
        if brought_back:
            await rows.grants.restore("ann", "photos", revoked_at=NOW)
    assert await task == int(brought_back)
    await other.dispose()
    after = await find(store)
    assert after.revoke_synced_at == NOW + MINUTE
    assert after.revoked_at == (NOW + MINUTE if brought_back else NOW)
