"""Where an administrator wants another password, the right one opens the form for it alone."""

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.login.factors import expire_password, give_app, type_code
from tests.login.steps import answer
from tests.login.test_second_factor import accepted, sessions, token
from tests.real.portal import Person

NEW = "violet trombone under 7 bridges"


async def choose(browser: Browser, password: str) -> Document:
    browser.fill("password", password)
    return await browser.click("accept")


async def test_a_new_password_is_chosen_and_the_sign_in_goes_on(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await expire_password(portal, ann)
    page = await answer(browser, portal, ory.plant_login(), ann)
    assert page.url.path == "/login/new-password"
    assert ory.decisions == []
    await choose(browser, NEW)
    user = await portal.user(ann)
    assert (user.password_expired, user.epoch) == (False, 2)
    assert accepted(ory)["context"]["epoch"] == 2
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert ory.deletions == []
    assert await portal.actions() == ["user.password_changed", "login.succeeded"]
    await answer(browser, portal, ory.plant_login(), ann, password=NEW)
    assert len(ory.decisions) == 2


async def test_who_does_not_want_to_tells_the_app_so_and_keeps_the_password(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    before = await portal.user(ann)
    await answer(browser, portal, ory.plant_login(), ann)
    await browser.click("reject")
    (told,) = ory.decided("login", "reject")
    assert told is not None
    assert told["error"] == "access_denied"
    user = await portal.user(ann)
    assert (user.password_hash, user.password_expired) == (before.password_hash, True)


async def test_at_the_portals_own_sign_in_no_app_has_to_be_told(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await expire_password(portal, ann)
    await browser.open(f"{portal.url}/account/apps")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/new-password"
    assert not page.has("reject")


async def test_with_the_wrong_password_nobody_learns_of_it(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    page = await answer(browser, portal, ory.plant_login(), ann, password="wrong")
    assert (page.status, page.url.path) == (401, "/login")


@pytest.mark.parametrize("password", ["", "short", "ann@example.org", "aaaaaaaaaaaaaaaaaaaa"])
async def test_a_bad_one_is_refused_with_the_reason(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, password: str
) -> None:
    await expire_password(portal, ann)
    page = await answer(browser, portal, ory.plant_login(), ann)
    page.element("password").attrib.pop("required")
    page = await choose(browser, password)
    assert page.status == 422
    assert page.element("password").get("value") in (None, "")
    assert (await portal.user(ann)).password_expired
    assert ory.decisions == []


async def test_the_old_one_is_refused(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    await answer(browser, portal, ory.plant_login(), ann)
    page = await choose(browser, ann.password)
    assert page.status == 422
    assert "that you have" in page.text


async def test_the_second_factor_is_asked_for_first(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await expire_password(portal, ann)
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann)
    assert page.url.path == "/login/factor"
    page = await browser.open(f"{portal.url}/login/new-password?login_challenge={challenge}")
    assert page.url.path == "/login/factor"
    page = await type_code(browser, app.now())
    assert page.url.path == "/login/new-password"
    await choose(browser, NEW)
    assert (accepted(ory)["acr"], accepted(ory)["amr"]) == ("aal2", ["pwd", "otp", "mfa"])


async def test_two_tabs_set_one_password(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    page = await answer(browser, portal, ory.plant_login(), ann)
    await choose(browser, NEW)
    browser.show(page)
    await choose(browser, NEW + " again")
    assert (await portal.actions()).count("user.password_changed") == 1
    assert (await portal.user(ann)).epoch == 2


async def test_sessions_of_before_end_and_this_one_begins(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    other = new_browser()
    await sign_in(other, portal, ann)
    await expire_password(portal, ann)
    await browser.open(f"{portal.url}/login")
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/new-password"
    page = await choose(browser, NEW)
    assert page.url.path == "/account/apps"
    assert await sessions(portal, ann) == [("aal1", ("pwd",))]
    assert (await other.open(f"{portal.url}/account/apps")).url.path == "/login"


async def test_without_a_token_nothing_is_set(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await expire_password(portal, ann)
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann)
    form = {"form_token": token(page)[:-4], "login_challenge": challenge, "password": NEW}
    response = await browser._http.post("/login/new-password", data=form)
    assert response.status_code == 403
    assert (await portal.user(ann)).password_expired
