"""What the login page offers beside the password, and proving once more that it is you."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal.page import with_challenge
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.factors import give_app, give_passkey, type_code, use_passkey
from tests.login.steps import address
from tests.login.test_second_factor import sessions
from tests.real.portal import Person

SENSITIVE = "/account/security/password"


def links(page: Document) -> list[str]:
    return [a.get("href", "") for a in page.root.iter("a")]


async def test_nothing_is_offered_that_does_not_work(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    page = await browser.open(address(portal, ory.plant_login()))
    assert not [link for link in links(page) if "/recover" in link or "/register" in link]


async def test_help_keeps_what_the_sign_in_is_for(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL="smtp://mail.example.org", PORTAL_REGISTRATION="1")
    browser = new_browser(at=portal)
    challenge = ory.plant_login()
    page = await browser.open(address(portal, challenge))
    for path in ("/recover", "/register"):
        assert with_challenge(path, "login_challenge", challenge) in links(page)
    page = await browser.open(f"{portal.url}/login")
    assert {"/recover", "/register"} <= set(links(page))


async def test_whoever_shall_register_registers_or_rather_signs_in(
    new_portal: NewPortal, ory: OryDouble
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL="smtp://mail.example.org", PORTAL_REGISTRATION="1")
    request_url = f"{ory.public_url}/oauth2/auth?client_id=photos&prompt=registration"
    challenge = ory.plant_login(request_url=request_url)
    async with portal.http() as http:
        from_ory = await http.get(address(portal, challenge))
        wanted = with_challenge("/register", "login_challenge", challenge)
        assert from_ory.headers["location"] == wanted
        headers = {"Sec-Fetch-Site": "same-origin"}
        from_here = await http.get(address(portal, challenge), headers=headers)
        assert from_here.status_code == 200
        assert "login-form" in from_here.text


async def test_without_registration_it_is_a_sign_in(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    request_url = f"{ory.public_url}/oauth2/auth?client_id=photos&prompt=registration"
    page = await browser.open(address(portal, ory.plant_login(request_url=request_url)))
    assert page.has("login-form")


async def test_what_is_sensitive_says_why_it_asks_again_and_leads_back(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        await sign_in(browser, portal, ann)
    with time_machine.travel(now + timedelta(minutes=25), tick=False):
        await browser.open(f"{portal.url}/account/apps")  # somebody is there
    with time_machine.travel(now + timedelta(minutes=50), tick=False):
        page = await browser.open(portal.url + SENSITIVE)
        assert page.url.path == "/login"
        assert "Please sign in again, so that we know that it is you." in page.text
        assert page.element("email").get("value") == ann.email
        assert page.link("Back to where you were") == f"{portal.url}/account/security"
        browser.fill("password", "wrong")
        page = await browser.click("accept")
        assert page.status == 401
        assert "Please sign in again, so that we know that it is you." in page.text
        assert page.link("Back to where you were") == f"{portal.url}/account/security"
        browser.fill("password", ann.password)
        page = await browser.click("accept")
        assert page.url.path == SENSITIVE


@pytest.mark.parametrize("by", ["code", "passkey"])
async def test_proving_it_again_takes_as_much_as_the_first_time(
    portal: Portal, browser: Browser, ann: Person, by: str
) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        await sign_in(browser, portal, ann)
        app, key = await give_app(portal, ann), await give_passkey(portal, ann)
    with time_machine.travel(now + timedelta(minutes=29), tick=False):
        await browser.open(f"{portal.url}/login?next={SENSITIVE}")
        if by == "passkey":
            page = await use_passkey(browser, key)
        else:
            browser.fill("password", ann.password)
            page = await browser.click("accept")
            assert page.url.path == "/login/factor"
            page = await type_code(browser, app.now())
        assert page.url.path == SENSITIVE
        ((acr, _),) = await sessions(portal, ann)
        assert acr == "aal2"


async def test_a_session_of_a_password_says_so(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    assert await sessions(portal, ann) == [("aal1", ("pwd",))]
