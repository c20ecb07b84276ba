"""An Ory that knows devices, and what people do there."""

import httpx
import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import Portal

CODE = "hTVXRRvK"
"""As Ory makes them: small and capital letters, and digits."""
TV = {"client_id": "tv", "client_name": "Living Room TV"}


@pytest.fixture
def ory() -> OryDouble:
    double = OryDouble(release="26")
    double.plant_user_code(CODE)
    return double


@pytest.fixture
def challenge(ory: OryDouble) -> str:
    return ory.plant_device()


def address(portal: Portal, challenge: str, **query: str) -> str:
    asked = httpx.QueryParams({"device_challenge": challenge} | query)
    return f"{portal.url}/device/verify?{asked}"


async def type_code(browser: Browser, portal: Portal, challenge: str, code: str) -> Document:
    """Open the page, type the code, go on."""
    page = await browser.open(address(portal, challenge))
    assert page.has("device-form"), page
    browser.fill("code", code)
    return await browser.click("verify")


def codes_told(ory: OryDouble) -> list[str]:
    """The codes that Ory took, in order."""
    return [body["user_code"] for body in ory.decided("device", "accept") if body]
