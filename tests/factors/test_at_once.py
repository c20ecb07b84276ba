"""Of two at once one succeeds, on both databases."""

import asyncio

import pytest

from portal.factors import FactorError, changes, guesses, passkeys, totp
from portal.factors.passkeys import Assertion
from portal.factors.standing import Standing
from portal.factors.totp import USED_SETUP
from portal.store.tables import Passkey, User
from tests.doubles.authenticator import Authenticator
from tests.factors.steps import (
    NOW,
    STEP,
    Register,
    add_app,
    challenge,
    check_code,
    left,
    make_codes,
    nothing_ends,
    prove,
    scanned_by_app,
    standing,
    use_code,
    visitor,
)
from tests.fixtures.portal import NewPortal, Portal
from tests.real.portal import Person


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    return database_url


async def test_a_challenge_proves_once(portal: Portal, user: User, register: Register) -> None:
    key = Authenticator()
    await register(key, user)
    asked = challenge()
    outcomes = await asyncio.gather(
        *(prove(portal, key, asked) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Assertion) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, FactorError) for outcome in outcomes) == 3


async def test_a_challenge_makes_one_passkey(portal: Portal, user: User) -> None:
    asked = challenge()
    options = passkeys.creation_options(user, Standing(), settings=portal.settings)

    async def make(key: Authenticator) -> changes.Added[Passkey]:
        return await passkeys.register(
            portal.services,
            user,
            credential=key.create(asked, options),
            challenge=asked,
            name="",
            visitor=visitor(),
            settle=nothing_ends,
        )

    await make(Authenticator())
    with pytest.raises(FactorError):
        await make(Authenticator())
    assert len((await standing(portal, user)).passkeys) == 1


async def test_a_setup_is_taken_once_also_by_two_at_once(portal: Portal, user: User) -> None:
    setup = totp.begin(user, portal.services, now=NOW)
    outcomes = await asyncio.gather(
        *(
            totp.confirm(
                portal.services,
                user,
                sealed=setup.sealed,
                code=scanned_by_app(setup).at(NOW),
                name="",
                visitor=visitor(),
                settle=nothing_ends,
            )
            for _ in range(3)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, changes.Added) for outcome in outcomes) == 1
    assert {str(o) for o in outcomes if isinstance(o, FactorError)} == {USED_SETUP}


async def test_a_code_is_taken_once_also_by_many_at_once(portal: Portal, user: User) -> None:
    _, device = await add_app(portal, user)
    later = NOW + 4 * STEP
    taken = await asyncio.gather(
        *(check_code(portal, user.subject, device.at(later), later) for _ in range(5))
    )
    assert taken.count(True) == 1


async def test_a_code_works_once_also_for_two_at_once(portal: Portal, user: User) -> None:
    first, second, *_ = await make_codes(portal, user)
    assert await use_code(portal, user.subject, first)
    assert not await use_code(portal, user.subject, first)
    taken = await asyncio.gather(*(use_code(portal, user.subject, second) for _ in range(4)))
    assert taken.count(True) == 1
    assert await left(portal, user) == 8


async def test_the_first_codes_are_made_once(portal: Portal, user: User) -> None:
    setups = [totp.begin(user, portal.services, now=NOW) for _ in range(3)]
    added = await asyncio.gather(
        *(
            totp.confirm(
                portal.services,
                user,
                sealed=setup.sealed,
                code=scanned_by_app(setup).at(NOW),
                name="",
                visitor=visitor(),
                settle=nothing_ends,
            )
            for setup in setups
        )
    )
    assert sorted(len(each.codes) for each in added) == [0, 0, 10]


async def test_two_removals_leave_what_somebody_must_have(
    new_portal: NewPortal, ann: Person, register: Register
) -> None:
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="everyone")
    user = await portal.user(ann)
    factor, _ = await add_app(portal, user)
    passkey = await register(Authenticator(), user)

    async def remove(kind: changes.Kind, factor_id: str) -> Standing:
        return await changes.remove(
            portal.services,
            user,
            kind=kind,
            factor_id=factor_id,
            visitor=visitor(),
            settle=nothing_ends,
        )

    outcomes = await asyncio.gather(
        remove("totp", factor.id),
        remove("passkey", passkey.credential_id),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["FactorError", "Standing"]
    assert (await standing(portal, user)).has_second_factor


async def test_guesses_are_counted_before_they_are_judged(portal: Portal, user: User) -> None:
    async def admit(subject: str, now: float = 1000.0) -> float:
        async with portal.store.writing() as rows:
            return await guesses.admit(rows, subject, browser_hash=None, now=now)

    waits = await asyncio.gather(*(admit(user.subject) for _ in range(30)))
    assert waits.count(0.0) == 5
    assert await admit("s" * 255) == 0.0, "nobody else has to wait"
    async with portal.store.writing() as rows:
        await guesses.forgive(rows, user.subject)
    assert await admit(user.subject) == 0.0
