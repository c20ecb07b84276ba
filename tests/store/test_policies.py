from datetime import timedelta

import pytest

from portal.store.errors import UnstorableValueError
from portal.store.tables import ClientPolicy
from tests.store.records import MINUTE, NOW


def policy(client_id="photos", **fields):
    values = {
        "verified": True,
        "required_scopes": ["openid", "é mail"],
        "longest_grant": 3600,
        "updated_at": NOW,
        "updated_by": "admin",
    }
    return ClientPolicy(client_id=client_id, **values | fields)


async def save(store, *policies):
    async with store.writing() as rows:
        for record in policies:
            await rows.policies.save(record)


async def test_a_policy_is_found_as_it_was_saved_last(store):
    second = policy(
        verified=False,
        required_scopes=[],
        longest_grant=None,
        updated_at=NOW + MINUTE,
        updated_by="bob",
    )
    await save(store, policy(), second)
    async with store.reading() as rows:
        found = await rows.policies.find("photos")
        assert await rows.policies.find("Photos") is None
    for name in type(second).__table__.columns.keys():  # noqa: SIM118 - no dict
        assert getattr(found, name) == getattr(second, name), name


async def test_ten_years_are_not_too_long(store):
    seconds = int(timedelta(days=3650).total_seconds())
    await save(store, policy(longest_grant=seconds))
    async with store.reading() as rows:
        assert (await rows.policies.find("photos")).longest_grant == seconds


async def test_those_of_many_clients_are_found_at_once(store):
    await save(store, policy(), policy("mail"), policy("notes"))
    async with store.reading() as rows:
        assert set(await rows.policies.of_clients(["photos", "mail", "mail", "x"])) == {
            "photos",
            "mail",
        }
        assert await rows.policies.of_clients([]) == {}


async def test_a_forgotten_policy_is_gone_and_others_stay(store):
    await save(store, policy(), policy("mail"))
    async with store.writing() as rows:
        await rows.policies.delete("photos")
        await rows.policies.delete("nobody")
    async with store.reading() as rows:
        assert set(await rows.policies.of_clients(["photos", "mail"])) == {"mail"}


async def test_an_id_that_no_database_keeps_is_refused(store):
    with pytest.raises(UnstorableValueError):
        await save(store, policy("x" * 256))
