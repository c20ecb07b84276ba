"""More than a password: asked for, set up, told to apps truthfully, and told again on skip."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pyotp
import pytest
from playwright.async_api import CDPSession, Page, expect

from portal.store import Store
from portal.store.tables import ClientPolicy
from tests.driver import Browser, Document
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    allow,
    arrive_at,
    code_at,
    error_at,
    is_login,
    sign_in,
    tick_and_allow,
    type_login,
    was_shown,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App

MFA = ["pwd", "otp", "mfa"]


class OwnApp:
    """Somebody's authenticator app: a code that it has shown is not shown again."""

    def __init__(self, page: Document) -> None:
        secret = page.element("totp-secret").text or ""
        self._otp = pyotp.TOTP(secret.replace(" ", ""))
        self._ahead = 0

    async def code(self) -> str:
        """The portal takes the next code too; after that somebody has to wait."""
        code = self._otp.at(datetime.now(UTC) + timedelta(seconds=30 * self._ahead))
        self._ahead += 1
        return code


@pytest.fixture
async def store(portal: RealPortal) -> AsyncIterator[Store]:
    store = Store(portal.database_url, pool_size=2)
    yield store
    await store.dispose()


@pytest.fixture
def person(portal: RealPortal, app: App) -> Person:
    """Somebody of whom no other test knows."""
    return portal.create_user(f"person-{app.client_id}@example.org")


async def demand(store: Store, app: App, acr: str | None = "aal2") -> None:
    """The operator demands a second factor of whoever signs in to *app*."""
    policy = ClientPolicy(
        client_id=app.client_id,
        required_scopes=[],
        required_acr=acr,
        updated_at=datetime.now(UTC),
        updated_by="admin",
    )
    async with store.writing() as rows:
        await rows.policies.save(policy)


async def set_up_app(browser: Browser, app: App, person: Person) -> tuple[OwnApp, list[str]]:
    """Sign in where a second factor is demanded, set one up; the app and the recovery codes."""
    await browser.open(app.authorize_url("openid", acr_values="aal2"))
    page = await sign_in(browser, person)
    assert page.url.path == "/login/enrol"
    own = OwnApp(page)
    browser.fill("code", await own.code())
    page = await browser.click("accept")
    codes = [code.text or "" for code in page.element("recovery-codes").iter("code")]
    await browser.click("accept")
    return own, codes


def told(app: App, page: Document | str) -> tuple[str | None, list[str] | None]:
    """What the app's ID token says about the sign-in."""
    code = page if isinstance(page, str) else code_at(page, app)
    payload = app.exchange(code)["id_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return claims.get("acr"), claims.get("amr")


async def test_a_password_alone_is_told_as_one_factor(
    browser: Browser, app: App, person: Person
) -> None:
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, person)
    assert told(app, await allow(browser, "openid")) == ("aal1", ["pwd"])


async def test_it_is_set_up_on_the_way_to_an_app_and_asked_for_from_then_on(
    browser: Browser, new_browser: NewBrowser, app: App, person: Person
) -> None:
    own, codes = await set_up_app(browser, app, person)
    assert told(app, await allow(browser, "openid")) == ("aal2", MFA)
    other = await new_browser()
    await other.open(app.authorize_url("openid"))
    page = await sign_in(other, person)
    assert page.url.path == "/login/factor"
    other.fill("code", await own.code())
    await other.click("accept")
    assert told(app, await allow(other, "openid")) == ("aal2", MFA)
    third = await new_browser()
    await third.open(app.authorize_url("openid"))
    await sign_in(third, person)
    third.fill("recovery_code", codes[0])
    await third.click("recover")
    assert told(app, await allow(third, "openid")) == ("aal2", MFA)


