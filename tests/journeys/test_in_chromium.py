"""The main journeys in a real browser and its policies: redirects, CSP, pop-ups, double clicks."""

import re
import secrets

import pytest
from playwright.async_api import Page, expect

from tests.fixtures.hydra import NewApp
from tests.fixtures.tutorial import PerformAuthorizationCode
from tests.journeys.steps import (
    arrive_at,
    box,
    sign_in_to_portal,
    tick_and_allow,
    type_login,
    until_dead,
)
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

pytestmark = [pytest.mark.hydra, pytest.mark.browser]


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
def window(request: pytest.FixtureRequest) -> Page:
    """A Chromium window; each journey that takes it runs both ways."""
    script = request.param == "with JavaScript"
    chosen: Page = request.getfixturevalue("page" if script else "page_without_javascript")
    return chosen


async def test_the_tutorials_flow_ends_at_the_page_with_the_tokens(
    window: Page,
    perform_authorization_code: PerformAuthorizationCode,
    portal: RealPortal,
    ann: Person,
    relying_party: RelyingParty,
) -> None:
    await window.goto(perform_authorization_code())
    await window.get_by_role("link", name="Authorize application").click()
    await type_login(window, ann)
    await tick_and_allow(window, "openid", "offline")
    await window.wait_for_url("http://127.0.0.1:*/callback?*")
    tokens = await window.locator("body").inner_text()
    for word in ("Access Token", "Refresh Token", "ID Token"):
        assert word in tokens
    token = re.search(r"ory_at_[\w.-]+", tokens)
    assert token
    told = portal.hydra.create_client(relying_party).introspect(token[0])
    assert told["active"]
    assert told["sub"] == ann.subject


async def test_a_partial_grant(window: Page, app: App, ann: Person) -> None:
    await window.goto(app.authorize_url("openid offline email"))
    await type_login(window, ann)
    await tick_and_allow(window, "openid")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    assert tokens["scope"] == "openid"


async def test_denying_at_the_login(window: Page, app: App) -> None:
    await window.goto(app.authorize_url())
    await window.click("#reject")
    assert (await arrive_at(window, app))["error"] == "access_denied"


async def test_denying_at_the_consent(window: Page, app: App, ann: Person) -> None:
    await window.goto(app.authorize_url())
    await type_login(window, ann)
    await window.click("#reject")
    assert (await arrive_at(window, app))["error"] == "access_denied"


async def test_a_wrong_password_can_be_corrected(
    window: Page, app: App, portal: RealPortal
) -> None:
    eve = portal.create_user(f"eve-{app.client_id}@example.org")
    await window.goto(app.authorize_url("openid"))
    await window.fill("#email", eve.email)
    await window.fill("#password", "surely not this one")
    await window.click("#accept")
    await expect(window.locator("#login-form")).to_contain_text(re.compile("password", re.I))
    await expect(window.locator("#email")).to_have_value(eve.email)
    await expect(window.locator("#password")).to_have_value("")
    await window.fill("#password", eve.password)
    await window.click("#accept")
    await tick_and_allow(window, "openid")
    assert (await arrive_at(window, app))["code"]


async def test_remembering_lets_the_app_in_at_once(window: Page, app: App, ann: Person) -> None:
    await window.goto(app.authorize_url("openid"))
    await window.locator("#remember").check()
    await type_login(window, ann)
    await tick_and_allow(window, "openid", remember=True)
    first = await arrive_at(window, app)
    await window.goto(app.authorize_url("openid"))
    assert (await arrive_at(window, app))["code"] != first["code"]


async def test_an_apps_logout(
    window: Page, app: App, relying_party: RelyingParty, ann: Person
) -> None:
    await window.goto(app.authorize_url("openid"))
    await window.locator("#remember").check()
    await type_login(window, ann)
    await tick_and_allow(window, "openid")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    target = relying_party.after_logout
    await window.goto(app.logout_url(tokens["id_token"], post_logout_redirect_uri=target))
    await window.click("#accept")
    await window.wait_for_url(target)
    await window.goto(app.authorize_url("openid"))
    await expect(window.locator("#login-title")).to_be_visible()


