"""Who does not administer any more changes nothing, from the moment on when they do not."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from portal import accounts, bulk, revocations
from portal.accounts import administration, invitations, profile
from portal.acting import NotAllowedError
from portal.origin import Origin
from portal.reconciliation import runs
from portal.services import Visitor
from portal.store import Selection
from portal.store.tables import User
from tests.fixtures.portal import Portal
from tests.real.portal import Person

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HERE = Visitor(browser_hash=None, origin=Origin(address="203.0.113.7"), now=NOW)
Act = Callable[[Portal, str, str], Awaitable[object]]
"""Takes the portal, whom it is done to, and the actor."""


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Both."""
    return database_url


def in_store(rule: Callable[..., Awaitable[object]], **more: Any) -> Act:
    return lambda portal, subject, actor: rule(portal.store, subject, actor=actor, now=NOW, **more)


def with_services(rule: Callable[..., Awaitable[object]], **more: Any) -> Act:
    return lambda portal, subject, actor: rule(
        portal.services, subject, actor=actor, now=NOW, **more
    )


async def create(portal: Portal, _: str, actor: str) -> object:
    return await accounts.create_user(
        portal.store,
        portal.services.passwords,
        email="new@example.org",
        password="four walls and a kettle",
        min_length=15,
        now=NOW,
        actor=actor,
    )


async def set_password(portal: Portal, subject: str, actor: str) -> object:
    return await accounts.set_password(
        portal.store,
        portal.services.passwords,
        subject,
        password="four walls and a kettle",
        min_length=15,
        now=NOW,
        actor=actor,
    )


async def change_attributes(portal: Portal, subject: str, actor: str) -> object:
    async with portal.store.writing() as rows:
        return await profile.change_attributes_in(
            rows,
            portal.services.attributes,
            subject,
            values={"team": None},
            actor=actor,
            now=NOW,
        )


async def invite(portal: Portal, _: str, actor: str) -> object:
    return await invitations.invite(
        portal.services, email="new@example.org", admin=True, actor=actor, now=NOW
    )


async def withdraw(portal: Portal, _: str, actor: str) -> object:
    async with portal.store.writing() as rows:
        return await invitations.withdraw(rows, "new@example.org", actor=actor)


async def revoke_everything(portal: Portal, _: str, actor: str) -> object:
    return await bulk.start(
        portal.services,
        selection=Selection(),
        words={},
        matched=1,
        actor=actor,
        by=actor,
        visitor=HERE,
    )


async def stop_revoking(portal: Portal, _: str, actor: str) -> object:
    admin = User(subject=actor, email="", created_at=NOW, updated_at=NOW)
    return await bulk.stop(portal.services, "none", admin=admin, visitor=HERE)


async def revoke(portal: Portal, subject: str, actor: str) -> object:
    person = Person(email="", password="", subject=subject)
    grant = await portal.grant(person)
    if grant is None:
        await portal.add_grant(person)
        grant = await portal.grant(person)
    assert grant is not None
    return await revocations.remove_access(
        portal.services, grant=grant, user="", actor=actor, reason="admin", visitor=HERE
    )


async def compare_all(portal: Portal, _: str, actor: str) -> object:
    return await runs.start(portal.services, actor=actor, now=NOW)


ACTS: dict[str, Act] = {
    "create": create,
    "disable": in_store(accounts.disable_user),
    "enable": in_store(accounts.enable_user),
    "set the password": set_password,
    "make an administrator": in_store(administration.make_admin),
    "withdraw the role": in_store(administration.withdraw_admin),
    "unlock": in_store(administration.unlock),
    "expire the password": in_store(administration.expire_password),
    "reset the factors": with_services(administration.reset_factors),
    "change the address": with_services(administration.change_address, email="b@example.org"),
    "sign out": in_store(administration.sign_out),
    "delete": with_services(administration.delete_user),
    "change the profile": with_services(profile.change_profile, values={"name": "Anna"}),
    "change attributes": change_attributes,
    "invite": invite,
    "withdraw an invitation": withdraw,
    "revoke": revoke,
    "revoke everything": revoke_everything,
    "stop revoking": stop_revoking,
    "compare everybody": compare_all,
    "compare one": with_services(runs.reconcile_subject),
}


async def state(portal: Portal, person: Person) -> dict[str, Any]:
    user = await portal.user(person)
    return {column.name: getattr(user, column.name) for column in User.__table__.columns}


@pytest.mark.parametrize("act", ACTS)
async def test_who_does_not_administer_any_more_is_refused_every_act(
    portal: Portal, ann: Person, bob: Person, admin: Person, act: str
) -> None:
    before = await state(portal, ann)

    async def refused(actor: str) -> None:
        with pytest.raises(NotAllowedError):
            await ACTS[act](portal, ann.subject, actor)

    await refused(bob.subject)
    async with portal.store.writing() as rows:
        await rows.users.set_admin(admin.subject, admin=False, at=NOW)
    await refused(admin.subject)
    async with portal.store.writing() as rows:
        await rows.users.set_admin(admin.subject, admin=True, at=NOW)
        await rows.users.disable(admin.subject, NOW)
    await refused(admin.subject)
    async with portal.store.writing() as rows:
        await rows.users.delete(admin.subject)
    await refused(admin.subject)
    assert await state(portal, ann) == before
    assert await portal.actions() == []


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("actor", ["admin-71f0", "cli"])
async def test_an_administrator_and_a_command_may(
    portal: Portal, ann: Person, admin: Person, act: str, actor: str
) -> None:
    assert admin.subject == "admin-71f0"
    await ACTS[act](portal, ann.subject, actor)
