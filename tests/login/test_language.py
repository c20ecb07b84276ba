"""The steps of a sign-in speak the language of who signs in, as soon as that is known here."""

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal
from tests.login.factors import expire_password, give_app, type_code
from tests.login.steps import answer


async def test_a_step_speaks_the_language_of_its_person_and_the_first_one_does_not(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    """Whoever types an address learns nothing by it of whoever has it."""
    zoe = await portal.add_user("zoe@example.org", profile={"locale": "de-AT"})
    await give_app(portal, zoe)
    challenge = ory.plant_login()
    page = await answer(browser, portal, challenge, zoe, password="wrong")
    assert page.root.get("lang") == "en"
    page = await answer(browser, portal, challenge, zoe)
    assert page.url.path == "/login/factor"
    assert page.root.get("lang") == "de"
    page = await type_code(browser, "000000")
    assert (page.status, page.root.get("lang")) == (401, "de")


async def test_what_the_app_asks_for_comes_before_the_person_s_setting(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    zoe = await portal.add_user("zoe@example.org", profile={"locale": "de"})
    await expire_password(portal, zoe)
    challenge = ory.plant_login(oidc_context={"ui_locales": ["fr"]})
    page = await answer(browser, portal, challenge, zoe)
    assert (page.url.path, page.root.get("lang")) == ("/login/new-password", "fr")


async def test_what_is_wrong_with_a_new_password_stands_beside_its_field(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    zoe = await portal.add_user("zoe@example.org")
    await expire_password(portal, zoe)
    await answer(browser, portal, ory.plant_login(), zoe)
    browser.fill("password", "short")
    page = await browser.click("accept")
    assert page.status == 422
    assert page.title.startswith("Error: ")
    field = page.element("password")
    assert "password-problem" in field.get("aria-describedby", "").split()
    assert "autofocus" in field.attrib
    assert page.element("password-problem").get("role") == "alert"
