"""Undo: for a few seconds an app can be given its access back, and after that surely not."""

import asyncio
from datetime import timedelta

import pytest

from portal import accounts
from portal.account import flow
from portal.account.forms import AppForm
from portal.consent import flow as consent
from portal.consent.forms import ConsentForm
from portal.consent.pages import ConsentPage
from portal.grants import UNDO_MARGIN
from portal.ory.models import RedirectTo
from portal.page import NotThereError
from portal.revocations import remove_access
from portal.store.tables import GrantRecord
from portal.store.unit import values_of
from tests.account.conftest import NOW, UNDO_FOR, Desk, visitor
from tests.fixtures.portal import NewPortal
from tests.real.portal import Person

SOON = NOW + timedelta(seconds=3)
OVER = NOW + UNDO_FOR
DUE = OVER + UNDO_MARGIN


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks are where databases differ: both."""
    return database_url


def as_it_was(grant: GrantRecord) -> dict[str, object]:
    return values_of(grant)


async def test_nothing_is_given_silently_from_the_click_on_though_ory_is_told_later(
    desk: Desk,
) -> None:
    await desk.connect()
    await desk.disconnect()
    assert (await desk.grant()).revoked_at == NOW
    assert desk.deletions == []
    assert isinstance(await desk.arrive("openid", "email", at=SOON, skip=True), ConsentPage)
    assert await desk.work(OVER) == 0
    assert desk.deletions == []
    assert await desk.work(DUE) == 1
    assert desk.deletions == [desk.the_pair]


async def test_undo_brings_the_grant_back_as_it_was(desk: Desk) -> None:
    await desk.connect(audience=["https://api.test"], remembered_audience=["https://api.test"])
    before = as_it_was(await desk.grant())
    await desk.disconnect()
    assert await desk.undo(SOON) == "restored"
    assert as_it_was(await desk.grant()) == before
    assert await desk.pending() == ()
    assert await desk.work(DUE + timedelta(hours=1)) == 0
    assert desk.deletions == []
    assert isinstance(await desk.arrive("openid", "email", at=SOON, skip=True), RedirectTo)
    detail = await desk.detail("grant.restored")
    assert detail == {"app": "Photos", "scopes": ["openid", "email"]}


async def test_after_its_time_undo_comes_too_late(desk: Desk) -> None:
    """Whether Ory has been told yet or not: the job may be on its way."""
    await desk.connect()
    await desk.disconnect()
    assert await desk.undo(OVER) == "late"
    await desk.work(DUE)
    assert await desk.undo(SOON) == "late"
    assert (await desk.grant()).revoke_synced_at is not None
    assert "grant.restored" not in await desk.portal.actions()


async def test_undoing_twice_is_undoing_once(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    assert await desk.undo(SOON) == "restored"
    assert await desk.undo(SOON) == "connected"
    assert (await desk.portal.actions()).count("grant.restored") == 1


async def test_removing_twice_is_removing_once_and_can_be_undone(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    await desk.disconnect(SOON)
    assert len(await desk.pending()) == 1
    assert (await desk.portal.actions()).count("grant.revoked") == 1
    assert await desk.undo(SOON) == "restored"


async def test_what_was_undone_can_be_removed_and_undone_again(desk: Desk) -> None:
    await desk.connect()
    for second in range(3):
        at = NOW + timedelta(seconds=second)
        await desk.disconnect(at)
        assert await desk.undo(at) == "restored"
    assert desk.deletions == []


async def test_a_new_consent_carries_the_deletion_out_and_ends_the_undo(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    await allow(desk, "openid")
    assert desk.deletions == [desk.the_pair]
    assert await desk.undo(SOON) == "connected"
    grant = await desk.grant()
    assert grant.scopes == ["openid"]
    assert grant.remembered_scopes == []


async def test_after_a_new_consent_and_a_new_removal_only_that_one_is_undone(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    await allow(desk, "openid")
    await desk.disconnect(SOON)
    assert await desk.undo(SOON) == "restored"
    assert (await desk.grant()).scopes == ["openid"]


async def test_what_an_administrator_removes_meanwhile_stays_removed(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    desk.ory.down()
    await remove_access(
        desk.portal.services,
        grant=await desk.grant(),
        user=desk.person.email,
        actor="cli",
        reason="admin",
        visitor=visitor(SOON),
    )
    desk.ory.heal()
    assert await desk.undo(SOON) == "late"
    assert all(app.state == "pending" for app in (await desk.page(SOON)).apps)


@pytest.mark.parametrize("change", ["disabled", "a new password", "disabled and enabled"])
async def test_who_was_shut_out_meanwhile_undoes_nothing(desk: Desk, change: str) -> None:
    await desk.connect()
    await desk.disconnect()
    signed_in = await desk.portal.user(desk.person)
    subject, store = desk.person.subject, desk.portal.store
    if change == "a new password":
        passwords = desk.portal.services.passwords
        await accounts.set_password(
            store,
            passwords,
            subject,
            password="quite another one, it is",
            min_length=8,
            now=SOON,
            actor="cli",
        )
    else:
        await accounts.disable_user(store, subject, now=SOON, actor="cli")
    if change == "disabled and enabled":
        await accounts.enable_user(store, subject, now=SOON, actor="cli")
    form = AppForm(client_id="photos")
    services = desk.portal.services
    told = await flow.undo(form, signed_in, visitor=visitor(SOON), services=services)
    assert told.path.endswith("=late")
    assert (await desk.grant()).revoked_at is not None


async def test_a_deletion_that_the_job_has_taken_is_not_undone(desk: Desk) -> None:
    """Its clock may be ahead, or it may be waiting for another try."""
    await desk.connect()
    await desk.disconnect()
    async with desk.portal.store.writing() as rows:
        claimed = await rows.revocations.claim_due(now=DUE, limit=1, lease=timedelta(seconds=30))
    assert len(claimed) == 1
    assert await desk.undo(SOON) == "late"
    assert (await desk.page(SOON)).apps[0].state == "pending"


async def test_an_app_that_was_deleted_meanwhile_does_not_come_back(desk: Desk) -> None:
    await desk.connect()
    await desk.disconnect()
    async with desk.portal.store.writing() as rows:
        await rows.grants.end_client("photos", reason="client deleted", at=SOON)
    assert await desk.undo(SOON) == "late"


async def test_nobody_undoes_for_somebody_else(desk: Desk, bob: Person, admin: Person) -> None:
    await desk.connect()
    await desk.disconnect()
    for person in (bob, admin):
        with pytest.raises(NotThereError):
            await desk.undo(SOON, person=person)
    assert (await desk.grant()).revoked_at == NOW


async def test_the_page_says_what_becomes_of_it(desk: Desk) -> None:
    await desk.connect()
    await desk.portal.add_grant(desk.person, "notes", last_accept_at=NOW)
    assert [app.client_id for app in (await desk.page()).apps] == ["notes", "photos"]
    await desk.disconnect()
    first, second = (await desk.page(SOON)).apps
    assert (first.client_id, first.state, second.client_id) == ("photos", "undoable", "notes")
    assert SOON + timedelta(seconds=first.refresh_after) > DUE + timedelta(seconds=2)
    assert (await desk.one(OVER)).connected.state == "pending"
    await desk.work(DUE)
    assert (await desk.one(DUE)).connected.state == "removed"
    assert [app.client_id for app in (await desk.page(DUE)).apps] == ["notes"]


async def test_without_undo_ory_is_told_at_once(new_portal: NewPortal, desk: Desk) -> None:
    at_once = Desk(portal=await new_portal(PORTAL_UNDO_FOR="0"), ory=desk.ory, person=desk.person)
    await at_once.connect()
    assert (await at_once.disconnect()).path == "/account/apps?notice=removed"
    assert at_once.deletions == [at_once.the_pair]
    assert await at_once.undo(NOW) == "late"


@pytest.mark.parametrize("_", range(5))
async def test_undo_and_a_new_consent_at_once_leave_one_of_the_two(desk: Desk, _: int) -> None:
    """The deletion ran before the accept, or the grant is back and the consent adds to it."""
    await desk.connect()
    await desk.disconnect()
    told, _answer = await asyncio.gather(desk.undo(SOON), allow(desk, "openid"))
    grant = await desk.grant()
    assert grant.revoked_at is None
    assert await desk.pending() == ()
    assert await desk.work(DUE) == 0, "no deletion is left that would kill the new tokens"
    if told == "restored":
        assert desk.deletions == []
        assert set(grant.scopes) == {"openid", "email"}
    else:
        assert told == "connected"
        assert desk.deletions == [desk.the_pair]
        assert grant.scopes == ["openid"]


@pytest.mark.parametrize("_", range(5))
async def test_undo_and_the_job_at_once_leave_one_of_the_two(desk: Desk, _: int) -> None:
    """The job's clock is far ahead."""
    await desk.connect()
    await desk.disconnect()
    told, _done = await asyncio.gather(desk.undo(SOON), desk.work(DUE))
    grant = await desk.grant()
    assert (told == "restored") is (grant.revoked_at is None) is (desk.deletions == [])


