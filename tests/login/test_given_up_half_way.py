"""A sign-in that somebody gave up cannot be taken over by whoever comes to the browser next."""

from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal
from tests.login.factors import expire_password, give_app
from tests.login.steps import address, answer
from tests.real.portal import Person

AWAY = "use another account"


async def begin(browser: Browser, portal: Portal, person: Person) -> Document:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    return await browser.click("accept")


async def test_nobody_chooses_the_next_password(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await expire_password(portal, ann)
    page = await begin(browser, portal, ann)
    assert page.url.path == "/login/new-password", page
    await browser.follow(AWAY)
    page = await browser.open(f"{portal.url}/login/new-password")
    assert page.url.path == "/login", page


async def test_nobody_sets_up_a_factor(
    new_portal: NewPortal, new_browser: NewBrowser, ann: Person
) -> None:
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="everyone")
    browser = new_browser(at=portal)
    page = await begin(browser, portal, ann)
    assert page.url.path == "/login/enrol", page
    await browser.follow(AWAY)
    page = await browser.open(f"{portal.url}/login/enrol")
    assert page.url.path == "/login", page


async def test_nobody_tries_codes(portal: Portal, browser: Browser, ann: Person) -> None:
    await give_app(portal, ann)
    page = await begin(browser, portal, ann)
    assert page.url.path == "/login/factor", page
    await browser.follow(AWAY)
    page = await browser.open(f"{portal.url}/login/factor")
    assert page.url.path == "/login", page


async def test_whoever_cancels_leaves_nothing_half_done(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_app(portal, ann)
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann)
    assert page.url.path == "/login/factor", page
    await browser.click("reject")
    assert len(ory.decided("login", "reject")) == 1
    async with portal.store.writing() as rows:
        assert await rows.sign_ins.end_all(ann.subject) == 0


async def test_nor_does_whoever_signs_out(portal: Portal, browser: Browser, ann: Person) -> None:
    await give_app(portal, ann)
    assert (await begin(browser, portal, ann)).url.path == "/login/factor"
    await browser.open(f"{portal.url}/logout")
    await browser.click("accept")
    page = await browser.open(f"{portal.url}/login/factor")
    assert page.url.path == "/login", page


async def test_an_apps_sign_in_is_given_up_by_going_back_to_its_beginning(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_app(portal, ann)
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, ann)
    assert page.url.path == "/login/factor", page
    await browser.follow(AWAY)
    page = await browser.open(address(portal, challenge).replace("/login?", "/login/factor?"))
    assert page.url.path == "/login", page


async def test_that_a_sign_in_was_not_finished_looks_like_a_warning(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = await browser.open(address(portal, ory.plant_login()).replace("?", "/factor?"))
    (said,) = [e for e in page.root.iter("p") if "not finished in time" in words(e)]
    assert said.get("class") == "warning"
    assert said.get("role") == "status"


async def test_what_is_half_done_for_an_app_does_not_end_with_the_portals_own(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await give_app(portal, ann)
    challenge = ory.plant_login()
    await answer(browser, portal, challenge, ann)
    await browser.open(f"{portal.url}/login")
    page = await browser.open(address(portal, challenge).replace("/login?", "/login/factor?"))
    assert page.url.path == "/login/factor", page
