"""Leaving an app less: its tokens die, and it gets the rest back without a question."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from portal.account.pages import ChangePage
from portal.account.view import fingerprint
from portal.consent.pages import ConsentPage
from portal.decisions import UnrequestedError
from portal.grants import NARROWED, Policy, narrowed_to, remembered_until, was_narrowed
from portal.ory.models import RedirectTo
from portal.page import GoTo
from portal.revocations import sweep
from portal.store.tables import ClientPolicy, GrantRecord
from portal.store.unit import values_of
from tests.account.conftest import LONG_AGO, NOW, Desk, visitor

SOON = NOW + timedelta(seconds=3)
API, PRINT = "https://api.test", "https://print.test"


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks are where databases differ: both."""
    return database_url


def grant(**fields: Any) -> GrantRecord:
    usual: dict[str, Any] = {
        "subject": "ann",
        "client_id": "photos",
        "client_name": "Photos",
        "scopes": ["openid", "email", "profile"],
        "audience": [API, PRINT],
        "remembered_scopes": ["openid", "email"],
        "remembered_audience": [API],
        "remembered_at": LONG_AGO,
        "remember_for": 86_400 * 30,
        "expires_at": LONG_AGO + timedelta(days=30),
        "hydra_scopes": ["openid", "email"],
        "listable": True,
        "listed_at": LONG_AGO,
        "decision_id": "d",
        "granted_at": LONG_AGO,
        "last_accept_at": LONG_AGO,
    }
    return GrantRecord(**usual | fields)


# The rule


def test_what_is_left_of_a_grant_is_a_part_of_it_in_the_same_order() -> None:
    after = narrowed_to(grant(), ["profile", "openid", "unknown"], [PRINT])
    assert (after.scopes, after.audience) == (["openid", "profile"], [PRINT])
    assert (after.remembered_scopes, after.remembered_audience) == (["openid"], [])


def test_narrowing_prolongs_nothing() -> None:
    before = grant()
    after = narrowed_to(before, ["openid"], [API])
    for policy in (Policy(), Policy(longest=timedelta(days=2))):
        assert remembered_until(after, policy) == remembered_until(before, policy)
    assert (after.granted_at, after.last_accept_at) == (LONG_AGO, LONG_AGO)


def test_of_nothing_that_is_left_nothing_is_remembered() -> None:
    after = narrowed_to(grant(), ["profile"], [PRINT])
    assert after.remembered_at is None
    assert after.remember_for is None
    assert after.expires_at is None


def test_ory_is_known_to_have_nothing_of_it_and_the_grant_lives() -> None:
    after = narrowed_to(grant(), ["openid"], [API])
    assert (after.hydra_scopes, after.listable, after.listed_at) == (None, False, None)
    assert after.revoked_at is None
    assert was_narrowed(after)


# The page, and what follows


async def test_the_narrower_grant_lives_and_its_tokens_die(desk: Desk) -> None:
    await desk.connect(audience=[API, PRINT], remembered_audience=[API, PRINT])
    told = await desk.narrow("openid", audience=(API,))
    assert told == GoTo("/account/apps?notice=narrowed")
    assert desk.deletions == [desk.the_pair]
    after = await desk.grant()
    assert (after.scopes, after.audience) == (["openid"], [API])
    assert (after.revoked_at, after.revoke_synced_at) == (None, None)
    assert await desk.detail("grant.narrowed") == {
        "app": "Photos",
        "before": {"scopes": ["openid", "email"], "audience": [API, PRINT]},
        "after": {"scopes": ["openid"], "audience": [API]},
    }
    (app,) = (await desk.page()).apps
    assert (app.state, app.narrowed) == ("active", True)


async def test_the_app_gets_what_is_left_without_a_question_though_ory_lists_nothing(
    desk: Desk,
) -> None:
    await desk.connect()
    await desk.narrow("openid")
    assert desk.ory.sessions_of(desk.person.subject) == []
    assert isinstance(await desk.arrive("openid", at=SOON), RedirectTo)
    after = await desk.grant()
    assert not was_narrowed(after)
    assert after.hydra_scopes == ["openid"]
    assert after.listable
    assert after.revoked_at is None


