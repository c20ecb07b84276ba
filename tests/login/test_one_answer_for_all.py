"""Nobody learns from an answer, or from its cost, whether an account exists."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import time_machine

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal
from tests.login.steps import address, answer_again, counting_verifications, field
from tests.real.portal import Person

CORRUPT = "not a hash at all"
TODAY = "m=64,t=1,p=1"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
KINDS = ("unknown", "wrong", "disabled", "without", "corrupt", "garbled", "overlong")
MakePerson = Callable[[str], Awaitable[Person]]


@pytest.fixture
def make_person(portal: Portal) -> MakePerson:
    """Somebody who cannot sign in with the password that they try."""

    async def make(kind: str) -> Person:
        email = f"{kind:x<8}@example.org"
        if kind in ("unknown", "garbled"):
            email = email if kind == "unknown" else email.replace("@", "#")
            return Person(email=email, password="some password", subject="")
        fields: dict[str, Any] = {
            "disabled": {"disabled_at": datetime.now(UTC), "epoch": 1},
            "without": {"password_hash": None},
            "corrupt": {"password_hash": CORRUPT},
        }
        person = await portal.add_user(email, **fields.get(kind, {}))
        tried = {"wrong": "some password", "overlong": "x" * 1025}.get(kind, person.password)
        return Person(email=email, password=tried, subject=person.subject)

    return make


def shape(answer: httpx.Response, person: Person) -> tuple[object, ...]:
    """All of an answer but its token, its challenge and the address that was typed."""
    html = answer.text.replace(person.email, "EMAIL")
    html = re.sub(r'(name="(?:form_token|login_challenge)"\s+value=")[^"]*', r"\1", html)
    headers = [(name, value) for name, value in answer.headers.multi_items()]
    return answer.status_code, headers, html


async def refusal(page_address: str, browser: Browser, person: Person) -> tuple[object, ...]:
    await browser.open(page_address)
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    return shape((await browser.click("accept")).response, person)


async def test_every_refusal_is_the_same_to_the_byte(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, make_person: MakePerson
) -> None:
    people = {kind: await make_person(kind) for kind in KINDS}
    for page in (address(portal, ory.plant_login()), f"{portal.url}/login"):
        answers = {}
        for number, (kind, person) in enumerate(people.items()):
            browser = new_browser(peer=f"203.0.113.{number}")
            answers[kind] = await refusal(page, browser, person)
        for kind in KINDS:
            assert answers[kind] == answers["unknown"], kind
        assert answers["unknown"][0] == 401
    assert ory.decisions == []


async def test_every_refusal_by_htmx_is_the_same_to_the_byte(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, make_person: MakePerson
) -> None:
    challenge = ory.plant_login()
    found = set()
    for kind in KINDS:
        person, browser = await make_person(kind), new_browser()
        page = await browser.open(address(portal, challenge))
        form = {
            "action": "accept",
            "form_token": field(page, "form_token"),
            "login_challenge": challenge,
            "email": person.email,
            "password": person.password,
        }
        answer = await browser._http.post("/login", data=form, headers={"HX-Request": "true"})
        found.add(repr(shape(answer, person)))
    assert len(found) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_every_refusal_costs_one_verification_of_todays_price(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    make_person: MakePerson,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = await make_person(kind)
    with counting_verifications(monkeypatch) as runs:
        await refusal(address(portal, ory.plant_login()), browser, person)
    assert runs == [TODAY]


async def test_a_success_costs_one_verification_too(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with counting_verifications(monkeypatch) as runs:
        page = await browser.open(address(portal, ory.plant_login()))
        await answer_again(browser, page, ann)
    assert runs == [TODAY]


async def test_throttled_answers_are_the_same_for_accounts_that_nobody_has(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, make_person: MakePerson
) -> None:
    found = {}
    page = address(portal, ory.plant_login())
    for number, kind in enumerate(("unknown", "wrong", "disabled", "without", "garbled")):
        person, browser = await make_person(kind), new_browser(peer=f"203.0.113.{number}")
        with time_machine.travel(NOW, tick=False):
            for _ in range(6):
                found[kind] = await refusal(page, browser, person)
    assert {answer[0] for answer in found.values()} == {429}
    assert len({repr(answer) for answer in found.values()}) == 1


async def test_the_audit_trail_knows_who_was_meant_and_the_page_does_not(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    wrong = Person(email=ann.email, password="wrong", subject="")
    nobody = Person(email="nobody@example.org", password="wrong", subject="")
    for person in (wrong, nobody):
        await refusal(address(portal, ory.plant_login()), browser, person)
    async with portal.store.reading() as rows:
        events = (await rows.audit.list_page(after=None, limit=5, oldest_first=True)).events
    assert [(event.action, event.subject) for event in events] == [
        ("login.failed", ann.subject),
        ("login.failed", None),
    ]
