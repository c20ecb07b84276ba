"""Which way PostgreSQL takes through a full table: what is sent is captured, and then explained."""

import json
import os
import re
from datetime import timedelta

import psycopg
import pytest

from benchmarks import fill_grants
from benchmarks.grants import FILTERS, Draw
from portal.store import AuditSearch, GrantSearch, Store, grant_index, grant_walks, schema

pytestmark = pytest.mark.postgres

GRANTS, USERS, EVENTS = 120_000, 12_000, 20_000
REACH = 1_000
"""Far less than there is, as it is with millions."""
MOST_READ = 8_000
"""Rows of grants that one statement may touch: all ways that it may try, together, and the page."""
APP, MIDDLING = fill_grants.client_of(1), "photos.read"
BIG = ("grants", "users", "audit_events", "revocations")
VALUE = re.compile(r"%\((\w+)\)s")
EVENTS_TO_FILL = """
INSERT INTO audit_events (id, occurred_at, action, actor, subject, client_id, detail, address,
                          user_agent)
SELECT 'e' || n, now() - n * interval '1 minute',
       CASE WHEN n %% 9 = 0 THEN 'grant.revoked' ELSE 'consent.allowed' END, 'subject ' || n %% 700,
       'subject ' || n %% 700, 'client ' || n %% 300, '{}', '', ''
FROM generate_series(1, %(events)s) n
"""
REVOCATIONS_TO_FILL = """
INSERT INTO revocations (id, subject, client_id, end_logins, reason, revoked_at, state, due_at,
                         attempts)
SELECT 'r' || n, 'subject ' || n, 'client ' || n %% 300, false, 'user', now(),
       CASE WHEN n %% 500 = 0 THEN 'pending' ELSE 'done' END, now() - interval '1 day', 0
FROM generate_series(1, %(events)s) n
"""


@pytest.fixture(scope="module")
def full_url(postgres_cluster):
    """A database that is too large to be read through for a page, in the order of a language."""
    name = f"portal_full_{os.getpid()}"
    in_english = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    postgres_cluster.execute(f'CREATE DATABASE "{name}" {in_english}')
    url = postgres_cluster.database_url(name)
    schema.upgrade(url)
    fill_grants.fill(url, GRANTS)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(EVENTS_TO_FILL, {"events": EVENTS})
        cursor.execute(REVOCATIONS_TO_FILL, {"events": EVENTS})
        cursor.execute("VACUUM (ANALYZE)")
    yield url
    postgres_cluster.drop_database(url)


@pytest.fixture
async def full(full_url, monkeypatch):
    monkeypatch.setattr(grant_walks, "REACH", REACH)
    monkeypatch.setattr(grant_index, "EXACT_TO", REACH)
    store = Store(full_url)
    yield store
    await store.dispose()


@pytest.fixture
async def sent(full, monkeypatch):
    """The statements that the store sends, with their values."""
    await full.at_head()
    return sent_by_psycopg(monkeypatch)


def sent_by_psycopg(monkeypatch):
    """A list of what psycopg will be given, with its values, but for what frames a transaction.

    SQLAlchemy's first questions on a connection are asked before.
    """
    statements, execute = [], psycopg.AsyncCursor.execute

    async def note(self, statement, values=None, **how):
        if statement != "BEGIN":
            statements.append((statement, values))
        return await execute(self, statement, values, **how)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", note)
    return statements


def plans(url, statements, *, without=(), generic=False):
    """What PostgreSQL does for *statements*, and undoes; after indexes were dropped, if any."""
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        for index in without:
            connection.execute(f"DROP INDEX {index}")
        if generic:
            connection.execute("SET plan_cache_mode = force_generic_plan")
        for number, (sent, values) in enumerate(statements):
            if sent.startswith("EXPLAIN"):
                continue
            statement = sent
            names = list(dict.fromkeys(VALUE.findall(sent)))
            for place, name in enumerate(names, 1):
                statement = statement.replace(f"%({name})s", f"${place}")
            connection.execute(f"PREPARE s{number} AS {statement.replace('%%', '%')}")
            given = f"({', '.join('%s' for _ in names)})" if names else ""
            row = connection.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE s{number}{given}",
                [values[name] for name in names] or None,
            ).fetchone()
            yield row[0][0]["Plan"]
        connection.rollback()


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def wrong(plan):
    """What no statement may do to a large table."""
    read = 0
    for node in nodes(plan):
        kind, table = node["Node Type"], node.get("Relation Name")
        rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        if kind == "Seq Scan" and table in BIG:
            yield f"reads {table} through"
        if table == "grants":
            read += rows
        if kind in {"Sort", "Incremental Sort"} and rows > MOST_READ:
            yield f"sorts {rows} rows"
    if read > MOST_READ:
        yield f"reads {read} rows of grants"


def assert_good(url, statements, *, generic=False):
    assert statements
    for plan in plans(url, statements, generic=generic):
        assert list(wrong(plan)) == [], json.dumps(plan, indent=1)


def indexes(url, statements):
    return {
        node["Index Name"]
        for plan in plans(url, statements)
        for node in nodes(plan)
        if "Index Name" in node
    }


