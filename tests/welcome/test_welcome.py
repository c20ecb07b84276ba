"""The start page: what this place is for anybody, and for an operator what is still to be done."""

import time
from xml.etree.ElementTree import Element

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person

LOCAL = {"BASE_URL": "http://localhost:3000"}


async def facts(browser: Browser, portal: Portal) -> dict[str, str]:
    """What the checklist says, by its first words."""
    page = await browser.open(f"{portal.url}/")
    found: list[Element] = page.element("checklist").findall("./li")
    return {words(item.find(".//strong")): words(item) for item in found}


async def test_a_stranger_learns_what_this_is_and_nothing_of_its_insides(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    portal = await new_portal(PORTAL_SITE_NAME="Example Club")
    page = await new_browser(at=portal).open(f"{portal.url}/")
    assert words(page.root.find(".//h1")) == "Example Club"
    assert page.link("Sign in").endswith("/login")
    assert "Create an account" not in page.text
    assert not page.has("checklist")
    for inside in ("Ory", "portal doctor", "PORTAL_", "HYDRA", "Development"):
        assert inside not in page.text
    assert ory.calls == [], "a stranger makes the portal ask nobody"


async def test_who_may_register_is_told_where(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(
        PORTAL_REGISTRATION="1", PORTAL_SMTP_URL="smtp://mail.example.org:587"
    )
    page = await new_browser(at=portal).open(f"{portal.url}/")
    assert page.link("Create an account").endswith("/register")


async def test_somebody_signed_in_sees_their_own_pages_and_no_facts_of_operation(
    portal: Portal, browser: Browser, ann: Person, ory: OryDouble
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/")
    assert page.link("Connected apps").endswith("/account/apps")
    assert not page.has("checklist")
    assert ory.calls == []


async def test_an_administrator_sees_on_the_first_day_what_is_missing(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    await sign_in(browser, portal, admin)
    told = await facts(browser, portal)
    assert told["Ory answers"].endswith("Done")
    assert "portal clients create" in told["No app is registered yet"]
    assert "PORTAL_SMTP_URL" in told["No mail server is set"]
    assert "PORTAL_SITE_NAME" in told["This place has no name yet"]
    assert "portal users create" in told["Nobody but you has an account"]
    assert told["You have no second factor"].endswith("To do")
    assert told["People come by https"].endswith("Done")


async def test_what_is_set_up_is_ticked_off(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    portal = await new_portal(
        PORTAL_SITE_NAME="Example Club", PORTAL_SMTP_URL="smtp://mail.example.org:587"
    )
    admin = await portal.add_user("admin@example.org", admin=True)
    await portal.add_user("ann@example.org")
    ory.plant_client("photos")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, admin)
    told = await facts(browser, portal)
    for done in (
        "Ory answers",
        "Apps are registered",
        "Mails are sent",
        "This place has a name",
        "People have accounts",
    ):
        assert told[done].endswith("Done"), done


async def test_in_development_whoever_comes_by_is_helped(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(**LOCAL)
    told = await facts(new_browser(at=portal), portal)
    assert "portal users create" in told["Nobody has an account yet"]
    assert "BASE_URL" in told["This portal is for development"]
    assert not any("factor" in fact for fact in told), "nobody is signed in"


@pytest.mark.parametrize("fault", ["down", "slow"])
async def test_an_ory_that_does_not_answer_is_told_and_not_waited_for(
    portal: Portal, browser: Browser, admin: Person, ory: OryDouble, fault: str
) -> None:
    await sign_in(browser, portal, admin)
    if fault == "down":
        ory.down()
    else:
        ory.slow(5)
    started = time.monotonic()
    found = await facts(browser, portal)
    assert time.monotonic() - started < 3
    assert "portal doctor" in found["Ory does not answer"]
    assert "No app is registered yet" not in found, "nobody knows"


async def test_a_refused_key_is_told(
    portal: Portal, browser: Browser, admin: Person, ory: OryDouble
) -> None:
    await sign_in(browser, portal, admin)
    ory.api_key = "another"
    found = await facts(browser, portal)
    assert "ORY_API_KEY" in found["Ory refuses the API key"]
