import asyncio
from contextlib import ExitStack

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from portal.passwords import (
    MAX_PASSWORD_BYTES,
    OverloadedError,
    Passwords,
    PasswordTooLongError,
    prepare,
)

LONG = "correct horse battery staple"
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}  # what tests can afford


@pytest.fixture
def passwords():
    with Passwords(**CHEAP, workers=2, queue=2) as made:
        yield made


@pytest.fixture
def runs(monkeypatch):
    """The parameters of every run of argon2 that did work."""
    seen: list[str] = []
    verify = PasswordHasher.verify

    def counted(self, stored_hash, password):
        try:
            return verify(self, stored_hash, password)
        finally:
            if stored_hash.count("$") == 5 and not stored_hash.endswith("$"):
                seen.append(stored_hash.split("$")[3])

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return seen


async def test_the_right_password_matches_and_a_wrong_one_does_not(passwords):
    stored = await passwords.hash(LONG)
    assert stored.startswith("$argon2id$")
    assert (await passwords.verify(stored, LONG)).matches
    assert not (await passwords.verify(stored, LONG + " ")).matches


async def test_the_same_password_is_never_stored_twice_alike(passwords):
    assert await passwords.hash(LONG) != await passwords.hash(LONG)


async def test_every_branch_costs_one_run_with_the_same_parameters(passwords, runs):
    stored = await passwords.hash(LONG)
    for given_hash, typed in [(stored, LONG), (stored, "wrong"), (None, LONG), (None, "")]:
        runs.clear()
        await passwords.verify(given_hash, typed)
        assert runs == ["m=8,t=1,p=1"]


async def test_nobody_signs_in_without_a_stored_hash(passwords):
    verdict = await passwords.verify(None, LONG)
    assert (verdict.matches, verdict.needs_rehash, verdict.corrupt) == (False, False, False)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "plain text",
        "$argon2id$v=19$m=8,t=1,p=1$$",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$",
    ],
)
async def test_a_damaged_hash_matches_nothing_takes_as_long_and_is_reported(
    passwords, runs, stored
):
    verdict = await passwords.verify(stored, "")
    assert (verdict.matches, verdict.corrupt) == (False, True)
    assert runs == ["m=8,t=1,p=1"]


async def test_a_hash_with_other_parameters_is_to_be_made_again(passwords):
    old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(LONG)
    assert (await passwords.verify(old, LONG)).needs_rehash
    assert not (await passwords.verify(old, "wrong")).needs_rehash
    assert not (await passwords.verify(await passwords.hash(LONG), LONG)).needs_rehash


@pytest.mark.parametrize("length", [72, 73, 256, MAX_PASSWORD_BYTES - 1])
async def test_no_byte_of_a_long_password_is_ignored(passwords, length):
    stored = await passwords.hash("a" * length + "x")
    assert not (await passwords.verify(stored, "a" * length + "y")).matches
    assert not (await passwords.verify(stored, "a" * length)).matches


async def test_what_follows_a_nul_counts(passwords):
    stored = await passwords.hash("before\0after")
    assert not (await passwords.verify(stored, "before\0other")).matches
    assert not (await passwords.verify(stored, "before")).matches
    assert (await passwords.verify(stored, "before\0after")).matches


async def test_keyboards_that_compose_differently_type_the_same_password(passwords):
    stored = await passwords.hash("Müller trägt Grün")
    assert (await passwords.verify(stored, "Mu\u0308ller tra\u0308gt Gru\u0308n")).matches
    assert not (await passwords.verify(stored, "müller trägt grün")).matches


async def test_compatibility_variants_stay_different_passwords(passwords):
    stored = await passwords.hash("\uff41bc")
    assert not (await passwords.verify(stored, "abc")).matches


@pytest.mark.parametrize("typed", ["a" * 1_025, "ü" * 513, "a" * 1_000_000, "\ud800" * 400])
async def test_a_password_that_is_too_long_is_refused_before_hashing(passwords, runs, typed):
    with pytest.raises(PasswordTooLongError):
        await passwords.verify(None, typed)
    with pytest.raises(PasswordTooLongError):
        await passwords.hash(typed)
    assert runs == []
    assert passwords.waiting == 0


async def test_the_longest_password_is_accepted_in_whatever_form_it_is_typed(passwords):
    stored = await passwords.hash("\u1f82" * 341)
    assert (await passwords.verify(stored, "\u03b1\u0313\u0300\u0345" * 341)).matches


@given(st.text(st.characters(), max_size=200))
def test_preparing_never_fails_on_anything_short(typed):
    assert prepare(typed) == prepare(typed)


async def test_beyond_the_queue_the_answer_comes_at_once():
    with Passwords(time_cost=1, memory_cost=65_536, workers=1, queue=2) as passwords:
        taken = [asyncio.create_task(passwords.hash(LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError) as refused:
            await passwords.verify(None, LONG)
        assert not any(task.done() for task in taken)
        assert 2 <= refused.value.retry_after <= 5
        await asyncio.gather(*taken)
        assert passwords.waiting == 0


async def test_a_reserved_place_is_never_refused_and_given_back_if_it_is_not_needed():
    with Passwords(time_cost=1, memory_cost=65_536, workers=1, queue=0) as passwords:
        with passwords.reserve() as place:
            with pytest.raises(OverloadedError), passwords.reserve():
                pass
            verdict = await passwords.verify(None, LONG, place=place)
            assert not verdict.matches
        with passwords.reserve():
            assert passwords.waiting == 1
        assert passwords.waiting == 0


async def test_a_caller_who_gave_up_gives_the_place_back():
    with Passwords(time_cost=1, memory_cost=65_536, workers=1, queue=1) as passwords:
        running = asyncio.create_task(passwords.hash(LONG))
        queued = asyncio.create_task(passwords.hash(LONG))
        await asyncio.sleep(0)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued
        assert passwords.waiting == 1
        await running
        assert passwords.waiting == 0


async def test_other_work_goes_on_while_passwords_are_hashed():
    with Passwords(time_cost=3, memory_cost=32_768, workers=1, queue=4) as passwords:
        hashing = asyncio.gather(*(passwords.hash(LONG) for _ in range(3)))
        ticks = 0
        while not hashing.done():
            await asyncio.sleep(0.005)
            ticks += 1
        assert len(await hashing) == 3
        assert ticks >= 5


async def test_a_closed_pool_refuses_politely():
    passwords = Passwords(**CHEAP, workers=1, queue=1)
    passwords.close()
    with pytest.raises(OverloadedError):
        await passwords.hash(LONG)
    assert passwords.waiting == 0


async def test_the_queue_is_counted_per_worker():
    with Passwords(**CHEAP, workers=3, queue=32) as passwords, ExitStack() as places:
        for _ in range(3 * 33):
            places.enter_context(passwords.reserve())
        with pytest.raises(OverloadedError), passwords.reserve():
            pass


@pytest.mark.parametrize(("cores", "at_once"), [(None, 1), (1, 1), (2, 1), (8, 7)])
async def test_a_core_is_left_to_everything_else_unless_somebody_chose(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, at_once: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    with Passwords(**CHEAP, queue=1) as passwords, ExitStack() as places:
        for _ in range(2 * at_once):
            places.enter_context(passwords.reserve())
        with pytest.raises(OverloadedError), passwords.reserve():
            pass
