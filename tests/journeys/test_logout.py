"""Signing out: of the app, at Ory, of the portal; and what the next person sees."""

from tests.driver import Browser
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import connect, is_back_at, is_consent, is_login, open_portal, sign_in
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty


async def test_an_apps_logout_asks_and_then_comes_back_to_the_app(
    browser: Browser, app: App, relying_party: RelyingParty, ann: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", stay=True)
    page = await browser.open(
        app.logout_url(
            tokens["id_token"], post_logout_redirect_uri=relying_party.after_logout, state="s-1"
        )
    )
    assert page.url.path == "/logout"
    page = await browser.click("accept")
    assert str(page.url) == f"{relying_party.after_logout}?state=s-1"
    assert is_login(await browser.open(app.authorize_url("openid")))


async def test_who_comes_to_the_portal_after_a_logout_is_told_so_once(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", stay=True)
    await browser.open(app.logout_url(tokens["id_token"]))
    page = await browser.click("accept")
    assert str(page.url) == f"{portal.url}/"
    assert "You are signed out." in page.text
    assert "You are signed out." not in (await browser.open(f"{portal.url}/")).text


async def test_a_logout_page_that_is_used_again_does_no_harm(
    browser: Browser, app: App, relying_party: RelyingParty, ann: Person
) -> None:
    """Hydra 2.3 says that it is over; newer releases let it be asked again (hydra-contract 4.4)."""
    tokens = await connect(browser, app, ann, "openid", stay=True)
    asked = await browser.open(
        app.logout_url(tokens["id_token"], post_logout_redirect_uri=relying_party.after_logout)
    )
    await browser.click("accept")
    page = await browser.open(asked.url)
    assert page.status == 200
    if page.has("accept"):
        page = await browser.click("accept")
        assert str(page.url) == relying_party.after_logout
    else:
        assert "You are already signed out" in page.text
    assert is_login(await browser.open(app.authorize_url("openid")))


async def test_staying_signed_in_stays_signed_in(browser: Browser, app: App, ann: Person) -> None:
    tokens = await connect(browser, app, ann, "openid", remember=True, stay=True)
    await browser.open(app.logout_url(tokens["id_token"]))
    page = await browser.click("reject")
    assert page.status == 200
    assert is_back_at(await browser.open(app.authorize_url("openid")), app)


async def test_who_stayed_can_leave_after_all(browser: Browser, app: App, ann: Person) -> None:
    """By the same page on newer releases; on Hydra 2.3 that is gone, and the app asks again."""
    tokens = await connect(browser, app, ann, "openid", stay=True)
    asked = await browser.open(app.logout_url(tokens["id_token"]))
    await browser.click("reject")
    if (await browser.open(asked.url)).status == 404:
        await browser.open(app.logout_url(tokens["id_token"]))
    page = await browser.click("accept")
    assert "You are signed out." in page.text
    assert is_login(await browser.open(app.authorize_url("openid")))


async def test_an_app_without_a_question_is_signed_out_at_once(
    browser: Browser, new_app: NewApp, relying_party: RelyingParty, ann: Person
) -> None:
    app = new_app(skip_logout_consent=True)
    tokens = await connect(browser, app, ann, "openid", stay=True)
    page = await browser.open(
        app.logout_url(tokens["id_token"], post_logout_redirect_uri=relying_party.after_logout)
    )
    assert str(page.url) == relying_party.after_logout


async def test_logout_leaves_the_apps_tokens_alone(browser: Browser, app: App, ann: Person) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await browser.open(app.logout_url(tokens["id_token"]))
    await browser.click("accept")
    assert app.is_active(tokens["access_token"])


async def test_the_next_person_at_a_shared_computer_finds_nothing(
    browser: Browser, app: App, portal: RealPortal, ann: Person, admin: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", "email", remember=True, stay=True)
    await browser.open(app.logout_url(tokens["id_token"]))
    await browser.click("accept")
    for path in ("/", "/account", "/account/apps"):
        assert ann.email not in (await browser.open(portal.url + path)).html
    assert is_login(browser.page)
    page = await browser.open(app.authorize_url("openid email"))
    assert is_login(page)
    assert ann.email not in page.html
    next_tokens = await connect(browser, app, admin, "openid", "email")
    assert app.userinfo(next_tokens["access_token"]).json()["email"] == admin.email


async def test_signing_in_for_an_app_does_not_open_the_portals_own_pages(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    await connect(browser, app, ann, "openid", stay=True)
    assert is_login(await browser.open(f"{portal.url}/account/apps"))


async def test_signing_out_of_the_portal_closes_its_pages(
    browser: Browser, portal: RealPortal, ann: Person
) -> None:
    await open_portal(browser, portal, "/account/apps", ann)
    await browser.open(f"{portal.url}/logout")
    await browser.click("accept")
    assert is_login(await browser.open(f"{portal.url}/account/apps"))


async def test_another_browser_is_not_shown_whose_consent_is_asked(
    browser: Browser, new_browser: NewBrowser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid"))
    consent = await sign_in(browser, ann)
    assert is_consent(consent)
    assert ann.email in consent.html
    stranger = await new_browser()
    page = await stranger.open(consent.url)
    assert ann.email not in page.html