async def test_whoever_asks_for_the_rest_again_is_not_given_it_silently(desk: Desk) -> None:
    await desk.connect()
    await desk.narrow("openid")
    for skip in (True, False):
        page = await desk.arrive("openid", "email", at=SOON, skip=skip)
        assert isinstance(page, ConsentPage)
        boxes = {p.scope: p.ticked for p in page.permissions}
        assert boxes == {"openid": False, "email": False}  # it is not the browser that signed in


async def test_an_app_that_asks_every_time_still_does(desk: Desk) -> None:
    await desk.connect(remembered_scopes=[])
    await desk.narrow("openid")
    assert isinstance(await desk.arrive("openid", at=SOON), ConsentPage)


async def test_while_ory_is_away_the_deletion_waits_but_comes_before_anything_new(
    desk: Desk,
) -> None:
    await desk.connect()
    desk.ory.down()
    assert await desk.narrow("openid") == GoTo("/account/apps?notice=narrowing")
    desk.ory.heal()
    assert desk.deletions == []
    assert isinstance(await desk.arrive("openid", at=SOON, skip=True), RedirectTo)
    assert desk.deletions == [desk.the_pair]
    assert await desk.pending() == ()
    assert await desk.work(NOW + timedelta(minutes=1)) == 0


async def test_the_second_sweep_ends_what_was_on_its_way_and_spares_what_came_after(
    desk: Desk,
) -> None:
    await desk.connect()
    await desk.narrow("openid")
    async with desk.portal.store.writing() as rows:
        (swept,) = await rows.revocations.claim_due(
            now=NOW + timedelta(hours=1), limit=1, lease=timedelta()
        )
    desk.ory.deletions.clear()
    await sweep(swept, desk.portal.services)
    assert desk.deletions == [desk.the_pair], "nothing was given since: whatever there is goes"
    answer = await desk.arrive("openid", at=SOON)
    assert isinstance(answer, RedirectTo)
    desk.ory.follow(answer.redirect_to)
    desk.ory.deletions.clear()
    await sweep(swept, desk.portal.services)
    assert desk.deletions == []
    assert len(desk.ory.sessions_of(desk.person.subject)) == 1


async def test_nothing_ticked_leads_to_the_question_whether_to_disconnect(desk: Desk) -> None:
    await desk.connect(audience=[API])
    told = await desk.narrow(audience=(API,))
    assert told == GoTo("/account/apps/disconnect?client_id=photos")
    assert desk.deletions == []
    assert (await desk.grant()).scopes == ["openid", "email"]


async def test_without_any_service_the_permissions_can_stay(desk: Desk) -> None:
    await desk.connect(audience=[API])
    assert await desk.narrow("openid", "email") == GoTo("/account/apps?notice=narrowed")
    assert (await desk.grant()).audience == []


async def test_everything_ticked_changes_nothing(desk: Desk) -> None:
    await desk.connect()
    assert await desk.narrow("email", "openid") == GoTo("/account/apps?notice=unchanged")
    assert desk.deletions == []
    assert await desk.portal.actions() == []


@pytest.mark.parametrize(
    ("scopes", "audience"),
    [
        (("openid", "admin"), (API,)),
        (("openid",), (API, PRINT)),
        (("openid", "openid"), (API,)),
        (("OPENID",), (API,)),
    ],
)
async def test_nothing_can_be_ticked_that_the_app_has_not(
    desk: Desk, scopes: tuple[str, ...], audience: tuple[str, ...]
) -> None:
    await desk.connect(audience=[API])
    with pytest.raises(UnrequestedError):
        await desk.narrow(*scopes, audience=audience)
    assert (await desk.grant()).scopes == ["openid", "email"]
    assert desk.deletions == []


async def test_what_the_app_needs_cannot_be_unticked(desk: Desk) -> None:
    await desk.connect()
    policy = ClientPolicy(
        client_id="photos",
        required_scopes=["openid", "photos.read"],
        updated_at=NOW,
        updated_by="admin",
    )
    async with desk.portal.store.writing() as rows:
        await rows.policies.save(policy)
    page = await desk.narrow("email")
    assert isinstance(page, ChangePage)
    assert page.status == 422
    assert page.error == (
        "Photos needs “Know that it is you”: keep that ticked, or remove its access instead."
    )
    assert [(p.scope, p.needed, p.ticked) for p in page.permissions] == [
        ("openid", True, False),
        ("email", False, True),
    ]
    assert await desk.narrow("openid") == GoTo("/account/apps?notice=narrowed")


