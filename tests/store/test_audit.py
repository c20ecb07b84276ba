"""The audit trail in the database: kept as it happened, found by every field, never changed."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from portal.origin import Origin
from portal.store import AuditSearch, Store, StoreError, StoreUnavailableError, schema
from portal.store.audit import ACTIONS, EARLIEST
from tests.fixtures.databases import database_name
from tests.store.records import MINUTE, NOW
from tests.store.test_plans import sent_by_psycopg

DAY = timedelta(days=1)
MANY = 200_000
OLDEST = datetime(2026, 1, 1, tzinfo=UTC)


async def add(store, action="login.succeeded", **fields):
    async with store.writing() as rows:
        await rows.audit.add(action, **{"at": NOW, "actor": "ann"} | fields)


async def listed(store, search=None, **options):
    async with store.reading() as rows:
        return (await rows.audit.list_page(search, **{"after": None, "limit": 50} | options)).events


async def all_of(store, search, *, limit, oldest_first=False):
    """Every event of *search*, page by page; and how many pages that took."""
    seen, after, pages = [], None, 0
    async with store.reading() as rows:
        while True:
            page = await rows.audit.list_page(
                search, after=after, limit=limit, oldest_first=oldest_first
            )
            assert len(page.events) <= limit
            seen += page.events
            pages += 1
            if (after := page.next) is None:
                return seen, pages


async def test_an_event_is_kept_as_it_happened(store):
    detail = {"scopes": ["openid"], "nested": {"ö": None, "n": 1}}
    origin = Origin(address="::1", user_agent="x")
    await add(store, subject="bob", client_id="photos", detail=detail, origin=origin)
    (event,) = await listed(store)
    assert (event.action, event.actor, event.subject, event.client_id) == (
        "login.succeeded",
        "ann",
        "bob",
        "photos",
    )
    assert (event.occurred_at, event.detail, event.address) == (NOW, detail, "::1")


async def test_one_event_is_found_by_its_id(store):
    await add(store)
    await add(store, "login.failed")
    (event, _) = await listed(store, oldest_first=True)
    async with store.reading() as rows:
        assert (await rows.audit.find(event.id)).action == "login.succeeded"
        assert await rows.audit.find("another") is None


async def test_what_is_no_action_is_not_written(store):
    with pytest.raises(ValueError, match=r"grant\.eaten"):
        await add(store, "grant.eaten")
    assert await listed(store) == ()


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "ok", "x" * 5000, "\U0001f600" * 300])
async def test_what_a_browser_says_about_itself_cannot_stop_an_event(store, text):
    await add(store, origin=Origin(user_agent=text, address=text))
    (event,) = await listed(store)
    assert len(event.user_agent) <= 256
    assert event.user_agent[0] == text[0]


async def test_events_are_narrowed_by_every_field(store):
    await add(store, "consent.allowed", subject="ann", client_id="photos")
    await add(store, "grant.revoked", subject="bob", client_id="music", actor="eve", at=NOW + DAY)
    for search in (
        AuditSearch(actions=("grant.revoked",)),
        AuditSearch(actions=("grant.revoked", "grant.narrowed")),
        AuditSearch(actors=("eve", "cli")),
        AuditSearch(subjects=("bob",)),
        AuditSearch(client_ids=("music", "notes")),
        AuditSearch(since=NOW + DAY),
        AuditSearch(since=NOW + DAY, until=NOW + DAY),
        AuditSearch(actions=("grant.revoked",), subjects=("bob",), client_ids=("music",)),
        AuditSearch(actors=("eve",), subjects=("ann", "bob"), since=NOW),
    ):
        assert [event.action for event in await listed(store, search)] == ["grant.revoked"], search
    for search in (
        AuditSearch(actions=("consent.allowed",), subjects=("bob",)),
        AuditSearch(actors=("ann",), client_ids=("music",)),
        AuditSearch(subjects=("bob",), until=NOW),
        AuditSearch(since=NOW + 2 * DAY),
        AuditSearch(actions=()),
        AuditSearch(subjects=(), client_ids=("music",)),
    ):
        assert await listed(store, search) == (), search


def seeded(n):
    """The *n*-th of many events: some at the same instant, people and apps by turns."""
    return {
        "action": ACTIONS[n % 7],
        "at": NOW + (n // 3) * MINUTE,
        "actor": "cli" if n % 11 == 0 else f"s{n % 4}",
        "subject": f"s{n % 5}",
        "client_id": f"c{n % 3}",
    }


SEARCHES = [
    AuditSearch(),
    AuditSearch(actions=ACTIONS[1:4]),
    AuditSearch(subjects=("s1", "s3", "nobody")),
    AuditSearch(subjects=("s1", "s2"), client_ids=("c1", "c2")),
    AuditSearch(actors=("cli",), actions=ACTIONS[:5]),
    AuditSearch(client_ids=("c0",), actors=("s1", "s2"), since=NOW + 4 * MINUTE),
    AuditSearch(actions=(ACTIONS[0],), subjects=("s0",), until=NOW + 30 * MINUTE),
]


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("most_walked", [7, 5_000])
async def test_pages_tell_each_event_once_however_they_are_found(
    store, monkeypatch, oldest_first, most_walked
):
    """Also where a search stops half-way to stay fast."""
    monkeypatch.setattr("portal.store.audit.MOST_WALKED", most_walked)
    async with store.writing() as rows:
        for n in range(120):
            await rows.audit.add(**seeded(n))
    everything = await listed(store, limit=1000)
    for search in SEARCHES:
        wanted = [event.id for event in everything if fits(event, search)]
        assert wanted, search
        for limit in (1, 4, 1000):
            found, _ = await all_of(store, search, limit=limit, oldest_first=oldest_first)
            assert [event.id for event in found] == sorted_ids(wanted, everything, oldest_first)


def fits(event, search):
    return (
        (search.actions is None or event.action in search.actions)
        and (search.actors is None or event.actor in search.actors)
        and (search.subjects is None or event.subject in search.subjects)
        and (search.client_ids is None or event.client_id in search.client_ids)
        and (search.since is None or event.occurred_at >= search.since)
        and (search.until is None or event.occurred_at <= search.until)
    )


def sorted_ids(ids, events, oldest_first):
    found = sorted((event.occurred_at, event.id) for event in events if event.id in ids)
    return [event_id for _, event_id in (found if oldest_first else reversed(found))]


async def test_a_page_that_stopped_to_stay_fast_says_how_far_it_looked(store, monkeypatch):
    monkeypatch.setattr("portal.store.audit.MOST_WALKED", 5)
    for n in range(12):
        await add(store, subject="ann", client_id="photos", at=NOW + n * MINUTE)
    await add(store, "login.failed", subject="ann", client_id="music", at=NOW - MINUTE)
    for n in range(6):
        await add(store, subject="bob", client_id="music", at=NOW + n * MINUTE)
    search = AuditSearch(subjects=("ann",), client_ids=("music",))
    async with store.reading() as rows:
        page = await rows.audit.list_page(search, after=None, limit=4)
    assert page.events == ()
    assert page.looked_until == NOW + 7 * MINUTE
    assert page.next is not None
    found, pages = await all_of(store, search, limit=4)
    assert [event.action for event in found] == ["login.failed"]
    assert pages == 3


async def test_an_event_is_gone_with_the_change_that_it_tells_of(store):
    async def fail_afterwards():
        async with store.writing() as rows:
            await rows.audit.add("user.created", at=NOW, actor="cli")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await fail_afterwards()
    assert await listed(store) == ()


# Only ever added to


def carry_out(url, statement):
    """As somebody who has the database open, past the portal."""
    with schema.migration_engine(url).connect() as connection, connection.begin():
        return connection.execute(sa.text(statement)).rowcount


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'nobody'",
        "UPDATE audit_events SET detail = '{}' WHERE action = 'login.failed'",
        "DELETE FROM audit_events",
        "DELETE FROM audit_events WHERE action = 'login.failed'",
    ],
)
async def test_nothing_in_the_trail_can_be_changed_or_removed(store, database_url, statement):
    await add(store, at=datetime.now(UTC))
    await add(store, "login.failed", at=datetime.now(UTC))
    with pytest.raises(sa.exc.DBAPIError, match="audit events are only ever added"):
        carry_out(database_url, statement)
    assert len(await listed(store)) == 2


async def test_an_old_event_cannot_be_changed_either(store, database_url):
    await add(store, at=datetime.now(UTC) - 400 * DAY)
    with pytest.raises(sa.exc.DBAPIError, match="audit events are only ever added"):
        carry_out(database_url, "UPDATE audit_events SET actor = 'nobody'")


@pytest.mark.postgres
async def test_the_trail_cannot_be_emptied_at_a_stroke(postgres_cluster, postgres_template):
    url = postgres_cluster.create_database(postgres_template)
    try:
        with pytest.raises(sa.exc.DBAPIError, match="audit events are only ever added"):
            carry_out(url, "TRUNCATE audit_events")
    finally:
        postgres_cluster.drop_database(url)


@pytest.mark.postgres
async def test_a_role_that_owns_nothing_can_add_and_cannot_get_past_it(
    postgres_cluster, postgres_template
):
    """As docs/audit.md recommends."""
    url = postgres_cluster.create_database(postgres_template)
    role = f"role_{database_name(url)}"
    carry_out(url, f"CREATE ROLE {role} LOGIN")
    given = "SELECT, INSERT, UPDATE, DELETE"
    carry_out(url, f"GRANT {given} ON ALL TABLES IN SCHEMA public TO {role}")
    theirs = sa.make_url(url).set(username=role).render_as_string(hide_password=False)
    store = Store(theirs)
    try:
        assert await store.at_head()
        await add(store, at=datetime.now(UTC) - 31 * DAY)
        await add(store, at=datetime.now(UTC))
        async with store.writing() as rows:
            assert await rows.audit.delete_before(datetime.now(UTC) - 30 * DAY, 10) == 1
        for statement in (
            "DROP TRIGGER audit_events_only_grow ON audit_events",
            "ALTER TABLE audit_events DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
            "UPDATE audit_events SET actor = 'x'",
            "TRUNCATE audit_events",
        ):
            with pytest.raises(sa.exc.DBAPIError):
                carry_out(theirs, statement)
    finally:
        await store.dispose()
        postgres_cluster.drop_database(url)
        postgres_cluster.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("age", "goes"),
    [
        (30 * DAY + timedelta(seconds=2), True),
        (30 * DAY - timedelta(seconds=5), False),
        (30 * DAY - timedelta(hours=23), False),  # the same day: texts are compared, and not dates
        (400 * DAY, True),
        (timedelta(0), False),
        (-DAY, False),
    ],
)
async def test_events_of_the_last_thirty_days_stay(store, database_url, age, goes):
    await add(store, at=datetime.now(UTC) - age)
    if goes:
        assert carry_out(database_url, "DELETE FROM audit_events") == 1
    else:
        with pytest.raises(sa.exc.DBAPIError):
            carry_out(database_url, "DELETE FROM audit_events")


@pytest.mark.parametrize("micro", [0, 1, 999_999])
async def test_the_very_second_in_which_thirty_days_are_over_is_kept_to(store, database_url, micro):
    """SQLite compares texts: a fraction of a second must not make one of them smaller."""
    at = (datetime.now(UTC) - 30 * DAY).replace(microsecond=micro)
    await add(store, at=at + timedelta(seconds=2))
    with pytest.raises(sa.exc.DBAPIError):
        carry_out(database_url, "DELETE FROM audit_events")
    deadline = time.monotonic() + 10
    while True:
        try:
            assert carry_out(database_url, "DELETE FROM audit_events") == 1
            break
        except sa.exc.DBAPIError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    late = datetime.now(UTC) - at - timedelta(seconds=2) - 30 * DAY
    assert timedelta(0) <= late < timedelta(seconds=3)


async def test_what_the_database_refuses_is_an_error_of_the_store(store):
    """Which the edge turns into a page that says nothing about databases."""
    await add(store, at=datetime.now(UTC))
    async with store.reading() as rows:
        (event,) = (await rows.audit.list_page(after=None, limit=1)).events

    async def forget_too_much():
        async with store.writing() as rows:
            await rows.audit.delete_before(datetime.now(UTC) + DAY, 10)

    with pytest.raises(StoreError) as refusal:
        await forget_too_much()
    assert not isinstance(refusal.value, StoreUnavailableError)
    assert event.id not in str(refusal.value)
    assert len(await listed(store)) == 1


async def test_the_oldest_are_forgotten_first_and_in_portions(store):
    for n in range(5):
        await add(store, at=OLDEST + n * DAY, subject=f"s{n}")
    for forgotten in (2, 2, 0):
        async with store.writing() as rows:
            assert await rows.audit.delete_before(OLDEST + 4 * DAY, 2) == forgotten
    assert [event.subject for event in await listed(store)] == ["s4"]


# Among many


FILL = """
INSERT INTO audit_events (id, occurred_at, action, actor, subject, client_id, detail,
                          address, user_agent)
