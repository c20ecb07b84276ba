"""Whoever knows but the password cannot lock the owner's codes in a browser that the owner uses."""

from portal.factors.guesses import CODES
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal
from tests.login.factors import (
    give_app,
    give_codes,
    type_code,
    type_recovery_code,
    wrong,
)
from tests.real.portal import Person
from tests.test_routes import change


async def begin(browser: Browser, portal: Portal, person: Person) -> None:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    page = await browser.click("accept")
    assert page.url.path == "/login/factor", page


async def test_strangers_do_not_lock_the_owner_out_of_a_browser_that_proved_a_factor(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    app = await give_app(portal, ann)
    first, second, *_ = await give_codes(portal, ann)
    await begin(browser, portal, ann)
    assert (await type_recovery_code(browser, first)).url.path == "/account/apps"
    thief = new_browser()
    await begin(thief, portal, ann)
    answers = [(await type_code(thief, wrong(app))).status for _ in range(CODES.limit + 1)]
    assert answers == [401] * CODES.limit + [429]
    assert CODES.ceiling == 100
    change(portal, "UPDATE login_attempts SET streak = 100 WHERE bucket LIKE 'otp:%'")
    await begin(browser, portal, ann)
    assert (await type_recovery_code(browser, second)).url.path == "/account/apps"
    assert (await type_code(thief, wrong(app))).status == 401, "it was forgiven"


async def test_a_password_alone_makes_no_browser_known(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    """Or each new browser would bring new guesses."""
    app = await give_app(portal, ann)
    answers = []
    for thief in (browser, new_browser()):
        for _ in range(2):
            await begin(thief, portal, ann)
            answers += [(await type_code(thief, wrong(app))).status for _ in range(2)]
    assert answers == [401] * CODES.limit + [429] * 3


async def test_a_known_browser_guesses_no_faster_than_a_stranger(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    app = await give_app(portal, ann)
    await begin(browser, portal, ann)
    assert (await type_code(browser, app.now())).url.path == "/account/apps"
    await begin(browser, portal, ann)
    answers = [(await type_code(browser, wrong(app))).status for _ in range(CODES.limit + 2)]
    assert answers == [401] * CODES.limit + [429] * 2
