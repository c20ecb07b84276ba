"""Background work goes no faster than it may, and rests when Ory asks for it."""

import asyncio
import time

import pytest

from portal.ory.errors import OryUnavailableError
from portal.pace import LONGEST_REST, Pace
from tests.doubles.ory import OryDouble
from tests.fixtures.portal import Portal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_turns_are_spread_over_the_second_whoever_takes_them() -> None:
    pace, started = Pace(50), time.monotonic()
    await asyncio.gather(*(pace.turn() for _ in range(11)))
    assert 0.19 <= time.monotonic() - started < 2


async def test_without_a_rate_nobody_waits() -> None:
    pace, started = Pace(0), time.monotonic()
    for _ in range(1000):
        await pace.turn()
    assert time.monotonic() - started < 1


async def test_turns_that_nobody_took_are_not_saved_up() -> None:
    clock = Clock()
    pace = Pace(1, clock=clock)
    clock.now += 60
    await pace.turn()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pace.turn(), 0.05)


def test_the_longest_rest_that_was_asked_for_counts_up_to_a_limit() -> None:
    clock = Clock()
    pace = Pace(0, clock=clock)
    pace.rest(30)
    pace.rest(5)
    assert pace.resting == 30
    clock.now += 31
    assert pace.resting == 0
    pace.rest(10**6)
    assert pace.resting == LONGEST_REST


async def test_background_calls_rest_as_long_as_ory_asks_and_peoples_do_not(
    portal: Portal, ory: OryDouble
) -> None:
    clock = Clock()
    background = portal.services.ory.paced(Pace(0, clock=clock))
    ory.status(429, {"error": {"code": 429}}, headers={"Retry-After": "30"}, times=1)
    for _ in range(3):
        with pytest.raises(OryUnavailableError) as caught:
            await background.revoke_consent("ann", "photos")
        assert caught.value.retry_after == 30
    assert len(ory.calls) == 1
    await portal.services.ory.revoke_consent("bob", "photos")
    clock.now += 30
    await background.revoke_consent("ann", "photos")
    assert [query["subject"] for _, query in ory.deletions] == ["bob", "ann"]


async def test_the_background_has_one_pace(portal: Portal) -> None:
    background = portal.services.ory.paced(Pace(0))
    assert background.paced(Pace(1)) is background
    assert background.key_refused is False
