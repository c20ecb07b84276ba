"""What the operator demands of single apps: verified, needed permissions, a limited duration."""

from datetime import timedelta
from typing import Any

import pytest

from portal.consent.pages import ConsentPage
from portal.decisions import UnrequestedError
from portal.ory.models import RedirectTo
from tests.consent.conftest import NOW, Desk

DAY = 86_400
WEEK = timedelta(days=7)


async def page(desk: Desk, **fields: Any) -> ConsentPage:
    found = await desk.begin(desk.request(**fields))
    assert isinstance(found, ConsentPage)
    return found


async def test_people_are_told_whether_an_app_is_verified(desk: Desk) -> None:
    assert (await page(desk)).app.verified is False
    await desk.demand("another", verified=True)
    assert (await page(desk)).app.verified is False
    await desk.demand(verified=True)
    assert (await page(desk)).app.verified is True


async def test_an_app_cannot_call_itself_verified(desk: Desk) -> None:
    client = {"client_id": "photos", "verified": True, "metadata": {"verified": True}}
    assert (await page(desk, client=client)).app.verified is False


async def test_what_an_app_needs_is_marked_and_not_ticked(desk: Desk) -> None:
    await desk.demand(required_scopes=["email", "photos.read"])
    shown = await page(desk)
    assert [(p.scope, p.needed, p.ticked) for p in shown.permissions] == [
        ("openid", False, False),
        ("email", True, False),
    ]


async def test_without_what_it_needs_an_app_is_not_allowed(desk: Desk) -> None:
    await desk.demand(required_scopes=["email"])
    challenge = desk.request()
    again = await desk.decide(challenge, "openid", remember="always")
    assert isinstance(again, ConsentPage)
    assert again.status == 422
    assert again.error == "Photos needs “See your e-mail address”: tick that too, or deny."
    assert [p.ticked for p in again.permissions] == [True, False]
    assert [d.value for d in again.durations if d.chosen] == ["always"]
    assert desk.double.decisions == []
    assert await desk.grant() is None
    assert isinstance(await desk.decide(challenge, "openid", "email"), RedirectTo)
    assert desk.accepted[0]["grant_scope"] == ["openid", "email"]


async def test_all_that_is_missing_is_named(desk: Desk) -> None:
    await desk.demand(required_scopes=["email", "openid"])
    challenge = desk.request(requested_scope=["openid", "email", "offline"])
    again = await desk.decide(challenge, "offline")
    assert isinstance(again, ConsentPage)
    assert "“Know that it is you” and “See your e-mail address”" in (again.error or "")


async def test_nothing_ticked_is_said_as_ever(desk: Desk) -> None:
    await desk.demand(required_scopes=["email"])
    again = await desk.decide(desk.request())
    assert isinstance(again, ConsentPage)
    assert again.error == "Choose at least one permission, or deny."


@pytest.mark.parametrize("desk", [{"PORTAL_ALLOW_EMPTY_GRANT": "1"}], indirect=True)
async def test_where_nothing_may_be_allowed_the_needed_may_not_be_left_out(desk: Desk) -> None:
    await desk.demand(required_scopes=["email"])
    again = await desk.decide(desk.request())
    assert isinstance(again, ConsentPage)
    assert "needs" in (again.error or "")


async def test_deny_is_always_possible(desk: Desk) -> None:
    await desk.demand(required_scopes=["email", "openid"])
    assert isinstance(await desk.decide(desk.request(), action="reject"), RedirectTo)
    assert desk.rejected == ["access_denied"]


async def test_what_is_needed_but_not_requested_is_neither_asked_nor_given(desk: Desk) -> None:
    await desk.demand(required_scopes=["email"])
    challenge = desk.request(requested_scope=["openid"])
    assert [p.scope for p in (await page(desk, requested_scope=["openid"])).permissions] == [
        "openid"
    ]
    with pytest.raises(UnrequestedError):
        await desk.decide(challenge, "openid", "email")
    assert isinstance(await desk.decide(challenge, "openid"), RedirectTo)
    assert desk.accepted[0]["grant_scope"] == ["openid"]


async def test_a_limit_is_said_and_written_down(desk: Desk) -> None:
    await desk.demand(longest_grant=7 * DAY)
    assert [d.text for d in (await page(desk)).durations] == ["This time only", "For 7 days"]
    await desk.decide(desk.request(), "openid", "email", remember="always")
    grant = await desk.grant()
    assert grant is not None
    assert grant.expires_at == NOW + WEEK
    assert (desk.accepted[0]["remember"], desk.accepted[0]["remember_for"]) == (True, 0)


@pytest.mark.parametrize("desk", [{"PORTAL_REMEMBER_CONSENT_FOR": "1d"}], indirect=True)
async def test_a_limit_never_prolongs_the_portals_own(desk: Desk) -> None:
    await desk.demand(longest_grant=7 * DAY)
    assert [d.text for d in (await page(desk)).durations] == ["This time only", "For 1 day"]
    await desk.decide(desk.request(), "openid", remember="always")
    grant = await desk.grant()
    assert grant is not None
    assert grant.expires_at == NOW + timedelta(days=1)


@pytest.mark.parametrize("skip", [True, False])
async def test_a_covered_grant_beyond_the_limit_is_asked_again(desk: Desk, skip: bool) -> None:
    """It was given before there was a limit."""
    await desk.remember("openid", "email", at=NOW - timedelta(days=8))
    await desk.demand(longest_grant=8 * DAY + 1)
    assert isinstance(await desk.begin(desk.request(skip=skip)), RedirectTo)
    await desk.demand(longest_grant=8 * DAY)
    shown = await desk.begin(desk.request(skip=skip))
    assert isinstance(shown, ConsentPage)
    assert [p.ticked for p in shown.permissions] == [False, False]
    assert len(desk.accepted) == 1


async def test_a_silent_request_beyond_the_limit_is_told_that_somebody_has_to_be_asked(
    desk: Desk,
) -> None:
    await desk.remember("openid", "email", at=NOW - timedelta(days=8))
    await desk.demand(longest_grant=7 * DAY)
    outcome = await desk.begin(desk.request(query="prompt=none", skip=True))
    assert isinstance(outcome, RedirectTo)
    assert (desk.rejected, desk.accepted) == (["consent_required"], [])


async def test_asked_again_the_same_answer_lasts_anew(desk: Desk) -> None:
    await desk.remember("openid", "email", at=NOW - timedelta(days=8))
    await desk.demand(longest_grant=7 * DAY)
    await desk.decide(desk.request(), "openid", "email", remember="always")
    assert isinstance(
        await desk.begin(desk.request(skip=True), now=NOW + timedelta(days=6)), RedirectTo
    )
    assert isinstance(await desk.begin(desk.request(skip=True), now=NOW + WEEK), ConsentPage)
