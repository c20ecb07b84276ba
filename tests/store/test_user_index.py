"""Finding people: by address, subject, name and state; page by page; counted."""

from datetime import timedelta

import pytest

from portal.store.tables import TotpFactor
from portal.store.user_index import Place, UserSearch
from tests.store.records import MINUTE, NOW, user


@pytest.fixture
async def people(store):
    """Enough of everything to tell apart."""
    found = [
        user("s1", email="ann@example.org", name="Ann Ader", email_verified=True),
        user("s2", email="anna@example.org", name="Zoë", email_verified=True),
        user("s3", email="bob@example.org", name="ANN  Bee", email_verified=True, admin=True),
        user("s4", email="cleo@example.org", name=None, disabled_at=NOW, email_verified=True),
        user("s5", email="dan@example.org", name="Ännchen"),
        user("s6", email="ann%@example.org", name="a_n", email_verified=True, admin=True),
        user("s7", email="ángel@exámple.org", name="\U0010ffffz", email_verified=True),
    ]
    async with store.writing() as rows:
        for number, one in enumerate(found):
            one.created_at = NOW + number * MINUTE
            await rows.users.add(one)
            await rows.users.set_profile(one.subject, name=one.name, profile={}, at=NOW)
        await rows.totp_factors.add(
            TotpFactor(id="t", subject="s3", sealed_secret="s", name="App", created_at=NOW)
        )
    return store


async def subjects(store, text="", state="", order="email", limit=2):
    """Whom it finds, page by page, and what is said about how many they are."""
    search, found, after = UserSearch(text=text, state=state), [], None
    async with store.reading() as rows:
        while True:
            page = await rows.user_index.page(search, order=order, after=after, limit=limit)
            assert len(page.users) <= limit
            found += [one.subject for one in page.users]
            after = page.next
            if after is None:
                break
        counted, exact = await rows.user_index.count(search)
    assert exact
    assert counted == len(found)
    assert len(set(found)) == len(found)
    return found


async def test_everybody_is_listed_by_address_or_the_newest_first(people):
    assert await subjects(people) == ["s6", "s1", "s2", "s3", "s4", "s5", "s7"]
    assert await subjects(people, order="newest") == [f"s{n}" for n in (7, 6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann", ["s6", "s1", "s2", "s3"]),
        ("ANN", ["s6", "s1", "s2", "s3"]),
        (" ann ", ["s6", "s1", "s2", "s3"]),
        ("ann@example.org", ["s1"]),
        ("Ann@Example.org", ["s1"]),
        ("s4", ["s4"]),
        ("S4", []),
        ("änn", ["s5"]),
        ("a\u0308nn", ["s5"]),
        ("ann b", ["s3"]),
        ("ann  b", ["s3"]),
        ("zoë", ["s2"]),
        ("ann%", ["s6"]),
        ("a_", ["s6"]),
        ("%", []),
        ("_", []),
        ("' OR 1=1 --", []),
        ("bee", []),
        ("án", ["s7"]),
        ("\U0010ffff", ["s7"]),
        ("\U0010ffff\U0010ffff", []),
        ("\ud7ff", []),
    ],
)
async def test_the_beginning_of_an_address_or_a_name_finds_them_addresses_first(
    people, text, found
):
    for limit in (1, 2, 3, 50):
        assert await subjects(people, text, limit=limit) == found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("enabled", ["s6", "s1", "s2", "s3", "s5", "s7"]),
        ("disabled", ["s4"]),
        ("admin", ["s6", "s3"]),
        ("unverified", ["s5"]),
        ("unprotected", ["s6"]),
        ("nonsense", []),
    ],
)
async def test_states_narrow_both_orders_and_what_was_typed(people, state, found):
    assert await subjects(people, state=state) == found
    assert await subjects(people, state=state, order="newest") == sorted(found, reverse=True)
    assert await subjects(people, "ann", state=state) == [
        one for one in ("s6", "s1", "s2", "s3") if one in found
    ]


async def test_who_has_a_second_factor(people):
    async with people.reading() as rows:
        assert await rows.user_index.protected(("s1", "s3")) == {"s3"}
        assert await rows.user_index.protected(()) == frozenset()


async def test_a_place_outlives_whoever_stood_there(people):
    """Pages go on behind a row that is gone meanwhile, and repeat nobody."""
    place = Place(NOW + timedelta(days=1), "name", "gone", "aaa@example.org", "ann b")
    search = UserSearch(text="ann")
    async with people.reading() as rows:
        page = await rows.user_index.page(search, order="email", after=place, limit=5)
    assert [one.subject for one in page.users] == ["s3"]