async def test_a_logout_that_ends_at_the_portal_says_so(
    window: Page, app: App, portal: RealPortal, ann: Person
) -> None:
    await window.goto(app.authorize_url("openid"))
    await window.locator("#remember").check()
    await type_login(window, ann)
    await tick_and_allow(window, "openid")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    await window.goto(app.logout_url(tokens["id_token"]))
    await window.click("#accept")
    await window.wait_for_url(f"{portal.url}/")
    await expect(window.locator("main")).to_contain_text("You are signed out.")
    await window.reload()
    await expect(window.locator("h1")).to_have_text("Welcome")
    await expect(window.locator("main")).not_to_contain_text("You are signed out.")


async def ask_to_remove(window: Page, app: App, portal: RealPortal, ann: Person) -> str:
    """Connect *app* and go to the question whether to remove it: an access token of its own."""
    await window.goto(app.authorize_url("openid offline"))
    await type_login(window, ann)
    await tick_and_allow(window, "openid", "offline")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    await sign_in_to_portal(window, portal, ann, "/account/apps")
    await window.locator(f'a[href*="disconnect"][href*="{app.client_id}"]').click()
    return tokens["access_token"]


async def test_disconnecting_an_app(
    window: Page, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Maps {secrets.token_hex(4)}")
    token = await ask_to_remove(window, app, portal, ann)
    await expect(window.locator("main")).to_contain_text(app.name)
    await window.locator('main form[method="post"] button').first.click()
    await expect(window.locator("main")).to_contain_text("has no access any more")
    await until_dead(app, token)


async def test_a_removal_is_undone(
    window: Page, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Chess {secrets.token_hex(4)}")
    token = await ask_to_remove(window, app, portal, ann)
    await window.locator('main form[method="post"] button').first.click()
    await window.locator(".app", has_text=app.name).get_by_role("button", name="Undo").click()
    await expect(window.locator("main")).to_contain_text("Undone")
    await expect(window.locator(".app", has_text=app.name)).to_contain_text("Remove access")
    assert app.is_active(token)


async def test_a_removed_app_says_by_itself_when_ory_has_been_told(
    page: Page, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Tides {secrets.token_hex(4)}")
    token = await ask_to_remove(page, app, portal, ann)
    await page.locator('main form[method="post"] button').first.click()
    piece = page.locator(".app", has_text=app.name)
    await expect(piece).to_contain_text("stops working in a few seconds")
    await expect(piece).to_contain_text("Access was removed.", timeout=20_000)
    await expect(piece.get_by_role("button")).to_have_count(0)
    assert not app.is_active(token)


async def test_an_admin_searches_and_revokes(
    window: Page, new_app: NewApp, portal: RealPortal, ann: Person, admin: Person
) -> None:
    app = new_app(client_name=f"Music {secrets.token_hex(4)}")
    await window.goto(app.authorize_url("openid offline"))
    await type_login(window, ann)
    await tick_and_allow(window, "openid", "offline")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    await sign_in_to_portal(window, portal, admin, "/admin/grants")
    await window.fill('input[name="client"]', app.client_id)
    await window.keyboard.press("Enter")
    await expect(window.locator("#grants-results")).to_contain_text(app.name)
    await window.locator(f'#grants-results a[href*="/revoke?"][href*="{app.client_id}"]').click()
    await expect(window.locator("main")).to_contain_text(app.name)
    await window.locator('main form[method="post"] button').first.click()
    await expect(window.locator("main")).to_contain_text("was removed")
    assert not app.is_active(tokens["access_token"])


async def test_a_click_by_hand_is_not_swallowed_by_the_search(
    page: Page, app: App, portal: RealPortal, ann: Person, admin: Person
) -> None:
    """A hand holds the button for a moment; nothing may be swapped between down and up."""
    await page.goto(app.authorize_url("openid"))
    await type_login(page, ann)
    await tick_and_allow(page, "openid")
    await arrive_at(page, app)
    await sign_in_to_portal(page, portal, admin, "/admin/grants")
    await page.locator('input[name="client"]').press_sequentially(app.client_id)
    await expect(page.locator("#grants-results tbody tr")).to_have_count(1)
    await page.locator('#grants-results a[href*="/revoke?"]').click(delay=200)
    await expect(page.locator("#grants-results")).to_have_count(0)
    await expect(page.locator("main")).to_contain_text(app.name)


async def test_a_double_click_on_allow_gives_one_working_grant(
    window: Page, app: App, ann: Person
) -> None:
    await window.goto(app.authorize_url("openid offline"))
    await type_login(window, ann)
    for scope in ("openid", "offline"):
        await box(window, scope).check()
    await window.locator("#accept").dblclick()
    answer = await arrive_at(window, app)
    assert app.is_active(app.exchange(answer["code"])["access_token"])


async def test_a_double_click_on_sign_in_ends_at_the_consent(
    window: Page, app: App, ann: Person
) -> None:
    await window.goto(app.authorize_url("openid"))
    await window.fill("#email", ann.email)
    await window.fill("#password", ann.password)
    await window.locator("#accept").dblclick()
    await tick_and_allow(window, "openid")
    assert (await arrive_at(window, app))["code"]


async def test_going_back_after_allowing_does_no_harm(window: Page, app: App, ann: Person) -> None:
    await window.goto(app.authorize_url("openid offline"))
    await type_login(window, ann)
    await tick_and_allow(window, "openid", "offline")
    tokens = app.exchange((await arrive_at(window, app))["code"])
    await window.go_back()
    assert app.is_active(tokens["access_token"])
    await expect(window.locator("body")).not_to_contain_text("Traceback")


async def test_signing_in_within_a_popup_reaches_the_window_that_opened_it(
    page: Page, app: App, relying_party: RelyingParty, ann: Person
) -> None:
    await page.goto(relying_party.popup_page(app.authorize_url("openid")))
    async with page.expect_popup() as opening:
        await page.click("#open")
    popup = await opening.value
    await type_login(popup, ann)
    await tick_and_allow(popup, "openid")
    await expect(page.locator("#result")).to_contain_text("code=")


async def test_when_ory_is_down_the_page_says_so_and_trying_again_works(
    window: Page, app: App, ann: Person, fault_proxy: FaultProxy
) -> None:
    await window.goto(app.authorize_url("openid"))
    await type_login(window, ann)
    await box(window, "openid").check()
    await window.wait_for_load_state("networkidle")
    fault_proxy.down()
    await window.click("#accept")
    await expect(window.locator("#problem")).to_be_visible()
    fault_proxy.heal()
    await window.goto(app.authorize_url("openid"))
    await type_login(window, ann)
    await tick_and_allow(window, "openid")
    assert (await arrive_at(window, app))["code"]


async def test_no_page_breaks_its_own_policy(
    page: Page, app: App, portal: RealPortal, ann: Person, admin: Person
) -> None:
    """The fixture of the window listens for complaints; this visits what no other journey does."""
    await sign_in_to_portal(page, portal, admin, "/admin/grants")
    paths = ("/", "/account", "/account/apps", "/logout", "/nowhere", "/login?login_challenge=x")
    for path in (*paths, "/error?error=invalid_request&error_description=no"):
        answer = await page.goto(portal.url + path)
        assert answer
        assert answer.status < 500
        policy = await answer.header_value("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


async def test_challenges_are_not_told_to_other_sites(
    page: Page, app: App, relying_party: RelyingParty, ann: Person
) -> None:
    referrers: list[str] = []
    page.on(
        "request",
        lambda request: (
            referrers.append(request.headers.get("referer", ""))
            if "/callback" in request.url
            else None
        ),
    )
    await page.goto(app.authorize_url("openid"))
    await type_login(page, ann)
    await tick_and_allow(page, "openid")
    await arrive_at(page, app)
    assert referrers
    assert not any("challenge" in referrer for referrer in referrers)
