"""Whoever has to have a second factor and has none sets one up on the way in."""

import pyotp
import pytest

from portal.factors import passkeys
from tests.doubles.authenticator import Authenticator
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewPortal, Portal
from tests.login.factors import demand, give_app, type_code, type_recovery_code, wrong
from tests.login.steps import answer
from tests.login.test_second_factor import accepted, sessions, token
from tests.real.portal import Person

MFA = ["pwd", "otp", "mfa"]


@pytest.fixture
async def challenge(portal: Portal, ory: OryDouble) -> str:
    await demand(portal)
    return ory.plant_login()


def app_on(page: Document) -> pyotp.TOTP:
    (secret,) = [e.text or "" for e in page.root.iter("code") if e.get("id") == "totp-secret"]
    return pyotp.TOTP(secret.replace(" ", ""))


def codes_on(page: Document) -> list[str]:
    return [code.text or "" for code in page.element("recovery-codes").iter("code")]


async def test_an_authenticator_app_is_set_up_and_the_sign_in_goes_on(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    assert page.url.path == "/login/enrol"
    assert page.query == {"login_challenge": challenge}
    app = app_on(page)
    page = await type_code(browser, app.now())
    codes = codes_on(page)
    assert len(codes) == len(set(codes)) == 10
    (buttons,) = [e for e in page.root.iter() if "data-codes" in e.attrib]
    assert f"Account: {ann.email}" in buttons.attrib["data-heading"].splitlines()
    assert ory.decisions == []
    await browser.click("accept")
    assert (accepted(ory)["acr"], accepted(ory)["amr"]) == ("aal2", MFA)
    assert await portal.actions() == ["factor.added", "factor.codes_made", "login.succeeded"]
    await answer(browser, portal, ory.plant_login(), ann)
    await type_recovery_code(browser, codes[3])
    assert len(ory.decisions) == 2


async def test_a_wrong_code_keeps_the_picture(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    app = app_on(page)
    page = await type_code(browser, wrong(app))
    assert page.status == 422
    assert app_on(page).secret == app.secret
    page = await type_code(browser, app.now())
    assert codes_on(page)


async def test_a_passkey_is_made_and_the_sign_in_goes_on(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    (place,) = [e for e in page.root.iter() if e.get("data-passkey")]
    form = page.element("passkey-form")
    asked = passkeys.challenge_of(
        next(i.get("value", "") for i in form.iter("input") if i.get("name") == "form_token")
    )
    made = Authenticator().create(asked, place.get("data-options", ""))
    next(i for i in form.iter("input") if i.get("name") == "credential").set("value", made)
    (button,) = form.iter("button")
    page = await browser.submit(button)
    assert codes_on(page)
    await browser.click("accept")
    assert accepted(ory)["amr"] == ["pwd", "hwk", "user", "mfa"]


async def test_who_does_not_want_to_tells_the_app_so_and_nothing_is_set_up(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    assert "Don't sign in" in page.text
    await browser.click("reject")
    (told,) = ory.decided("login", "reject")
    assert told is not None
    assert told["error"] == "access_denied"
    assert "factor.added" not in await portal.actions()
    page = await browser.open(f"{portal.url}/login/enrol?login_challenge={challenge}")
    assert page.url.path == "/login"


async def test_codes_are_shown_once_also_when_the_page_is_loaded_again(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    code = app_on(page).now()
    await type_code(browser, code)
    browser.show(page)
    page = await type_code(browser, code)
    assert page.status == 200
    assert "shown only once" in page.text
    assert not page.has("recovery-codes")
    await browser.click("accept")
    assert accepted(ory)["acr"] == "aal2"


async def test_loading_the_step_again_goes_on_where_it_is_done(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    page = await answer(browser, portal, challenge, ann)
    await type_code(browser, app_on(page).now())
    await browser.open(page.url)
    assert accepted(ory)["acr"] == "aal2"


async def test_nobody_sets_one_up_who_has_one(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, ann: Person
) -> None:
    await give_app(portal, ann)
    page = await answer(browser, portal, challenge, ann)
    assert page.url.path == "/login/factor"
    page = await browser.open(f"{portal.url}/login/enrol?login_challenge={challenge}")
    assert page.url.path == "/login/factor"
    form = {"form_token": token(page), "login_challenge": challenge, "code": "123456"}
    response = await browser._http.post("/login/enrol", data=form)
    assert response.status_code == 303
    assert "factor.added" not in await portal.actions()


@pytest.mark.parametrize("text", ["", "x", "0123abcd.eA", "\x00", "é" * 2000])
async def test_a_picture_of_somebody_else_sets_up_nothing(
    portal: Portal, browser: Browser, challenge: str, ann: Person, text: str
) -> None:
    page = await answer(browser, portal, challenge, ann)
    form = {"form_token": token(page), "login_challenge": challenge, "code": "123456"}
    response = await browser._http.post("/login/enrol", data=form | {"sealed": text})
    assert response.status_code in (400, 422)
    assert await portal.actions() == []


async def test_who_administers_sets_one_up_at_the_portals_own_sign_in(
    new_portal: NewPortal, new_browser: object
) -> None:
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="admins")
    admin = await portal.add_user("admin@example.org", admin=True)
    async with portal.http() as http:
        browser = Browser(http)
        await browser.open(f"{portal.url}/admin/grants")
        browser.fill("email", admin.email)
        browser.fill("password", admin.password)
        page = await browser.click("accept")
        assert page.url.path == "/login/enrol"
        page = await type_code(browser, app_on(page).now())
        page = await browser.click("accept")
        assert page.url.path == "/admin/grants"
        assert await sessions(portal, admin) == [("aal2", tuple(MFA))]


async def test_who_signed_in_before_it_was_demanded_signs_in_again(
    portal: Portal, new_portal: NewPortal
) -> None:
    admin = await portal.add_user("admin@example.org", admin=True)
    async with portal.http() as http:
        browser = Browser(http)
        await browser.open(f"{portal.url}/admin/grants")
        browser.fill("email", admin.email)
        browser.fill("password", admin.password)
        assert (await browser.click("accept")).url.path == "/admin/grants"
        cookies = http.cookies
    stricter = await new_portal(PORTAL_SECOND_FACTOR_FOR="admins")
    async with stricter.http() as http:
        http.cookies = cookies
        page = await Browser(http).open(f"{portal.url}/admin/grants")
        assert page.url.path == "/login"
        page = await Browser(http).open(f"{portal.url}/logout")
        assert admin.email in page.text
