"""Ory or the database in trouble: a page that says so, and nothing decided that was not."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from portal.store import StoreError
from portal.store.engine import _WritingConnection
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.steps import address, answer_again
from tests.real.portal import Person


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_login()


async def test_ory_away_is_a_page_that_leads_back_to_itself(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    ory.down()
    page = await browser.open(address(portal, challenge))
    assert page.status == 503
    assert page.response.headers["retry-after"] == "5"
    assert "Try again" in page.text
    assert page.text.count(challenge) == 0
    ory.heal()
    assert (await browser.reload()).has("login-form")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_ory_in_trouble_is_waited_for(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, status: int
) -> None:
    ory.status(status, "<html>nginx")
    page = await browser.open(address(portal, challenge))
    assert page.status == 503
    assert "nginx" not in page.html


async def test_ory_out_of_breath_says_how_long_to_wait(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    ory.status(429, {"error": {"code": 429}}, headers={"Retry-After": "17"})
    page = await browser.open(address(portal, challenge))
    assert page.status == 503
    assert page.response.headers["retry-after"] == "17"


async def test_a_slow_ory_is_not_waited_for(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    ory.slow(30)
    page = await browser.open(address(portal, challenge))
    assert page.status == 503


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Welcome to nginx</html>"),
        (200, []),
        (200, {}),
        (200, {"client": {}, "request_url": "x", "skip": "maybe", "subject": 1}),
        (404, "404 page not found"),
        (405, "no"),
        (302, "moved"),
        (418, {"error": "teapot"}),
        (400, {"error": "invalid_request"}),
    ],
)
async def test_an_answer_that_makes_no_sense_is_told_as_such(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, status: int, body: Any
) -> None:
    ory.status(status, body)
    page = await browser.open(address(portal, challenge))
    assert page.status == 502
    assert "does not fit together" in page.text


async def test_a_redirect_to_elsewhere_is_not_followed(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    challenge: str,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = await browser.open(address(portal, challenge))
    for target in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/relative"):
        monkeypatch.setattr(ory, "_redirect_to", lambda *_, to=target: to)
        answer = await answer_again(browser, page, ann)
        assert answer.status == 502
        assert "evil" not in str(answer.response.headers)


async def test_the_other_pages_stay_while_ory_is_away(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    ory.down()
    for path in ("/", "/login", "/logout", "/error", "/health/alive", "/health/ready"):
        assert (await browser.open(portal.url + path)).status in (200, 400)
    ready = (await browser._http.get("/health/ready")).json()
    assert ready == {"status": "ok", "ory": "unavailable"}


@contextmanager
def failing_commit(number: int) -> Iterator[list[int]]:
    """The disk is full at the *number*-th commit from now on, and at no other."""
    seen = [0]

    def commit(connection: sqlite3.Connection) -> None:
        seen[0] += 1
        if seen[0] == number:
            raise sqlite3.OperationalError("database or disk is full")
        sqlite3.Connection.commit(connection)

    with patch.object(_WritingConnection, "commit", commit):
        yield seen


@pytest.mark.parametrize("button", ["accept", "reject"])
async def test_ory_is_not_told_what_could_not_be_written_down(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person, button: str
) -> None:
    page = await browser.open(address(portal, challenge))
    last = {"accept": 2, "reject": 1}[button]
    for number in range(1, last + 1):
        with failing_commit(number) as commits:
            answer = await answer_again(browser, page, ann, button=button)
        assert commits == [number], "nothing was written after it"
        assert answer.status == 503
        assert ory.decisions == []
        assert await portal.actions() == []
    with failing_commit(0) as commits:
        await answer_again(browser, page, ann, button=button)
    assert commits == [last]
    assert len(ory.decisions) == 1


async def test_a_silent_answer_is_not_sent_before_it_is_written_down(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = ory.plant_login(skip=True, subject=ann.subject)
    with failing_commit(1):
        assert (await browser.open(address(portal, challenge))).status == 503
    assert ory.decisions == []
    await browser.open(address(portal, challenge))
    assert len(ory.decisions) == 1


async def test_a_sign_in_to_the_portal_that_is_not_written_down_is_none(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = browser.page
    for number in (1, 2):
        browser.show(page)
        with failing_commit(number):
            assert (await browser.click("accept")).status == 503
        assert all("session" not in cookie.name for cookie in browser.cookies.jar)


async def test_a_database_that_is_away_is_no_mistake_of_the_visitors(
    portal: Portal, browser: Browser, challenge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("secret details of the database")

    for way in ("writing", "reading", "at_once"):
        monkeypatch.setattr(portal.store, way, fail)
    page = await browser.open(address(portal, challenge))
    assert page.status == 503
    assert "secret details" not in page.html
    assert (await browser.open(f"{portal.url}/health/alive")).status == 200


@pytest.mark.parametrize(("kind", "status"), [("expire", 410), ("use_up", 410), ("forget", 404)])
async def test_a_request_that_ends_between_question_and_answer_is_no_mistake_of_orys(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, kind: str, status: int
) -> None:
    """Also where nobody was asked, or it was about signing out."""
    pages = {
        ory.plant_login(skip=True, subject=ann.subject): "login",
        ory.plant_logout({"skip_logout_consent": True}, subject=ann.subject): "logout",
    }
    for challenge, page in pages.items():
        with ending_at_the_answer(ory, kind, page, challenge):
            late = await browser.open(f"{portal.url}/{page}?{page}_challenge={challenge}")
        assert late.status == status, page
    assert ory.decisions == []


@contextmanager
def ending_at_the_answer(ory: OryDouble, kind: str, page: str, challenge: str) -> Iterator[None]:
    """The request is there when it is read, and gone when it is answered."""
    decide = ory._decide

    def late(*arguments: Any) -> Any:
        if kind == "forget":
            del ory._requests[page, challenge]
        else:
            getattr(ory, kind)(challenge)
        found = ory._request(page, {f"{page}_challenge": challenge})
        return found if found.status_code != 200 else decide(*arguments)

    vars(ory)["_decide"] = late
    yield
    del vars(ory)["_decide"]
