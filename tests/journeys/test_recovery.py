"""Getting back in: a real mail server, a real Ory, a browser without JavaScript, and Chromium."""

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
    connect,
    is_consent,
    is_login,
    open_portal,
    sign_in,
    tick_and_allow,
    type_login,
    until_dead,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

NEW = "four walls and a kettle"


@pytest.fixture
def eve(mail_portal: RealPortal) -> Person:
    """Somebody of this test's own, because it ends everything of hers."""
    return mail_portal.create_user(f"eve-{secrets.token_hex(4)}@example.org")


@pytest.fixture
def app(mail_portal: RealPortal, relying_party: RelyingParty) -> App:
    return mail_portal.hydra.create_client(relying_party)


def renewed(person: Person) -> Person:
    return Person(email=person.email, password=NEW, subject=person.subject)


async def test_who_forgot_the_password_on_the_way_to_an_app_gets_there(
    mail_portal: RealPortal, real_mail_server: MailServer, browser: Browser, app: App, eve: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await browser.follow("Forgot")
    browser.fill("email", eve.email)
    page = await browser.click("send")
    assert page.status == 200
    await browser.open(link_in(await mail_to(real_mail_server, eve.email)))
    browser.fill("password", NEW)
    page = await browser.click("accept")
    assert page.status == 200, page
    await browser.follow("Continue to")
    assert is_login(browser.page)
    await sign_in(browser, renewed(eve))
    assert is_consent(browser.page)
    await allow(browser, "openid", "offline")
    assert app.is_active(app.exchange(code_at(browser.page, app))["access_token"])
    text = await mail_to(real_mail_server, eve.email, subject="was replaced")
    assert f"{mail_portal.url}/account/security" in text


async def test_a_reset_ends_every_session_and_every_token(
    mail_portal: RealPortal,
    real_mail_server: MailServer,
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    eve: Person,
) -> None:
    tokens = await connect(browser, app, eve, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, mail_portal, "/account/apps", eve)
    owner = await new_browser()
    await owner.open(f"{mail_portal.url}/recover")
    owner.fill("email", eve.email)
    await owner.click("send")
    await owner.open(link_in(await mail_to(real_mail_server, eve.email)))
    owner.fill("password", NEW)
    assert (await owner.click("accept")).status == 200
    await until_dead(app, tokens["refresh_token"])
    assert not app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code == 400
    assert is_login(await browser.open(f"{mail_portal.url}/account/apps"))
    assert is_login(await browser.open(app.authorize_url("openid"))), "Ory forgot the browser"
    assert is_login(await sign_in(browser, eve)), "the old password opens nothing"
    await sign_in(browser, renewed(eve))
    assert is_consent(browser.page), "the app has to ask again"


async def test_the_links_of_mails_are_in_no_log(
    mail_portal: RealPortal, real_mail_server: MailServer, browser: Browser, eve: Person
) -> None:
    await browser.open(f"{mail_portal.url}/recover")
    browser.fill("email", eve.email)
    await browser.click("send")
    link = link_in(await mail_to(real_mail_server, eve.email))
    await browser.open(link)
    browser.fill("password", NEW)
    await browser.click("accept")
    assert link[-43:] not in mail_portal.log.read_text()


@pytest.mark.hydra
@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False])
async def test_in_chromium_a_forgotten_password_is_replaced(
    page: Page,
    page_without_javascript: Page,
    mail_portal: RealPortal,
    real_mail_server: MailServer,
    app: App,
    eve: Person,
    javascript: bool,
) -> None:
    window = page if javascript else page_without_javascript
    await window.goto(app.authorize_url("openid"))
    await window.get_by_role("link", name=re.compile("Forgot")).click()
    await window.fill("#email", eve.email)
    await window.click("#send")
    await expect(window.locator("h1")).to_have_text("Look into your mailbox")
    await window.goto(link_in(await mail_to(real_mail_server, eve.email)))
    await expect(window.locator("#email")).to_have_value(eve.email)
    await window.fill("#password", "kettle")
    await window.click("#accept")
    await expect(window.locator("#password-problem")).to_be_visible()
    await window.fill("#password", NEW)
    if javascript:
        await expect(window.locator("#password-strength")).not_to_be_empty()
    await window.click("#accept")
    await window.get_by_role("link", name=re.compile("Continue to")).click()
    await type_login(window, renewed(eve))
    await tick_and_allow(window, "openid")
    assert (await arrive_at(window, app))["code"]
