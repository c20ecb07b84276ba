"""The database file holds password hashes: nobody else on the machine may read it."""

import os
import sqlite3
import stat

import pytest

from portal.store import Store, StoreUnavailableError, schema
from tests.store.records import user


@pytest.fixture(autouse=True)
def careless_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(params=["sqlite:///{}", "sqlite:///file:{}?uri=true"])
def url_of(request):
    return request.param.format


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


async def write(url):
    """Add somebody; the modes of the files while the database is open."""
    store = Store(url)
    try:
        async with store.writing() as rows:
            await rows.users.add(user())
        async with store.reading() as rows:
            assert await rows.users.find(user().subject)
        return files(url)
    finally:
        await store.dispose()


def files(url):
    path = url.removeprefix("sqlite:///").removeprefix("file:").partition("?")[0]
    folder, _, name = path.rpartition("/")
    return {
        entry.name.removeprefix(name): stat.S_IMODE(entry.stat().st_mode)
        for entry in os.scandir(folder)
        if entry.name.startswith(name)
    }


async def test_a_database_that_is_made_here_is_for_its_owner_alone(tmp_path, url_of):
    url = url_of(tmp_path / "portal.db")
    schema.upgrade(url)
    assert files(url) == {"": 0o600}
    assert await write(url) == {"": 0o600, "-wal": 0o600, "-shm": 0o600}


async def test_a_store_that_comes_first_makes_it_no_other_way(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'portal.db'}")
    try:
        assert not await store.at_head()
    finally:
        await store.dispose()
    assert mode(tmp_path / "portal.db") == 0o600


async def test_the_mode_of_a_file_that_was_there_is_its_owners_choice(tmp_path, url_of):
    path = tmp_path / "portal.db"
    sqlite3.connect(path).close()
    path.touch(mode=0o640)
    path.chmod(0o640)
    url = url_of(path)
    schema.upgrade(url)
    assert await write(url) == {"": 0o640, "-wal": 0o640, "-shm": 0o640}


def test_a_link_to_a_file_that_is_not_there_yet_is_followed(tmp_path):
    there = tmp_path / "there.db"
    (tmp_path / "portal.db").symlink_to(there)
    schema.upgrade(f"sqlite:///{tmp_path / 'portal.db'}")
    assert mode(there) == 0o600


def test_a_folder_that_is_not_there_is_told_by_sqlite(tmp_path):
    with pytest.raises(StoreUnavailableError):
        schema.upgrade(f"sqlite:///{tmp_path / 'nowhere' / 'portal.db'}")
    assert list(tmp_path.iterdir()) == []