async def search(store, words, order, after):
    async with store.reading() as rows:
        selection = (await rows.grant_index.select(GrantSearch(**words))).selection
        await rows.grant_index.page(selection, order=order, after=after, limit=50)
        await rows.grant_index.tally(selection)


@pytest.mark.parametrize("chosen", FILTERS, ids=lambda chosen: chosen.name)
async def test_no_search_reads_a_table_through(full, full_url, sent, chosen):
    for turn in range(4):
        draw = Draw(f"{chosen.name} {turn}", USERS)
        await search(full, chosen.words(draw), chosen.order, draw.place())
    assert_good(full_url, sent)


@pytest.mark.parametrize("chosen", FILTERS[::4], ids=lambda chosen: chosen.name)
async def test_a_plan_that_knows_no_values_is_as_good(full, full_url, sent, chosen):
    """What is sent often is planned once for all values; the drivers prepare every statement."""
    draw = Draw(chosen.name, USERS)
    await search(full, chosen.words(draw), chosen.order, draw.place())
    assert_good(full_url, sent, generic=True)


@pytest.mark.parametrize(
    ("words", "order", "expected"),
    [
        ({}, "newest", "ix_grants_state_granted_at_subject_client_id"),
        ({"state": "active"}, "oldest", "ix_grants_state_granted_at_subject_client_id"),
        ({}, "unused", "ix_grants_state_last_accept_at_subject_client_id"),
        ({"client": APP}, "newest", "ix_grants_client_id_state_granted_at_subject"),
        ({"client": APP}, "used", "ix_grants_client_id_state_last_accept_at_subject"),
        ({"scope": MIDDLING}, "newest", "ix_grants_scope_set_state_granted_at_subject_client_id"),
        ({"scope": MIDDLING}, "used", "ix_grants_scope_set_state_last_accept_at_subject_client_id"),
    ],
)
async def test_a_page_comes_from_its_index_and_would_be_slow_without(
    full, full_url, sent, words, order, expected
):
    async with full.reading() as rows:
        selection = (await rows.grant_index.select(GrantSearch(**words))).selection
        sent.clear()
        await rows.grant_index.page(selection, order=order, after=None, limit=50)
    assert expected in indexes(full_url, sent)
    assert any(list(wrong(plan)) for plan in plans(full_url, sent, without=[expected]))


async def test_what_a_person_has_comes_from_the_primary_key(full, full_url, sent):
    await search(full, {"user": "anna"}, "newest", None)
    assert_good(full_url, sent)
    assert "pk_grants" in indexes(full_url, sent)


async def test_the_beginning_of_an_address_is_found_by_an_index_whatever_the_collation(
    full, full_url, sent
):
    async with full.reading() as rows:
        for typed in ("a", "anna", "anna.adler", "ANNA.ADLER7"):
            await rows.grant_index.select(GrantSearch(user=typed))
    assert_good(full_url, sent)
    assert "uq_users_email" in indexes(full_url, sent)


async def test_the_grant_of_a_pair_is_found_by_the_primary_key(full, full_url, sent):
    subject, client_id = fill_grants.subject_of(7), fill_grants.client_of(1)
    async with full.writing() as rows:
        sent.clear()
        await rows.grants.find(subject, client_id, lock=True)
        await rows.grants.of_subject(subject)
        await rows.revocations.pending_for(subject, client_id)
        await rows.users.find(subject)
    assert_good(full_url, sent)
    assert {"pk_grants", "pk_users", "ix_revocations_subject_client_id"} <= indexes(full_url, sent)


async def test_people_are_counted_from_an_index(full, full_url, sent):
    async with full.reading() as rows:
        await rows.grants.count_people(fill_grants.client_of(rank) for rank in range(50, 60))
    assert_good(full_url, sent)


async def test_what_is_due_is_found_among_all_that_is_done(full, full_url, sent):
    async with full.writing() as rows:
        sent.clear()
        now = fill_grants.NOW + timedelta(days=900)
        await rows.revocations.claim_due(now=now, limit=20, lease=timedelta(minutes=1))
    assert_good(full_url, sent)
    assert any(name.endswith("state_due_at") for name in indexes(full_url, sent))


async def test_what_is_over_is_found_among_all_that_is_remembered(full, full_url, sent):
    async with full.writing() as rows:
        sent.clear()
        await rows.grant_expiry.any_over(now=fill_grants.NOW)
        await rows.grant_expiry.mark_expired(now=fill_grants.NOW, limit=100)
    assert_good(full_url, sent)
    assert "ix_grants_expires_at" in indexes(full_url, sent)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({}, "ix_audit_events_occurred_at_id"),
        ({"actions": ("grant.revoked",)}, "ix_audit_events_action_occurred_at_id"),
        ({"subjects": ("subject 5",)}, "ix_audit_events_subject_occurred_at_id"),
        ({"client_ids": ("client 5",)}, "ix_audit_events_client_id_occurred_at_id"),
    ],
)
async def test_the_audit_trail_is_paged_by_its_indexes(full, full_url, sent, search, expected):
    async with full.reading() as rows:
        page = await rows.audit.list_page(AuditSearch(**search), after=None, limit=20)
        await rows.audit.list_page(AuditSearch(**search), after=page.next, limit=20)
    assert_good(full_url, sent)
    assert expected in indexes(full_url, sent)
