"""What administrators do to accounts, felt where people are: at Ory, in apps, half way through."""

import re
import secrets

import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser, Document
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    allow,
    code_at,
    connect,
    is_back_at,
    is_consent,
    is_login,
    open_portal,
    press_main_button,
    sign_in,
    sign_in_to_portal,
    until_dead,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App


@pytest.fixture
def app(new_app: NewApp) -> App:
    return new_app(client_name=f"Albums {secrets.token_hex(4)}")


@pytest.fixture
def dora(portal: RealPortal) -> Person:
    """Somebody of this test alone."""
    return portal.create_user(f"dora-{secrets.token_hex(4)}@example.org")


async def act(browser: Browser, portal: RealPortal, admin: Person, name: str, whom: Person) -> None:
    """Find the person on the admin's page, and do it to them."""
    await open_portal(browser, portal, "/admin/users", admin)
    page = await browser.open(f"{portal.url}/admin/users?who={whom.email}")
    page = await browser.open(page.link_to("/admin/users/one"))
    assert whom.subject in page.text
    await browser.open(page.link_to("/admin/users/act", f"act={name}"))
    await press_main_button(browser)
    assert browser.page.status == 200, str(browser.page)


async def test_who_is_disabled_while_the_consent_page_is_open_gives_nothing(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    dora: Person,
    admin: Person,
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, dora, remember=True)
    assert is_consent(browser.page)
    await act(await new_browser(), portal, admin, "disable", dora)
    page = await allow(browser, "openid", "offline", remember=True)
    assert "code" not in page.query
    page = await browser.open(app.authorize_url("openid offline"))
    assert "code" not in page.query, "Ory may still know the browser, but it is refused"
    page = await browser.open(app.authorize_url("openid offline", prompt="login"))
    assert is_login(page), str(page)
    page = await sign_in(browser, dora)
    assert (page.status, is_login(page)) == (401, True)


async def test_disabling_ends_tokens_and_sign_ins_and_enabling_brings_nothing_back(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    dora: Person,
    admin: Person,
) -> None:
    tokens = await connect(browser, app, dora, "openid", "offline", remember=True, stay=True)
    desk = await new_browser()
    await act(desk, portal, admin, "disable", dora)
    await until_dead(app, tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    await act(desk, portal, admin, "enable", dora)
    page = await browser.open(app.authorize_url("openid offline"))
    assert is_login(page)
    page = await sign_in(browser, dora)
    assert is_consent(page)
    assert page.boxes("grant_scope") == {"openid": False, "offline": False}


async def test_a_demanded_password_is_asked_for_on_the_way_and_apps_keep_their_access(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    dora: Person,
    admin: Person,
) -> None:
    tokens = await connect(browser, app, dora, "openid", "offline", remember=True, stay=True)
    await act(await new_browser(), portal, admin, "expire-password", dora)
    page = await browser.open(app.authorize_url("openid offline"))
    assert is_login(page), "the sign-in at Ory does not count any more"
    page = await sign_in(browser, dora)
    assert page.url.path == "/login/new-password", str(page)
    page = await choose_password(browser, "an entirely different phrase")
    if is_consent(page):
        page = await allow(browser, "openid", "offline")
    assert code_at(page, app)
    assert app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code == 200


async def choose_password(browser: Browser, password: str) -> Document:
    browser.fill("password", password)
    await press_main_button(browser)
    return browser.page


async def test_whoever_is_signed_out_everywhere_signs_in_again_and_is_not_asked(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    dora: Person,
    admin: Person,
) -> None:
    tokens = await connect(browser, app, dora, "openid", remember=True, stay=True)
    await act(await new_browser(), portal, admin, "sign-out", dora)
    page = await browser.open(app.authorize_url("openid"))
    assert is_login(page)
    page = await sign_in(browser, dora)
    assert is_back_at(page, app), "what was allowed is remembered"
    assert app.is_active(tokens["access_token"])


@pytest.mark.hydra
@pytest.mark.browser
async def test_the_search_follows_what_is_typed(
    page: Page, portal: RealPortal, dora: Person, admin: Person
) -> None:
    await sign_in_to_portal(page, portal, admin, "/admin/users")
    rows = page.locator("#users-results tbody tr")
    await page.locator("#who").press_sequentially(dora.email.partition("@")[0], delay=20)
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(dora.email)
    await expect(page).to_have_url(re.compile(r"/admin/users\?who=dora-"))
    await page.select_option("#state", "disabled")
    await expect(page.locator("#users-results")).to_contain_text("Nobody found")
    await page.go_back()
    await expect(rows).to_have_count(1)
    await rows.get_by_role("link").click()
    await page.get_by_role("link", name="Disable").click()
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_role("status")).to_contain_text("The account was disabled")
