"""Which way PostgreSQL takes to people among many: what is sent is captured, and then explained."""

import json
import os

import psycopg
import pytest

from portal.store import Store, schema, user_index
from portal.store.user_index import UserSearch
from tests.store.test_plans import nodes, plans, sent_by_psycopg

pytestmark = pytest.mark.postgres

USERS = 100_000
MOST_READ = 25_000
"""Rows of users that one statement may touch: what is counted, and what is skipped on the way."""
TO_FILL = """
INSERT INTO users (subject, email, email_verified, name, name_key, admin, disabled_at, epoch,
                   created_at, updated_at)
SELECT 's' || n,
       chr(97 + n %% 26) || chr(97 + n / 26 %% 26) || n || '@example.org', n %% 50 <> 0,
       initcap(chr(97 + n %% 26)) || ' ' || n, chr(97 + n %% 26) || ' ' || n,
       n %% 10000 = 1, CASE WHEN n %% 100 = 0 THEN now() END, 0,
       now() - n * interval '1 minute', now()
FROM generate_series(1, %(users)s) n
"""


@pytest.fixture(scope="module")
def full_url(postgres_cluster):
    """A database that is too large to be read through for a page, in the order of a language."""
    name = f"portal_people_{os.getpid()}"
    in_english = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    postgres_cluster.execute(f'CREATE DATABASE "{name}" {in_english}')
    url = postgres_cluster.database_url(name)
    schema.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(TO_FILL, {"users": USERS})
        cursor.execute("VACUUM (ANALYZE)")
    yield url
    postgres_cluster.drop_database(url)


@pytest.fixture
async def full(full_url, monkeypatch):
    monkeypatch.setattr(user_index, "EXACT_TO", 1_000)
    store = Store(full_url)
    yield store
    await store.dispose()


@pytest.fixture
async def sent(full, monkeypatch):
    """The statements that the store sends, with their values."""
    await full.at_head()
    return sent_by_psycopg(monkeypatch)


def wrong(plan):
    """What no statement may do to so many people."""
    read = 0
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name")
        rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if table == "users":
            read += rows
            if kind == "Seq Scan" and rows > 2_000:  # of the first few that are counted
                yield "reads users through"
        if kind in {"Sort", "Incremental Sort"} and rows > 2_000:
            yield f"sorts {rows} rows"
    if read > MOST_READ:
        yield f"reads {read} rows of users"


async def search(store, order="email", **words):
    """Three pages and the count."""
    wanted, after = UserSearch(**words), None
    async with store.reading() as rows:
        for _ in range(3):
            page = await rows.user_index.page(wanted, order=order, after=after, limit=50)
            after = page.next
            if after is None:
                break
        return await rows.user_index.count(wanted)


@pytest.mark.parametrize("generic", [False, True], ids=["values", "generic"])
@pytest.mark.parametrize("state", ["", "enabled", "disabled", "admin", "unverified", "unprotected"])
@pytest.mark.parametrize("order", ["email", "newest"])
async def test_no_list_of_people_reads_them_through(full, full_url, sent, state, order, generic):
    await search(full, order, state=state)
    for plan in plans(full_url, sent, generic=generic):
        assert list(wrong(plan)) == [], json.dumps(plan, indent=1)


@pytest.mark.parametrize("generic", [False, True], ids=["values", "generic"])
@pytest.mark.parametrize("state", ["", "disabled", "admin"])
@pytest.mark.parametrize("text", ["a", "ab", "ab27", "s77", "ab27@example.org", "zzz", "A 1"])
async def test_no_search_for_people_reads_them_through(full, full_url, sent, text, state, generic):
    await search(full, text=text, state=state)
    for plan in plans(full_url, sent, generic=generic):
        assert list(wrong(plan)) == [], json.dumps(plan, indent=1)


async def test_what_is_many_is_estimated(full):
    counted, exact = await search(full)
    assert not exact
    assert USERS * 0.8 < counted < USERS * 1.2
    counted, exact = await search(full, state="admin")
    assert (counted, exact) == (USERS // 10_000, True)


async def test_names_that_are_not_folded_yet_are_found_by_their_index(full, full_url, sent):
    async with full.writing() as rows:
        assert await rows.users.fold_names(100) == 0
    (plan,) = plans(full_url, [one for one in sent if "name_key IS NULL" in one[0]])
    assert "ix_users_unfolded" in {node.get("Index Name") for node in nodes(plan)}


async def test_another_administrator_is_found_by_their_index(full, full_url, sent):
    async with full.reading() as rows:
        assert await rows.users.has_other_admin("s10001")
    (plan,) = plans(full_url, sent)
    assert "ix_users_admins" in {node.get("Index Name") for node in nodes(plan)}
