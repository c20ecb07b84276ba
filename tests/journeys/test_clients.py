"""An app's life on the admin's pages: registered, limited by policy, changed, deleted."""

import json

import anyio
import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser, words
from tests.fixtures.chromium import NewContext
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    allow,
    arrive_at,
    box,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    open_portal,
    press_main_button,
    tick_and_allow,
    type_login,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty


async def open_app(browser: Browser, portal: RealPortal, admin: Person, app: App) -> None:
    await open_portal(browser, portal, "/admin/clients", admin)
    page = await browser.open(f"{portal.url}/admin/clients?app={app.client_id}")
    await browser.open(page.link_to("/admin/clients/edit", app.client_id))


async def save(browser: Browser) -> None:
    await press_main_button(browser)
    assert "Saved." in browser.page.text, str(browser.page)


async def test_an_app_that_an_admin_registers_signs_people_in(
    browser: Browser,
    new_browser: NewBrowser,
    portal: RealPortal,
    relying_party: RelyingParty,
    ann: Person,
    admin: Person,
) -> None:
    desk = await new_browser()
    await open_portal(desk, portal, "/admin/clients", admin)
    await desk.follow("Register an app")
    desk.fill("client_name", "Registered by hand")
    desk.page.element("redirect_uris").text = relying_party.callback
    for method in desk.page.element("token_endpoint_auth_method").iter("option"):
        method.attrib.pop("selected", None)
        if method.get("value") == "client_secret_post":
            method.set("selected", "")
    await press_main_button(desk)
    app = App(
        public_url=portal.hydra.public_url,
        admin_url=portal.hydra.admin_url,
        client_id=words(desk.page.element("client-id")),
        client_secret=words(desk.page.element("client-secret")),
        redirect_uri=relying_party.callback,
        name="Registered by hand",
        http=portal.hydra.http,
    )
    tokens = await connect(browser, app, ann, "openid", "offline")
    assert app.is_active(tokens["access_token"])


async def test_a_new_secret_replaces_the_old_one(
    new_browser: NewBrowser, app: App, portal: RealPortal, admin: Person
) -> None:
    desk = await new_browser()
    await open_app(desk, portal, admin, app)
    await desk.follow("Replace the secret")
    await press_main_button(desk)
    new = words(desk.page.element("client-secret"))
    url = f"{app.public_url}/oauth2/token"
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": app.client_id}
    for secret, error in ((app.client_secret, "invalid_client"), (new, "invalid_grant")):
        answer = portal.hydra.http.post(url, data=form | {"client_secret": secret})
        assert answer.json()["error"] == error


async def test_a_policy_holds_for_the_next_request(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    ann: Person,
    admin: Person,
) -> None:
    """Also for what was given before it, and also where Ory would skip."""
    await connect(browser, app, ann, "openid", "email", remember=True, stay=True)
    desk = await new_browser()
    await open_app(desk, portal, admin, app)
    desk.tick("verified")
    desk.fill("required_scopes", "email")
    desk.fill("longest_grant", "1s")
    await save(desk)
    await anyio.sleep(1)
    page = await browser.open(app.authorize_url("openid email", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"
    page = await browser.open(app.authorize_url("openid email"))
    assert is_consent(page)
    assert "Verified by your organisation" in page.text
    page = await allow(browser, "openid")
    assert page.status == 422
    assert "needs “See your e-mail address”" in page.text
    page = await allow(browser, "openid", "email")
    assert app.exchange(code_at(page, app))["scope"] == "openid email"


def test_apps_are_listed_also_where_ory_needs_several_pages(
    new_app: NewApp, portal: RealPortal
) -> None:
    """Hydra 2.3 counts pages, newer releases seal what comes next."""
    made = {
        new_app(client_name=f"Shelf {n}", token_endpoint_auth_method="none").client_id
        for n in range(101)
    }
    try:
        listed = [
            client["client_id"]
            for client in json.loads(portal.cli("clients", "list", "--format", "json"))
        ]
        assert made <= set(listed)
        assert len(listed) == len(set(listed))
    finally:
        for client_id in made:
            portal.hydra.http.delete(f"{portal.hydra.admin_url}/admin/clients/{client_id}")


async def test_a_deleted_app_is_at_its_end(
    browser: Browser,
    new_browser: NewBrowser,
    new_app: NewApp,
    portal: RealPortal,
    ann: Person,
    admin: Person,
) -> None:
    app, other = new_app(client_name="Doomed app"), new_app()
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await browser.open(other.authorize_url("openid"))
    page = await allow(browser, "openid")
    kept = other.exchange(code_at(page, other))
    desk = await new_browser()
    await open_app(desk, portal, admin, app)
    page = await desk.follow("Delete the app")
    assert "1 person has it connected" in page.text
    await press_main_button(desk)
    assert "The app was deleted" in desk.page.text
    assert not other.is_active(tokens["access_token"])
    assert not other.is_active(tokens["refresh_token"])
    assert other.is_active(kept["access_token"])
    page = await browser.open(app.authorize_url("openid"))
    assert not is_back_at(page, app)
    assert (page.url.path, page.status) == ("/error", 400)
    people = await new_browser()
    page = await open_portal(people, portal, "/account/apps", ann)
    assert "Doomed app" not in page.text


@pytest.mark.browser
async def test_an_admin_finds_an_app_by_typing_and_changes_it(
    page: Page, app: App, new_app: NewApp, portal: RealPortal, admin: Person
) -> None:
    new_app(client_name="Something else")
    await page.goto(f"{portal.url}/admin/clients")
    await type_login(page, admin)
    await page.fill("#app", app.client_id)
    await expect(page.locator("#clients-results tbody tr")).to_have_count(1)
    await expect(page).to_have_url(f"{portal.url}/admin/clients?app={app.client_id}")
    await page.get_by_role("link", name="Edit").click()
    await page.fill("#scope", "")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#form-error")).to_be_focused()
    await expect(page.locator("#scope")).to_have_attribute("aria-invalid", "true")
    await page.fill("#scope", "openid email")
    await page.fill("#required_scopes", "email")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")


@pytest.mark.browser
async def test_what_an_app_needs_is_said_without_losing_what_was_ticked(
    page: Page, new_context: NewContext, app: App, portal: RealPortal, ann: Person, admin: Person
) -> None:
    desk = await (await new_context()).new_page()
    await desk.goto(f"{portal.url}/admin/clients/edit?client_id={app.client_id}")
    await type_login(desk, admin)
    await desk.fill("#required_scopes", "email")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.get_by_role("status")).to_have_text("Saved.")
    await page.goto(app.authorize_url("openid email"))
    await type_login(page, ann)
    await tick_and_allow(page, "openid")
    await expect(page.locator("#consent-error")).to_be_focused()
    await expect(page.locator("#consent-error")).to_contain_text("See your e-mail address")
    await expect(box(page, "openid")).to_be_checked()
    await tick_and_allow(page, "email")
    tokens = app.exchange((await arrive_at(page, app))["code"])
    assert tokens["scope"] == "openid email"
