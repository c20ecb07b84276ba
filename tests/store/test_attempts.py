import asyncio

import pytest

from portal.store import FailurePolicy, Store

POLICY = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=100
)
START = 1_795_000_000.0
HOUR = 3600


async def fail(store, now, *, bucket="acc:ann", policy=POLICY):
    async with store.writing() as rows:
        return await rows.attempts.count_failure(bucket, now=now, policy=policy)


async def fail_until_blocked(store, now):
    for _ in range(POLICY.limit):
        assert await fail(store, now) == 0.0


async def take(store, now, *, burst=3, seconds_each=6.0):
    async with store.writing() as rows:
        return await rows.attempts.take("net:x", now=now, burst=burst, seconds_each=seconds_each)


async def test_waits_double_up_to_the_longest(store):
    now = START
    await fail_until_blocked(store, now)
    for expected in (60, 120, 240, 480, 900, 900):
        assert await fail(store, now) == pytest.approx(expected)
        assert await fail(store, now + expected - 1) == pytest.approx(1)
        now += expected
        assert await fail(store, now) == 0.0


async def test_a_refused_try_is_not_counted(store):
    await fail_until_blocked(store, START)
    for _ in range(20):
        assert await fail(store, START + 1) == pytest.approx(59)
    assert await fail(store, START + 60) == 0.0
    assert await fail(store, START + 60) == pytest.approx(120)


async def test_buckets_do_not_know_of_one_another(store):
    await fail_until_blocked(store, START)
    assert await fail(store, START, bucket="acc:bob") == 0.0


async def test_a_success_forgets_everything(store):
    await fail_until_blocked(store, START)
    async with store.writing() as rows:
        await rows.attempts.forgive("acc:ann")
    await fail_until_blocked(store, START)
    assert await fail(store, START) == pytest.approx(60)


async def test_a_few_failures_are_forgotten_after_the_window(store):
    for _ in range(4):
        assert await fail(store, START) == 0.0
    for _ in range(4):
        assert await fail(store, START + 901) == 0.0
    assert await fail(store, START + 902) == 0.0
    assert await fail(store, START + 902) == pytest.approx(60)


async def test_many_failures_are_forgotten_only_after_a_long_quiet_time(store):
    await fail_until_blocked(store, START)
    assert await fail(store, START + 11 * HOUR) == 0.0
    assert await fail(store, START + 11 * HOUR) == pytest.approx(120)
    later = START + 24 * HOUR
    await fail_until_blocked(store, later)
    assert await fail(store, later) == pytest.approx(60)


async def test_a_patient_guesser_meets_the_ceiling_until_forgiven(store):
    now = START
    for _ in range(POLICY.ceiling):
        assert await fail(store, now) == 0.0
        now += 13 * HOUR
    assert await fail(store, now) == POLICY.longest_wait
    assert await fail(store, now + 1000 * HOUR) == POLICY.longest_wait
    async with store.writing() as rows:
        await rows.attempts.forgive("acc:ann")
    assert await fail(store, now) == 0.0


async def test_without_a_ceiling_patience_is_never_refused(store):
    policy = FailurePolicy(limit=1, window=1, first_wait=1, longest_wait=1, quiet=1, ceiling=0)
    for n in range(120):
        assert await fail(store, START + 2 * n, policy=policy) == 0.0


async def test_a_limit_of_one_blocks_from_the_first_failure_on(store):
    policy = FailurePolicy(
        limit=1, window=900, first_wait=60, longest_wait=900, quiet=HOUR, ceiling=0
    )
    assert await fail(store, START, policy=policy) == 0.0
    assert await fail(store, START, policy=policy) == pytest.approx(60)
    assert await fail(store, START + 60, policy=policy) == 0.0
    assert await fail(store, START + 60, policy=policy) == pytest.approx(120)


async def test_a_clock_that_steps_back_blocks_nobody_for_longer_than_the_cap(store):
    await fail_until_blocked(store, START)
    assert await fail(store, START - 5 * HOUR) == 0.0
    assert 0 < await fail(store, START - 5 * HOUR) <= POLICY.longest_wait


async def test_of_a_hundred_parallel_tries_exactly_the_limit_passes(store, database_url):
    other = Store(database_url)
    answers = await asyncio.gather(*(fail((store, other)[n % 2], START) for n in range(100)))
    await other.dispose()
    assert answers.count(0.0) == POLICY.limit
    assert all(answer == 0.0 or answer == pytest.approx(60) for answer in answers)


async def test_a_burst_passes_and_then_one_per_interval(store):
    assert [await take(store, START) for _ in range(3)] == [0.0] * 3
    assert await take(store, START) == pytest.approx(6)
    assert await take(store, START + 5) == pytest.approx(1)
    assert await take(store, START + 6) == 0.0
    assert await take(store, START + 6) == pytest.approx(6)
    assert [await take(store, START + HOUR) for _ in range(3)] == [0.0] * 3
    assert await take(store, START + HOUR) == pytest.approx(6)


async def test_of_parallel_takers_exactly_the_burst_passes(store, database_url):
    other = Store(database_url)
    answers = await asyncio.gather(*(take((store, other)[n % 2], START) for n in range(40)))
    await other.dispose()
    assert answers.count(0.0) == 3


async def test_what_is_given_back_can_be_taken_again(store):
    for _ in range(3):
        await take(store, START)
    async with store.writing() as rows:
        await rows.attempts.give_back("net:x", seconds_each=6.0)
    assert await take(store, START) == 0.0
    assert await take(store, START) == pytest.approx(6)


async def test_giving_back_never_makes_a_larger_burst(store):
    assert await take(store, START) == 0.0
    async with store.writing() as rows:
        for _ in range(5):
            await rows.attempts.give_back("net:x", seconds_each=6.0)
    assert [await take(store, START) for _ in range(3)] == [0.0] * 3
    assert await take(store, START) > 0.0


async def test_a_clock_that_steps_back_empties_no_bucket_for_ever(store):
    for _ in range(3):
        await take(store, START)
    assert await take(store, START - HOUR) == 0.0


async def test_unused_buckets_are_forgotten_in_portions(store):
    for n in range(3):
        await fail(store, START + n, bucket=f"acc:{n}")
    async with store.writing() as rows:
        assert await rows.attempts.delete_before(START + 2, 1, streak=100) == 1
        assert await rows.attempts.delete_before(START + 2, 5, streak=100) == 1


async def test_a_bucket_at_the_ceiling_is_not_forgotten_by_waiting(store):
    await fail(store, START, bucket="acc:once")
    for n in range(3):
        await fail(store, START + n, bucket="acc:thrice")
    async with store.writing() as rows:
        assert await rows.attempts.delete_before(START + HOUR, 10, streak=3) == 1
    policy = FailurePolicy(limit=1, window=1, first_wait=1, longest_wait=1, quiet=1, ceiling=3)
    assert await fail(store, START + HOUR, bucket="acc:thrice", policy=policy) == 1