@pytest.mark.parametrize("_", range(5))
async def test_who_is_disabled_while_undoing_has_nothing_connected(desk: Desk, _: int) -> None:
    await desk.connect()
    await desk.disconnect()
    store, subject = desk.portal.store, desk.person.subject
    await asyncio.gather(
        desk.undo(SOON), accounts.disable_user(store, subject, now=SOON, actor="cli")
    )
    assert (await desk.grant()).revoked_at is not None
    await desk.work(DUE)
    assert (await desk.grant()).revoke_synced_at is not None


@pytest.mark.parametrize("_", range(5))
async def test_what_an_administrator_removes_while_undoing_is_removed(desk: Desk, _: int) -> None:
    await desk.connect()
    await desk.disconnect()
    await asyncio.gather(
        desk.undo(SOON),
        remove_access(
            desk.portal.services,
            grant=await desk.grant(),
            user=desk.person.email,
            actor="cli",
            reason="admin",
            visitor=visitor(SOON),
        ),
    )
    assert (await desk.grant()).revoked_at is not None
    assert desk.the_pair in desk.deletions


@pytest.mark.parametrize("_", range(3))
async def test_two_removals_at_once_are_one_that_can_be_undone(desk: Desk, _: int) -> None:
    await desk.connect()
    await asyncio.gather(*(desk.disconnect() for _ in range(4)))
    assert len(await desk.pending()) == 1
    undone = await asyncio.gather(*(desk.undo(SOON) for _ in range(4)))
    assert sorted(undone) == ["connected", "connected", "connected", "restored"]


async def allow(desk: Desk, *scopes: str) -> None:
    """The person says yes to *scopes* anew."""
    challenge = desk.ory.plant_consent(
        subject=desk.person.subject, requested_scope=list(scopes), context={"epoch": 0}
    )
    form = ConsentForm(action="accept", consent_challenge=challenge, grant_scope=scopes)
    services = desk.portal.services
    assert isinstance(
        await consent.decide(form, visitor=visitor(SOON), services=services), RedirectTo
    )
