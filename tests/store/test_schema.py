"""Migrations: by several processes at once, killed half-way, on a server that is not there yet."""

import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic import command as migrations
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from portal.resources import resource_dir
from portal.store import DatabaseUrlError, Store, StoreError, StoreUnavailableError, schema
from portal.store.revision import is_at_head
from portal.store.tables import Base
from tests.hydra.server import free_port

UPGRADE = "import sys; from portal.store import schema; schema.upgrade(sys.argv[1])"
UPGRADE_AND_DIE = """
import os, signal, sys
import sqlalchemy as sa
from portal.store import schema

moment = sys.argv[2]
done = 0

@sa.event.listens_for(sa.Engine, "after_cursor_execute")
def count(*_):
    global done
    done += 1
    if str(done) == moment:
        os.kill(os.getpid(), signal.SIGKILL)

@sa.event.listens_for(sa.Engine, "commit")
def commit(_):
    if moment == "commit":
        os.kill(os.getpid(), signal.SIGKILL)

schema.upgrade(sys.argv[1])
"""

DOOR = """
import asyncio, sys

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()

async def serve(reader, writer):
    there, back = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

async def main():
    await asyncio.sleep(0.7)
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])):
        await asyncio.sleep(60)

asyncio.run(main())
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True
    )


def tables(url):
    with schema.migration_engine(url).connect() as connection:
        return set(sa.inspect(connection).get_table_names())


def assert_complete(url):
    assert schema.at_head(url)
    assert tables(url) == {*Base.metadata.tables, "alembic_version"}


def test_a_new_database_is_brought_to_head(empty_database_url):
    assert schema.current(empty_database_url) is None
    assert not schema.at_head(empty_database_url)
    schema.upgrade(empty_database_url)
    assert schema.current(empty_database_url) == schema.head()
    assert_complete(empty_database_url)


def test_a_second_upgrade_changes_nothing(database_url):
    schema.upgrade(database_url)
    assert_complete(database_url)


def test_what_was_there_before_the_second_revision_stays(empty_database_url):
    """Additive: a replica of the version before goes on working on it."""
    url = empty_database_url
    migrate(url, "0001")
    assert "client_policies" not in tables(url)
    assert not schema.at_head(url)
    columns = columns_of(url)
    with schema.migration_engine(url).connect() as connection, connection.begin():
        connection.execute(sa.text(OLD_GRANT))
    schema.upgrade(url)
    assert_complete(url)
    with schema.migration_engine(url).connect() as connection:
        assert connection.execute(sa.text("SELECT subject, scopes FROM grants")).all() != []
    assert all(columns[name] <= columns_of(url)[name] for name in columns)


def test_the_third_revision_can_be_taken_back(database_url):
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    config.attributes["url"] = database_url
    migrations.downgrade(config, "0002")
    assert not {"scope_sets", "reconciliations"} & tables(database_url)
    schema.upgrade(database_url)
    assert_complete(database_url)


def migrate(url, revision):
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    config.attributes["url"] = url
    migrations.upgrade(config, revision)


def columns_of(url):
    with schema.migration_engine(url).connect() as connection:
        inspector = sa.inspect(connection)
        return {
            name: {column["name"] for column in inspector.get_columns(name)}
            for name in inspector.get_table_names()
        }


OLD_GRANT = """
INSERT INTO grants (subject, client_id, client_name, scopes, audience, remembered_scopes,
                    remembered_audience, decision_id, granted_at, last_accept_at)
VALUES ('ann', 'photos', 'Photos', '["openid"]', '[]', '["openid"]', '[]', 'd',
        '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00')
"""


def test_migrations_make_the_tables_of_the_code(database_url):
    with schema.migration_engine(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_comparison_would_notice_a_difference(database_url):
    with schema.migration_engine(database_url).connect() as connection:
        connection.execute(sa.text("DROP TABLE users"))
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) != []


def test_head_is_what_alembic_takes_for_it():
    config = Config()
    config.set_main_option("script_location", str(resource_dir("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.head()]


@pytest.mark.parametrize(
    ("revision", "enough"),
    [(None, False), ("0000", False), ("9999", True), ("ae1027a6acf", False), ("99999", False)],
)
def test_a_newer_schema_is_enough_and_a_foreign_one_is_not(revision, enough):
    assert is_at_head(revision) is enough
    assert is_at_head(schema.head())


async def test_a_database_of_a_newer_version_is_not_touched(database_url):
    with schema.migration_engine(database_url).connect() as connection, connection.begin():
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999"):
        schema.upgrade(database_url)
    store = Store(database_url)
    assert await store.at_head()
    await store.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(3))
def test_replicas_that_migrate_at_once_all_succeed(empty_database_url, attempt):
    running = [start(UPGRADE, empty_database_url) for _ in range(3)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert_complete(empty_database_url)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["2", "6", "12", "20", "commit"])
def test_an_upgrade_that_was_killed_can_be_repeated(empty_database_url, moment):
    process = start(UPGRADE_AND_DIE, empty_database_url, moment)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert tables(empty_database_url) == set()
    schema.upgrade(empty_database_url)
    assert_complete(empty_database_url)


def test_a_database_that_is_away_is_not_waited_for_unless_told_to():
    url = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    for ask in (schema.upgrade, schema.current, schema.at_head):
        with pytest.raises(StoreUnavailableError):
            ask(url)


def test_waiting_ends_when_the_time_is_over():
    now, pauses = [0.0], []

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    with pytest.raises(StoreUnavailableError):
        schema.wait_until_reachable(
            f"postgresql://postgres@127.0.0.1:{free_port()}/x",
            seconds=10,
            clock=lambda: now[0],
            sleep=sleep,
        )
    assert 8 < sum(pauses) <= 10
    assert pauses == sorted(pauses)
    assert pauses[-1] == 2.0


@pytest.mark.postgres
def test_a_server_that_comes_up_while_waiting_is_used(postgres_cluster):
    url, gate = postgres_cluster.create_database(), free_port()
    later = sa.make_url(url).set(port=gate).render_as_string(hide_password=False)
    opening = subprocess.Popen([sys.executable, "-c", DOOR, str(gate), str(sa.make_url(url).port)])
    try:
        schema.wait_until_reachable(later, seconds=10)
        schema.upgrade(later)
    finally:
        opening.kill()
        opening.wait()
    assert_complete(url)
    postgres_cluster.drop_database(url)


def test_the_url_is_never_repeated_in_an_error():
    for url in ("mysql://root:hush@db/x", "hush hush", "sqlite://", "postgresql://u:hush@h:port/x"):
        with pytest.raises(DatabaseUrlError) as refusal:
            schema.upgrade(url)
        assert "hush" not in str(refusal.value)


@pytest.mark.slow
def test_developers_make_revisions_with_alembic_ini(tmp_path):
    """``alembic check`` reads alembic.ini and compares: it says when a migration is missing."""
    url = f"sqlite:///{tmp_path / 'dev.db'}"
    ini = resource_dir("migrations").parent / "alembic.ini"
    alembic = [sys.executable, "-m", "alembic", "-c", str(ini), "-x", f"url={url}"]
    for command in (["upgrade", "head"], ["check"]):
        done = subprocess.run([*alembic, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert_complete(url)


def test_asking_for_the_revision_creates_no_file(tmp_path):
    path = tmp_path / "absent.db"
    assert schema.current(f"sqlite:///{path}") is None
    assert schema.at_head(f"sqlite:///{path}") is False
    assert not path.exists()
