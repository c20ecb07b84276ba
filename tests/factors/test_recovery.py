"""Recovery codes: shown once, used once, typed forgivingly, worth nothing to anybody else."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portal.factors import guesses, recovery
from portal.factors.reset import remove_all
from portal.store.tables import RecoveryCode, User
from portal.throttle import ACCOUNT
from tests.factors.steps import (
    left,
    make_codes,
    use_code,
)
from tests.fixtures.portal import Portal
from tests.real.portal import Person


async def test_ten_codes_are_shown_and_none_is_kept(portal: Portal, user: User) -> None:
    codes = await make_codes(portal, user)
    assert len(set(codes)) == 10
    assert {len(code) for code in codes} == {14}
    async with portal.store.reading() as rows:
        kept = await rows.recovery_codes._unit.all(sa.select(RecoveryCode.code_hash))
    dump = repr(kept)
    assert not any(form in dump for code in codes for form in (code, code.replace("-", "")))
    assert await portal.actions() == ["factor.codes_made"]


async def test_new_codes_end_the_old_ones(portal: Portal, user: User) -> None:
    old, *_ = await make_codes(portal, user)
    new, *_ = await make_codes(portal, user)
    assert not await use_code(portal, user.subject, old)
    assert await use_code(portal, user.subject, new)


async def test_a_code_is_worth_nothing_for_anybody_else(
    portal: Portal, user: User, bob: Person
) -> None:
    code, *_ = await make_codes(portal, user)
    await make_codes(portal, await portal.user(bob))
    assert not await use_code(portal, bob.subject, code)
    assert await use_code(portal, user.subject, code)


@given(st.text(recovery.ALPHABET, min_size=12, max_size=12), st.randoms())
def test_a_code_may_be_typed_as_people_do(code: str, random: object) -> None:
    spelled = {"0": "o", "1": "Il"[hash(code) % 2]}
    typed = " ".join(spelled.get(char, char) for char in code).upper()
    assert recovery.normalized(f"{typed[:9]}–{typed[9:]}\n") == code


@pytest.mark.parametrize(
    "typed", ["", "-", "abcd", "u" * 12, "x" * 13, "x" * 10_000, "\x00" * 12, "\ud800", "é" * 12]
)
async def test_what_is_no_code_is_none(portal: Portal, user: User, typed: str) -> None:
    assert recovery.normalized(typed) is None
    assert not await use_code(portal, user.subject, typed)


def test_codes_are_guessed_no_faster_than_passwords() -> None:
    assert guesses.CODES == ACCOUNT


async def test_a_reset_takes_everything(portal: Portal, user: User) -> None:
    await make_codes(portal, user)
    async with portal.store.writing() as rows:
        assert await remove_all(rows, user.subject) == 0
    assert await left(portal, user) == 0
