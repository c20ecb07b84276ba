"""Whoever got in by the password alone is out when its owner adds a second factor."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pyotp
import pytest

from portal.accounts import administration
from portal.factors import recovery
from portal.login import controller, enrolling, finishing, flow, stepping
from portal.login.authentication import authenticate
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.factors import demand, give_app, type_code
from tests.login.steps import answer, plant_session
from tests.login.test_step_up import SID, plant
from tests.real.portal import Person


async def set_up_an_app(portal: Portal, browser: Browser, person: Person) -> Document:
    """Fill in the page that shows a new secret."""
    page = browser.page
    (sealed,) = [e for e in page.root.iter("input") if e.get("name") == "sealed"]
    purpose = f"one-time codes to be of {person.subject}"
    text = portal.services.sealer.open(sealed.get("value", ""), purpose)
    _, secret = text.split(":")
    browser.fill("code", pyotp.TOTP(secret).now())
    return await browser.submit(next(page.form_around(sealed).iter("button")))


async def add_an_app(portal: Portal, browser: Browser, person: Person) -> Document:
    await sign_in(browser, portal, person)
    await browser.open(f"{portal.url}/account/security/authenticator/add")
    return await set_up_an_app(portal, browser, person)


async def test_a_session_ends_where_the_factor_is_set_up_for_an_app(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    thief = new_browser()
    await sign_in(thief, portal, ann)
    await demand(portal)
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert page.url.path == "/login/enrol", page
    assert (await set_up_an_app(portal, browser, ann)).status == 200
    page = await thief.open(f"{portal.url}/account/security")
    assert page.url.path == "/login", page


async def test_a_browser_that_ory_remembers_is_asked_again(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    """The page says: everywhere but here you have to sign in again."""
    await plant_session(portal, ann, SID)
    assert (await add_an_app(portal, browser, ann)).status == 200
    http.cookies.clear()
    await http.get("/login", params={"login_challenge": plant(ory, ann)})
    assert ory.decided("login", "accept") == []


async def test_a_sign_in_that_was_decided_a_moment_before_opens_nothing(
    portal: Portal,
    browser: Browser,
    new_browser: NewBrowser,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = new_browser()

    async def late(*args: Any, **options: Any) -> Any:
        who = await authenticate(*args, **options)
        monkeypatch.undo()
        assert (await add_an_app(portal, owner, ann)).status == 200
        return who

    monkeypatch.setattr(flow, "authenticate", late)
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    await browser.click("accept")
    page = await browser.open(f"{portal.url}/account/security")
    assert page.url.path == "/login", page


async def test_nor_does_one_that_lacked_nothing_when_it_was_looked_at_last(
    portal: Portal, browser: Browser, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await give_app(portal, ann)

    async def late(*args: Any, **options: Any) -> Any:
        now = datetime.now(UTC)
        await administration.sign_out(portal.store, ann.subject, actor="cli", now=now)
        return await finishing.finish(*args, **options)

    monkeypatch.setattr(controller, "finish", late)
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    await browser.click("accept")
    page = await type_code(browser, app.now())
    assert page.url.path == "/login", page
    async with portal.store.reading() as rows:
        assert await rows.portal_sessions.of_subject(ann.subject) == ()


@pytest.mark.parametrize("at_once", [True, False])
async def test_ory_is_told_before_the_sign_in_that_set_it_up_is_accepted(
    portal: Portal,
    browser: Browser,
    ory: OryDouble,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,
) -> None:
    """A deletion that came later would end the session that begins now."""

    async def put_off(*args: Any) -> bool:
        return False

    if not at_once:
        monkeypatch.setattr(enrolling, "try_now", put_off)
    await plant_session(portal, ann, SID)
    await demand(portal)
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert page.url.path == "/login/enrol", page
    assert (await set_up_an_app(portal, browser, ann)).status == 200
    assert ory.deletions == ([("login", {"subject": ann.subject})] if at_once else [])
    await browser.click("accept")
    assert ory.deletions == [("login", {"subject": ann.subject})]
    (accepted,) = ory.decided("login", "accept")
    assert accepted["acr"] == "aal2"
    order = [path.split("/")[-1] for _, path in ory.calls]
    assert order.index("login", order.index("login") + 1) < order.index("accept")
    async with portal.store.reading() as rows:
        assert await rows.revocations.pending_of(ann.subject) == ()


async def test_nobody_adds_one_beside_it_at_the_same_moment(
    new_portal: NewPortal, new_browser: NewBrowser, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thief's form is on its way when the owner's factor is written."""
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="everyone")
    thief = new_browser(at=portal)
    await thief.open(f"{portal.url}/login")
    thief.fill("email", ann.email)
    thief.fill("password", ann.password)
    assert (await thief.click("accept")).url.path == "/login/enrol"

    async def late(*args: Any, **options: Any) -> Any:
        begun = await stepping.take(*args, **options)
        monkeypatch.undo()
        await give_app(portal, ann)
        return begun

    monkeypatch.setattr(enrolling, "take", late)
    await set_up_an_app(portal, thief, ann)
    async with portal.store.reading() as rows:
        assert len(await rows.totp_factors.of_subject(ann.subject)) == 1


async def test_an_account_that_changes_before_the_codes_are_made_is_no_defect(
    portal: Portal, browser: Browser, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = recovery.prepare_first

    async def late(*args: Any, **options: Any) -> Any:
        now = datetime.now(UTC)
        await administration.sign_out(portal.store, ann.subject, actor="cli", now=now)
        return await make(*args, **options)

    monkeypatch.setattr(recovery, "prepare_first", late)
    assert (await add_an_app(portal, browser, ann)).status < 500
