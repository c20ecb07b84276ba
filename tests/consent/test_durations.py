"""How long a decision holds: what can be chosen, what is stored, when and how it is asked again."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from portal.consent import flow
from portal.consent.forms import SummaryForm
from portal.consent.pages import ConsentPage, SummaryPage
from portal.decisions import OppositeDecisionError, UnrequestedError
from portal.ory.models import RedirectTo
from tests.consent.conftest import NOW, Desk, visitor

DAY = 86_400
DAYS = timedelta(days=1)
MONTH = 30 * DAYS
TICK = timedelta(microseconds=1)


async def page(desk: Desk, **fields: Any) -> ConsentPage:
    who = {name: fields.pop(name) for name in ("browser", "now") if name in fields}
    found = await desk.begin(desk.request(**fields), **who)
    assert isinstance(found, ConsentPage)
    return found


def offered(shown: ConsentPage) -> list[tuple[str, str]]:
    return [(duration.value, duration.text) for duration in shown.durations]


def chosen(shown: ConsentPage) -> list[str]:
    return [duration.value for duration in shown.durations if duration.chosen]


async def expiry(desk: Desk) -> tuple[Any, Any]:
    grant = await desk.grant()
    assert grant is not None
    return grant.remember_for, grant.expires_at


async def test_three_durations_are_offered_and_the_shortest_is_chosen(desk: Desk) -> None:
    shown = await page(desk)
    assert offered(shown) == [
        ("once", "This time only"),
        ("2592000", "For 30 days"),
        ("always", "Until I remove it"),
    ]
    assert chosen(shown) == ["once"]
    assert [d.element_id for d in shown.durations] == ["remember-1", "remember-2", "remember"]


@pytest.mark.parametrize(
    ("desk", "longest", "texts"),
    [
        ({}, 90 * DAY, ["For 30 days", "For 90 days"]),
        ({}, 30 * DAY, ["For 30 days"]),
        ({}, 7 * DAY, ["For 7 days"]),
        ({"PORTAL_REMEMBER_CONSENT_FOR": "90d"}, None, ["For 30 days", "For 90 days"]),
        ({"PORTAL_REMEMBER_CONSENT_FOR": "90d"}, 60 * DAY, ["For 30 days", "For 60 days"]),
        (
            {"PORTAL_CONSENT_DURATIONS": "90m,36h,7d"}, 2 * DAY,
            ["For 90 minutes", "For 36 hours", "For 2 days"],
        ),
        ({"PORTAL_CONSENT_DURATIONS": "always"}, None, ["Until I remove it"]),
    ],
    indirect=["desk"],
)  # fmt: skip
async def test_limits_cut_what_is_offered_and_equal_choices_are_one(
    desk: Desk, longest: int | None, texts: list[str]
) -> None:
    await desk.demand(longest_grant=longest)
    shown = await page(desk)
    assert [text for _, text in offered(shown)] == ["This time only", *texts]
    assert chosen(shown) == ["once"]
    assert shown.durations[-1].element_id == "remember"


@pytest.mark.parametrize(
    ("value", "remember_for", "until", "told"),
    [
        ("once", None, None, "once"),
        ("", None, None, "once"),
        ("2592000", 30 * DAY, NOW + MONTH, 30 * DAY),
        ("always", 0, None, "always"),
        ("1", 0, None, "always"),
        ("on", 0, None, "always"),
        ("true", 0, None, "always"),
    ],
)
async def test_what_is_chosen_is_stored_told_to_the_trail_and_not_to_ory(
    desk: Desk, value: str, remember_for: int | None, until: Any, told: Any
) -> None:
    await desk.decide(desk.request(), "openid", "email", remember=value)
    assert await expiry(desk) == (remember_for, until)
    assert (await desk.told("consent.allowed"))["remember_for"] == told
    accept = desk.accepted[0]
    assert (accept["remember"], accept["remember_for"]) == (told != "once", 0)


@pytest.mark.parametrize("desk", [{"PORTAL_REMEMBER_CONSENT_FOR": "90d"}], indirect=True)
async def test_a_script_that_ticks_the_box_gets_the_longest_that_is_offered(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", remember="1")
    assert await expiry(desk) == (90 * DAY, NOW + 90 * DAYS)


@pytest.mark.parametrize(
    "value",
    ["maybe", "86400", "2592001", "-1", "+2592000", "02592000", "2592000s", " once", "Always",
     "None", "9" * 11, "9" * 5000, "２５９２０００", "1e3"],
)  # fmt: skip
async def test_a_duration_that_nobody_offered_is_refused_and_changes_nothing(
    desk: Desk, value: str
) -> None:
    challenge = desk.request()
    form = SummaryForm(consent_challenge=challenge, remember=value)
    for whole_page in (True, False):
        with pytest.raises(UnrequestedError):
            await flow.summarise(
                form, whole_page=whole_page, visitor=visitor(), services=desk.services
            )
    for action in ("accept", "reject"):
        with pytest.raises(UnrequestedError):
            await desk.decide(challenge, "openid", action=action, remember=value)
    assert desk.double.decisions == []
    assert (await desk.grant(), await desk.audit()) == (None, [])


@pytest.mark.parametrize("desk", [{"PORTAL_CONSENT_DURATIONS": "7d,30d"}], indirect=True)
@pytest.mark.parametrize("value", ["always", "2592001", "3000000", "86400"])
async def test_a_limit_makes_no_choice_of_what_never_was_one(desk: Desk, value: str) -> None:
    await desk.demand(longest_grant=7 * DAY)
    with pytest.raises(UnrequestedError):
        await desk.decide(desk.request(), "openid", remember=value)


@pytest.mark.parametrize("before", [None, 90 * DAY])
async def test_a_choice_that_was_shortened_meanwhile_is_cut_and_not_refused(
    desk: Desk, before: int | None
) -> None:
    await desk.demand(longest_grant=before)
    for shown in (await page(desk)).durations[1:]:
        await desk.demand(longest_grant=7 * DAY)
        assert isinstance(
            await desk.decide(desk.request(), "openid", "email", remember=shown.value), RedirectTo
        )
        assert await expiry(desk) == (7 * DAY, NOW + 7 * DAYS)
        assert (await desk.told("consent.allowed"))["remember_for"] == 7 * DAY


async def test_a_choice_is_never_prolonged_by_a_limit_that_was_lifted(desk: Desk) -> None:
    """Who chose 90 days did not choose forever."""
    await desk.demand(longest_grant=90 * DAY)
    value = (await page(desk)).durations[-1].value
    await desk.demand(longest_grant=None)
    with pytest.raises(UnrequestedError):
        await desk.decide(desk.request(), "openid", remember=value)
    assert await desk.grant() is None


async def test_the_choice_survives_a_form_that_comes_back(desk: Desk) -> None:
    again = await desk.decide(desk.request(), remember="2592000")
    assert isinstance(again, ConsentPage)
    assert (again.status, chosen(again)) == (422, ["2592000"])


async def test_the_summary_takes_the_whole_form(desk: Desk) -> None:
    form = SummaryForm(consent_challenge=desk.request(), remember="2592000")
    for whole_page, kind in ((True, ConsentPage), (False, SummaryPage)):
        shown = await flow.summarise(
            form, whole_page=whole_page, visitor=visitor(), services=desk.services
        )
        assert isinstance(shown, kind)


@pytest.mark.parametrize("other", ["once", "always"])
async def test_another_duration_is_another_decision(desk: Desk, other: str) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid", remember="2592000")
    assert isinstance(
        await desk.decide(challenge, "openid", remember="2592000", now=NOW + TICK), RedirectTo
    )
    with pytest.raises(OppositeDecisionError):
        await desk.decide(challenge, "openid", remember=other)
    assert await expiry(desk) == (30 * DAY, NOW + MONTH)


async def test_a_limit_that_comes_between_makes_no_other_decision(desk: Desk) -> None:
    challenge = desk.request()
    await desk.decide(challenge, "openid", remember="always")
    await desk.demand(longest_grant=7 * DAY)
    again = await desk.decide(challenge, "openid", remember="always", now=NOW + TICK)
    assert isinstance(again, RedirectTo)


async def test_the_duration_chosen_last_holds_for_everything(desk: Desk) -> None:
    await desk.decide(desk.request(), "openid", "email", remember="always")
    more = desk.request(requested_scope=["offline"])
    await desk.decide(more, "offline", remember="2592000", now=NOW + DAYS)
    grant = await desk.grant()
    assert grant is not None
    assert grant.remembered_scopes == ["openid", "email", "offline"]
    assert (grant.remembered_at, grant.remember_for) == (NOW + DAYS, 30 * DAY)
    assert grant.expires_at == NOW + DAYS + MONTH


@pytest.mark.parametrize("skip", [True, False])
async def test_a_duration_ends_to_the_microsecond(desk: Desk, skip: bool) -> None:
    await desk.remember("openid", "email", remember_for=30 * DAY, expires_at=NOW + MONTH)
    for now in (NOW + MONTH - timedelta(seconds=1), NOW + MONTH - TICK):
        assert isinstance(await desk.begin(desk.request(skip=skip), now=now), RedirectTo)
    for now in (NOW + MONTH, NOW + MONTH + TICK):
        assert isinstance(await desk.begin(desk.request(skip=skip), now=now), ConsentPage)


async def test_after_its_end_a_silent_request_is_told_that_somebody_has_to_be_asked(
    desk: Desk,
) -> None:
    await desk.remember("openid", "email", expires_at=NOW + MONTH)
    silent = {"query": "prompt=none", "skip": True}
    await desk.begin(desk.request(**silent), now=NOW + MONTH - TICK)
    assert (len(desk.accepted), desk.rejected) == (1, [])
    await desk.begin(desk.request(**silent), now=NOW + MONTH)
    assert (len(desk.accepted), desk.rejected) == (1, ["consent_required"])


async def test_this_time_only_is_asked_about_every_time_even_with_nothing_in_particular(
    desk: Desk,
) -> None:
    for _ in range(3):
        challenge = desk.request(requested_scope=[], skip=False)
        assert isinstance(await desk.begin(challenge), ConsentPage)
        await desk.decide(challenge, remember="once")
    await desk.decide(desk.request(requested_scope=[]), remember="always")
    assert isinstance(await desk.begin(desk.request(requested_scope=[], skip=True)), RedirectTo)


def marks(shown: ConsentPage) -> list[tuple[str, bool, bool, bool]]:
    return [(p.scope, p.ticked, p.was_allowed, p.is_new) for p in shown.permissions]


async def test_asked_again_the_old_choice_is_named_and_nothing_is_ticked(desk: Desk) -> None:
    allowed = NOW - MONTH
    await desk.remember(
        "openid",
        at=allowed,
        remembered_at=allowed,
        remember_for=30 * DAY,
        expires_at=NOW,
        scopes=["openid", "offline"],
    )
    shown = await page(desk, requested_scope=["openid", "email", "offline"])
    assert shown.history == (
        "You allowed this on 24 October 2026, for 30 days. That time is over, so you are asked "
        "again."
    )
    assert chosen(shown) == ["once"]
    assert marks(shown) == [
        ("openid", False, True, False),
        ("email", False, False, True),
        ("offline", False, True, False),
    ]
    assert shown.summary == ()


async def test_a_decision_for_once_in_between_does_not_change_how_the_old_choice_is_named(
    desk: Desk,
) -> None:
    await desk.decide(desk.request(), "openid", "email", remember="2592000")
    between = desk.request(requested_scope=["openid", "email", "offline"])
    await desk.decide(between, "openid", "email", "offline", now=NOW + 9 * DAYS)
    shown = await page(desk, now=NOW + MONTH)
    assert (shown.history or "").startswith("You allowed this on 23 November 2026, for 30 days. ")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"remember_for": 0}, "until you remove it"),
        ({}, "until you remove it"),
        ({"remember_for": 30 * DAY, "expires_at": NOW + 22 * DAYS}, "for 30 days"),
        ({"remember_for": 30 * DAY, "expires_at": NOW - DAYS}, "for 30 days"),
        ({"expires_at": NOW + 22 * DAYS}, "for 30 days"),
    ],
)
async def test_a_choice_that_a_limit_cut_is_named_as_it_was_chosen(
    desk: Desk, columns: dict[str, Any], words: str
) -> None:
    """Whether the stored end was brought in line already or not."""
    await desk.remember("openid", "email", at=NOW - 8 * DAYS, **columns)
    await desk.demand(longest_grant=7 * DAY)
    assert (await page(desk)).history == (
        f"You allowed this on 15 November 2026, {words}. Your organisation has limited this to "
        "7 days since, so you are asked again."
    )


async def test_more_is_asked_as_ever_while_the_rest_is_remembered(desk: Desk) -> None:
    await desk.remember("openid", expires_at=NOW + MONTH, remember_for=30 * DAY)
    shown = await page(desk)
    assert shown.history == (
        "You allowed this app something on 23 November 2026. What is new this time is marked."
    )
    assert chosen(shown) == ["once"]
    assert marks(shown) == [("openid", True, False, False), ("email", False, False, True)]


async def test_what_is_asked_about_again_without_anything_new_needs_no_history(desk: Desk) -> None:
    await desk.remember("openid", "email", "profile")
    shown = await desk.begin(desk.request(query="prompt=consent"))
    assert isinstance(shown, ConsentPage)
    assert shown.history is None


async def test_a_service_that_is_new_is_marked_as_a_permission_is(desk: Desk) -> None:
    await desk.remember("openid", audience=("https://api.test",))
    asked = ["https://api.test", "https://print.test"]
    shown = await page(desk, requested_access_token_audience=asked)
    assert [(a.value, a.is_new) for a in shown.audience] == [
        ("https://api.test", False),
        ("https://print.test", True),
    ]
    stranger = await page(desk, requested_access_token_audience=asked, browser="c" * 64)
    assert not any(a.is_new for a in stranger.audience)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("user", "You removed this app's access on 23 November 2026."),
        ("admin", "This app's access was removed on 23 November 2026."),
        ("revoked at Ory", "This app's access was removed on 23 November 2026."),
    ],
)
async def test_after_a_removal_it_is_said_and_nothing_is_ticked(
    desk: Desk, reason: str, words: str
) -> None:
    await desk.remember("openid", "email", revoked_at=NOW, revoke_reason=reason)
    shown = await page(desk)
    assert shown.history == words
    assert marks(shown) == [("openid", False, False, False), ("email", False, False, False)]


@pytest.mark.parametrize("browser", [None, "c" * 64])
async def test_another_browser_is_not_told_what_was_answered_before(
    desk: Desk, browser: str | None
) -> None:
    await desk.remember("openid", "email", expires_at=NOW, remember_for=DAY)
    shown = await page(desk, browser=browser)
    assert (shown.history, shown.durations) == (None, ())
    assert b"lowed before" not in msgspec.json.encode(shown)
    assert not any(p.was_allowed or p.is_new or p.ticked for p in shown.permissions)


@pytest.mark.parametrize("browser", [None, "c" * 64])
async def test_another_browser_is_not_told_what_is_still_remembered(
    desk: Desk, browser: str | None
) -> None:
    await desk.remember("openid")
    shown = await page(desk, browser=browser)
    assert marks(shown) == [("openid", False, False, False), ("email", False, False, False)]
    assert shown.summary == ()


async def test_a_device_is_asked_each_time_and_offered_nothing_longer(desk: Desk) -> None:
    await desk.remember("openid", "email", expires_at=NOW)
    url = "http://ory.test:4444/oauth2/device/verify?client_id=photos&user_code=****"
    challenge = desk.request(request_url=url, oidc_context=None)
    shown = await desk.begin(challenge)
    assert isinstance(shown, ConsentPage)
    assert (shown.history, shown.durations) == (None, ())
    await desk.decide(challenge, "openid", "email", remember="always")
    assert (await desk.told("consent.allowed"))["remember_for"] == "once"
