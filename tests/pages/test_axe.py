"""axe finds nothing on any page, in any state, in both colour schemes (WCAG 2.2 AA and more)."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.pages.site import SPOKEN, WHOLE, SampleSite, Shown

VENDOR = Path(__file__).resolve().parent.parent / "vendor"
(FILE,) = (VENDOR / "axe").glob("axe-*.min.js")
AXE = FILE.read_text(encoding="utf-8")
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
ASK = """
    async ([tags, rules]) => {
      document.querySelectorAll("details").forEach((details) => (details.open = true));
      const only = rules.length ? { type: "rule", values: rules } : { type: "tag", values: tags };
      const options = { runOnly: only, preload: false, resultTypes: ["violations"] };
      const { violations } = await axe.run(document, options);
      const say = ({ html, any }) => [html, ...any.map((check) => check.message)].join(" ");
      return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${say(node)}`));
    }
"""
"""What is folded away is looked at, too."""
SHOW_EVERYTHING = """
    document.querySelectorAll("main [hidden], body > [hidden]").forEach((element) => {
      element.hidden = false;
      if (!element.textContent.trim()) element.textContent = "Something is said here.";
    });
"""
MAIN = ("login", "login-refused", "login-everything", "consent", "consent-refused", "factor-wrong")
MORE = ("device", "logout", "problem", "welcome", "apps", "security", "grants", "users", "audit")


@pytest.fixture(scope="module")
async def windows(chromium: Browser) -> AsyncIterator[dict[str, Page]]:
    """One for each way to look at a page; with JavaScript, which axe needs."""
    looks: dict[str, dict[str, Any]] = {
        "light": {"color_scheme": "light"},
        "dark": {"color_scheme": "dark"},
        "light, more contrast": {"color_scheme": "light", "contrast": "more"},
        "dark, more contrast": {"color_scheme": "dark", "contrast": "more"},
        "right to left": {"color_scheme": "light"},
    }
    contexts = {
        look: await chromium.new_context(reduced_motion="reduce", **options)
        for look, options in looks.items()
    }
    for context in contexts.values():  # not as an element, which the page's own policy forbids
        await context.add_init_script(AXE)
    yield {look: await context.new_page() for look, context in contexts.items()}
    for context in contexts.values():
        await context.close()


async def findings(window: Page, shown: Shown, *rules: str, first: str = "0") -> list[str]:
    """What axe says about a page, after the script *first*."""
    await shown.open(window)
    await window.evaluate(first)
    found: list[str] = await window.evaluate(ASK, [TAGS, rules])
    return found


async def look(windows: dict[str, Page], looks: dict[str, Shown]) -> list[str]:
    """The same in several windows at once."""
    found = await asyncio.gather(*(findings(windows[name], shown) for name, shown in looks.items()))
    return [f"{name}: {text}" for name, texts in zip(looks, found, strict=True) for text in texts]


@pytest.mark.browser
@pytest.mark.parametrize("name", WHOLE)
async def test_nothing_is_found_in_either_colour_scheme_and_either_direction(
    site: SampleSite, windows: dict[str, Page], name: str
) -> None:
    looks = {"light": site.show(name), "dark": site.show(name)}
    if "ar" in SPOKEN:
        looks["right to left"] = site.show(name, "ar")
    assert await look(windows, looks) == []


@pytest.mark.browser
@pytest.mark.parametrize("name", MAIN + MORE)
async def test_nothing_is_found_where_more_contrast_is_wanted(
    site: SampleSite, windows: dict[str, Page], name: str
) -> None:
    shown = site.show(name)
    looks = {"light, more contrast": shown, "dark, more contrast": shown}
    assert await look(windows, looks) == []


@pytest.mark.browser
@pytest.mark.parametrize("language", [tag for tag in SPOKEN if tag not in ("en", "ar")])
async def test_nothing_is_found_in_another_language(
    site: SampleSite, windows: dict[str, Page], language: str
) -> None:
    for name in MAIN:
        assert await findings(windows["light"], site.show(name, language)) == [], name


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MAIN + MORE)
async def test_hints_that_a_script_shows_can_be_read(
    site: SampleSite, windows: dict[str, Page], name: str, scheme: str
) -> None:
    """About caps lock, for example, or that the portal cannot be reached."""
    window, shown = windows[scheme], site.show(name)
    assert await findings(window, shown, "color-contrast", first=SHOW_EVERYTHING) == []


@pytest.mark.browser
async def test_axe_would_find_something(site: SampleSite, windows: dict[str, Page]) -> None:
    """That it runs at all, under the page's policy."""
    window = windows["light"]
    await site.show("login").open(window)
    await window.evaluate("document.querySelector('label[for=email]').remove()")
    found = await window.evaluate(ASK, [TAGS, []])
    assert any(text.startswith("label: ") for text in found)


def test_vendored_files_are_what_their_authors_published() -> None:
    table = (VENDOR / "VENDORED.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE))
    found = {
        path.relative_to(VENDOR).as_posix()
        for path in VENDOR.rglob("*")
        if path.suffix in (".js", ".ttf")
    }
    assert found == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
