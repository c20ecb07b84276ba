"""What login and consent, with everything on them, cost a browser: bytes, and the time until it
paints.

From the root of the repository: ``python -m benchmarks.pages``. Chromium on this machine, its
processor slowed down fourfold; each figure is the median of seven loads in fresh profiles.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import rich
from playwright.async_api import Browser, async_playwright
from rich.table import Table

from tests.fixtures.chromium import font_environment, launch
from tests.fixtures.real_parts import find_chromium
from tests.pages.site import SampleSite, sample_site

PAGES: Final = ("login", "login-everything", "consent")
PHONE: Final[Any] = {"width": 390, "height": 844}
MEASURE: Final = """
    new Promise((done) => {
      let shift = 0;
      const add = (list) => list.getEntries().forEach((entry) => (shift += entry.value));
      new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => {
        const [load] = performance.getEntriesByType("navigation");
        const paints = performance.getEntriesByType("paint");
        const files = performance.getEntriesByType("resource");
        done({
          answered: load.responseStart,
          paint: paints.find((entry) => entry.name === "first-paint").startTime,
          content: paints.find((entry) => entry.name === "first-contentful-paint").startTime,
          ready: load.domContentLoadedEventEnd,
          bytes: [load, ...files].reduce((sum, entry) => sum + entry.transferSize, 0),
          shift,
        });
      }, 800);
    })
"""
COLUMNS: Final = {
    "answered": "first byte, ms",
    "paint": "first paint, ms",
    "content": "first text, ms",
    "ready": "scripts ran, ms",
    "bytes": "bytes on the wire",
    "shift": "layout shift",
}


def main() -> int:
    """Print one line for each page."""
    parser = argparse.ArgumentParser(prog="make bench-pages")
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--slower", type=float, default=4, help="how many times")
    arguments = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is missing: apt-get install chromium, or CHROMIUM_BIN names one.")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        environment = font_environment(Path(directory))
        asyncio.run(measure(chromium, environment, arguments.loads, arguments.slower))
    return 0


async def measure(chromium: Path, environment: dict[str, Any], loads: int, slower: float) -> None:
    """Load each page again and again, first without a cache, then with one."""
    table = Table(
        "page", "cache", *COLUMNS.values(), title=f"Medians of {loads}, {slower:g} times slower"
    )
    async with sample_site() as site, async_playwright() as playwright:
        browser = await launch(playwright, chromium, environment)
        await load(
            browser, site, PAGES[0], slower
        )  # templates are compiled when they are first used
        for name in PAGES:
            pairs = [await load(browser, site, name, slower) for _ in range(loads)]
            for cache, figures in zip(("empty", "filled"), zip(*pairs, strict=True), strict=True):
                medians = [statistics.median(each[key] for each in figures) for key in COLUMNS]
                table.add_row(name, cache, *(f"{figure:.10g}" for figure in map(_round, medians)))
        await browser.close()
    rich.print(table)


async def load(
    browser: Browser, site: SampleSite, name: str, slower: float
) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of a first and of a second load in a profile of its own."""
    context = await browser.new_context(viewport=PHONE)
    window = await context.new_page()
    session = await context.new_cdp_session(window)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    await site.show(name).open(window)
    first = await window.evaluate(MEASURE)
    await site.show(name).open(window)
    second = await window.evaluate(MEASURE)
    await context.close()
    return first, second


def _round(figure: float) -> float:
    return round(figure, 4 if figure < 1 else 0)


if __name__ == "__main__":
    sys.exit(main())
