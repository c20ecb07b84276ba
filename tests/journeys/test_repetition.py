"""Double clicks, back buttons and second tabs do no harm."""

import asyncio
import copy
import secrets

import pytest

from tests.driver import Browser, Document, successful
from tests.fixtures.hydra import NewApp
from tests.journeys.steps import (
    DENIED,
    allow,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    open_portal,
    sign_in,
)
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App


def answer(page: Document, action: str) -> list[tuple[str, str]]:
    """What pressing a button of the page's decision form sends."""
    form = page.form_around(page.element(action))
    return [*successful(form), ("action", action)]


def twin(browser: Browser) -> Browser:
    """A second tab of the same browser, which shows the same page."""
    tab = copy.copy(browser)
    tab.trail = []
    tab.show(Document(browser.page.response))
    return tab


@pytest.mark.postgres  # in memory Hydra fails under concurrent flows
async def test_a_double_click_on_allow_gives_a_code_that_works(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    consent = await sign_in(browser, ann)
    browser.choose("grant_scope", "openid", "offline")
    fields = answer(consent, "accept")
    first, page = await asyncio.gather(
        browser.send_and_look_away("/consent", fields), browser.send("POST", "/consent", fields)
    )
    assert first == 303
    assert app.is_active(app.exchange(code_at(page, app))["access_token"])


@pytest.mark.postgres  # in memory Hydra fails under concurrent flows
async def test_a_double_click_on_sign_in_ends_at_the_consent_page(
    browser: Browser, app: App, ann: Person
) -> None:
    login = await browser.open(app.authorize_url("openid"))
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    fields = answer(login, "accept")
    first, _ = await asyncio.gather(
        browser.send_and_look_away("/login", fields), browser.send("POST", "/login", fields)
    )
    assert first == 303
    await allow(browser, "openid")
    assert code_at(browser.page, app)


@pytest.mark.postgres  # in memory Hydra fails under concurrent flows
async def test_allowing_at_once_in_two_tabs_gives_the_app_one_code(
    browser: Browser, app: App, ann: Person
) -> None:
    """Ory takes the first of the two and tells the app of the other one that it was used."""
    await browser.open(app.authorize_url("openid offline"))
    consent = await sign_in(browser, ann)
    browser.choose("grant_scope", "openid", "offline")
    fields, other = answer(consent, "accept"), twin(browser)
    pages = await asyncio.gather(
        browser.send("POST", "/consent", fields), other.send("POST", "/consent", fields)
    )
    codes = [page.query["code"] for page in pages if "code" in page.query]
    assert len(codes) == 1, "\n".join(map(str, pages))
    assert all(page.status < 500 for page in pages), "\n".join(map(str, pages))
    assert app.is_active(app.exchange(codes[0])["access_token"])


async def test_denying_what_was_allowed_in_another_tab_is_a_conflict(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, ann)
    other = twin(browser)
    await allow(browser, "openid", "offline")
    tokens = app.exchange(code_at(browser.page, app))
    page = await other.click("reject")
    assert page.status == 409
    assert app.is_active(tokens["access_token"])


async def test_allowing_what_was_denied_in_another_tab_is_a_conflict(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, ann)
    other = twin(browser)
    assert error_at(await browser.click("reject"), app) == DENIED
    page = await allow(other, "openid", "offline")
    assert page.status == 409
    assert not is_back_at(page, app)


async def test_going_back_after_allowing_and_allowing_again_keeps_the_tokens(
    browser: Browser, app: App, ann: Person
) -> None:
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, ann)
    earlier = twin(browser)
    await allow(browser, "openid", "offline")
    tokens = app.exchange(code_at(browser.page, app))
    page = await allow(earlier, "openid", "offline")
    assert page.status < 500
    assert app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code == 200


async def test_an_older_tab_never_takes_back_what_a_newer_one_granted(
    browser: Browser, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Tabs {secrets.token_hex(4)}")
    await browser.open(app.authorize_url("openid offline"))
    await sign_in(browser, ann, remember=True)
    older = twin(browser)
    await browser.open(app.authorize_url("openid offline"))
    if not is_consent(browser.page):
        await sign_in(browser, ann, remember=True)
    await allow(browser, "openid", "offline", remember=True)
    tokens = app.exchange(code_at(browser.page, app))
    page = await older.reload()
    assert page.status < 500
    if is_consent(page):
        page = await allow(older, "openid", "offline", remember=True)
        assert page.status < 500
    assert app.is_active(tokens["access_token"])
    assert is_back_at(await browser.open(app.authorize_url("openid offline")), app)
    assert app.name in (await open_portal(browser, portal, "/account/apps", ann)).text


async def test_two_apps_can_be_connected_in_two_tabs(
    browser: Browser, new_app: NewApp, ann: Person
) -> None:
    one, two = new_app(client_name="One"), new_app(client_name="Two")
    await browser.open(one.authorize_url("openid"))
    first = twin(browser)
    await browser.open(two.authorize_url("openid"))
    await sign_in(browser, ann)
    await sign_in(first, ann)
    await allow(browser, "openid")
    await allow(first, "openid")
    assert app_of(browser, two)
    assert app_of(first, one)


def app_of(browser: Browser, app: App) -> bool:
    """Whether *browser* ended at *app* with a code that works there."""
    return app.is_active(app.exchange(code_at(browser.page, app))["access_token"])


async def test_an_app_that_was_connected_twice_is_listed_once(
    browser: Browser, new_app: NewApp, portal: RealPortal, ann: Person
) -> None:
    app = new_app(client_name=f"Twice {secrets.token_hex(4)}")
    await connect(browser, app, ann, "openid")
    await connect(browser, app, ann, "openid", "email")
    page = await open_portal(browser, portal, "/account/apps", ann)
    removals = [
        link
        for a in page.root.iter("a")
        if "/disconnect" in (link := a.get("href", "")) and app.client_id in link
    ]
    assert len(removals) == 1
