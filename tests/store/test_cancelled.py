"""Units of work that are given up half-way, at any moment: nothing of them stays, and nobody waits
for them.
"""

import asyncio

import pytest

from portal.store import Store
from tests.store.records import NOW, user


async def add_two(store: Store, n: int) -> None:
    async with store.writing() as rows:
        await rows.users.add(user(f"first-{n}"))
        await rows.users.find_by_email("nobody@example.org")
        await rows.users.add(user(f"second-{n}"))
        await rows.users.disable(f"first-{n}", NOW)


@pytest.mark.parametrize("steps", range(1, 40))
async def test_a_unit_that_is_cancelled_at_any_step_leaves_all_or_nothing(
    store: Store, steps: int
) -> None:
    for n in range(5):
        unit = asyncio.create_task(add_two(store, n))
        for _ in range(steps):
            await asyncio.sleep(0)
        unit.cancel()
        await asyncio.gather(unit, return_exceptions=True)
    await asyncio.sleep(0.05)  # threads of connections that nobody waits for end
    async with asyncio.timeout(4):
        await add_two(store, 99)
    async with store.reading() as rows:
        for n in (*range(5), 99):
            first = await rows.users.find(f"first-{n}")
            second = await rows.users.find(f"second-{n}")
            assert (first is None) == (second is None)
            assert first is None or first.disabled_at == NOW


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
