"""Whoever is signed in proves by the password that it is them, and guesses no faster for it."""

from portal.accounts.reauthentication import check_own_password
from portal.origin import Origin
from portal.services import Visitor
from portal.throttle import KNOWN_BROWSER, Attempt
from tests.fixtures.portal import Portal
from tests.real.portal import Person
from tests.store.records import NOW

VISITOR = Visitor(browser_hash="b" * 64, origin=Origin(address="198.51.100.1"), now=NOW)


async def test_the_right_password_is_accepted_as_often_as_it_is_asked_for(
    portal: Portal, ann: Person
) -> None:
    user = await portal.user(ann)
    for _ in range(30):
        found = await check_own_password(portal.services, user, ann.password, visitor=VISITOR)
        assert found is None
    assert await portal.actions() == []


async def test_a_wrong_one_is_refused_written_down_and_soon_told_to_wait(
    portal: Portal, ann: Person
) -> None:
    user = await portal.user(ann)
    answers = [
        await check_own_password(portal.services, user, "wrong", visitor=VISITOR) for _ in range(7)
    ]
    assert [answer.status for answer in answers if answer] == [422] * 5 + [429] * 2
    last = answers[-1]
    assert last is not None
    assert last.retry_after
    assert "Too many attempts" in last.error
    right = await check_own_password(portal.services, user, ann.password, visitor=VISITOR)
    assert right is not None
    assert right.status == 429
    assert await portal.actions() == ["login.failed"] * 5


async def test_it_fills_the_bucket_of_the_browser_that_is_known(
    portal: Portal, ann: Person
) -> None:
    user = await portal.user(ann)
    attempt = Attempt(account=ann.email, browser_hash="b" * 64, origin=VISITOR.origin)
    async with portal.store.writing() as rows:
        await rows.browsers.remember(attempt.account_hash, "b" * 64, NOW)
    answers = [
        await check_own_password(portal.services, user, "wrong", visitor=VISITOR)
        for _ in range(KNOWN_BROWSER.limit + 1)
    ]
    assert [answer.status for answer in answers if answer] == [422] * KNOWN_BROWSER.limit + [429]


async def test_what_is_too_long_or_stored_wrongly_is_a_wrong_password(
    portal: Portal, ann: Person
) -> None:
    user = await portal.user(ann)
    found = await check_own_password(portal.services, user, "x" * 2_000, visitor=VISITOR)
    assert found is not None
    assert found.status == 422
    user.password_hash = "damaged"
    found = await check_own_password(portal.services, user, ann.password, visitor=VISITOR)
    assert found is not None
    assert found.status == 422
