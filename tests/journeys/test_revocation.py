"""Taking back: by the person, by an admin, or at Ory; tokens die and the next visit asks."""

import asyncio
import secrets

import pytest

from tests.driver import Browser
from tests.fixtures.hydra import NewApp
from tests.journeys.conftest import NewBrowser
from tests.journeys.steps import (
    allow,
    code_at,
    connect,
    disconnect,
    error_at,
    is_back_at,
    is_consent,
    open_portal,
    press_main_button,
    until_dead,
)
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App


@pytest.fixture
def app(new_app: NewApp) -> App:
    """With a name that no other app has, so that a page can be searched for it."""
    return new_app(client_name=f"Albums {secrets.token_hex(4)}")


async def revoke_as_admin(browser: Browser, portal: RealPortal, admin: Person, app: App) -> None:
    """Search for the app on the admin's page, and remove its only grant."""
    page = await open_portal(browser, portal, "/admin/grants", admin)
    page = await browser.open(f"{portal.url}/admin/grants?client={app.client_id}")
    assert app.name in page.text
    page = await browser.open(page.link_to("/admin/grants/revoke?", app.client_id))
    assert app.name in page.text
    await press_main_button(browser)
    assert browser.page.status == 200, str(browser.page)


async def test_an_admin_revokes_and_the_tokens_die_and_the_person_is_asked_again(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    ann: Person,
    admin: Person,
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    await revoke_as_admin(await new_browser(), portal, admin, app)
    assert not app.is_active(tokens["access_token"])
    assert not app.is_active(tokens["refresh_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    page = await browser.open(app.authorize_url("openid offline"))
    assert is_consent(page)
    assert page.boxes("grant_scope") == {"openid": False, "offline": False}


async def test_after_a_revocation_prompt_none_is_refused(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    ann: Person,
    admin: Person,
) -> None:
    await connect(browser, app, ann, "openid", remember=True, stay=True)
    await revoke_as_admin(await new_browser(), portal, admin, app)
    page = await browser.open(app.authorize_url("openid", prompt="none"))
    assert error_at(page, app)["error"] == "consent_required"


async def test_a_person_disconnects_an_app(
    browser: Browser, new_app: NewApp, app: App, portal: RealPortal, ann: Person
) -> None:
    other = new_app(client_name=f"Kept {secrets.token_hex(4)}")
    kept = await connect(browser, other, ann, "openid", "offline")
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    page = await open_portal(browser, portal, "/account/apps", ann)
    assert app.name in page.text
    await disconnect(browser, app)
    assert not app.is_active(tokens["access_token"])
    assert app.refresh(tokens["refresh_token"]).status_code >= 400
    assert other.is_active(kept["access_token"])
    page = await browser.open(f"{portal.url}/account/apps")
    assert app.name not in page.text
    assert other.name in page.text
    assert is_consent(await browser.open(app.authorize_url("openid offline")))


async def test_what_was_revoked_at_ory_is_noticed_and_asked_again(
    browser: Browser, app: App, portal: RealPortal, ann: Person
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    portal.hydra.revoke_consent(ann.subject, app.client_id)
    assert not app.is_active(tokens["access_token"])
    assert is_consent(await browser.open(app.authorize_url("openid offline")))
    await allow(browser, "openid", "offline", remember=True)
    assert app.is_active(app.exchange(code_at(browser.page, app))["access_token"])
    assert is_back_at(await browser.open(app.authorize_url("openid offline")), app)


async def test_a_revocation_while_ory_is_away_is_made_up_for_later(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    ann: Person,
    admin: Person,
    fault_proxy: FaultProxy,
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    fault_proxy.down()
    await revoke_as_admin(await new_browser(), portal, admin, app)
    assert app.is_active(tokens["access_token"])
    fault_proxy.heal()
    await until_dead(app, tokens["access_token"])
    assert is_consent(await browser.open(app.authorize_url("openid offline")))


async def test_a_new_grant_survives_the_late_deletion_of_the_old_one(
    browser: Browser,
    new_browser: NewBrowser,
    app: App,
    portal: RealPortal,
    ann: Person,
    admin: Person,
    fault_proxy: FaultProxy,
) -> None:
    old = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    fault_proxy.down()
    await revoke_as_admin(await new_browser(), portal, admin, app)
    fault_proxy.heal()
    await browser.open(app.authorize_url("openid offline"))
    await allow(browser, "openid", "offline")
    new = app.exchange(code_at(browser.page, app))
    await asyncio.sleep(3)
    assert not app.is_active(old["access_token"])
    assert app.is_active(new["access_token"])


async def test_only_admins_see_everybodys_grants(
    browser: Browser, portal: RealPortal, ann: Person
) -> None:
    await open_portal(browser, portal, "/account/apps", ann)
    page = await browser.open(f"{portal.url}/admin/grants")
    assert page.status in {403, 404}
