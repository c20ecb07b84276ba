"""Guessing is slow, for everybody but the owner in a browser that is known."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from argon2 import PasswordHasher

from portal.passwords import OverloadedError, Passwords
from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, hashed
from tests.login.steps import answer, counting_verifications, field, overloaded
from tests.real.portal import Person


async def form_of(
    browser: Browser, portal: Portal, person: Person, password: str
) -> dict[str, str]:
    page = await browser.open(f"{portal.url}/login")
    token = field(page, "form_token")
    return {"action": "accept", "form_token": token, "email": person.email, "password": password}


async def statuses(
    portal: Portal, browser: Browser, form: dict[str, str], peers: list[str]
) -> list[int]:
    """Post the same form at once, from each of *peers*."""

    async def post(peer: str) -> int:
        async with portal.http(peer=peer) as http:
            http.cookies = browser.cookies
            return (await http.post("/login", data=form)).status_code

    return list(await asyncio.gather(*map(post, peers)))


async def test_of_a_hundred_guesses_at_once_five_are_looked_at(
    new_portal: NewPortal,
    new_browser: NewBrowser,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    portal = await new_portal(PORTAL_HASH_QUEUE="100")
    browser = new_browser(at=portal)
    form = await form_of(browser, portal, ann, "wrong")
    with counting_verifications(monkeypatch) as runs:
        peers = [f"198.51.100.{number}" for number in range(100)]
        answers = await statuses(portal, browser, form, peers)
    assert len(runs) == 5
    assert sorted(answers) == [401] * 5 + [429] * 95


async def test_of_a_hundred_guesses_from_one_address_twenty_are_looked_at(
    portal: Portal, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a hundred accounts, so that no account is guessed at twice; IPv6 counts by network."""
    page = await browser.open(f"{portal.url}/login")
    start = {"action": "accept", "form_token": field(page, "form_token"), "password": "wrong"}
    with counting_verifications(monkeypatch) as runs:
        answers = []
        for number in range(40):
            form = start | {"email": f"user{number}@example.org"}
            answers += await statuses(portal, browser, form, [f"2001:db8:0:1::{number:x}"])
    assert len(runs) in (20, 21), "one more comes back every six seconds"
    assert answers.count(429) == 40 - len(runs)
    form = start | {"email": "user99@example.org"}
    assert await statuses(portal, browser, form, ["2001:db8:0:2::1"]) == [401]


