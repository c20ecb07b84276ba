"""The page of connected apps: what is removed there can be undone, what is reduced dies at Ory."""

import asyncio
import secrets

import pytest

from tests.driver import Browser, words
from tests.fixtures.hydra import NewApp
from tests.journeys.steps import (
    allow,
    code_at,
    connect,
    error_at,
    is_back_at,
    is_consent,
    open_portal,
    press_main_button,
    remove,
    until_dead,
    was_shown,
)
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App


@pytest.fixture
def app(new_app: NewApp) -> App:
    """With a name that no other app has, so that a page can be searched for it."""
    return new_app(client_name=f"Albums {secrets.token_hex(4)}")


async def undo(browser: Browser, app: App) -> None:
    label = f"Undo the removal of {app.name}"
    (button,) = [b for b in browser.page.root.iter("button") if words(b) == label]
    page = await browser.submit(button)
    assert page.status == 200, str(page)


async def reduce_to(browser: Browser, app: App, *scopes: str) -> None:
    """Leave *app* only *scopes*."""
    await browser.open(browser.page.link_to("/account/apps/change", app.client_id))
    browser.choose("grant_scope", *scopes)
    await press_main_button(browser)
    assert "Saved." in browser.page.text, str(browser.page)


async def test_what_is_undone_in_time_never_ended(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, portal, "/account/apps", ann)
    await remove(browser, app)
    assert app.is_active(tokens["access_token"]), "what the page says: it ends in a few seconds"
    await undo(browser, app)
    assert "Undone" in browser.page.text
    await asyncio.sleep(9)
    assert app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code == 200
    page = await browser.open(app.authorize_url("openid offline"))
    assert is_back_at(page, app)
    assert not was_shown(browser, "/consent")
    assert app.name in (await browser.open(f"{portal.url}/account/apps")).text


async def test_what_nobody_undoes_ends_at_ory(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, portal, "/account/apps", ann)
    await remove(browser, app)
    removed = browser.page
    page = await browser.open(app.authorize_url("openid offline", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"
    await until_dead(app, tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    browser.show(removed)
    await undo(browser, app)
    assert "Too late to undo" in browser.page.text
    assert is_consent(await browser.open(app.authorize_url("openid offline")))


async def test_who_allows_it_again_at_once_has_new_tokens_that_stay(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    old = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await open_portal(browser, portal, "/account/apps", ann)
    await remove(browser, app)
    removed = browser.page
    await browser.open(app.authorize_url("openid"))
    await allow(browser, "openid")
    new = app.exchange(code_at(browser.page, app))
    assert not app.is_active(old["access_token"])
    browser.show(removed)
    await undo(browser, app)
    assert "There is nothing to undo" in browser.page.text
    await asyncio.sleep(9)
    assert app.is_active(new["access_token"])
    assert not app.is_active(old["access_token"])


async def test_an_app_that_was_reduced_gets_the_rest_silently_and_asks_for_more(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    tokens = await connect(
        browser, app, ann, "openid", "offline", "email", remember=True, stay=True
    )
    await open_portal(browser, portal, "/account/apps", ann)
    await reduce_to(browser, app, "openid", "offline")
    assert not app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    page = await browser.open(app.authorize_url("openid offline"))
    assert not was_shown(browser, "/consent")
    new = app.exchange(code_at(page, app))
    assert set(new["scope"].split()) == {"openid", "offline"}
    assert "email" not in app.userinfo(new["access_token"]).json()
    page = await browser.open(app.authorize_url("openid offline email"))
    assert is_consent(page)
    assert page.boxes("grant_scope") == {"openid": True, "offline": True, "email": False}
    page = await browser.open(app.authorize_url("openid offline", prompt="none"))
    assert code_at(page, app), "Ory remembers the rest again"
    assert app.is_active(new["access_token"])


async def test_an_app_is_reduced_also_while_ory_is_away(
    browser: Browser, app: App, portal: RealPortal, ann: Person, fault_proxy: FaultProxy
) -> None:
    tokens = await connect(browser, app, ann, "openid", "email", remember=True, stay=True)
    await open_portal(browser, portal, "/account/apps", ann)
    fault_proxy.down()
    await reduce_to(browser, app, "openid")
    assert "It may take a few minutes until the app notices." in browser.page.text
    fault_proxy.heal()
    page = await browser.open(app.authorize_url("openid"))
    new = app.exchange(code_at(page, app))
    assert not app.is_active(tokens["access_token"])
    await asyncio.sleep(8)
    assert app.is_active(new["access_token"])
