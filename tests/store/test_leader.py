"""One process at a time has the lead, until it dies, stops or loses the database."""

import asyncio
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from portal.store import StoreUnavailableError
from portal.store import leader as leading
from portal.store.leader import FileLead, Lead, NotLockableError, SessionLead, lead_of
from tests.fixtures.databases import PostgresCluster, database_name
from tests.real.faults import FaultProxy

NewLead = Callable[[str], Lead]
HOLDER = """
import asyncio, sys
from portal.store.leader import lead_of

async def main():
    lead = lead_of(sys.argv[1])
    while not await lead.take():
        await asyncio.sleep(0.05)
    print("taken", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
async def new_lead() -> AsyncIterator[NewLead]:
    made: list[Lead] = []

    def make(url: str) -> Lead:
        made.append(lead_of(url))
        return made[-1]

    yield make
    for lead in made:
        await lead.give_up()


async def taken_within(seconds: float, lead: Lead) -> float:
    """Ask again and again: after how many seconds it was taken."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await lead.take():  # noqa: ASYNC110 - who dies sends no event
            await asyncio.sleep(0.02)
    return time.monotonic() - began


def end_sessions(cluster: PostgresCluster, url: str) -> None:
    """As a server does that is restarted."""
    cluster.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = %s AND application_name = %s",
        database_name(url),
        leading.NAME,
    )


async def test_one_has_it_and_the_next_one_when_it_is_given_up(
    database_url: str, new_lead: NewLead
) -> None:
    first, second = new_lead(database_url), new_lead(database_url)
    assert await first.take()
    assert not await second.take()
    assert not await second.take()
    await first.give_up()
    await taken_within(2, second)
    assert not await first.take()
    await second.give_up()
    await second.give_up()
    await taken_within(2, first)


async def test_a_process_that_is_killed_has_it_no_longer(
    database_url: str, new_lead: NewLead
) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts once
        [sys.executable, "-c", HOLDER, database_url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "taken\n"
        lead = new_lead(database_url)
        assert not await lead.take()
        process.kill()
        assert await taken_within(3, lead) < 2
    finally:
        process.kill()
        process.communicate()


async def test_it_is_kept_for_as_long_as_nothing_happens(
    database_url: str, new_lead: NewLead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "BEAT", 0.05)
    lead = new_lead(database_url)
    assert await lead.take()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lead.until_lost(), 0.5)
    assert not await new_lead(database_url).take()


async def test_what_only_one_of_two_databases_leads_is_free_in_the_other(
    database_url: str, empty_database_url: str, new_lead: NewLead
) -> None:
    assert await new_lead(database_url).take()
    assert await new_lead(empty_database_url).take()


