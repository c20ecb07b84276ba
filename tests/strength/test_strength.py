"""How good a password is, told while it is typed: by a small piece of a page, and nothing else."""

import httpx
import pytest

from portal.passwords import OverloadedError
from portal.strength.flow import BURST
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.steps import field, overloaded

HTMX = {"HX-Request": "true", "Swap-Only": "target"}


async def ask(browser: Browser, portal: Portal, password: str, **fields: str) -> httpx.Response:
    token = field(await browser.open(f"{portal.url}/login"), "form_token")
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


@pytest.mark.parametrize("least", ["", "x", "-1", "9999", "1" * 50, "²"])
async def test_a_length_that_no_page_says_is_not_believed(
    portal: Portal, browser: Browser, least: str
) -> None:
    token = field(await browser.open(f"{portal.url}/login"), "form_token")
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
    token = field(await browser.open(f"{portal.url}/login"), "form_token")
    form = {"form_token": token, "password": "x"}
    statuses = [
        (await browser._http.post("/password-strength", data=form, headers=HTMX)).status_code
        for _ in range(BURST + 5)
    ]
    assert statuses.count(429) >= 1
    assert statuses[:BURST] == [200] * BURST


async def test_when_the_processors_are_busy_nothing_is_swapped(
    portal: Portal, browser: Browser
) -> None:
    token = field(await browser.open(f"{portal.url}/login"), "form_token")
    with overloaded(portal), pytest.raises(OverloadedError):
        await portal.services.passwords.work(str)
    with overloaded(portal):
        answer = await browser._http.post(
            "/password-strength", data={"form_token": token, "password": "x"}, headers=HTMX
        )
    assert answer.status_code == 503
    assert answer.headers["hx-reswap"] == "none"


@pytest.mark.parametrize("password", ["x" * 30_000, "4@8({[<369!|1i0$5+7%2" * 40, "\u0130" * 500])
async def test_whatever_is_typed_is_judged_quickly(
    portal: Portal, browser: Browser, password: str
) -> None:
    answer = await ask(browser, portal, password)
    assert answer.status_code in (200, 413)
    assert answer.elapsed.total_seconds() < 2
