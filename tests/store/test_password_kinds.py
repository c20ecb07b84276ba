"""Which kinds of hashes are stored, on both databases."""

import sqlalchemy as sa
from argon2 import PasswordHasher

from portal.store import Store
from portal.store.password_kinds import MOST
from tests.store.records import NOW, user

HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("some password or other")
BCRYPT = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
KIND = "argon2id m=8 t=1 p=1"


async def kinds(store: Store) -> tuple[str, ...]:
    async with store.reading() as rows:
        return await rows.password_kinds.list_stored()


async def test_a_hash_is_stored_with_its_kind(store: Store) -> None:
    assert await kinds(store) == ()
    async with store.writing() as rows:
        for number in range(5):
            await rows.users.add(user(f"u{number}", password_hash=HASH))
        await rows.users.add(user("bcrypt", password_hash=BCRYPT))
        await rows.users.add(user("none", password_hash=None))
        await rows.users.add(user("damaged", password_hash="what is this"))
    assert sorted(await kinds(store)) == ["?", KIND, "bcrypt c=5"]
    async with store.reading() as rows:
        none = await rows.users.find("none")
        some = await rows.users.find("u0")
    assert none is not None
    assert (none.password_kind, none.password_set_at) == (None, None)
    assert some is not None
    assert (some.password_kind, some.password_set_at) == (KIND, NOW)


async def test_a_new_hash_brings_its_kind_and_a_replaced_one_keeps_its_age(store: Store) -> None:
    later = NOW.replace(year=NOW.year + 1)
    async with store.writing() as rows:
        await rows.users.add(user("ann", password_hash=BCRYPT, password_expired=True))
        assert await rows.users.replace_hash("ann", old=BCRYPT, new=HASH)
        assert not await rows.users.replace_hash("ann", old=BCRYPT, new="other")
        replaced = await rows.users.find("ann")
        await rows.users.set_password("ann", password_hash=BCRYPT, at=later)
        changed = await rows.users.find("ann")
    assert replaced is not None
    assert (replaced.password_kind, replaced.password_set_at) == (KIND, NOW)
    assert replaced.password_expired
    assert changed is not None
    assert (changed.password_kind, changed.password_set_at) == ("bcrypt c=5", later)
    assert not changed.password_expired


async def test_what_an_older_version_stored_is_named_in_portions(store: Store) -> None:
    async with store.writing() as rows:
        for number in range(5):
            await rows.users.add(user(f"u{number}", password_hash=HASH))
        await rows.users.add(user("damaged", password_hash="what is this"))
        await rows.users.add(user("none", password_hash=None))
        await rows.users._unit.run(sa.text("UPDATE users SET password_kind = NULL"))
    assert await kinds(store) == ()
    portions = []
    for _ in range(4):
        async with store.writing() as rows:
            portions.append(await rows.password_kinds.name_some(4))
    assert portions == [4, 2, 0, 0]
    assert sorted(await kinds(store)) == ["?", KIND]


async def test_however_many_kinds_there_are_the_walk_ends(store: Store) -> None:
    async with store.writing() as rows:
        for number in range(MOST + 20):
            record = user(f"u{number}", password_hash=HASH, password_kind=f"bcrypt c={number}")
            await rows.users.add(record)
    assert len(await kinds(store)) == MOST
