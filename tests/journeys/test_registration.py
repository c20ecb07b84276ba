"""Getting in: registering and invitations, by a real mail server and a real Ory; and another
address.
"""

import re
import secrets

import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser
from tests.fixtures.mail import MailServer, link_in, mail_to
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    allow,
    arrive_at,
    code_at,
    is_consent,
    is_login,
    open_portal,
    sign_in,
    tick_and_allow,
    type_login,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

PASSWORD = "four walls and a kettle"


@pytest.fixture
def app(mail_portal: RealPortal, relying_party: RelyingParty) -> App:
    return mail_portal.hydra.create_client(relying_party)


@pytest.fixture
def email() -> str:
    return f"new-{secrets.token_hex(4)}@example.org"


def person(email: str) -> Person:
    return Person(email=email, password=PASSWORD, subject="")


async def test_somebody_new_comes_from_an_app_and_gets_back_to_it(
    mail_portal: RealPortal, real_mail_server: MailServer, browser: Browser, app: App, email: str
) -> None:
    await browser.open(app.authorize_url("openid email"))
    await browser.open(browser.page.link_to("/register"))
    browser.fill("email", email)
    await browser.click("send")
    await browser.open(link_in(await mail_to(real_mail_server, email)))
    browser.fill("name", "Newman")
    browser.fill("password", PASSWORD)
    await browser.click("accept")
    await browser.follow("Continue to")
    await sign_in(browser, person(email))
    assert is_consent(browser.page)
    await allow(browser, "openid", "email")
    tokens = app.exchange(code_at(browser.page, app))
    told = app.userinfo(tokens["access_token"]).json()
    assert told["sub"]
    assert "email" in tokens["scope"]


@pytest.mark.hydra
async def test_an_app_sends_somebody_to_register_and_is_not_asked_again(
    mail_portal: RealPortal, real_mail_server: MailServer, browser: Browser, app: App, email: str
) -> None:
    page = await browser.open(app.authorize_url("openid", prompt="registration"))
    assert page.url.path == "/register"
    browser.fill("email", email)
    await browser.click("send")
    await browser.open(link_in(await mail_to(real_mail_server, email)))
    browser.fill("password", PASSWORD)
    await browser.click("accept")
    await browser.follow("Continue to")
    assert is_login(browser.page), "and not the page to register"
    await sign_in(browser, person(email))
    await allow(browser, "openid")
    assert app.exchange(code_at(browser.page, app))["access_token"]


@pytest.mark.hydra
async def test_who_was_sent_to_register_can_log_in_instead(
    mail_portal: RealPortal, browser: Browser, app: App, email: str
) -> None:
    known = mail_portal.create_user(email)
    page = await browser.open(app.authorize_url("openid", prompt="registration"))
    assert page.url.path == "/register"
    await browser.follow("I have an account")
    await sign_in(browser, known)
    assert is_consent(browser.page)


async def test_an_invitation_is_mailed_and_accepted(
    mail_portal: RealPortal, real_mail_server: MailServer, browser: Browser, email: str
) -> None:
    assert "invited by mail" in mail_portal.cli("users", "invite", email, "--admin")
    await browser.open(link_in(await mail_to(real_mail_server, email, subject="invited")))
    browser.fill("password", PASSWORD)
    assert (await browser.click("accept")).status == 200
    page = await open_portal(browser, mail_portal, "/admin/grants", person(email))
    assert page.url.path == "/admin/grants"


async def test_an_address_changes_when_both_mailboxes_agree(
    mail_portal: RealPortal,
    real_mail_server: MailServer,
    browser: Browser,
    new_browser: NewBrowser,
    email: str,
) -> None:
    known = mail_portal.create_user(email)
    elsewhere = await new_browser()
    await open_portal(elsewhere, mail_portal, "/account/apps", known)
    await open_portal(browser, mail_portal, "/account/email", known)
    browser.fill("email", f"moved-{email}")
    await browser.click("move")
    for address in (f"moved-{email}", email):
        await browser.open(link_in(await mail_to(real_mail_server, address)))
        assert (await browser.click("accept")).status == 200
    assert "is changed" in browser.page.text
    assert is_login(await elsewhere.open(f"{mail_portal.url}/account/apps"))
    await sign_in(elsewhere, Person(email=f"moved-{email}", password=known.password, subject=""))
    assert elsewhere.page.url.path == "/account/apps"
    for address in (f"moved-{email}", email):
        await mail_to(real_mail_server, address, subject="was changed")


@pytest.mark.hydra
@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False])
async def test_in_chromium_somebody_registers(
    page: Page,
    page_without_javascript: Page,
    mail_portal: RealPortal,
    real_mail_server: MailServer,
    app: App,
    email: str,
    javascript: bool,
) -> None:
    window = page if javascript else page_without_javascript
    await window.goto(app.authorize_url("openid", prompt="registration"))
    await window.fill("#email", email)
    await window.click("#send")
    await expect(window.locator("h1")).to_have_text("Look into your mailbox")
    await window.goto(link_in(await mail_to(real_mail_server, email)))
    await window.fill("#name", "Newman")
    await window.fill("#password", PASSWORD)
    await window.click("#accept")
    await window.get_by_role("link", name=re.compile("Continue to")).click()
    await type_login(window, person(email))
    await tick_and_allow(window, "openid")
    assert (await arrive_at(window, app))["code"]