async def test_an_app_that_asks_for_more_than_a_session_of_before_has_gets_it(
    browser: Browser, new_browser: NewBrowser, app: App, person: Person, store: Store
) -> None:
    browser_of_old = await new_browser()
    await browser_of_old.open(app.authorize_url("openid"))
    await sign_in(browser_of_old, person, remember=True)
    assert told(app, await allow(browser_of_old, "openid", remember=True)) == ("aal1", ["pwd"])
    own, _ = await set_up_app(browser, app, person)
    silent = await browser_of_old.open(
        app.authorize_url("openid", acr_values="aal2", prompt="none")
    )
    assert error_at(silent, app)["error"] == "login_required"
    page = await browser_of_old.open(app.authorize_url("openid", acr_values="aal2"))
    assert page.url.path == "/login", "what was signed in before has ended with the new factor"
    page = await sign_in(browser_of_old, person, remember=True)
    assert page.url.path == "/login/factor"
    browser_of_old.fill("code", await own.code())
    page = await browser_of_old.click("accept")
    assert told(app, page) == ("aal2", MFA)
    silent = await browser_of_old.open(
        app.authorize_url("openid", acr_values="aal2", prompt="none")
    )
    assert told(app, silent) == ("aal2", MFA)
    await demand(store, app)
    page = await browser_of_old.open(app.authorize_url("openid"))
    assert told(app, page) == ("aal2", MFA)


async def test_who_has_none_signs_in_anew_where_an_app_demands_it(
    browser: Browser, app: App, person: Person, store: Store
) -> None:
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, person, remember=True)
    await allow(browser, "openid", remember=True)
    await demand(store, app)
    page = await browser.open(app.authorize_url("openid"))
    assert is_login(page)
    page = await sign_in(browser, person, remember=True)
    assert page.url.path == "/login/enrol"
    own = OwnApp(page)
    browser.fill("code", await own.code())
    await browser.click("accept")
    page = await browser.click("accept")
    assert told(app, page) == ("aal2", MFA)
    assert told(app, await browser.open(app.authorize_url("openid"))) == ("aal2", MFA)
    assert not was_shown(browser, "/login")


async def test_a_browser_whose_session_was_ended_signs_in_without_being_remembered(
    browser: Browser, app: App, portal: RealPortal, person: Person
) -> None:
    """Hydra 2.3 fails to forget a session that is gone there."""
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, person, remember=True)
    await allow(browser, "openid")
    password = f"violet trombone of {app.client_id}"
    portal.cli("users", "set-password", person.email, "--password-stdin", stdin=f"{password}\n")
    changed = Person(email=person.email, password=password, subject=person.subject)
    await anyio.sleep(4)  # the outbox tells Hydra
    for _ in range(2):
        await browser.open(app.authorize_url("openid"))
        assert is_login(browser.page)
        await sign_in(browser, changed)
        assert told(app, await allow(browser, "openid")) == ("aal1", ["pwd"])
        await anyio.sleep(1.5)


async def test_a_form_sent_twice_and_a_second_tab_do_no_harm(
    browser: Browser, app: App, person: Person
) -> None:
    own, _ = await set_up_app(browser, app, person)
    await browser.open(app.authorize_url("openid", prompt="login"))
    page = await sign_in(browser, person)
    second_tab = await browser.reload()
    browser.show(page)
    browser.fill("code", await own.code())
    form = page.form_around(page.element("accept"))
    fields = [(i.get("name", ""), i.get("value", "")) for i in form.iter("input")]
    action = form.get("action", "")
    assert await browser.send_and_look_away(action, [*fields, ("action", "accept")]) == 303
    await browser.click("accept")
    assert told(app, await allow(browser, "openid")) == ("aal2", MFA)
    browser.show(second_tab)
    browser.fill("code", await own.code())
    assert (await browser.click("accept")).status == 410


# In Chromium


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
def window(request: pytest.FixtureRequest) -> Page:
    """A Chromium window; each journey that takes it runs both ways."""
    script = request.param == "with JavaScript"
    chosen: Page = request.getfixturevalue("page" if script else "page_without_javascript")
    return chosen


