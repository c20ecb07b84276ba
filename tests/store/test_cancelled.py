"""Units of work that are given up half-way, at any moment: nothing of them stays, and nobody waits
for them.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from portal.store import AlreadyExistsError, Rows, Store
from portal.store.tables import User
from tests.store.records import NOW, user

AddTwo = Callable[[Store, int], Awaitable[None]]


async def leave_nothing(store: Store) -> None:
    """Wait for the threads of SQLite's connections, also of those that were given up."""
    await store.dispose()
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)
            assert not thread.is_alive()


async def add_two(store: Store, n: int) -> None:
    async with store.writing() as rows:
        await rows.users.add(user(f"first-{n}"))
        await rows.users.find_by_email("nobody@example.org")
        await rows.users.add(user(f"second-{n}"))
        await rows.users.disable(f"first-{n}", NOW)


async def give_up(store: Store, add: AddTwo, steps: int) -> None:
    """Cancel *add* after so many steps, five times: all of it is there afterwards, or nothing."""
    for n in range(5):
        unit = asyncio.create_task(add(store, n))
        for _ in range(steps):
            await asyncio.sleep(0)
        unit.cancel()
        await asyncio.gather(unit, return_exceptions=True)
    async with asyncio.timeout(4):
        await add(store, 99)
    async with store.reading() as rows:
        for n in (*range(5), 99):
            first = await rows.users.find(f"first-{n}")
            second = await rows.users.find(f"second-{n}")
            assert (first is None) == (second is None)
            assert first is None or first.disabled_at == NOW
    await leave_nothing(store)


@pytest.mark.parametrize("steps", range(1, 40))
async def test_a_unit_that_is_cancelled_at_any_step_leaves_all_or_nothing(
    store: Store, steps: int
) -> None:
    await give_up(store, add_two, steps)


async def test_a_unit_in_which_nothing_happens_is_none(store: Store) -> None:
    for _ in range(3):
        async with store.writing():
            pass
    with pytest.raises(KeyError):
        async with store.writing():
            raise KeyError
    await add_two(store, 1)


async def test_many_units_at_once_of_which_some_are_given_up(store: Store) -> None:
    units = [asyncio.create_task(add_two(store, n)) for n in range(60)]
    await asyncio.sleep(0.01)
    for unit in units[::3]:
        unit.cancel()
    await asyncio.gather(*units, return_exceptions=True)
    async with store.reading() as rows:
        for n, unit in enumerate(units):
            first = await rows.users.find(f"first-{n}")
            second = await rows.users.find(f"second-{n}")
            assert (first is None) == (second is None)
            assert unit.cancelled() or first is not None
    await leave_nothing(store)


async def add_two_at_once(store: Store, n: int) -> None:
    async def add(rows: Rows) -> None:
        await rows.users.add(user(f"first-{n}"))
        await rows.users.find_by_email("nobody@example.org")
        await rows.users.add(user(f"second-{n}"))
        await rows.users.disable(f"first-{n}", NOW)

    await store.at_once(add)


@pytest.mark.parametrize("steps", range(1, 12))
async def test_a_unit_that_is_done_at_once_is_done_or_not_whenever_it_is_given_up(
    store: Store, steps: int
) -> None:
    await give_up(store, add_two_at_once, steps)


async def test_a_unit_that_is_done_at_once_is_undone_when_it_raises(store: Store) -> None:
    async def stop(rows: Rows) -> None:
        await rows.users.add(user("first-1"))
        raise KeyError

    async def repeat(rows: Rows) -> None:
        await rows.users.add(user("first-2"))
        await rows.users.add(user("first-2"))

    with pytest.raises(KeyError):
        await store.at_once(stop)
    with pytest.raises(AlreadyExistsError):
        await store.at_once(repeat)
    await add_two_at_once(store, 1)
    async with store.reading() as rows:
        assert await rows.users.find("first-1") is not None
        assert await rows.users.find("first-2") is None


async def test_a_unit_that_is_done_at_once_sees_what_it_has_written(store: Store) -> None:
    async def look(rows: Rows) -> tuple[User | None, bool]:
        await rows.users.add_all([user("first-1"), user("second-1")])
        await rows.browsers.remember("account", "browser", NOW)
        known = await rows.browsers.is_known("account", "browser")
        return await rows.users.find_by_email("first-1@example.org"), known

    found, known = await store.at_once(look)
    assert found is not None
    assert (found.subject, known) == ("first-1", True)
    async with store.reading() as rows:
        assert await rows.users.find("second-1") is not None


@pytest.mark.parametrize("steps", range(20))
async def test_whoever_is_cancelled_is_told_so_and_their_connection_is_free_again(
    database_url: str, steps: int
) -> None:
    """Else background work that is stopped would go on, and wait for what it has lost itself."""
    store = Store(database_url, pool_size=1, pool_timeout=0.5)

    async def fold() -> None:
        async with store.writing() as rows:
            await rows.users.fold_names(10)  # by a statement that is left to SQLAlchemy
            await rows.users.find_by_email("nobody@example.org")
            await rows.users.fold_names(10)

    await fold()
    for n in range(3):
        unit = asyncio.create_task(fold())
        await asyncio.sleep((steps + n / 3) / 5000)
        unit.cancel()
        (outcome,) = await asyncio.gather(unit, return_exceptions=True)
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    await fold()
    await leave_nothing(store)
