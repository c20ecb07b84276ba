"""The security page with everything behind it: what ends, ends at Ory too; nothing else does."""

import dataclasses
import secrets

import anyio
import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser, Document, successful, words
from tests.fixtures.chromium import NewContext
from tests.hydra.server import free_port
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    arrive_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    is_login,
    open_portal,
    sign_in,
    sign_in_to_portal,
    tick_and_allow,
    type_login,
    until_dead,
)
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App

SECURITY = "/account/security"
NEW = "four words that nobody guesses"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def eve(portal: RealPortal) -> Person:
    """Somebody of her own for each test, because it is her account that changes."""
    return portal.create_user(f"eve-{secrets.token_hex(4)}@example.org")


@pytest.fixture
async def phone(new_browser: NewBrowser) -> Browser:
    browser = await new_browser()
    browser._http.headers["user-agent"] = IPHONE
    return browser


async def press(browser: Browser, label: str) -> Document:
    (button, *_) = [b for b in browser.page.root.iter("button") if words(b).startswith(label)]
    return await browser.submit(button)


async def end_phone(browser: Browser, portal: RealPortal, person: Person) -> Document:
    """On the security page, from another browser."""
    await open_portal(browser, portal, SECURITY, person)
    assert "Safari on an iPhone" in browser.page.text
    return await press(browser, "Sign out Safari on an iPhone")


async def is_asked(browser: Browser, app: App) -> bool:
    """Whether the app's request leads to the sign-in page."""
    return is_login(await browser.open(app.authorize_url("openid offline")))


async def until_ory_knows(browser: Browser, app: App) -> None:
    """Ory itself refuses, and does not even ask the portal."""
    with anyio.fail_after(30):
        while True:
            page = await browser.open(app.authorize_url("openid offline", prompt="none"))
            assert error_at(page, app)["error"] == "login_required"
            if not any(hop.url.path == "/login" for hop in browser.trail):
                return
            await anyio.sleep(0.5)


async def test_the_browser_whose_session_was_ended_is_asked_and_the_other_is_not(
    browser: Browser, phone: Browser, app: App, portal: RealPortal, eve: Person
) -> None:
    tokens = await connect(phone, app, eve, "openid", "offline", remember=True, stay=True)
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, eve, remember=True)
    assert is_back_at(browser.page, app)
    page = await end_phone(browser, portal, eve)
    assert page.query == {"notice": "ended"}
    assert "Safari on an iPhone" not in page.text.partition("Where you are")[2]
    assert await is_asked(phone, app)
    assert is_back_at(await browser.open(app.authorize_url("openid offline")), app)
    assert app.is_active(tokens["access_token"])
    await phone.open(app.authorize_url("openid offline"))
    assert is_back_at(await sign_in(phone, eve), app)  # what the app was allowed is remembered


async def test_a_session_that_ended_while_ory_was_away_counts_no_more_and_ory_gets_to_know(
    browser: Browser,
    phone: Browser,
    app: App,
    portal: RealPortal,
    eve: Person,
    fault_proxy: FaultProxy,
) -> None:
    await connect(phone, app, eve, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, portal, SECURITY, eve)
    fault_proxy.down()
    page = await press(browser, "Sign out Safari on an iPhone")
    assert page.query == {"notice": "ending"}
    assert "Being signed out" in page.text
    fault_proxy.heal()
    await until_ory_knows(phone, app)
    assert await is_asked(phone, app)
    with anyio.fail_after(30):
        while "Being signed out" in (await browser.reload()).text:  # noqa: ASYNC110 - no event
            await anyio.sleep(0.5)


async def test_a_sign_in_that_is_on_its_way_when_it_is_ended_leads_nowhere(
    browser: Browser, phone: Browser, app: App, portal: RealPortal, eve: Person
) -> None:
    """Ory was told yes, and the browser has not come back with that: Ory would go on, and asks for
    consent (hydra-contract 4.3).
    """
    await phone.open(app.authorize_url("openid offline"))
    phone.fill("email", eve.email)
    phone.fill("password", eve.password)
    phone.tick("remember")
    on_its_way = await accepted(phone)
    page = await end_phone(browser, portal, eve)
    assert page.query == {"notice": "ended"}
    page = await phone.open(on_its_way)
    assert not is_consent(page)
    assert not is_back_at(page, app) or "code" not in page.query
    assert await is_asked(phone, app)
    assert portal.hydra.consent_sessions(eve.subject) == []