async def test_what_came_after_the_form_is_not_unticked_by_it(desk: Desk) -> None:
    await desk.connect()
    seen = fingerprint(await desk.grant())
    await desk.connect(scopes=["openid", "email", "profile"])
    page = await desk.narrow("openid", seen=seen)
    assert isinstance(page, ChangePage)
    assert page.status == 409
    assert [p.ticked for p in page.permissions] == [True, True, True]
    assert desk.deletions == []


async def test_an_app_that_was_removed_meanwhile_is_not_changed(desk: Desk) -> None:
    await desk.connect()
    seen = fingerprint(await desk.grant())
    await desk.disconnect()
    assert await desk.narrow("openid", seen=seen) == GoTo("/account/apps?notice=gone")
    assert (await desk.grant()).scopes == ["openid", "email"]
    assert await desk.undo(SOON) == "restored"


async def test_a_narrowed_app_can_be_narrowed_more_and_removed(desk: Desk) -> None:
    await desk.connect(scopes=["openid", "email", "profile"])
    await desk.narrow("openid", "email")
    await desk.narrow("openid", at=SOON)
    assert (await desk.grant()).scopes == ["openid"]
    await desk.disconnect(SOON)
    after = await desk.grant()
    assert (after.revoked_at, after.revoke_reason) == (SOON, "user")
    assert not was_narrowed(after)


async def test_an_undo_of_a_removal_waits_for_no_deletion_of_a_narrowing(desk: Desk) -> None:
    """With one of them pending nothing is as it was: there is no undo, and none is offered."""
    await desk.connect()
    desk.ory.down()
    await desk.narrow("openid")
    await desk.disconnect(SOON)
    (app,) = (await desk.page(SOON)).apps
    assert app.state == "pending"
    assert await desk.undo(SOON) == "late"


async def test_what_was_narrowed_is_still_so_after_a_removal_was_undone(desk: Desk) -> None:
    """So what was on its way with more permissions is deleted when it has arrived."""
    await desk.connect(remembered_scopes=["openid", "email"])
    await desk.narrow("openid")
    before = await desk.grant()
    await desk.disconnect(SOON)
    assert await desk.undo(SOON) == "restored"
    assert values_of(await desk.grant()) == values_of(before)
    assert was_narrowed(await desk.grant())
    await desk.work(NOW + timedelta(hours=2))
    assert desk.deletions == [desk.the_pair] * 2


async def test_what_was_allowed_after_a_narrowing_is_not_narrowed_by_an_undo(desk: Desk) -> None:
    await desk.connect(remembered_scopes=["openid", "email"])
    await desk.narrow("openid")
    assert isinstance(await desk.arrive("openid", at=SOON), RedirectTo)
    await desk.disconnect(SOON)
    assert await desk.undo(SOON) == "restored"
    assert not was_narrowed(await desk.grant())


@pytest.mark.parametrize("_", range(5))
async def test_narrowing_and_a_silent_request_at_once_never_give_more_than_is_left(
    desk: Desk, _: int
) -> None:
    await desk.connect()
    await asyncio.gather(desk.narrow("openid"), desk.arrive("openid", "email", at=SOON, skip=True))
    after = await desk.grant()
    assert after.scopes in (["openid"], ["openid", "email"])
    if after.scopes == ["openid"]:
        assert desk.the_pair in desk.deletions
        assert isinstance(await desk.arrive("openid", "email", at=SOON, skip=True), ConsentPage)


async def test_the_reason_of_a_deletion_is_kept(desk: Desk) -> None:
    await desk.connect()
    desk.ory.down()
    await desk.narrow("openid")
    (pending,) = await desk.pending()
    assert (pending.reason, pending.undo_until) == (NARROWED, None)
    assert visitor().now == pending.revoked_at
