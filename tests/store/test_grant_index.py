import random
import re
import shutil
import sqlite3
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from portal.store import GrantSearch, Selection, Store, grant_index, grant_walks
from portal.store.grants import scope_set_id
from portal.store.tables import AT_ORY, GRANT_STATES
from tests.store.records import MINUTE, NOW, grant, save, user

ORDERS = {
    "newest": ("granted_at", True),
    "oldest": ("granted_at", False),
    "used": ("last_accept_at", True),
    "unused": ("last_accept_at", False),
}


async def select(store, **fields):
    async with store.reading() as rows:
        return await rows.grant_index.select(GrantSearch(**fields))


async def searched(store, limit=50, **fields):
    async with store.reading() as rows:
        selected = await rows.grant_index.select(GrantSearch(**fields))
        page = await rows.grant_index.page(
            selected.selection, order="newest", after=None, limit=limit
        )
    return [(row.grant.subject, row.grant.client_id) for row in page.rows]


async def pages(store, selection, *, order="newest", limit=5):
    """Every page until the last one."""
    found, after = [], None
    while not found or after is not None:
        async with store.reading() as rows:
            page = await rows.grant_index.page(selection, order=order, after=after, limit=limit)
        assert page.next is None or page.next != after, "it goes on from where it was"
        found.append(page)
        after = page.next
    return found


async def tally(store, selection):
    async with store.reading() as rows:
        return await rows.grant_index.tally(selection)


# What the words mean


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"ann/photos", "ann/music", "bob/photos", "ghost/photos"}),
        ({"user": "ANN@"}, {"ann/photos", "ann/music"}),
        ({"user": " ann@example.org "}, {"ann/photos", "ann/music"}),
        ({"user": "example.org"}, set()),
        ({"user": "ghost"}, {"ghost/photos"}),
        ({"client": "PHOT"}, {"ann/photos", "bob/photos", "ghost/photos"}),
        ({"client": "no such app"}, set()),
        ({"scope": "mail"}, {"ann/music"}),
        ({"scope": "openid mail"}, {"ann/music"}),
        ({"scope": "open"}, set()),
        ({"state": "active"}, {"ann/photos", "ann/music"}),
        ({"state": "pending"}, {"bob/photos"}),
        ({"state": "revoked"}, {"ghost/photos"}),
        ({"state": "no such state"}, set()),
        ({"user": "ann", "client": "photos", "state": "active"}, {"ann/photos"}),
    ],
)
async def test_a_search_narrows_by_every_field(store, fields, expected):
    async with store.writing() as rows:
        await rows.users.add(user("ann"))
        await rows.users.add(user("bob"))
    await save(
        store,
        grant(),
        grant(client_id="music", scopes=["openid", "mail"]),
        grant("bob", revoked_at=NOW),
        grant("ghost", revoked_at=NOW, revoke_synced_at=NOW),
    )
    assert {"/".join(pair) for pair in await searched(store, **fields)} == expected


