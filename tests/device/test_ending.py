"""Where a device flow ends in the browser."""

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal

HOSTILE = (
    "", "?client_id=tv", "?client_id=unknown", "?client_id=<script>alert(1)</script>",
    "?client_id=a&client_id=b", "?client_id=..%2F..%2Fadmin", "?error=access_denied&x=Call+0900-1",
    "?client_id=" + "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("path", ["/device/success", "/oauth2/device/success"])
@pytest.mark.parametrize("query", HOSTILE)
async def test_success_is_said_without_anything_from_the_address(
    portal: Portal, browser: Browser, ory: OryDouble, path: str, query: str
) -> None:
    ory.plant_client("tv", client_name="Living Room TV")
    plain = (await browser.open(f"{portal.url}/device/success")).text
    page = await browser.open(f"{portal.url}{path}{query}")
    assert page.status == 200
    assert "You can close this page." in page.text
    assert page.text == plain
    assert "<script>alert" not in page.html
    assert ory.calls == []


@pytest.mark.parametrize("query", HOSTILE)
async def test_a_denial_is_said_without_anything_from_the_address(
    portal: Portal, browser: Browser, ory: OryDouble, query: str
) -> None:
    plain = (await browser.open(f"{portal.url}/device/denied")).text
    page = await browser.open(f"{portal.url}/device/denied{query}")
    assert page.status == 200
    assert "The device gets nothing. You can close this page." in page.text
    assert page.text == plain
    assert "<script>alert" not in page.html
    assert ory.calls == []
