"""Ory takes any number of guesses at a code; the portal does not."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from portal.device.throttle import BROWSER, NETWORK, REQUEST, CodeTry, admit, take_back
from portal.origin import Origin
from portal.store import Store
from tests.device.conftest import CODE, address, codes_told, type_code
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal
from tests.login.steps import answer, field
from tests.real.portal import Person

START = 1_800_000_000.0


def guesses(ory: OryDouble) -> int:
    """How many codes Ory was asked about."""
    return ory.calls.count(("PUT", "/oauth2/auth/requests/device/accept"))


async def post_at_once(
    portal: Portal, browser: Browser, form: dict[str, str], peers: list[str]
) -> list[httpx.Response]:
    async def post(peer: str) -> httpx.Response:
        async with portal.http(peer=peer) as http:
            http.cookies = browser.cookies
            return await http.post("/device/verify", data=form)

    return list(await asyncio.gather(*map(post, peers)))


async def form_of(browser: Browser, portal: Portal, challenge: str, code: str) -> dict[str, str]:
    page = await browser.open(address(portal, challenge))
    token = field(page, "form_token")
    return {"device_challenge": challenge, "form_token": token, "user_code": code}


async def test_of_fifty_guesses_at_once_five_reach_ory(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    """From fifty addresses, so that only the request and the browser count."""
    form = await form_of(browser, portal, challenge, "wrong")
    peers = [f"198.51.100.{number}" for number in range(50)]
    answers = await post_at_once(portal, browser, form, peers)
    assert guesses(ory) == REQUEST.burst == 5
    assert sorted(a.status_code for a in answers) == [422] * 5 + [429] * 45


async def test_fresh_requests_do_not_help_a_browser(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    statuses = [
        (await type_code(browser, portal, ory.plant_device(), "wrong")).status for _ in range(12)
    ]
    assert statuses == [422] * BROWSER.burst + [429] * 2
    assert guesses(ory) == BROWSER.burst


async def test_fresh_browsers_do_not_help_an_address(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    """IPv6 counts by network."""
    statuses = []
    for number in range(25):
        browser = new_browser(peer=f"2001:db8:0:1::{number:x}")
        statuses.append((await type_code(browser, portal, ory.plant_device(), "wrong")).status)
    assert guesses(ory) in (NETWORK.burst, NETWORK.burst + 1), "one more every six seconds"
    assert statuses.count(429) == 25 - guesses(ory)
    elsewhere = new_browser(peer="2001:db8:0:2::1")
    assert (await type_code(elsewhere, portal, ory.plant_device(), CODE)).url.host == "ory.test"


async def test_whoever_has_to_wait_is_told_for_how_long_and_loses_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    for _ in range(5):
        await type_code(browser, portal, challenge, "wrong")
    page = await type_code(browser, portal, challenge, CODE)
    assert page.status == 429
    wait = int(page.response.headers["retry-after"])
    assert 1 <= wait <= 60
    assert "Too many attempts. Please try again in" in page.text
    assert page.element("code").get("value") == CODE
    assert codes_told(ory) == []
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=wait + 1)):
        assert (await browser.click("verify")).url.host == "ory.test"


async def test_with_htmx_the_form_comes_back_to_wait(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, challenge: str
) -> None:
    form = await form_of(browser, portal, challenge, "wrong")
    for _ in range(5):
        await http.post("/device/verify", data=form)
    told = await http.post("/device/verify", data=form, headers={"HX-Request": "true"})
    assert told.status_code == 429
    assert told.headers["hx-retarget"] == "#device-form"
    assert int(told.headers["retry-after"]) > 0


async def test_a_right_code_begins_nothing_anew(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    """With a device of one's own in between, guesses at another's stay as few."""
    statuses = []
    for _ in range(6):
        statuses.append((await type_code(browser, portal, challenge, "wrong")).status)
        await type_code(browser, portal, challenge, CODE)
    assert statuses == [422] * 5 + [429]


async def test_right_codes_cost_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str
) -> None:
    for _ in range(30):
        assert (await type_code(browser, portal, challenge, CODE)).url.host == "ory.test"


async def test_guesses_at_codes_and_at_passwords_are_counted_apart(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    for _ in range(12):
        await type_code(browser, portal, ory.plant_device(), "wrong")
    assert (await answer(browser, portal, ory.plant_login(), ann)).url.host == "ory.test"


# The buckets themselves


def tried(*, request: str = "r", browser: str | None = "b", address: str = "192.0.2.1") -> CodeTry:
    return CodeTry(
        challenge_hash=request * 64,
        browser_hash=browser and browser * 64,
        origin=Origin(address=address),
    )


async def wait_of(store: Store, one: CodeTry, now: float = START) -> float:
    async with store.writing() as rows:
        return await admit(rows, one, now=now)


async def test_parallel_tries_do_not_pass_together(store: Store) -> None:
    waits = await asyncio.gather(
        *(wait_of(store, tried(address=f"198.51.100.{n}")) for n in range(50))
    )
    assert waits.count(0.0) == REQUEST.burst
    assert {round(wait) for wait in waits} == {0, 60}


async def test_a_refused_try_is_counted_nowhere(store: Store) -> None:
    for _ in range(50):
        await wait_of(store, tried())
    others = [await wait_of(store, tried(request="s")) for _ in range(6)]
    assert [bool(wait) for wait in others] == [False] * 5 + [True], "the browser's ten"
    strangers = [
        await wait_of(store, tried(request=r, browser=None)) for r in "tuvw" for _ in "123"
    ]
    assert [bool(wait) for wait in strangers] == [False] * 10 + [True] * 2, "the address's twenty"


async def test_one_more_try_comes_back_each_minute(store: Store) -> None:
    for _ in range(5):
        assert await wait_of(store, tried()) == 0.0
    assert await wait_of(store, tried(), START + 59) == pytest.approx(1)
    assert await wait_of(store, tried(), START + 60) == 0.0
    assert await wait_of(store, tried(), START + 60) == pytest.approx(60)


async def test_taking_back_undoes_one_try_in_every_bucket(store: Store) -> None:
    for _ in range(100):
        assert await wait_of(store, tried()) == 0.0
        async with store.writing() as rows:
            await take_back(rows, tried())
