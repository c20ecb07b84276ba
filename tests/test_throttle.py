"""The buckets of sign-ins: who fills which, what empties them, and that nothing passes together."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import logs
from portal.accounts import canonical_identifier
from portal.login.authentication import Authenticated, record_success
from portal.origin import Origin
from portal.services import Visitor
from portal.store import Store
from portal.throttle import (
    ACCOUNT,
    KNOWN_BROWSER,
    NETWORK_BURST,
    NETWORK_SECONDS_EACH,
    Admission,
    Attempt,
    Watch,
    admit,
    forgive,
)
from tests.store.records import NOW, user

START = NOW.timestamp()
HOME = Origin(address="198.51.100.1")


def attempt(account: str = "ann@example.org", browser: str | None = None, n: int = 0) -> Attempt:
    """One from each network, so that only accounts count; *n* tells them apart."""
    origin = Origin(address=f"2001:db8:{n:x}::1")
    return Attempt(account=account, browser_hash=browser, origin=origin)


async def try_once(store: Store, tried: Attempt, now: float) -> float:
    async with store.writing() as rows:
        return (await admit(rows, tried, now=now)).wait


async def test_five_failures_pass_and_then_the_account_waits(store: Store) -> None:
    waits = [await try_once(store, attempt(n=n), START + n) for n in range(7)]
    assert waits[:5] == [0.0] * 5
    assert waits[5] == pytest.approx(59)
    assert waits[6] == pytest.approx(58), "a refused try is not counted"


async def test_parallel_tries_do_not_pass_together(store: Store) -> None:
    waits = await asyncio.gather(*(try_once(store, attempt(n=n), START) for n in range(40)))
    assert waits.count(0.0) == ACCOUNT.limit


async def test_a_quiet_quarter_of_an_hour_forgets_a_few_failures(store: Store) -> None:
    for n in range(4):
        await try_once(store, attempt(n=n), START)
    later = START + ACCOUNT.window + 1
    waits = [await try_once(store, attempt(n=n), later) for n in range(6)]
    assert [bool(wait) for wait in waits] == [False] * 5 + [True]


async def test_half_a_day_forgets_many_failures(store: Store) -> None:
    for n in range(5):
        await try_once(store, attempt(n=n), START)
    soon, later = START + ACCOUNT.quiet - 1, START + ACCOUNT.quiet + 1
    assert await try_once(store, attempt(n=9), soon) == 0.0
    assert await try_once(store, attempt(n=9), soon + 1) == pytest.approx(119)
    assert later > soon


async def test_a_hundred_slow_failures_in_a_row_are_the_end(store: Store) -> None:
    """NIST SP 800-63B, 3.2.2: whoever guesses patiently does not get further."""
    now = START
    passed = 0
    for n in range(130):
        now += ACCOUNT.quiet + 1
        passed += await try_once(store, attempt(n=n), now) == 0.0
    assert passed == ACCOUNT.ceiling == 100


async def test_a_known_browser_gets_past_the_end(store: Store) -> None:
    async with store.writing() as rows:
        await rows.browsers.remember(attempt().account_hash, "b" * 64, NOW)
    now = START
    for n in range(110):
        now += ACCOUNT.quiet + 1
        await try_once(store, attempt(n=n), now)
    assert await try_once(store, attempt(n=1), now + ACCOUNT.quiet) > 0
    assert await try_once(store, attempt(browser="b" * 64), now) == 0.0


async def test_an_operator_can_lift_the_wait(store: Store) -> None:
    for n in range(6):
        await try_once(store, attempt(n=n), START)
    async with store.writing() as rows:
        await forgive(rows, "ann@example.org")
    assert await try_once(store, attempt(n=7), START) == 0.0


async def test_a_success_gives_back_what_it_took_and_knows_the_browser(store: Store) -> None:
    tried = Attempt(account="ann@example.org", browser_hash="b" * 64, origin=HOME)
    visitor = Visitor(browser_hash="b" * 64, origin=HOME, now=NOW)
    for _ in range(60):
        async with store.writing() as rows:
            admission = await admit(rows, tried, now=START)
            assert admission.wait == 0.0
            who = Authenticated(user(), tried, admission)
            await record_success(rows, who, visitor=visitor)
    async with store.reading() as rows:
        assert await rows.browsers.is_known(tried.account_hash, "b" * 64)


async def test_a_known_browser_has_a_bucket_of_its_own(store: Store) -> None:
    async with store.writing() as rows:
        await rows.browsers.remember(attempt().account_hash, "b" * 64, NOW)
    for n in range(8):
        await try_once(store, attempt(n=n), START)
    waits = [await try_once(store, attempt(browser="b" * 64, n=n), START) for n in range(11)]
    assert [bool(wait) for wait in waits] == [False] * KNOWN_BROWSER.limit + [True]
    assert await try_once(store, attempt("bob@example.org", "b" * 64), START) == 0.0


async def test_a_network_may_fail_twenty_times_and_once_in_six_seconds_from_then_on(
    store: Store,
) -> None:
    def anybody(n: int) -> Attempt:
        return Attempt(account=f"user{n}@example.org", browser_hash=None, origin=HOME)

    waits = [await try_once(store, anybody(n), START) for n in range(25)]
    assert waits[:NETWORK_BURST] == [0.0] * NETWORK_BURST
    assert all(0 < wait <= NETWORK_SECONDS_EACH for wait in waits[NETWORK_BURST:])
    later = START + NETWORK_SECONDS_EACH
    assert await try_once(store, anybody(30), later) == 0.0
    assert await try_once(store, anybody(31), later) > 0


async def test_a_network_that_waits_costs_an_account_nothing(store: Store) -> None:
    for n in range(NETWORK_BURST):
        await try_once(store, Attempt(account=f"{n}", browser_hash=None, origin=HOME), START)
    for _ in range(10):
        tried = Attempt(account="ann@example.org", browser_hash=None, origin=HOME)
        assert await try_once(store, tried, START) > 0
    assert await try_once(store, attempt(), START) == 0.0


async def test_an_account_that_waits_costs_a_network_nothing(store: Store) -> None:
    for n in range(5):
        await try_once(store, attempt(n=n), START)
    tried = Attempt(account="ann@example.org", browser_hash=None, origin=HOME)
    for _ in range(50):
        assert await try_once(store, tried, START) > NETWORK_SECONDS_EACH
    other = Attempt(account="bob@example.org", browser_hash=None, origin=HOME)
    assert await try_once(store, other, START) == 0.0


async def test_a_clock_that_steps_back_locks_nobody_out_for_long(store: Store) -> None:
    for n in range(5):
        await try_once(store, attempt(n=n), START)
    assert await try_once(store, attempt(n=6), START - 3600) <= ACCOUNT.longest_wait


async def test_two_buckets_are_never_locked_crosswise(store: Store) -> None:
    """A try and a success of the same account from the same address, again and again, at once."""
    tried = Attempt(account="ann@example.org", browser_hash=None, origin=HOME)
    visitor = Visitor(browser_hash=None, origin=HOME, now=NOW)

    async def fail(_: int) -> None:
        await try_once(store, tried, START)

    async def succeed(_: int) -> None:
        admission = Admission(wait=0.0, bucket=f"acc:{tried.account_hash}")
        async with store.writing() as rows:
            await record_success(rows, Authenticated(user(), tried, admission), visitor=visitor)

    for _ in range(10):
        both = [*map(fail, range(8)), *map(succeed, range(8))]
        assert await asyncio.gather(*both) == [None] * 16


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("198.51.100.1:80", "unknown"),
    ],
)
def test_a_network_is_what_one_subscriber_has(address: str, network: str) -> None:
    assert Origin(address=address).network == network


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_typed_fits_into_a_bucket(typed: str) -> None:
    tried = attempt(canonical_identifier(typed), "b" * 64)
    assert len(f"acc:{tried.account_hash}") <= 100
    assert canonical_identifier(typed) == canonical_identifier(f" {typed} ")


def test_addresses_are_not_kept_in_clear() -> None:
    assert "ann" not in attempt().account_hash
    assert len(attempt().account_hash) == 64


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def watched(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> tuple[Watch, list[tuple[str, dict[str, object]]]]:
    told: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(logs, "alarm", lambda event, **fields: told.append((event, fields)))
    return Watch(clock), told


def test_when_most_sign_ins_of_a_minute_fail_somebody_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    watch, told = watched(monkeypatch, clock)
    for _ in range(99):
        watch.count("failed")
    assert told == []
    watch.count("failed")
    assert told == [("login.many_failures", {"count": 100})]
    for _ in range(500):
        watch.count("failed")
    assert len(told) == 1
    clock.now += 61
    for _ in range(100):
        watch.count("failed")
    assert len(told) == 2


def test_half_of_them_failing_throttled_ones_and_older_ones_are_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    watch, told = watched(monkeypatch, clock)
    for _ in range(200):
        watch.count("succeeded")
        watch.count("failed")
        watch.count("throttled")
    for _ in range(99):
        clock.now += 61
        watch.count("failed")
    assert told == []