async def virtual_authenticator(page: Page, *, verifies: bool = True) -> CDPSession:
    """A security key that Chromium pretends to have."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


async def until_codes(page: Page) -> None:
    await expect(page.locator("#recovery-codes")).to_be_visible()
    await page.click("#accept")


@pytest.mark.hydra
@pytest.mark.browser
async def test_a_passkey_is_made_on_the_way_and_is_enough_afterwards(
    page: Page, app: App, person: Person
) -> None:
    await virtual_authenticator(page)
    await page.goto(app.authorize_url("openid", acr_values="aal2"))
    await type_login(page, person)
    await page.get_by_role("button", name="Make a passkey").click()
    await until_codes(page)
    await tick_and_allow(page, "openid")
    acr, amr = told(app, (await arrive_at(page, app))["code"])
    assert acr == "aal2"
    assert amr is not None
    assert {"pwd", "mfa"} < set(amr)
    await page.goto(app.authorize_url("openid", prompt="login", acr_values="aal2"))
    await page.wait_for_url(lambda url: "/consent" in url)  # the browser offers it by itself
    await tick_and_allow(page, "openid")
    acr, amr = told(app, (await arrive_at(page, app))["code"])
    assert acr == "aal2"
    assert amr is not None
    assert "pwd" not in amr
    assert "mfa" in amr


@pytest.mark.hydra
@pytest.mark.browser
async def test_a_passkey_may_stay_signed_in_and_that_is_worth_as_much(
    page: Page, app: App, person: Person
) -> None:
    await virtual_authenticator(page)
    await page.add_init_script(  # else the browser offers it before anything can be ticked
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )
    await page.goto(app.authorize_url("openid", acr_values="aal2"))
    await type_login(page, person)
    await page.get_by_role("button", name="Make a passkey").click()
    await until_codes(page)
    await tick_and_allow(page, "openid", remember=True)
    await arrive_at(page, app)
    await page.goto(app.authorize_url("openid", prompt="login"))
    await page.locator("#remember").check()
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await arrive_at(page, app)
    await page.goto("about:blank")
    await page.goto(app.authorize_url("openid", acr_values="aal2", prompt="none"))
    acr, amr = told(app, (await arrive_at(page, app))["code"])
    assert acr == "aal2"
    assert amr is not None
    assert "pwd" not in amr


@pytest.mark.hydra
@pytest.mark.browser
async def test_a_passkey_beside_a_password_takes_a_step_of_its_own(
    page: Page, app: App, person: Person
) -> None:
    await virtual_authenticator(page, verifies=False)
    await page.goto(app.authorize_url("openid", acr_values="aal2"))
    await type_login(page, person)
    await page.get_by_role("button", name="Make a passkey").click()
    await until_codes(page)
    await tick_and_allow(page, "openid", remember=True)
    await arrive_at(page, app)
    await page.add_init_script(
        "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    )
    await page.goto(app.authorize_url("openid", prompt="login"))
    await type_login(page, person)
    await page.get_by_role("button", name="Use a passkey").click()
    acr, amr = told(app, (await arrive_at(page, app))["code"])
    assert acr == "aal2"
    assert amr is not None
    assert {"pwd", "user", "mfa"} < set(amr)


@pytest.mark.hydra
@pytest.mark.browser
async def test_codes_work_with_and_without_a_script(window: Page, app: App, person: Person) -> None:
    page = window
    await page.goto(app.authorize_url("openid", acr_values="aal2"))
    await type_login(page, person)
    secret = (await page.locator("#totp-secret").text_content() or "").replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).now())
    await page.click("#accept")
    await until_codes(page)
    await tick_and_allow(page, "openid")
    assert told(app, (await arrive_at(page, app))["code"]) == ("aal2", MFA)
    await page.goto(app.authorize_url("openid", prompt="login"))
    await type_login(page, person)
    await page.fill("#code", "000000")
    await page.click("#accept")
    await expect(page.get_by_role("alert").first).to_contain_text("not right")
    later = datetime.now(UTC) + timedelta(seconds=30)
    await page.fill("#code", pyotp.TOTP(secret).at(later))
    await page.click("#accept")
    await tick_and_allow(page, "openid")
    assert told(app, (await arrive_at(page, app))["code"]) == ("aal2", MFA)


@pytest.mark.hydra
@pytest.mark.browser
async def test_the_back_button_leads_to_the_step_before_and_forth_again(
    page: Page, app: App, person: Person
) -> None:
    await page.goto(app.authorize_url("openid", acr_values="aal2"))
    await type_login(page, person)
    await expect(page.locator("#totp-form")).to_be_visible()
    await page.go_back()
    await type_login(page, person)
    await expect(page.locator("#totp-form")).to_be_visible()
    step = page.url
    secret = (await page.locator("#totp-secret").text_content() or "").replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).now())
    await page.click("#accept")
    await until_codes(page)
    await tick_and_allow(page, "openid")
    assert (await arrive_at(page, app))["code"]
    await page.goto(step)
    await expect(page.locator("#content")).to_contain_text("completed already")
