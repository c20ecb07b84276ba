"""Batches of people on both databases, also while others write."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from portal.accounts.import_rows import Person, RowError, Rules, read_person
from portal.accounts.importing import import_batch
from portal.attributes import AttributeCatalog
from portal.store import AlreadyExistsError

NOW = datetime.now(UTC)
RULES = Rules(attributes=AttributeCatalog())


def people(count, **fields):
    return [
        Person(email=f"p{n}@example.org", subject=f"s{n}", claims={"name": f"P {n}"}, **fields)
        for n in range(count)
    ]


async def run(store, batch, rules=RULES, **options):
    async with store.writing() as rows:
        return await import_batch(rows, batch, rules, now=NOW, actor="cli", **options)


async def everybody(store):
    async with store.reading() as rows:
        return await rows.users.list_page(after_email=None, limit=10_000)


async def test_a_batch_comes_in_once(store):
    outcome = await run(store, people(500))
    assert (outcome.created, outcome.present) == (500, 0)
    outcome = await run(store, people(500))
    assert (outcome.created, outcome.present) == (0, 500)
    assert len(await everybody(store)) == 500
    async with store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1000)
    assert [event.action for event in page.events] == ["user.imported"] * 500


async def test_a_batch_that_somebody_came_before_is_rolled_back_whole(store):
    await run(store, people(1))
    (first,) = await everybody(store)
    second = msgspec.structs.replace(people(2)[1], subject="new")

    async def both():
        async with store.writing() as rows:
            assert (await import_batch(rows, [second], RULES, now=NOW, actor="cli")).created == 1
            await rows.users.add_all([first])

    with pytest.raises(AlreadyExistsError):
        await both()
    assert [user.email for user in await everybody(store)] == ["p0@example.org"]


async def test_two_imports_of_one_file_make_one_of_everybody(store):
    async def whole():
        for _ in range(20):
            try:
                return await run(store, people(200))
            except AlreadyExistsError:
                continue
        raise AssertionError("never came through")

    outcomes = await asyncio.gather(*(whole() for _ in range(4)))
    assert sum(outcome.created for outcome in outcomes) == 200
    assert sum(outcome.present for outcome in outcomes) == 600
    assert len(await everybody(store)) == 200


async def test_a_dry_run_changes_nothing_and_says_what_would(store):
    await run(store, people(2))
    rules = Rules(attributes=AttributeCatalog(), update=True)
    new = [Person(email=f"p{n}@example.org", claims={"name": "Other"}) for n in range(4)]
    outcome = await run(store, new, rules, dry_run=True)
    assert (outcome.created, outcome.changed) == (2, 2)
    assert {user.name for user in await everybody(store)} == {"P 0", "P 1"}
    outcome = await run(store, new, rules)
    assert (outcome.created, outcome.changed) == (2, 2)
    assert {user.name for user in await everybody(store)} == {"Other"}


async def test_somebody_who_is_twice_in_a_batch_is_changed_by_the_second_row(store):
    rules = Rules(attributes=AttributeCatalog(), update=True)
    twice = [Person(email="a@b.org", claims={"name": name}) for name in ("One", "Two")]
    outcome = await run(store, twice, rules)
    assert (outcome.created, outcome.changed) == (1, 1)
    assert [user.name for user in await everybody(store)] == ["Two"]
    outcome = await run(store, [*twice, Person(email="c@d.org")])
    assert outcome.problems == {0: ("is here already, with another name; --update changes that",)}


async def test_a_verified_address_is_told_and_not_taken_back(store):
    await run(store, [Person(email="a@b.org", email_verified=False)])
    rules = Rules(attributes=AttributeCatalog(), update=True)
    outcome = await run(store, [Person(email="a@b.org", email_verified=True)], rules)
    assert outcome.changed == 1
    outcome = await run(store, [Person(email="a@b.org", email_verified=False)], rules)
    assert outcome.present == 1
    assert (await everybody(store))[0].email_verified


def test_a_hash_needs_a_pepper_that_is_configured():
    fields = {"email": "a@b.org"}
    peppered = (
        "pepper:p1:$argon2id$v=19$m=8192,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
    )
    with pytest.raises(RowError, match="pepper"):
        read_person({**fields, "password_hash": peppered}, RULES)
    rules = Rules(attributes=AttributeCatalog(), peppers={"p1"})
    assert read_person({**fields, "password_hash": peppered}, rules).password_hash == peppered


def test_no_person_of_a_file_shows_itself():
    assert "hash" not in repr(Person(email="a@b.org", password_hash="the hash"))