async def test_the_right_password_does_not_help_while_the_account_waits(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(5):
        assert (await answer(browser, portal, ory.plant_login(), ann, password="no")).status == 401
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert page.status == 429
    assert 1 <= int(page.response.headers["retry-after"]) <= 60
    assert "Too many attempts. Please try again in" in page.text
    assert page.element("email").get("value") == ann.email
    assert ory.decisions == []


async def test_who_has_to_wait_is_told_what_still_works(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    """The same for an account that there is and for one that there is not."""
    for settings, by_mail in (({"PORTAL_SMTP_URL": "smtp://127.0.0.1:9"}, True), ({}, False)):
        portal = await new_portal(**settings)
        eve = await portal.add_user(f"eve{by_mail:d}@example.org")
        nobody = Person(email="nobody@example.org", password="x", subject="nobody")
        for person in (eve, nobody):
            browser = new_browser(at=portal)
            challenge = ory.plant_login()
            for _ in range(6):
                page = await answer(browser, portal, challenge, person, password="no")
            assert page.status == 429, person.email
            hint = words(page.element("waiting-hint"))
            assert "In a browser where you signed in before" in hint
            assert ("by mail" in hint) is by_mail
            if by_mail:
                link = httpx.URL(page.link("a new password by mail"))
                assert (link.path, link.params["login_challenge"]) == ("/recover", challenge)


async def test_the_wait_doubles_up_to_a_quarter_of_an_hour(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    now = datetime.now(UTC)
    waits = []
    for number in range(12):
        with time_machine.travel(now):
            page = await answer(browser, portal, ory.plant_login(), ann, password="no")
            if number >= 4:
                assert page.status == 401
                page = await answer(browser, portal, ory.plant_login(), ann, password="no")
                assert page.status == 429
                wait = int(page.response.headers["retry-after"])
                waits.append(wait)
                now += timedelta(seconds=wait + 5)
            now += timedelta(seconds=6)
    assert [round(wait / 60) for wait in waits] == [1, 2, 4, 8, 15, 15, 15, 15]


async def test_after_the_wait_the_owner_gets_in_and_the_count_is_gone(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(5):
        await answer(browser, portal, ory.plant_login(), ann, password="no")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        await answer(browser, portal, ory.plant_login(), ann)
        assert len(ory.decided("login", "accept")) == 1
        for _ in range(5):
            page = await answer(browser, portal, ory.plant_login(), ann, password="no")
            assert page.status == 401


async def test_strangers_cannot_lock_the_owner_out_of_a_known_browser(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    own, strange = new_browser(peer="198.51.100.1"), new_browser(peer="198.51.100.2")
    await answer(own, portal, ory.plant_login(), ann)
    for _ in range(7):
        await answer(strange, portal, ory.plant_login(), ann, password="no")
    assert strange.page.status == 429
    await answer(own, portal, ory.plant_login(), ann)
    assert len(ory.decided("login", "accept")) == 2


async def test_a_known_browser_guesses_ten_times_and_no_more(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    await answer(browser, portal, ory.plant_login(), ann)
    guesses = [
        (await answer(browser, portal, ory.plant_login(), ann, password="no")).status
        for _ in range(12)
    ]
    assert guesses == [401] * 10 + [429] * 2


async def test_a_browser_is_known_for_one_account_alone(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    await answer(browser, portal, ory.plant_login(), ann)
    guesses = [
        (await answer(browser, portal, ory.plant_login(), bob, password="no")).status
        for _ in range(6)
    ]
    assert guesses == [401] * 5 + [429]


async def test_every_spelling_of_an_account_is_the_same_account(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    spellings = ["ann@example.org", "ANN@example.org", " ann@example.org", "ａnn@example.org",
                 "Ann@EXAMPLE.org", "ann@example.org "]  # fmt: skip
    answers = []
    for spelling in spellings:
        person = Person(email=spelling, password="no", subject="")
        answers.append((await answer(browser, portal, ory.plant_login(), person)).status)
    assert answers == [401] * 5 + [429]


async def test_waiting_is_shared_by_apps_and_the_portal_itself(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(5):
        await answer(browser, portal, ory.plant_login(), ann, password="no")
    form = await form_of(browser, portal, ann, ann.password)
    refused = await browser._http.post("/login", data=form)
    assert refused.status_code == 429


async def test_a_restart_forgives_nobody(
    new_portal: NewPortal, portal: Portal, browser: Browser, ory: OryDouble, ann: Person,
    new_browser: NewBrowser,
) -> None:  # fmt: skip
    for _ in range(5):
        await answer(browser, portal, ory.plant_login(), ann, password="no")
    again = await new_portal()
    page = await answer(new_browser(at=again), again, ory.plant_login(), ann)
    assert page.status == 429


async def test_too_many_sign_ins_at_once_are_told_to_come_back_before_anything_is_looked_up(
    portal: Portal, browser: Browser, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = await form_of(browser, portal, ann, ann.password)
    monkeypatch.setattr(portal.store, "writing", None)
    monkeypatch.setattr(portal.store, "reading", None)
    with overloaded(portal):
        answer = await browser._http.post("/login", data=form)
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert "signing in right now" in answer.text


async def test_a_short_queue_refuses_at_once_and_answers_the_others(
    new_portal: NewPortal, new_browser: NewBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = PasswordHasher.verify

    def slow(*arguments: Any) -> Any:
        time.sleep(0.05)
        return verify(*arguments)

    monkeypatch.setattr(PasswordHasher, "verify", slow)
    portal = await new_portal(PORTAL_HASH_WORKERS="1", PORTAL_HASH_QUEUE="1")
    browser = new_browser(at=portal)
    page = await browser.open(f"{portal.url}/login")
    token = field(page, "form_token")

    async def post(number: int) -> int:
        async with portal.http(peer=f"198.51.100.{number}") as http:
            http.cookies = browser.cookies
            form = {"action": "accept", "form_token": token, "password": "no"}
            answer: httpx.Response = await http.post(
                "/login", data=form | {"email": f"user{number}@example.org"}
            )
            return answer.status_code

    answers = await asyncio.gather(*map(post, range(20)))
    assert set(answers) == {401, 503}


async def test_a_password_that_cannot_be_renewed_now_is_good_all_the_same(
    portal: Portal, browser: Browser, ory: OryDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = hashed("the password of old", memory_cost=32)
    person = await portal.add_user("old@example.org", password_hash=old)

    async def refuse(*_: object) -> str:
        raise OverloadedError(retry_after=3)

    monkeypatch.setattr(Passwords, "hash", refuse)
    await answer(browser, portal, ory.plant_login(), person)
    assert len(ory.decided("login", "accept")) == 1


async def test_an_app_s_sign_in_is_told_to_come_back_before_ory_is_asked(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = ory.plant_login()
    page = await browser.open(f"{portal.url}/login?login_challenge={challenge}")
    form = {
        "action": "accept",
        "form_token": field(page, "form_token"),
        "login_challenge": challenge,
        "email": ann.email,
        "password": ann.password,
    }
    monkeypatch.setattr(portal.store, "writing", None)
    monkeypatch.setattr(portal.store, "reading", None)
    calls = len(ory.calls)
    with overloaded(portal):
        answer = await browser._http.post("/login", data=form)
    assert answer.status_code == 503
    assert answer.elapsed.total_seconds() < 1
    assert len(ory.calls) == calls
