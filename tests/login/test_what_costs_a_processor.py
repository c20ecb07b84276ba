"""Whatever takes a processor for a while, or a writer, waits in the queue, or is refused."""

import httpx
import pytest

from portal.factors import recovery
from portal.throttle import NETWORK_BURST
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.factors import (
    give_app,
    give_codes,
    give_passkey,
    type_code,
    type_recovery_code,
    use_passkey,
)
from tests.login.steps import overloaded
from tests.real.portal import Person


async def begin(browser: Browser, portal: Portal, person: Person) -> None:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/factor", page


async def test_new_recovery_codes_are_refused_where_the_queue_is_full(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    """Ten scrypt hashes for one click, by anybody who has an account."""
    app = await give_app(portal, ann)
    await begin(browser, portal, ann)
    await type_code(browser, app.now())
    page = await browser.open(f"{portal.url}/account/security/codes")
    (button,) = page.element("content").iter("button")
    with overloaded(portal):
        assert (await browser.submit(button)).status == 503


async def test_a_recovery_code_is_not_hashed_where_the_queue_is_full(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    """Nor while SQLite's only writer is held."""
    await give_app(portal, ann)
    codes = await give_codes(portal, ann)
    await begin(browser, portal, ann)
    with overloaded(portal):
        assert (await type_recovery_code(browser, codes[0])).status == 503
    await begin(browser, portal, ann)
    assert (await type_recovery_code(browser, codes[0])).url.path == "/account/apps"


async def test_a_stranger_fills_the_audit_trail_by_passkeys_no_faster_than_by_passwords(
    portal: Portal, browser: Browser, http: httpx.AsyncClient
) -> None:
    page = await browser.open(f"{portal.url}/login")
    (token, *_) = [i for i in page.root.iter("input") if i.get("name") == "form_token"]
    answers = [
        await http.post(
            "/login/passkey",
            data={"form_token": token.get("value", ""), "credential": "{}"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        for _ in range(NETWORK_BURST + 5)
    ]
    assert {answer.status_code for answer in answers[-3:]} == {429}
    assert (await portal.actions()).count("login.failed") <= NETWORK_BURST + 1


async def test_new_recovery_codes_are_made_five_times_and_then_slowly(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await begin(browser, portal, ann)
    await type_code(browser, app.now())
    statuses = []
    for _ in range(6):
        page = await browser.open(f"{portal.url}/account/security/codes")
        (button,) = page.element("content").iter("button")
        page = await browser.submit(button)
        statuses.append(page.status)
    assert statuses == [200] * 5 + [422]
    assert "10 minutes" in page.text


async def test_recovery_codes_that_are_not_admitted_are_not_hashed(
    portal: Portal, browser: Browser, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give_app(portal, ann)
    await give_codes(portal, ann)
    runs = []
    make = recovery._hash
    monkeypatch.setattr(recovery, "_hash", lambda *args: runs.append(args) or make(*args))
    await begin(browser, portal, ann)
    statuses = []
    for _ in range(8):
        await browser.open(f"{portal.url}/login/factor")
        statuses.append((await type_recovery_code(browser, "0000-0000-0000")).status)
    assert statuses == [401] * 5 + [429] * 3
    assert len(runs) == 5


async def test_passkeys_that_succeed_count_for_no_network(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    key = await give_passkey(portal, ann)
    for _ in range(NETWORK_BURST + 3):
        await browser.open(f"{portal.url}/login")
        page = await use_passkey(browser, key)
        assert page.url.path == "/account/apps", page