HOSTILE = [
    "%",
    "_",
    "%%",
    "a%",
    "\\",
    "/",
    "/%",
    "'",
    "' or 1=1 --",
    '"',
    "[",
    "]}",
    "$1",
    ":x",
    "*",
    "\U0010ffff",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_search_text_finds_only_itself(store, text):
    async with store.writing() as rows:
        await rows.users.add(user("ann"))
        await rows.users.add(user("odd", email=f"x{text}y@example.org"))
    odd = grant("odd", f"id{text}id", scopes=[text])
    await save(store, grant(), odd)
    expected = [("odd", f"id{text}id")]
    assert await searched(store, user=f"x{text}y") == expected
    assert await searched(store, client=f"id{text}id") == expected
    if " " not in text:
        assert await searched(store, scope=text) == expected
    assert await searched(store, user=f"z{text}z") == []


async def test_more_people_than_a_search_goes_through_are_said_to_be_left_out(store, monkeypatch):
    monkeypatch.setattr(grant_index, "MOST_USERS", 2)
    async with store.writing() as rows:
        for subject in ("abe", "ada", "amy", "bob"):
            await rows.users.add(user(subject))
    few, many = await select(store, user="b"), await select(store, user="a")
    assert (few.selection.subjects, few.whole) == (("bob",), True)
    assert (many.selection.subjects, many.whole) == (("abe", "ada"), False)
    assert many.more_users


async def test_more_apps_than_a_search_goes_through_are_said_to_be_left_out(store, monkeypatch):
    monkeypatch.setattr(grant_index, "MOST_CLIENTS", 2)
    await save(store, *(grant(client_id=name) for name in ("photo-1", "photo-2", "photo-3")))
    many = await select(store, client="photo")
    assert (many.selection.client_ids, many.whole) == (("photo-1", "photo-2"), False)
    assert many.more_clients
    assert (await select(store, client="photo-3")).whole


async def test_scopes_of_many_combinations_are_not_named_one_by_one(store, monkeypatch):
    monkeypatch.setattr(grant_index, "MOST_SCOPE_SETS", 2)
    names = ("a", "b", "c")
    await save(store, *(grant(client_id=name, scopes=["openid", name]) for name in names))
    few, many = await select(store, scope="openid a"), await select(store, scope="openid")
    assert few.selection.scope_sets == (scope_set_id(["openid", "a"]),)
    assert many.selection.scope_sets is None
    assert few.whole
    assert many.whole
    assert len(await searched(store, scope="openid")) == 3


async def test_a_selection_survives_being_kept_as_json(store):
    await save(store, grant(scopes=["openid", "mail"]))
    kept = (await select(store, scope="mail", state="active", used_until=NOW)).selection
    assert msgspec.convert(msgspec.to_builtins(kept), Selection) == kept


# Pages


async def test_pages_of_grants_neither_repeat_nor_lose_one_while_others_come_and_go(store):
    pairs = [(f"s{n % 4}", f"c{n:02}") for n in range(23)]
    await save(
        store, *(grant(s, c, granted_at=NOW - (n // 5) * MINUTE) for n, (s, c) in enumerate(pairs))
    )
    seen, after, turned = [], None, 0
    while True:
        async with store.reading() as rows:
            page = await rows.grant_index.page(Selection(), order="newest", after=after, limit=5)
        seen += [
            (row.grant.granted_at, row.grant.subject, row.grant.client_id) for row in page.rows
        ]
        turned += 1
        if turned == 2:
            await save(store, grant("new", "new", granted_at=NOW + MINUTE))
        if page.next is None:
            break
        after = page.next
    assert turned == 5
    assert {place[1:] for place in seen} == set(pairs)
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(pairs)


async def test_the_last_page_says_that_it_is_the_last(store):
    await save(store, grant(), grant(client_id="music"))
    async with store.reading() as rows:
        page = await rows.grant_index.page(Selection(), order="newest", after=None, limit=2)
    assert len(page.rows) == 2
    assert page.next is None


async def test_a_page_is_not_as_long_as_anybody_likes(store, monkeypatch):
    monkeypatch.setattr(grant_index, "MAX_PAGE", 3)
    await save(store, *(grant(client_id=f"c{n}", granted_at=NOW - timedelta(n)) for n in range(5)))
    assert len(await searched(store, limit=5000)) == 3
    assert len(await searched(store, limit=0)) == 1


async def test_a_page_shows_the_address_of_whoever_is_known(store):
    async with store.writing() as rows:
        await rows.users.add(user("ann"))
    await save(store, grant(), grant("ghost"))
    (page,) = await pages(store, Selection())
    assert {row.grant.subject: row.email for row in page.rows} == {
        "ann": "ann@example.org",
        "ghost": None,
    }


SUBJECTS = [f"subject-{n:02}" for n in range(12)]
CLIENTS = [f"client-{n}" for n in range(9)]
SETS = [["openid"], ["openid", "mail"], ["mail"], ["openid", "mail", "rare"], ["other"]]


def some_grants(chance):
    """A grant of nearly every pair, of all ages and states; some of the same instant."""
    for subject in SUBJECTS:
        for client_id in CLIENTS:
            granted_at = NOW - timedelta(days=chance.randint(1, 60))
            fate = chance.choice(GRANT_STATES)
            yield grant(
                subject,
                client_id,
                scopes=chance.choice(SETS),
                granted_at=granted_at,
                last_accept_at=granted_at + (NOW - granted_at) * chance.choice([0, 0, 0.3, 0.9]),
                expired_at=NOW if fate == "expired" else None,
                revoked_at=NOW if fate in {"pending", "revoked", "at_ory"} else None,
                revoke_synced_at=NOW if fate in {"revoked", "at_ory"} else None,
                revoke_reason=AT_ORY if fate == "at_ory" else "user",
            )


def some_selection(chance):
    """Every combination of conditions, sooner or later."""

    def perhaps(value, share=0.3):
        return value if chance.random() < share else None

    def day():
        return NOW - timedelta(days=chance.randint(1, 60))

    scopes = perhaps(chance.choice([("openid",), ("mail",), ("mail", "openid"), ("rare",)])) or ()
    holding = tuple(scope_set_id(names) for names in SETS if set(scopes) <= set(names))
    return Selection(
        subjects=perhaps(tuple(chance.sample(SUBJECTS, 3)), 0.2),
        client_ids=perhaps(tuple(chance.sample(CLIENTS, chance.randint(1, 4)))),
        scopes=scopes,
        scope_sets=perhaps(holding, 0.5) if scopes else None,
        states=perhaps(tuple(chance.sample(GRANT_STATES, chance.randint(1, 2)))),
        allowed_since=perhaps(day(), 0.2),
        allowed_until=perhaps(day(), 0.2),
        used_since=perhaps(day(), 0.2),
        used_until=perhaps(day(), 0.2),
    )


def state_of(record):
    if record.revoked_at is None:
        return "expired" if record.expired_at else "active"
    if record.revoke_synced_at is None:
        return "pending"
    return "at_ory" if record.revoke_reason == AT_ORY else "revoked"


def is_meant(selection, record):
    return (
        (selection.subjects is None or record.subject in selection.subjects)
        and (selection.client_ids is None or record.client_id in selection.client_ids)
        and set(selection.scopes) <= set(record.scopes)
        and (selection.states is None or state_of(record) in selection.states)
        and (selection.allowed_since is None or record.granted_at >= selection.allowed_since)
        and (selection.allowed_until is None or record.granted_at <= selection.allowed_until)
        and (selection.used_since is None or record.last_accept_at >= selection.used_since)
        and (selection.used_until is None or record.last_accept_at <= selection.used_until)
    )


@pytest.mark.parametrize("reach", [20_000, 12], ids=["far", "near"])
async def test_any_search_finds_what_is_meant_in_order_however_far_a_walk_goes(
    store, monkeypatch, reach
):
    monkeypatch.setattr(grant_walks, "REACH", reach)
    monkeypatch.setattr(grant_walks, "FEW_SETS", 1)
    chance = random.Random(7)  # noqa: S311 - the same searches every time
    grants = list(some_grants(chance))
    await save(store, *grants)
    stopped = 0
    for _ in range(60):
        selection, order = some_selection(chance), chance.choice(list(ORDERS))
        moment, descending = ORDERS[order]

        def place(record, moment=moment):
            return getattr(record, moment), record.subject, record.client_id

        meant = [record for record in grants if is_meant(selection, record)]
        found = await pages(store, selection, order=order, limit=7)
        seen = [place(row.grant) for page in found for row in page.rows]
        assert seen == sorted(map(place, meant), reverse=descending), (selection, order)
        for page in found:
            assert len(page.rows) == 7 or page.next is None or page.looked_until is not None
            assert page.looked_until is None or page.looked_until == page.next[0]
        stopped += sum(page.looked_until is not None for page in found)
        counted = await tally(store, selection)
        assert counted.exact
        assert (counted.grants, counted.people, counted.apps) == (
            len(meant),
            len({record.subject for record in meant}),
            len({record.client_id for record in meant}),
        )
    assert bool(stopped) is (reach == 12)


async def test_a_search_that_stops_to_stay_fast_says_how_far_it_looked(store, monkeypatch):
    monkeypatch.setattr(grant_walks, "REACH", 4)
    monkeypatch.setattr(grant_index, "MOST_SCOPE_SETS", 0)
    common = [grant(f"s{n}", granted_at=NOW - n * MINUTE) for n in range(9)]
    await save(store, *common, grant("old", scopes=["rare"], granted_at=NOW - 10 * MINUTE))
    selection = (await select(store, scope="rare", state="active")).selection
    first, second, third = await pages(store, selection, limit=3)
    assert (first.rows, first.looked_until) == ((), NOW - 3 * MINUTE)
    assert (second.rows, second.looked_until) == ((), NOW - 7 * MINUTE)
    assert [row.grant.subject for row in third.rows] == ["old"]
    assert (third.next, third.looked_until) == (None, None)


async def test_what_was_not_used_for_long_is_found_behind_all_that_was_allowed_since(
    store, monkeypatch
):
    """What is used until some day was allowed before it: nobody looks through what is newer."""
    monkeypatch.setattr(grant_walks, "REACH", 4)
    newer = [grant(f"s{n:02}", granted_at=NOW - n * MINUTE) for n in range(20)]
    old = NOW - timedelta(days=30)
    await save(store, *newer, grant("old", granted_at=old, last_accept_at=old))
    selection = Selection(states=("active",), used_until=old + timedelta(days=1))
    (page,) = await pages(store, selection)
    assert [row.grant.subject for row in page.rows] == ["old"]
    assert page.looked_until is None


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "words", [{}, {"client": "photos"}, {"scope": "openid"}, {"user": "ann"}, {"user": "a"}]
)
async def test_sqlite_reads_no_grants_through_either(sqlite_template, tmp_path, words, order):
    path, sent = tmp_path / "portal.db", []
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    await save(store, grant(), grant(client_id="music"))
    reader = store._engines[0].sync_engine
    sa.event.listen(reader, "before_cursor_execute", lambda *sending: sent.append(sending))
    async with store.reading() as rows:
        selection = (await rows.grant_index.select(GrantSearch(**words))).selection
        await rows.grant_index.page(selection, order=order, after=None, limit=50)
        await rows.grant_index.tally(selection)
    await store.dispose()
    with sqlite3.connect(path) as connection:
        steps = [
            step
            for _, _, statement, values, *_ in sent
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert any(step.startswith("SEARCH grants USING INDEX") for step in steps)
    assert [step for step in steps if re.match("SCAN (grants|users)", step)] == []


# Counts


async def test_what_is_too_much_to_count_is_estimated_and_said_to_be(store, monkeypatch):
    monkeypatch.setattr(grant_index, "EXACT_TO", 4)
    await save(store, *(grant(f"s{n}") for n in range(9)), grant("bob", client_id="music"))
    few = await tally(store, Selection(client_ids=("music",)))
    many = await tally(store, Selection(client_ids=("photos",)))
    assert (few.grants, few.people, few.apps, few.exact) == (1, 1, 1, True)
    async with store.reading() as rows:
        postgresql = rows.grant_index._unit.is_postgresql
    if postgresql:
        assert not many.exact
        assert many.grants > 4
    else:
        assert (many.grants, many.people, many.exact) == (9, 9, True)


@pytest.mark.parametrize("empty", ["subjects", "client_ids", "scope_sets", "states"])
async def test_an_empty_choice_finds_nothing(store, empty):
    await save(store, grant())
    selection = Selection(**{empty: ()})
    (page,) = await pages(store, selection)
    assert (page.rows, page.next) == ((), None)
    assert (await tally(store, selection)).grants == 0
