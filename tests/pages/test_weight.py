"""Login and consent are light, and nothing on them moves once it is shown."""

import gzip
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page

from portal.web.assets import ASSETS, STATIC
from tests.pages.rendering import elements, parse
from tests.pages.site import SampleSite, Shown

EVERYTHING = ("login-everything", "consent")
MAIN = (*EVERYTHING, "login", "login-refused", "consent-fresh", "factor", "device", "logout")
KILOBYTE = 1000
LIMIT = 30 * KILOBYTE
SHIFTS = """
    new Promise((done) => {
      let sum = 0;
      const add = (list) => list.getEntries().forEach((entry) => (sum += entry.value));
      new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(sum), 800);
    })
"""
"""Longer than a page waits before it lets anybody press Allow."""
SIZES = ({"width": 390, "height": 844}, {"width": 1280, "height": 900})


async def fetch(shown: Shown, site: SampleSite) -> dict[str, int]:
    """Every file that the page needs, and its bytes on the wire; the page's own as if packed."""
    app: Any = site.app()
    headers = {"Accept-Encoding": "gzip"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), headers=headers) as http:
        page = await http.get(shown.url)
        sizes = {"page": len(gzip.compress(page.content, 9))}
        for element in elements(parse(page.text), "link", "script", "img"):
            address = element.get("href") or element.get("src") or ""
            async with http.stream("GET", str(page.url.join(address))) as answer:
                assert answer.status_code == 200, address
                sizes[address] = len(b"".join([part async for part in answer.aiter_raw()]))
    return sizes


@pytest.mark.parametrize("name", EVERYTHING)
async def test_a_page_with_everything_on_it_is_light(name: str) -> None:
    site = SampleSite.example()
    sizes = await fetch(site.show(name), site)
    assert {"portal.css", "portal.js"} <= {urlsplit(path).path.split("/")[-1] for path in sizes}
    assert sum(sizes.values()) <= LIMIT, sizes


def test_every_static_file_is_sent_smaller_than_it_is() -> None:
    assert set(ASSETS) == {p.name for p in STATIC.iterdir() if p.suffix in (".css", ".js", ".svg")}
    for name, asset in ASSETS.items():
        assert len(asset.packed) < len(asset.content), name


@pytest.fixture
async def slow_windows(chromium: Browser) -> Any:
    """A phone and a desk, on a machine that is four times slower."""
    contexts = [await chromium.new_context(viewport=size) for size in SIZES]  # type: ignore[arg-type]  # a mapping is one
    windows: list[Page] = []
    for context in contexts:
        window = await context.new_page()
        session = await context.new_cdp_session(window)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        windows.append(window)
    yield windows
    for context in contexts:
        await context.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", MAIN)
async def test_nothing_moves_while_a_page_loads(
    site: SampleSite, slow_windows: list[Page], name: str
) -> None:
    for window in slow_windows:
        await site.show(name).open(window)
        assert await window.evaluate(SHIFTS) == 0, window.viewport_size


@pytest.mark.browser
async def test_a_page_that_moves_would_be_noticed(
    site: SampleSite, slow_windows: list[Page]
) -> None:
    window = slow_windows[0]
    await site.show("login").open(window)
    await window.evaluate(
        "setTimeout(() => document.body.prepend(document.querySelector('main').cloneNode(true)))"
    )
    assert await window.evaluate(SHIFTS) > 0