SELECT lpad(to_hex(n), 36, '0'), timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second',
       CASE WHEN n = 4711 THEN 'policy.changed' WHEN n %% 10 = 0 THEN 'login.succeeded'
            WHEN n %% 100 = 1 THEN 'grant.revoked' ELSE 'grant.used' END,
       CASE WHEN n %% 50 = 0 THEN 'system' ELSE 's' || n %% 5000 END,
       's' || n %% 5000,
       CASE WHEN n = 4711 THEN 'rare' WHEN n %% 3 = 0 THEN 'busy' ELSE 'c' || n %% 200 END,
       '{"app": "Photos", "scopes": ["openid", "email"]}'::jsonb, '192.0.2.1', 'Firefox'
FROM generate_series(1, %s) n
UNION ALL
SELECT 'f' || lpad(to_hex(n), 35, '0'), timestamptz '2025-12-01 00:00:00+00' + n * interval '1 s',
       'grant.widened', 'cli', 'old', 'history', '{}'::jsonb, '', ''
FROM generate_series(1, 20000) n
"""


@pytest.fixture(scope="module")
def many(postgres_cluster, postgres_template):
    """A database of many events, that nobody changes."""
    url = postgres_cluster.create_database(postgres_template)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL, [MANY])
        connection.execute("VACUUM ANALYZE audit_events")
    yield url
    postgres_cluster.drop_database(url)


@pytest.fixture
async def asked(many, monkeypatch):
    """A store on it, and every statement that it sends."""
    store = Store(many)
    await store.at_head()
    yield store, sent_by_psycopg(monkeypatch)
    await store.dispose()


LATE = OLDEST + timedelta(seconds=150_000)
PLANS = [
    AuditSearch(),
    AuditSearch(since=OLDEST + timedelta(seconds=99_000), until=OLDEST + timedelta(seconds=99_500)),
    AuditSearch(actions=("grant.used",)),
    AuditSearch(actions=("policy.changed",)),
    AuditSearch(actions=("bulk.started",)),
    AuditSearch(actions=("grant.used", "grant.revoked", "bulk.started"), until=LATE),
    AuditSearch(subjects=tuple(f"s{n}" for n in range(100))),
    AuditSearch(actors=("system",)),
    AuditSearch(client_ids=("busy",), actions=("policy.changed",)),
    AuditSearch(client_ids=("busy",), actions=("bulk.started",)),
    AuditSearch(client_ids=("rare",), actions=("grant.used", "policy.changed")),
    AuditSearch(client_ids=("busy", "c1"), actions=("grant.used", "grant.revoked"), since=LATE),
    AuditSearch(actors=("system",), client_ids=("busy",), actions=("grant.used", "login.failed")),
    AuditSearch(subjects=("s17",), client_ids=("busy",), actions=("grant.used",)),
    AuditSearch(client_ids=("busy",), actors=("s1", "s2")),
    AuditSearch(client_ids=("history",)),  # much of it, and nothing for ages
    AuditSearch(actions=("grant.widened", "grant.revoked")),
    AuditSearch(client_ids=("history",), actions=("grant.widened",)),
    AuditSearch(client_ids=("history",), actors=("system",), since=OLDEST),
]


@pytest.mark.postgres
@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("search", PLANS, ids=lambda search: str(PLANS.index(search)))
async def test_no_search_reads_more_than_it_may(asked, many, search, oldest_first):
    store, sent = asked
    async with store.reading() as rows:
        page = await rows.audit.list_page(search, after=None, limit=50, oldest_first=oldest_first)
        if page.next is not None:
            await rows.audit.list_page(search, after=page.next, limit=50, oldest_first=oldest_first)
    assert sent
    with psycopg.connect(many) as connection:
        for statement, values in sent:
            explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
            (plan,) = explained.fetchone()[0]
            read = [(scan["Node Type"], rows_read(scan)) for scan in scans_of(plan["Plan"])]
            assert "Seq Scan" not in {kind for kind, _ in read}, (read, statement)
            # what it knows to be few, PostgreSQL may also read whole and sort
            assert sum(rows for _, rows in read) <= MANY / 4, (read, statement)


def scans_of(node: dict[str, Any]):
    if node.get("Relation Name") == "audit_events":
        yield node
    for inner in node.get("Plans", []):
        yield from scans_of(inner)


def rows_read(scan: dict[str, Any]) -> int:
    return int((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"])


@pytest.mark.postgres
async def test_forgetting_walks_the_index(asked, many):
    store, sent = asked
    async with store.writing() as rows:
        assert await rows.audit.delete_before(EARLIEST, 1000) == 0
    ((statement, values),) = sent
    with psycopg.connect(many) as connection:
        (plan,) = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", values).fetchone()[0]
    assert "Seq Scan" not in json.dumps(plan)
