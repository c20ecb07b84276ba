"""How good a password is, told while it is typed: by a small piece of a page, and nothing else."""

import asyncio
import threading
from datetime import UTC, datetime

import httpx
import pytest

from portal.accounts.invitations import invite
from portal.accounts.password_policy import Strength
from portal.passwords.aside import QUEUE
from portal.strength.flow import BURST
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.steps import field, overloaded

EMPTY = '<pid="password-strength"class="hint"></p>'
HTMX = {"HX-Request": "true", "Swap-Only": "target"}


async def token_of_a_form(browser: Browser, portal: Portal) -> str:
    """Of one that asks for a new password."""
    now = datetime.now(UTC)
    invitation = await invite(portal.services, email="eve@example.org", actor="cli", now=now)
    return field(await browser.open(invitation.link), "form_token")


async def ask(browser: Browser, portal: Portal, password: str, **fields: str) -> httpx.Response:
    token = await token_of_a_form(browser, portal)
    form = {"form_token": token, "password": password} | fields
    return await browser._http.post("/password-strength?min_length=15", data=form, headers=HTMX)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "15 more characters needed."),
        ("short", "10 more characters needed."),
        ("fourteen chars", "1 more character needed."),
        ("correct horse battery staple", "hard to guess."),
        ("iloveyouiloveyouiloveyou", "tried first"),
        ("ann.example.password1", "too close to"),
    ],
)
async def test_it_says_what_is_missing_and_how_easily_it_is_guessed(
    portal: Portal, browser: Browser, password: str, words: str
) -> None:
    answer = await ask(browser, portal, password, email="ann@example.org")
    assert answer.status_code == 200
    assert words in answer.text
    assert answer.text.strip().startswith('<p id="password-strength"')
    assert password == "" or password not in answer.text


async def test_only_a_browser_that_was_shown_a_form_is_answered(
    portal: Portal, browser: Browser
) -> None:
    answer = await ask(browser, portal, "correct horse battery staple", form_token="x")
    assert answer.status_code == 403
    assert "to guess" not in answer.text


async def test_the_form_that_asks_for_a_password_that_is_known_already_is_none_of_those(
    portal: Portal, browser: Browser
) -> None:
    token = field(await browser.open(f"{portal.url}/login"), "form_token")
    answer = await ask(browser, portal, "correct horse battery staple", form_token=token)
    assert answer.status_code == 403


@pytest.mark.parametrize("least", ["", "x", "-1", "9999", "1" * 50, "²"])
async def test_a_length_that_no_page_says_is_not_believed(
    portal: Portal, browser: Browser, least: str
) -> None:
    token = await token_of_a_form(browser, portal)
    answer = await browser._http.post(
        "/password-strength",
        params={"min_length": least},
        data={"form_token": token, "password": "seven c"},
        headers=HTMX,
    )
    assert answer.status_code == 200
    assert "1 more character needed." in answer.text


async def test_a_network_is_answered_so_often_and_then_told_to_go_on(
    portal: Portal, browser: Browser
) -> None:
    token = await token_of_a_form(browser, portal)
    form = {"form_token": token, "password": "x"}
    statuses = [
        (await browser._http.post("/password-strength", data=form, headers=HTMX)).status_code
        for _ in range(BURST + 5)
    ]
    assert statuses.count(429) >= 1
    assert statuses[:BURST] == [200] * BURST


async def test_where_too_many_type_at_once_nothing_is_said(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is judged at a time, and whoever signs in waits for none of them."""
    form = {"form_token": await token_of_a_form(browser, portal), "password": "x"}
    at_once, most, let_go = 0, 0, threading.Event()

    def slowly(*_: object, **__: object) -> Strength:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        let_go.wait(20)
        at_once -= 1
        return Strength(4)

    monkeypatch.setattr("portal.strength.flow.strength", slowly)
    async with asyncio.timeout(15), asyncio.TaskGroup() as group:
        asked = [
            group.create_task(browser._http.post("/password-strength", data=form, headers=HTMX))
            for _ in range(1 + QUEUE + 5)
        ]
        answers = asyncio.as_completed(asked)
        quiet = [await next(answers) for _ in range(5)]
        assert not (await portal.services.passwords.verify(None, "x")).matches
        assert portal.services.passwords.waiting == 0
        let_go.set()
    assert [answer.status_code for answer in quiet] == [200] * 5
    assert ["".join(answer.text.split()) for answer in quiet] == [EMPTY] * 5
    assert sum("Very hard to guess." in task.result().text for task in asked) == 1 + QUEUE
    assert most == 1


async def test_a_password_is_judged_also_where_too_many_sign_in(
    portal: Portal, browser: Browser
) -> None:
    with overloaded(portal):
        answer = await ask(browser, portal, "correct horse battery staple")
    assert "hard to guess." in answer.text


@pytest.mark.parametrize("password", ["x" * 30_000, "4@8({[<369!|1i0$5+7%2" * 40, "\u0130" * 500])
async def test_whatever_is_typed_is_judged_quickly(
    portal: Portal, browser: Browser, password: str
) -> None:
    answer = await ask(browser, portal, password)
    assert answer.status_code in (200, 413)
    assert answer.elapsed.total_seconds() < 2
