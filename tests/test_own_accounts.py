"""What people do to their own accounts, several of them at once: on both databases."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.accounts import LastAdminError, UnknownUserError
from portal.accounts.own import (
    ChangedMeanwhileError,
    change_password,
    delete_own_account,
    sign_out_elsewhere,
)
from tests.fixtures.portal import Portal
from tests.real.portal import Person
from tests.security.steps import HERE, plant
from tests.store.records import portal_session

NEW = "four words that nobody guesses"


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks are where databases differ: both."""
    return database_url


async def all_of(*works: Any) -> list[Any]:
    return await asyncio.gather(*works, return_exceptions=True)


async def test_of_five_changes_of_a_password_one_counts(portal: Portal, ann: Person) -> None:
    user = await portal.user(ann)
    async with portal.store.writing() as rows:
        for number in range(5):
            await rows.portal_sessions.add(portal_session(str(number) * 64, subject=ann.subject))
    outcomes = await all_of(
        *(
            change_password(
                portal.services, user, password=NEW, kept=str(number) * 64, visitor=HERE
            )
            for number in range(5)
        )
    )
    refused = [each for each in outcomes if isinstance(each, ChangedMeanwhileError)]
    assert len(refused) == 4, outcomes
    assert (await portal.user(ann)).epoch == 1
    async with portal.store.reading() as rows:
        (left,) = await rows.portal_sessions.of_subject(ann.subject)
    assert left.epoch == 1
    assert (await portal.actions()).count("user.password_changed") == 1


async def test_a_deletion_and_a_sign_out_at_once_leave_no_half_account(
    portal: Portal, ann: Person
) -> None:
    user = await portal.user(ann)
    await plant(portal, ann, "phone")
    outcomes = await all_of(
        delete_own_account(portal.services, user, visitor=HERE),
        sign_out_elsewhere(portal.services, user, kept="a" * 64, visitor=HERE),
        change_password(portal.services, user, password=NEW, kept="a" * 64, visitor=HERE),
    )
    unexpected = [
        each
        for each in outcomes
        if isinstance(each, BaseException)
        and not isinstance(each, ChangedMeanwhileError | UnknownUserError)
    ]
    assert unexpected == []
    done = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(done) == 1
    async with portal.store.reading() as rows:
        still = await rows.users.find(ann.subject)
    assert (still is None) is ("user.deleted" in await portal.actions())


async def test_two_administrators_who_leave_at_once_leave_one(
    portal: Portal, admin: Person
) -> None:
    other = await portal.add_user("other@example.org", admin=True)
    people = [await portal.user(each) for each in (admin, other)]
    outcomes = await all_of(
        *(delete_own_account(portal.services, user, visitor=HERE) for user in people)
    )
    assert [type(each) for each in outcomes].count(LastAdminError) == 1, outcomes


async def test_a_disabled_person_changes_nothing(portal: Portal, ann: Person) -> None:
    user = await portal.user(ann)
    async with portal.store.writing() as rows:
        await rows.users.disable(ann.subject, datetime.now(UTC))
    for work in (
        delete_own_account(portal.services, user, visitor=HERE),
        sign_out_elsewhere(portal.services, user, kept="a" * 64, visitor=HERE),
        change_password(portal.services, user, password=NEW, kept="a" * 64, visitor=HERE),
    ):
        with pytest.raises(ChangedMeanwhileError):
            await work
