"""Pages can be read and used when they are enlarged, and their controls can be hit (WCAG 2.2: 1.4.4
Resize Text, 1.4.10 Reflow, 2.5.8 Target Size).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, CDPSession, Page, ViewportSize

from tests.pages.site import SPOKEN, WHOLE, SampleSite, Shown

MAIN = ("login", "login-refused", "login-everything", "consent", "consent-refused", "consent-fresh")
MORE = (
    "factor",
    "device",
    "logout",
    "problem-retry",
    "welcome",
    "apps",
    "security",
    "apps-removed",
)
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
AT_400_PERCENT: ViewportSize = {"width": 320, "height": 256}
"""What a window of 1280 x 1024 has left."""
USUAL, DOUBLE = 16, 32
SMALLEST = 24
LOOKS: dict[str, dict[str, Any]] = {
    "on a phone": {"size": PHONE},
    "on a desk": {"size": DESK},
    "at 400 %": {"size": AT_400_PERCENT},
    "on a desk, letters at 200 %": {"size": DESK, "letters": DOUBLE},
    "on a phone, letters at 200 %": {"size": PHONE, "letters": DOUBLE},
}
FINDINGS = Path(__file__).with_name("findings.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Glass:
    """A window whose size and whose usual size of letters can be set."""

    window: Page
    session: CDPSession

    async def look(self, size: ViewportSize, *, letters: int = USUAL) -> list[str]:
        """What is wrong with the page that is open."""
        sizes = {"standard": letters, "fixed": letters * 13 // 16}
        await self.session.send("Page.setFontSizes", {"fontSizes": sizes})
        await self.window.set_viewport_size(size)
        found: list[str] = await self.window.evaluate(FINDINGS, SMALLEST)
        return found

    async def look_in_every_way(self, shown: Shown) -> dict[str, list[str]]:
        """What is wrong with a page, by how it is looked at."""
        await shown.open(self.window)
        looks = {look: await self.look(**options) for look, options in LOOKS.items()}
        return {look: found for look, found in looks.items() if found}


@pytest.fixture(scope="module")
async def glass(chromium: Browser) -> AsyncIterator[Glass]:
    context = await chromium.new_context(reduced_motion="reduce")
    window = await context.new_page()
    yield Glass(window, await context.new_cdp_session(window))
    await context.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", WHOLE)
async def test_nothing_is_cut_off_covered_or_too_small(
    site: SampleSite, glass: Glass, name: str
) -> None:
    languages = [tag for tag in ("en", "ar") if tag in SPOKEN]
    for language in languages:
        assert await glass.look_in_every_way(site.show(name, language)) == {}, language


@pytest.mark.browser
@pytest.mark.parametrize("language", [tag for tag in SPOKEN if tag not in ("en", "ar")])
@pytest.mark.parametrize("name", MAIN + MORE)
async def test_nothing_is_cut_off_in_another_language(
    site: SampleSite, glass: Glass, name: str, language: str
) -> None:
    assert await glass.look_in_every_way(site.show(name, language)) == {}


@pytest.mark.browser
async def test_letters_do_become_larger(site: SampleSite, glass: Glass) -> None:
    size = "parseFloat(getComputedStyle(document.querySelector('label')).fontSize)"
    await site.show("login").open(glass.window)
    await glass.look(DESK)
    usual = await glass.window.evaluate(size)
    await glass.look(DESK, letters=DOUBLE)
    assert await glass.window.evaluate(size) == 2 * usual


@pytest.mark.browser
@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("h1.style.whiteSpace = 'nowrap'; h1.textContent = 'w'.repeat(200)", "wider"),
        ("h1.style.overflow = 'hidden'; h1.style.height = '10px'", "cut off"),
        (
            "h1.style.cssText = 'display: -webkit-box; -webkit-box-orient: vertical;"
            " -webkit-line-clamp: 2; overflow: hidden'; h1.textContent = '0f '.repeat(100)",
            "cut off",
        ),
        (
            "h1.style.cssText = 'white-space: nowrap; overflow: hidden; text-overflow: ellipsis;"
            " inline-size: 10em'; h1.textContent = '0f'.repeat(64)",
            "cut off",
        ),
        ("h1.style.marginBlockEnd = '-2em'", "overlaps"),
        (
            "accept.style.cssText = 'flex: none; inline-size: 2em; min-inline-size: 0; padding: 0;"
            " white-space: nowrap; overflow-wrap: normal'",
            "sticks out",
        ),
        ("accept.style.cssText = 'min-block-size: 0; block-size: 20px; padding: 0'", "is "),
    ],
)
async def test_each_of_these_would_be_found(
    site: SampleSite, glass: Glass, change: str, finding: str
) -> None:
    await site.show("login").open(glass.window)
    assert await glass.look(PHONE) == []
    await glass.window.evaluate(
        "() => { const [h1, accept] = document.querySelectorAll('h1, #accept'); CHANGE }".replace(
            "CHANGE", change
        )
    )
    found = await glass.look(PHONE)
    assert any(finding in text for text in found), found