async def accepted(browser: Browser) -> str:
    """Send the sign-in form that is open, and do not follow where Ory wants the browser."""
    button = browser.page.element("accept")
    form = browser.page.form_around(button)
    here = browser.page.url
    answer = await browser._http.post(
        here.join(form.get("action", "")),
        data=dict([*successful(form), ("action", "accept")]),
        headers={"Sec-Fetch-Site": "same-origin", "Origin": f"http://localhost:{here.port}"},
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_signing_out_elsewhere_ends_every_sign_in_and_no_grant(
    browser: Browser,
    new_browser: NewBrowser,
    phone: Browser,
    app: App,
    portal: RealPortal,
    eve: Person,
) -> None:
    tokens = await connect(phone, app, eve, "openid", "offline", remember=True, stay=True)
    other = await new_browser()
    await open_portal(other, portal, SECURITY, eve)
    await open_portal(browser, portal, SECURITY, eve)
    page = await browser.click("elsewhere")
    assert page.query == {"notice": "elsewhere"}
    assert is_login(await other.open(portal.url + SECURITY))
    await until_ory_knows(phone, app)
    assert app.is_active(tokens["access_token"])
    refreshed = app.refresh(tokens["refresh_token"])
    assert refreshed.status_code == 200, refreshed.text
    assert (await browser.reload()).url.path == SECURITY
    await phone.open(app.authorize_url("openid offline"))
    assert is_back_at(await sign_in(phone, eve), app)


async def test_a_new_password_holds_at_once_in_every_process(
    browser: Browser,
    new_browser: NewBrowser,
    phone: Browser,
    app: App,
    portal: RealPortal,
    eve: Person,
) -> None:
    tokens = await connect(phone, app, eve, "openid", "offline", remember=True, stay=True)
    second = dataclasses.replace(portal, port=free_port())
    other = await new_browser()
    with second.running():
        await open_portal(other, second, SECURITY, eve)
        half_done = await new_browser()
        await half_done.open(app.authorize_url("openid offline", prompt="consent"))
        await sign_in(half_done, eve)
        assert is_consent(half_done.page)
        await open_portal(browser, portal, f"{SECURITY}/password", eve)
        browser.fill("current_password", eve.password)
        browser.fill("password", NEW)
        page = await press(browser, "Change the password")
        assert page.query == {"notice": "password"}
        assert is_login(await other.open(second.url + SECURITY))
    refused = await half_done.click("accept")
    assert not is_back_at(refused, app)
    await until_ory_knows(phone, app)
    assert app.is_active(tokens["access_token"])
    await phone.open(app.authorize_url("openid offline"))
    assert is_login(await sign_in(phone, eve))
    assert is_back_at(await sign_in(phone, dataclasses.replace(eve, password=NEW)), app)


async def test_a_deleted_account_is_gone_at_ory_too(
    browser: Browser,
    phone: Browser,
    app: App,
    portal: RealPortal,
    eve: Person,
    fault_proxy: FaultProxy,
) -> None:
    tokens = await connect(phone, app, eve, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, portal, f"{SECURITY}/delete", eve)
    assert app.name in browser.page.text
    browser.fill("email", eve.email)
    fault_proxy.down()
    page = await browser.click("delete")
    assert page.url.path == "/goodbye"
    assert app.is_active(tokens["access_token"])
    fault_proxy.heal()
    page = await phone.open(app.authorize_url("openid offline"))
    assert not is_back_at(page, app) or "code" not in page.query
    await until_dead(app, tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    await until_ory_knows(phone, app)
    assert portal.hydra.consent_sessions(eve.subject) == []
    assert is_login(await browser.open(portal.url + SECURITY))
    assert is_login(await sign_in(browser, eve))


@pytest.mark.hydra
@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False], ids=["with script", "without script"])
async def test_in_chromium_from_the_list_to_the_goodbye(
    new_context: NewContext, app: App, portal: RealPortal, eve: Person, *, javascript: bool
) -> None:
    one, other = [await (await new_context(javascript=javascript)).new_page() for _ in range(2)]
    await other.goto(app.authorize_url("openid"))
    await other.locator("#remember").check()
    await type_login(other, eve)
    await tick_and_allow(other, "openid", remember=True)
    await arrive_at(other, app)
    await sign_in_to_portal(one, portal, eve, SECURITY)
    await one.get_by_role("button", name="Sign out Chrome").first.click()
    await expect(one.get_by_role("status").first).to_contain_text("Signed out there.")
    await other.goto(app.authorize_url("openid"))
    await expect(other.locator("#login-title")).to_be_visible()
    await sign_in_to_portal(other, portal, eve, SECURITY)
    await one.click("#elsewhere")
    await expect(one.get_by_role("status").first).to_contain_text("Signed out everywhere else.")
    await other.reload()
    await expect(other.locator("#login-title")).to_be_visible()
    await change_data(one, portal)
    await one.goto(f"{portal.url}{SECURITY}/delete")
    await one.fill("#email", eve.email)
    await one.click("#delete")
    await one.wait_for_url(f"{portal.url}/goodbye")
    await expect(one.get_by_role("heading", level=1)).to_have_text("Your account was deleted")


async def change_data(page: Page, portal: RealPortal) -> None:
    """Fill in one's own data, first wrong, then right."""
    await page.goto(f"{portal.url}/account/profile")
    await page.fill("#birthdate", "yesterday")
    await page.click("#save")
    await expect(page.locator("#birthdate")).to_have_attribute("aria-invalid", "true")
    await page.fill("#birthdate", "1990-12-31")
    await page.click("#save")
    await expect(page.get_by_role("status").first).to_contain_text("Saved.")
    await page.reload()
    await expect(page.locator("#birthdate")).to_have_value("1990-12-31")
