"""What happens when the database is locked, full, overloaded, away or killed."""

import asyncio
import contextlib
import sqlite3

import pytest
import sqlalchemy as sa

from portal.store import AlreadyExistsError, Store, StoreError, StoreUnavailableError
from tests.fixtures.databases import database_name
from tests.store.records import MINUTE, NOW, flow, user


@pytest.fixture
def sqlite_path(sqlite_template, tmp_path):
    path = tmp_path / "own.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


@pytest.fixture
async def make_store():
    """Stores with other limits, closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        def make(url, **options):
            store = Store(url, **options)
            stack.push_async_callback(store.dispose)
            return store

        yield make


async def subjects(store):
    async with store.reading() as rows:
        return [found.subject for found in await rows.users.list_page(after_email=None, limit=9)]


async def add(store, *names):
    async with store.writing() as rows:
        for name in names:
            await rows.users.add(user(name))


async def add_ann(rows):
    await rows.users.add(user())


async def fail_after(store, *steps):
    async with store.writing() as rows:
        for step in steps:
            await step(rows)
        _ = 1 / 0


async def test_a_unit_that_fails_leaves_nothing(store):
    with pytest.raises(ZeroDivisionError):
        await fail_after(store, add_ann)
    with pytest.raises(AlreadyExistsError):
        await add(store, "bob", "bob")
    assert await subjects(store) == []
    await add(store, "bob")
    assert await subjects(store) == ["bob"]


async def test_a_unit_is_seen_by_others_only_when_it_is_over(store):
    async with store.writing() as rows:
        await rows.users.add(user())
        assert await rows.users.find("ann")
        assert await subjects(store) == []
    assert await subjects(store) == ["ann"]


async def test_a_cancelled_unit_leaves_nothing_and_blocks_nobody(store):
    inside = asyncio.Event()

    async def unit():
        async with store.writing() as rows:
            await rows.users.add(user())
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(unit())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add(store, "bob")
    assert await subjects(store) == ["bob"]


async def test_units_cancelled_at_any_moment_leave_the_store_in_order(store):
    async def unit(name):
        async with store.writing() as rows:
            await rows.users.add(user(name))
            await rows.flows.open(flow(name))

    async with asyncio.timeout(30):  # a unit that kept its lock would cost the next one 5 seconds
        for n in range(40):
            task = asyncio.create_task(unit(f"u{n:02}"))
            await asyncio.sleep(n * 0.0002)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    async with store.reading() as rows:
        for n in range(40):
            halves = [await rows.users.find(f"u{n:02}"), await rows.flows.find(f"u{n:02}")]
            assert halves.count(None) in {0, 2}
    await add(store, "last")
    async with store.reading() as rows:
        assert await rows.users.find("last")


async def test_many_writers_and_readers_all_get_through(store, database_url, make_store):
    other = make_store(database_url, pool_timeout=20, lock_timeout=20)
    patient = make_store(database_url, pool_timeout=20, lock_timeout=20)
    await asyncio.gather(
        *(add((patient, other)[n % 2], f"u{n:02}") for n in range(50)),
        *(subjects((patient, other)[n % 2]) for n in range(50)),
    )
    async with store.reading() as rows:
        assert len(await rows.users.list_page(after_email=None, limit=99)) == 50


async def test_records_can_be_used_after_their_unit(store):
    await add(store, "ann")
    async with store.reading() as rows:
        found = await rows.users.find("ann")
    await store.dispose()
    assert found is not None
    assert found.email == "ann@example.org"


async def test_an_exhausted_pool_is_told_within_its_timeout(database_url, make_store):
    store = make_store(database_url, pool_size=2, pool_timeout=0.5)
    async with store.reading() as one, store.reading() as two:
        await one.users.find("ann")
        await two.users.find("ann")
        with pytest.raises(StoreUnavailableError, match="became free"):
            await subjects(store)
    assert await subjects(store) == []


async def test_hydras_own_limit_of_connections_is_kept(database_url, make_store):
    store = make_store(f"{database_url}?max_conns=1", pool_timeout=0.2)
    async with store.reading() as rows:
        await rows.users.find("ann")
        with pytest.raises(StoreUnavailableError):
            await subjects(store)


async def test_a_database_that_was_not_migrated_is_unavailable(empty_database_url, make_store):
    store = make_store(empty_database_url)
    assert not await store.at_head()
    with pytest.raises(StoreUnavailableError):
        await subjects(store)


async def test_a_migrated_database_is_at_head(store):
    assert await store.at_head()


async def test_nothing_is_written_by_a_reading_unit_on_sqlite(sqlite_path, make_store):
    store = make_store(f"sqlite:///{sqlite_path}")
    with pytest.raises(StoreError):
        async with store.reading() as rows:
            await rows.users.add(user())
    await add(store, "ann")


async def test_sqlite_is_opened_for_concurrent_use(sqlite_path, make_store):
    await add(make_store(f"sqlite:///{sqlite_path}"), "ann")
    with contextlib.closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_file_locked_for_too_long_is_unavailable_and_then_works_again(
    sqlite_path, make_store
):
    store = make_store(f"sqlite:///{sqlite_path}", lock_timeout=0.5)
    await add(store, "before")
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            await add(store, "ann")
        assert await subjects(store) == ["before"]
        other.execute("ROLLBACK")
        await add(store, "after")
    assert await subjects(store) == ["after", "before"]


async def test_a_file_locked_for_a_moment_is_waited_for(sqlite_path, make_store):
    store = make_store(f"sqlite:///{sqlite_path}")
    await add(store, "before")
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(add(store, "ann"))
        await asyncio.sleep(0.5)
        assert not writing.done()
        other.execute("COMMIT")
        await writing


async def test_a_full_disk_is_unavailable_and_works_again_with_room(sqlite_path, make_store):
    store = make_store(f"sqlite:///{sqlite_path}")
    await add(store, "ann")
    await limit_pages(store, "(SELECT page_count FROM pragma_page_count())")
    with pytest.raises(StoreUnavailableError, match="full"):
        await disable_ann_and_write_much(store)
    async with store.reading() as rows:
        found = await rows.users.find("ann")
        assert found is not None
        assert found.disabled_at is None
    await limit_pages(store, "1073741823")
    async with store.writing() as rows:
        await rows.flows.open(flow(request_url="x" * 100_000))
        assert await rows.flows.delete_before(NOW + MINUTE, 9) == 1


async def disable_ann_and_write_much(store):
    async with store.writing() as rows:
        await rows.users.disable("ann", NOW)
        await rows.flows.open(flow(request_url="x" * 100_000))


async def limit_pages(store, pages):
    """On the one connection that writes; it takes a number only."""
    async with store._writing.use(transaction=True) as connection:
        number = (await connection.exec_driver_sql(f"SELECT {pages}")).scalar()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {number}")


async def test_a_directory_that_is_not_there_is_unavailable(tmp_path, make_store):
    with pytest.raises(StoreUnavailableError):
        await subjects(make_store(f"sqlite:///{tmp_path}/nowhere/portal.db"))
    await asyncio.sleep(0.1)  # the driver's thread still has to tell this loop that it ended


@pytest.mark.postgres
async def test_a_server_that_is_not_there_is_unavailable(make_store):
    store = make_store("postgresql://postgres:hush@127.0.0.1:1/x")
    with pytest.raises(StoreUnavailableError) as refusal:
        await subjects(store)
    assert "hush" not in str(refusal.value)


@pytest.fixture
def postgres_url(postgres_cluster, postgres_template):
    url = postgres_cluster.create_database(postgres_template)
    yield url
    postgres_cluster.drop_database(url)


def end_sessions(cluster, url):
    """What a restart of the server looks like to its clients; waits until they are really gone."""
    name = database_name(url)
    others = "FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    cluster.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}", name)
    assert cluster.execute(f"SELECT count(*) {others}", name) == [(0,)]


@pytest.mark.postgres
async def test_idle_connections_that_the_server_closed_are_not_noticed(
    postgres_url, postgres_cluster, make_store
):
    store = make_store(postgres_url)
    await asyncio.gather(*(subjects(store) for _ in range(5)))
    for n in range(5):
        end_sessions(postgres_cluster, postgres_url)
        await add(store, f"u{n}")
        end_sessions(postgres_cluster, postgres_url)
        assert len(await subjects(store)) == n + 1


@pytest.mark.postgres
async def test_a_unit_whose_connection_is_cut_leaves_nothing_and_the_next_works(
    postgres_url, postgres_cluster, make_store
):
    store = make_store(postgres_url)

    async def cut_in_the_middle():
        async with store.writing() as rows:
            await rows.users.add(user())
            end_sessions(postgres_cluster, postgres_url)
            await rows.users.add(user("bob"))

    async def cut_before_the_commit():
        async with store.writing() as rows:
            await rows.users.add(user())
            end_sessions(postgres_cluster, postgres_url)

    for unit in (cut_in_the_middle, cut_before_the_commit):
        with pytest.raises(StoreUnavailableError):
            await unit()
        assert await subjects(store) == []
    await add(store, "cleo")
    assert await subjects(store) == ["cleo"]


@pytest.mark.postgres
async def test_of_two_deadlocked_units_one_is_told_to_come_again(postgres_url, make_store):
    store = make_store(postgres_url)
    await add(store, "ann", "bob")
    both = asyncio.Barrier(2)

    async def unit(first, second):
        async with store.writing() as rows:
            await rows.users.disable(first, NOW)
            await both.wait()
            await rows.users.disable(second, NOW)

    results = await asyncio.gather(unit("ann", "bob"), unit("bob", "ann"), return_exceptions=True)
    assert [type(result) for result in results if result] == [StoreUnavailableError]


async def test_what_sqlalchemy_says_never_leaves_the_store(store):
    with pytest.raises(StoreError) as refusal:
        async with store.writing() as rows:
            await rows.users._unit.run(sa.text("NO SUCH STATEMENT"))
    assert not isinstance(refusal.value, sa.exc.SQLAlchemyError)
