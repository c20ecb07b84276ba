"""One decision per challenge, however often and from wherever it is sent."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal
from tests.login.steps import address, answer, answer_again, field, flow_of
from tests.real.portal import Person


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Who comes first is what databases decide: both."""
    return database_url


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_login()


async def test_the_same_answer_again_is_the_same_accept_again(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await browser.open(address(portal, challenge))
    first = await answer_again(browser, page, ann)
    second = await answer_again(browser, page, ann)
    bodies = ory.decided("login", "accept")
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert first.query["login_verifier"] != second.query["login_verifier"]
    assert await portal.actions() == ["login.succeeded"]


async def test_fifty_answers_at_once_are_one_decision(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    page = await browser.open(address(portal, challenge))
    form = {
        "action": "reject",
        "login_challenge": challenge,
        "form_token": field(page, "form_token"),
    }

    async def post(_: int) -> int:
        return (await browser._http.post("/login", data=form)).status_code

    assert set(await asyncio.gather(*map(post, range(50)))) == {303}
    assert await portal.actions() == ["login.rejected"]
    assert len({str(body) for body in ory.decided("login", "reject")}) == 1


async def test_of_allowing_and_denying_at_once_exactly_one_wins(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(5):
        ory.decisions.clear()
        challenge = ory.plant_login()
        page = await browser.open(address(portal, challenge))
        form = {"login_challenge": challenge, "form_token": field(page, "form_token")}
        form |= {"email": ann.email, "password": ann.password}

        async def post(action: str, form: dict[str, str] = form) -> httpx.Response:
            return await browser._http.post("/login", data=form | {"action": action})

        answers = await asyncio.gather(*map(post, ["accept", "reject"] * 3))
        assert {answer.status_code for answer in answers} == {303, 409}
        assert len({verb for _, verb, _ in ory.decisions}) == 1
        assert (await flow_of(portal, challenge)).decision == ory.decisions[0][1]


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (62, 410)])
async def test_the_same_answer_is_taken_again_for_a_minute(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    challenge: str,
    ann: Person,
    seconds: int,
    status: int,
) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        page = await browser.open(address(portal, challenge))
        await answer_again(browser, page, ann)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        assert (await answer_again(browser, page, ann)).status == status
    assert len(ory.decisions) == (2 if status == 200 else 1)


async def test_another_browser_cannot_repeat_the_answer(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    first, second = new_browser(), new_browser()
    pages = [await browser.open(address(portal, challenge)) for browser in (first, second)]
    await answer_again(first, pages[0], ann)
    late = await answer_again(second, pages[1], ann)
    assert late.status == 410
    assert "completed already" in late.text
    assert len(ory.decisions) == 1


@pytest.mark.parametrize("buttons", [("accept", "reject"), ("reject", "accept")])
async def test_the_opposite_answer_is_refused(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    challenge: str,
    ann: Person,
    buttons: tuple[str, str],
) -> None:
    page = await browser.open(address(portal, challenge))
    await answer_again(browser, page, ann, button=buttons[0])
    late = await answer_again(browser, page, ann, button=buttons[1])
    assert late.status == 409
    assert late.link("Start again").startswith(f"{ory.public_url}/oauth2/auth?")
    assert [verb for _, verb, _ in ory.decisions] == [buttons[0]]


async def test_somebody_else_cannot_take_over_an_answered_request(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, bob: Person
) -> None:
    page = await browser.open(address(portal, challenge))
    await answer_again(browser, page, ann)
    assert (await answer_again(browser, page, bob)).status == 409
    subjects = {body["subject"] for body in ory.decided("login", "accept") if body}
    assert subjects == {ann.subject}


async def test_another_choice_to_stay_signed_in_is_another_answer(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await browser.open(address(portal, challenge))
    await answer_again(browser, page, ann)
    assert (await answer_again(browser, page, ann, remember=True)).status == 409
    assert len(ory.decisions) == 1


async def test_a_repetition_needs_the_password_again(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await browser.open(address(portal, challenge))
    await answer_again(browser, page, ann)
    assert (await answer_again(browser, page, ann, password="wrong")).status == 401
    assert len(ory.decisions) == 1


async def test_two_tabs_with_two_requests_do_not_mind_each_other(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    challenges = [ory.plant_login({"client_id": name}) for name in ("photos", "notes")]
    pages = [await browser.open(address(portal, challenge)) for challenge in challenges]
    await answer_again(browser, pages[0], ann)
    await answer_again(browser, pages[1], bob)
    subjects = [body["subject"] for body in ory.decided("login", "accept") if body]
    assert subjects == [ann.subject, bob.subject]


async def test_what_ory_could_not_be_told_may_be_answered_again_much_later(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        page = await browser.open(address(portal, challenge))
        browser.fill("email", ann.email)
        browser.fill("password", ann.password)
        fail_on_decision(ory)
        assert (await browser.click("accept")).status == 503
        assert (await flow_of(portal, challenge)).state == "unsent"
        ory.heal()
        assert ory.decisions == []
    with time_machine.travel(now + timedelta(minutes=20), tick=False):
        again = await browser.open(address(portal, challenge))
        assert again.has("login-form"), "the question is still open to this browser"
        await answer_again(browser, again, ann)
        assert len(ory.decisions) == 1
        assert (await flow_of(portal, challenge)).state == "decided"
        await answer_again(browser, again, ann)
    with time_machine.travel(now + timedelta(minutes=22), tick=False):
        assert (await answer_again(browser, again, ann)).status == 410
    assert page.status == 200
    assert await portal.actions() == ["login.succeeded"]


async def test_what_ory_could_not_be_told_is_still_decided(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await browser.open(address(portal, challenge))
    fail_on_decision(ory)
    assert (await answer_again(browser, page, ann)).status == 503
    ory.heal()
    assert (await answer_again(browser, page, ann, button="reject")).status == 409
    assert ory.decisions == []


async def test_two_browsers_do_not_share_what_could_not_be_told(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    first, second = new_browser(), new_browser()
    page, other = [await b.open(address(portal, challenge)) for b in (first, second)]
    fail_on_decision(ory)
    assert (await answer_again(first, page, ann)).status == 503
    ory.heal()
    assert (await answer_again(second, other, ann)).status == 410
    assert (await answer_again(first, page, ann)).status == 200


def fail_on_decision(ory: OryDouble) -> None:
    """From now on Ory can be read, and hears nothing."""
    route = ory._route

    def deaf(request: httpx.Request, path: str, query: dict[str, str]) -> httpx.Response:
        if request.method == "PUT":
            raise httpx.ConnectError("connection refused", request=request)
        return route(request, path, query)

    vars(ory)["_route"] = deaf
    heal = type(ory).heal

    def healed() -> None:
        vars(ory)["_route"] = route
        heal(ory)

    vars(ory)["heal"] = healed


async def test_an_answer_in_between_two_others_is_not_lost(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(3):
        await answer(browser, portal, ory.plant_login(), ann)
    assert len(ory.decided("login", "accept")) == 3
