"""Second factors in a real browser: passkeys by its virtual authenticator, codes by pyotp."""

import base64
import json
import secrets
from typing import Any

import pyotp
import pytest
from playwright.async_api import Page, expect

from tests.fixtures.hydra import NewApp
from tests.journeys.steps import arrive_at, sign_in_to_portal, tick_and_allow, type_login
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App

pytestmark = [pytest.mark.hydra, pytest.mark.browser]
SECURITY = "/account/security"
CANCEL = """() => {
  navigator.credentials.create = () => Promise.reject(new DOMException("", "NotAllowedError"));
}"""
NOT_BESIDE_A_FIELD = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"


@pytest.fixture
def somebody(portal: RealPortal) -> Person:
    """With an account of their own, since factors stay."""
    return portal.create_user(f"kay-{secrets.token_hex(4)}@example.org")


@pytest.fixture
def app(new_app: NewApp) -> App:
    return new_app(client_name=f"Keys {secrets.token_hex(4)}")


class Device:
    """A phone, a computer or a security key of somebody, in Chromium's *page*."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def plug_in(self, **options: Any) -> None:
        self._cdp = await self._page.context.new_cdp_session(self._page)
        await self._cdp.send("WebAuthn.enable")
        chosen = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = await self._cdp.send(
            "WebAuthn.addVirtualAuthenticator", {"options": chosen | options}
        )
        self.id = added["authenticatorId"]

    async def credentials(self) -> list[dict[str, Any]]:
        found = await self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        credentials: list[dict[str, Any]] = found["credentials"]
        return credentials


@pytest.fixture
async def device(page: Page) -> Device:
    made = Device(page)
    await made.plug_in()
    return made


async def add_passkey(page: Page, portal: RealPortal, name: str = "") -> None:
    await page.goto(f"{portal.url}{SECURITY}/passkeys/add")
    await page.fill("#name", name)
    await page.click("text=Create a passkey")


async def leave_codes(page: Page) -> list[str]:
    """The recovery codes, read before they are gone for good."""
    await expect(page.locator("#recovery-codes li")).to_have_count(10)
    codes = await page.locator("#recovery-codes code").all_inner_texts()
    await page.click("text=I have kept them")
    return codes


def claims_of(app: App, code: str) -> dict[str, Any]:
    """What the app is told about the sign-in."""
    _, payload, _ = app.exchange(code)["id_token"].split(".")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


@pytest.mark.parametrize("asked", ["beside the field", "by a button"])
async def test_a_passkey_is_the_only_factor(
    page: Page, portal: RealPortal, app: App, somebody: Person, device: Device, asked: str
) -> None:
    await sign_in_to_portal(page, portal, somebody, SECURITY)
    await add_passkey(page, portal)
    await leave_codes(page)
    await expect(page.locator("main")).to_contain_text("Passkey, Chrome on Linux")
    (credential,) = await device.credentials()
    assert credential["isResidentCredential"]
    assert somebody.subject.encode() not in base64.b64decode(credential["userHandle"])
    await page.context.clear_cookies()
    if asked == "by a button":
        await page.add_init_script(NOT_BESIDE_A_FIELD)
    await page.goto(app.authorize_url("openid"))
    if asked == "by a button":
        await page.click("text=Sign in with a passkey")
    await tick_and_allow(page, "openid")
    claims = claims_of(app, (await arrive_at(page, app))["code"])
    assert claims["sub"] == somebody.subject
    assert claims["acr"] == "aal2"
    assert claims["amr"] == ["hwk", "user", "mfa"]


async def test_a_security_key_stands_beside_the_password(
    page: Page, portal: RealPortal, app: App, somebody: Person
) -> None:
    device = Device(page)
    await device.plug_in(
        transport="usb", hasResidentKey=False, hasUserVerification=False, isUserVerified=False
    )
    await sign_in_to_portal(page, portal, somebody, SECURITY)
    await add_passkey(page, portal, "Blue key")
    await leave_codes(page)
    await expect(page.locator("main")).to_contain_text("Blue key")
    await page.context.clear_cookies()
    await page.goto(app.authorize_url("openid"))
    await type_login(page, somebody)
    await page.click("text=Use a passkey")
    await tick_and_allow(page, "openid")
    claims = claims_of(app, (await arrive_at(page, app))["code"])
    assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "hwk", "user", "mfa"])


async def test_what_went_wrong_is_said_in_words(
    page: Page, portal: RealPortal, somebody: Person, device: Device
) -> None:
    await sign_in_to_portal(page, portal, somebody, SECURITY)
    await add_passkey(page, portal)
    await leave_codes(page)
    await add_passkey(page, portal)
    problem = page.locator("[data-passkey-problem]")
    await expect(problem).to_have_text("This device or key has a passkey for your account already.")
    await expect(problem).to_be_focused()
    await page.evaluate(CANCEL)
    await page.click("text=Create a passkey")
    await expect(problem).to_contain_text("That was cancelled")
    await page.evaluate("delete PublicKeyCredential.parseCreationOptionsFromJSON")
    await page.click("text=Create a passkey")
    await expect(problem).to_contain_text("This browser cannot use passkeys")


async def test_an_authenticator_app_and_a_recovery_code(
    page: Page, portal: RealPortal, app: App, somebody: Person
) -> None:
    await sign_in_to_portal(page, portal, somebody, SECURITY)
    await page.goto(f"{portal.url}{SECURITY}/authenticator/add")
    box = await page.locator("svg.qr").bounding_box()
    assert box is not None
    assert box["width"] >= 150
    await page.click("text=You cannot scan it?")
    secret = (await page.locator("#totp-secret").inner_text()).replace(" ", "")
    await page.fill("#code", pyotp.TOTP(secret).now())
    await page.click("text=Add the app")
    async with page.expect_download() as saved:
        await page.click("text=Save as a file")
    file = (await (await saved.value).path()).read_text()
    codes = await leave_codes(page)
    assert file.splitlines()[-len(codes) :] == codes
    await page.context.clear_cookies()
    await page.goto(app.authorize_url("openid"))
    await type_login(page, somebody)
    await page.click("text=Use a recovery code")
    await page.fill("#recovery_code", codes[3].upper().replace("-", " "))
    await page.click("text=Use this code")
    await tick_and_allow(page, "openid")
    claims = claims_of(app, (await arrive_at(page, app))["code"])
    assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "otp", "mfa"])


async def test_a_removed_passkey_opens_nothing(
    page: Page, portal: RealPortal, somebody: Person, device: Device
) -> None:
    await sign_in_to_portal(page, portal, somebody, SECURITY)
    await add_passkey(page, portal)
    await leave_codes(page)
    await page.click("text=Remove")
    await expect(page.locator("main")).to_contain_text("With your password alone.")
    await page.click("text=Remove it")
    await expect(page.locator("main")).to_contain_text("It was removed.")
    await page.context.clear_cookies()
    await page.goto(f"{portal.url}/login")  # where the browser offers it beside the field
    await expect(page.locator("main")).to_contain_text("does not open an account here")
