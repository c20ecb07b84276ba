"""A passkey alone signs somebody in; who is refused learns nothing."""

from datetime import UTC, datetime

import pytest

from portal import accounts
from tests.doubles.authenticator import PRESENT, Authenticator
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewPortal, Portal
from tests.login.factors import demand, expire_password, give_app, give_passkey, use_passkey
from tests.login.steps import address
from tests.login.test_second_factor import accepted, sessions
from tests.real.portal import Person

ALONE = ["hwk", "user", "mfa"]


async def test_it_needs_neither_address_nor_password(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    key = await give_passkey(portal, ann)
    await browser.open(address(portal, ory.plant_login()))
    await use_passkey(browser, key)
    body = accepted(ory)
    assert (body["subject"], body["acr"], body["amr"]) == (ann.subject, "aal2", ALONE)


async def test_it_is_enough_where_a_second_factor_is_demanded(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await demand(portal)
    await give_app(portal, ann)
    key = await give_passkey(portal, ann)
    await browser.open(address(portal, ory.plant_login()))
    await use_passkey(browser, key)
    assert accepted(ory)["amr"] == ALONE


async def test_one_that_did_not_check_its_person_stands_beside_a_password(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    key = await give_passkey(portal, ann, flags=PRESENT)
    await browser.open(address(portal, ory.plant_login()))
    page = await use_passkey(browser, key)
    assert page.url.path == "/login/factor"
    browser.fill("password", "wrong")
    page = await browser.click("accept-password")
    assert page.status == 401
    assert ory.decisions == []
    browser.fill("password", ann.password)
    await browser.click("accept-password")
    assert accepted(ory)["amr"] == ["hwk", "user", "pwd", "mfa"]


async def test_without_any_password_it_is_one_factor(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    person = await portal.add_user("cat@example.org", password_hash=None)
    key = await give_passkey(portal, person, flags=PRESENT)
    await browser.open(address(portal, ory.plant_login()))
    await use_passkey(browser, key)
    assert (accepted(ory)["acr"], accepted(ory)["amr"]) == ("aal1", ["hwk", "user"])


async def test_without_any_password_more_has_to_come_from_the_passkey(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    await demand(portal)
    person = await portal.add_user("cat@example.org", password_hash=None)
    key = await give_passkey(portal, person, flags=PRESENT)
    await browser.open(address(portal, ory.plant_login()))
    page = await use_passkey(browser, key)
    assert page.url.path == "/login/factor"
    key.flags |= Authenticator().flags
    await use_passkey(browser, key)
    assert (accepted(ory)["acr"], accepted(ory)["amr"]) == ("aal2", ALONE)


@pytest.mark.parametrize("why", ["unknown", "disabled", "gone", "nonsense"])
async def test_every_refusal_is_the_same(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person, why: str
) -> None:
    key = await give_passkey(portal, ann)
    if why == "disabled":
        now = datetime.now(UTC)
        await accounts.disable_user(portal.store, ann.subject, now=now, actor="cli")
    elif why == "gone":
        async with portal.store.writing() as rows:
            await rows.passkeys.delete_all(ann.subject)
    elif why == "unknown":
        key = Authenticator(user_handle=key.user_handle)
    elif why == "nonsense":
        key.rp_id = "evil.example"
    await browser.open(address(portal, ory.plant_login()))
    page = await use_passkey(browser, key)
    assert (page.status, page.url.path) == (401, "/login/passkey")
    assert "does not open an account here" in page.text
    assert ann.email not in page.html
    assert ory.decisions == []
    assert (await portal.actions())[-1] == "login.failed"


async def test_an_expired_password_is_not_bypassed(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    key = await give_passkey(portal, ann)
    await expire_password(portal, ann)
    await browser.open(address(portal, ory.plant_login()))
    assert (await use_passkey(browser, key)).url.path == "/login/new-password"


async def test_another_account_than_the_app_asks_for_is_refused(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    key = await give_passkey(portal, ann)
    context = {"id_token_hint_claims": {"sub": bob.subject}}
    await browser.open(address(portal, ory.plant_login(oidc_context=context)))
    page = await use_passkey(browser, key)
    assert page.status == 422
    assert "that you used there before" in page.text
    assert ory.decisions == []


async def test_it_opens_the_portal_too(portal: Portal, browser: Browser, ann: Person) -> None:
    key = await give_passkey(portal, ann)
    await browser.open(f"{portal.url}/account/apps")
    page = await use_passkey(browser, key)
    assert str(page.url) == f"{portal.url}/account/apps"
    assert await sessions(portal, ann) == [("aal2", tuple(ALONE))]


async def test_the_form_sent_twice_signs_in_once(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    key = await give_passkey(portal, ann)
    page = await browser.open(address(portal, ory.plant_login()))
    await use_passkey(browser, key)
    browser.show(page)
    (button,) = page.element("passkey-form").iter("button")
    await browser.submit(button)
    first, second = ory.decided("login", "accept")
    assert first == second
    assert (await portal.actions()).count("login.succeeded") == 1


async def test_a_stale_form_is_shown_again(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_passkey(portal, ann)
    challenge = ory.plant_login()
    await browser.open(address(portal, challenge))
    form = {"form_token": "x", "login_challenge": challenge, "credential": "{}"}
    assert (await browser._http.post("/login/passkey", data=form)).status_code == 403


async def test_an_address_without_a_name_offers_none(new_portal: NewPortal) -> None:
    portal = await new_portal(BASE_URL="http://127.0.0.1:4321")
    async with portal.http() as http:
        page = await Browser(http).open(f"{portal.url}/login")
    assert not page.has("passkey-form")
    assert page.element("email").get("autocomplete") == "username"
