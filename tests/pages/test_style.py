"""What the style sheet does to pages: sizes, sides, paper, and what is hidden."""

from collections.abc import Iterator

import jinja2
import pytest
from playwright.sync_api import Browser, Page, expect

from portal.samples import SAMPLES
from tests.pages.test_script import Portal, chromium  # noqa: F401 - a fixture

pytestmark = pytest.mark.browser

TOO_SMALL = """() => [...document.querySelectorAll("a, button, summary, select, input")]
  .filter((e) => e.checkVisibility() && !e.matches(".visually-hidden, [type=hidden]"))
  .filter((e) => !isWithinSentence(e))
  .filter((e) => { const r = e.getBoundingClientRect(); return r.width < 23.9 || r.height < 23.9; })
  .map((e) => e.outerHTML.slice(0, 120));
  function isWithinSentence(e) {
    const around = e.closest("p, li, dd, span");
    return getComputedStyle(e).display === "inline" && around !== null
      && around.textContent.trim() !== e.textContent.trim();
  }"""
PAGES = ("consent", "login", "device", "logout", "problem", "welcome-admin", "apps", "security")
ADMIN = ("users", "grants-found", "audit", "clients", "jobs", "drift", "grant")
NAMES = (*PAGES, *ADMIN)


@pytest.fixture
def shown(chromium: Browser, env: jinja2.Environment) -> Iterator[Portal]:  # noqa: F811 - the fixture
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    yield Portal(env, context.new_page())
    context.close()


def turn(page: Page) -> None:
    """As in a language that is written from right to left."""
    page.evaluate("document.documentElement.dir = 'rtl'")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_pressed_is_large_enough(shown: Portal, name: str) -> None:
    shown.open(name)
    assert shown.page.evaluate(TOO_SMALL) == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_from_right_to_left_nothing_is_wider_than_the_window(
    shown: Portal, name: str, width: int
) -> None:
    shown.page.set_viewport_size({"width": width, "height": 800})
    shown.open(name)
    turn(shown.page)
    root = "document.documentElement"
    assert shown.page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


@pytest.mark.parametrize("name", ["logout", "problem-retry", "consent"])
def test_no_button_breaks_its_words_on_a_phone(shown: Portal, name: str) -> None:
    shown.open(name)
    heights = {b.bounding_box()["height"] for b in shown.page.locator("main .buttons > *").all()}  # type: ignore[index]  # they are visible
    assert max(heights) < 50


def test_a_line_of_errors_stands_where_reading_begins(shown: Portal) -> None:
    shown.open("login-refused")
    error = shown.page.locator("#login-error")
    expect(error).to_have_css("border-left-width", "4px")
    turn(shown.page)
    expect(error).to_have_css("border-right-width", "4px")
    expect(error).to_have_css("border-left-width", "0px")


def test_recovery_codes_are_printed_with_the_place_and_nothing_else(shown: Portal) -> None:
    shown.open("codes")
    shown.page.emulate_media(media="print")
    codes = "\n".join(SAMPLES["codes"].codes)  # type: ignore[attr-defined]  # it has some
    printed = shown.page.inner_text("body")
    assert printed.split() == ["login.example.org", "Your", "recovery", "codes", *codes.split()]


def test_the_name_of_the_place_stands_on_paper_alone(shown: Portal) -> None:
    shown.open("login")
    expect(shown.page.locator(".print")).to_be_hidden()


def test_without_a_script_no_passkey_is_offered(
    chromium: Browser,  # noqa: F811 - the fixture
    env: jinja2.Environment,
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = Portal(env, context.new_page())
    plain.open("add-passkey")
    expect(plain.page.locator("[data-passkey] button")).to_be_hidden()
    expect(plain.page.locator("[data-without-script]")).to_be_visible()
    context.close()


def test_with_a_script_what_stands_in_for_it_is_never_seen(shown: Portal) -> None:
    shown.page.route("**/portal.js", lambda route: route.fulfill(body=""))
    shown.open("consent")
    expect(shown.page.locator("[data-without-script]").first).to_be_hidden()


def test_a_button_shows_that_its_form_is_under_way(shown: Portal) -> None:
    shown.open("login")
    shown.page.route("**/portal/login*", lambda _: None)  # it is never answered
    shown.page.fill("#email", "ann@example.org")
    shown.page.fill("#password", "secret")
    shown.page.click("#accept")
    expect(shown.page.locator("#accept")).to_have_attribute("aria-busy", "true")
    expect(shown.page.locator("#reject")).not_to_have_attribute("aria-busy", "true")


def test_a_button_is_ready_again_when_the_answer_is_there(shown: Portal) -> None:
    shown.open("login")
    shown.on_post("/login", "login-refused")
    shown.page.fill("#email", "ann@example.org")
    shown.page.fill("#password", "wrong")
    shown.page.click("#accept")
    expect(shown.page.locator("#login-error")).to_be_visible()
    expect(shown.page.locator("[aria-busy]")).to_have_count(0)


def test_the_way_past_the_navigation_is_seen_when_it_has_the_focus(shown: Portal) -> None:
    shown.open("users")
    shown.page.keyboard.press("Tab")
    skip = shown.page.locator("a[href='#content']")
    expect(skip).to_be_focused()
    box = skip.bounding_box()
    assert box is not None
    assert box["height"] >= 24
    skip.press("Enter")
    expect(shown.page.locator("#content")).to_be_focused()