@pytest.mark.postgres
class TestPostgreSQL:
    @pytest.fixture
    def database_url(
        self, postgres_cluster: PostgresCluster, postgres_template: str
    ) -> Iterator[str]:
        url = postgres_cluster.create_database(postgres_template)
        yield url
        postgres_cluster.drop_database(url)

    async def test_a_session_that_the_server_ends_is_noticed_at_once(
        self, database_url: str, new_lead: NewLead, postgres_cluster: PostgresCluster
    ) -> None:
        lead, other = new_lead(database_url), new_lead(database_url)
        assert await lead.take()
        losing = asyncio.create_task(lead.until_lost())
        await asyncio.sleep(0.1)
        end_sessions(postgres_cluster, database_url)
        await asyncio.wait_for(losing, 1)
        await taken_within(2, other)
        await lead.give_up()
        assert not await lead.take()

    async def test_a_server_that_says_nothing_any_more_is_taken_for_lost(
        self, database_url: str, new_lead: NewLead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A cable that was pulled sends no farewell."""
        monkeypatch.setattr(leading, "BEAT", 0.1)
        monkeypatch.setattr(leading, "PATIENCE", 0.3)
        parsed = leading.sa.make_url(database_url)
        proxy = MuteProxy(int(parsed.port or 5432))
        try:
            through = parsed.set(port=proxy.port).render_as_string(hide_password=False)
            lead = new_lead(through)
            assert await lead.take()
            losing = asyncio.create_task(lead.until_lost())
            await asyncio.sleep(0.3)
            assert not losing.done()
            proxy.mute()
            await asyncio.wait_for(losing, 2)
            with pytest.raises(StoreUnavailableError):
                await lead.take()
        finally:
            proxy.close()

    async def test_a_server_that_is_away_is_told_and_asked_again_later(
        self, database_url: str, new_lead: NewLead
    ) -> None:
        parsed = leading.sa.make_url(database_url)
        proxy = FaultProxy(int(parsed.port or 5432))
        try:
            through = parsed.set(port=proxy.port).render_as_string(hide_password=False)
            lead = new_lead(through)
            proxy.down()
            with pytest.raises(StoreUnavailableError):
                await lead.take()
            proxy.heal()
            assert await lead.take()
        finally:
            proxy.close()

    async def test_a_schema_has_a_lead_of_its_own(
        self, database_url: str, new_lead: NewLead
    ) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA other")
        parsed = leading.sa.make_url(database_url)
        elsewhere = parsed.update_query_dict({"options": "-c search_path=other"})
        assert await new_lead(database_url).take()
        assert await new_lead(elsewhere.render_as_string(hide_password=False)).take()

    async def test_behind_a_pooler_nobody_leads(
        self, database_url: str, new_lead: NewLead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its clients are told numbers of sessions that are not the server's."""
        connect = psycopg.AsyncConnection.connect

        async def pooled(*arguments: object, **options: object) -> object:
            made = await connect(*arguments, **options)  # type: ignore[arg-type]
            monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 4711)
            return made

        monkeypatch.setattr(psycopg.AsyncConnection, "connect", pooled)
        with pytest.raises(NotLockableError, match="pooler"):
            await new_lead(database_url).take()

    async def test_the_session_tells_who_it_is_and_is_given_up_when_its_machine_vanishes(
        self, database_url: str, new_lead: NewLead
    ) -> None:
        lead = lead_of(database_url)
        assert isinstance(lead, SessionLead)
        assert await lead.take()
        for name, wanted in {
            "application_name": leading.NAME,
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
            "idle_session_timeout": "0",
        }.items():
            cursor = await lead._connection.execute(f"SHOW {name}")
            assert (await cursor.fetchone())[0] == wanted
        await lead.give_up()

    async def test_who_is_cancelled_while_asking_leaves_nothing_behind(
        self, database_url: str, new_lead: NewLead, postgres_cluster: PostgresCluster
    ) -> None:
        lead = new_lead(database_url)
        for pause in (0, 0.001, 0.003, 0.01):
            asking = asyncio.create_task(lead.take())
            await asyncio.sleep(pause)
            asking.cancel()
            await asyncio.wait({asking})
            await lead.give_up()
        await taken_within(2, new_lead(database_url))


class TestSqlite:
    async def test_the_file_of_the_lock_is_for_the_portal_alone(
        self, tmp_path: Path, new_lead: NewLead
    ) -> None:
        assert await new_lead(f"sqlite:///{tmp_path / 'portal.db'}").take()
        mode = (tmp_path / "portal.db-lead").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600

    async def test_a_lock_whose_file_is_gone_is_lost(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leading, "BEAT", 0.02)
        lead, other = FileLead(f"{tmp_path}/portal.db"), FileLead(f"{tmp_path}/portal.db")
        assert await lead.take()
        (tmp_path / "portal.db-lead").unlink()
        await asyncio.wait_for(lead.until_lost(), 2)
        assert await other.take()
        await other.give_up()

    async def test_a_directory_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match="No such file"):
            await FileLead(f"{tmp_path}/nowhere/portal.db").take()


class MuteProxy(FaultProxy):
    """Can stop passing anything on without closing."""

    def __init__(self, target_port: int) -> None:
        self._talks = True
        super().__init__(target_port)

    def mute(self) -> None:
        self._talks = False

    def _pass(self, client: socket.socket, first: bytes = b"") -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self._talks:
                    target.sendall(data)
