"""A device, a person with a browser, and the portal as a process between them and Ory.

On the stand-in as the releases called 26, and on a real Hydra if the one that ``HYDRA_BIN`` names
knows devices.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.contract.targets import profile_of_binary
from tests.device.test_deciding import WARNING
from tests.driver import Browser, Document
from tests.hydra.server import HydraSettings, free_port
from tests.journeys.steps import (
    allow,
    box,
    code_at,
    is_consent,
    is_login,
    sign_in,
    type_login,
)
from tests.real.hydra import RealHydra
from tests.real.ory import REAL, STANDIN, program_of, running_ory
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App, RelyingParty

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SERVERS = [
    pytest.param(f"{STANDIN}26", marks=pytest.mark.slow),
    *([pytest.param(REAL, marks=pytest.mark.hydra)] if profile_of_binary() == "26" else []),
]


@dataclass
class Device:
    """Something without a keyboard: asks for a code, shows it, and polls."""

    app: App
    codes: dict[str, Any] = field(default_factory=dict)

    def ask(self, scope: str = "openid offline") -> None:
        answer = self._post("/oauth2/device/auth", scope=scope)
        assert answer.status_code == 200, answer.text
        self.codes = answer.json()

    def poll(self) -> dict[str, Any]:
        """Ask once whether the person decided."""
        answer = self._post(
            "/oauth2/token", grant_type=GRANT, device_code=self.codes["device_code"]
        )
        return dict(answer.json())

    def tokens(self) -> dict[str, Any]:
        """Poll until there are tokens, as slowly as Ory wants."""
        told = self.poll()
        if told.get("error") in ("authorization_pending", "slow_down"):
            time.sleep(self.codes["interval"])
            told = self.poll()
        assert "access_token" in told, told
        return told

    def _post(self, path: str, **fields: str) -> httpx.Response:
        credentials = {"client_id": self.app.client_id, "client_secret": self.app.client_secret}
        return self.app.http.post(f"{self.app.public_url}{path}", data=fields | credentials)


NewDevice = Callable[..., Device]


@pytest.fixture(scope="module", params=SERVERS)
def real_portal(
    request: pytest.FixtureRequest,
    http_client: httpx.Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealPortal]:
    """The portal as a process, in front of an Ory that knows devices."""
    directory, port = tmp_path_factory.mktemp("devices"), free_port()
    at = f"http://localhost:{port}"
    settings = HydraSettings(
        bin=program_of(request.param),
        portal_url=at,
        log=directory / "ory.log",
        extra={
            "URLS_DEVICE_VERIFICATION": f"{at}/device/verify",
            "URLS_DEVICE_SUCCESS": f"{at}/device/success",
        },
    )
    ory = RealHydra(settings=settings, http=http_client)
    portal = RealPortal(
        hydra=ory,
        admin_url=ory.admin_url,
        port=port,
        database_url=f"sqlite:///{directory / 'portal.db'}",
        directory=directory,
        settings={},
    )
    with running_ory(request.param, settings), portal.running():
        yield portal


@pytest.fixture(scope="module")
def person(real_portal: RealPortal) -> Person:
    return real_portal.create_user("tess@example.org")


@pytest.fixture
def new_device(real_portal: RealPortal, relying_party: RelyingParty) -> NewDevice:
    """One more device of an app of its own, which a browser can use as well."""

    def make(**fields: Any) -> Device:
        grants = ["authorization_code", "refresh_token", GRANT]
        named = {"client_name": "Living Room TV", "grant_types": grants}
        return Device(real_portal.hydra.create_client(relying_party, **named | fields))

    return make


@pytest.fixture
def device(new_device: NewDevice) -> Device:
    """One that shows a code."""
    made = new_device()
    made.ask()
    return made


@pytest.fixture
async def window(real_portal: RealPortal) -> AsyncIterator[Browser]:
    """The person's browser."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Browser(http)


async def enter_code(window: Browser, device: Device, *, query: str = "") -> Document:
    """Open the address that the device shows, and type its code."""
    page = await window.open(device.codes["verification_uri"] + query)
    assert page.has("device-form"), page
    window.fill("code", device.codes["user_code"])
    return await window.click("verify")


def is_denied(page: Document) -> bool:
    return page.url.path == "/device/denied" and "The device gets nothing." in page.text


async def test_a_device_gets_tokens_after_a_person_allowed_it(
    window: Browser, device: Device, person: Person, real_portal: RealPortal
) -> None:
    assert device.poll()["error"] == "authorization_pending"
    page = await window.open(device.codes["verification_uri_complete"])
    assert page.element("code").get("value") == device.codes["user_code"]
    assert WARNING in page.text
    page = await window.click("verify")
    assert is_login(page), page
    assert "“Living Room TV” on another device" in page.text
    page = await sign_in(window, person)
    assert is_consent(page), page
    assert WARNING in page.text
    page = await allow_on_device(window, "openid", "offline")
    assert page.url.path == "/device/success"
    assert "You can close this page." in page.text
    tokens = device.tokens()
    assert set(tokens["scope"].split()) == {"openid", "offline"}
    assert device.app.introspect(tokens["access_token"])["sub"] == person.subject
    assert device.poll()["error"] == "invalid_grant"
    log = real_portal.log.read_text()
    assert "code accepted" in log
    assert device.codes["user_code"] not in log


async def allow_on_device(window: Browser, *scopes: str) -> Document:
    assert not window.page.has("remember"), "a device is asked about each time"
    window.choose("grant_scope", *scopes)
    return await window.click("accept")


async def test_a_wrong_code_is_typed_again(window: Browser, device: Device, person: Person) -> None:
    await window.open(device.codes["verification_uri"])
    for wrong in (device.codes["user_code"].swapcase() + "x", "00000000"):
        window.fill("code", wrong)
        page = await window.click("verify")
        assert page.status == 422
        assert "This code is not valid." in page.text
    code = device.codes["user_code"]
    window.fill("code", f" {code[:4]}-{code[4:]} ")
    assert is_login(await window.click("verify"))
    await sign_in(window, person)
    assert (await allow_on_device(window, "openid")).url.path == "/device/success"
    assert device.tokens()["scope"] == "openid"


async def test_what_was_denied_the_device_never_gets(
    window: Browser, device: Device, person: Person
) -> None:
    await enter_code(window, device)
    await sign_in(window, person)
    page = await window.click("reject")
    assert is_denied(page), page
    assert device.poll()["error"] == "authorization_pending"


async def test_somebody_who_does_not_sign_in_is_shown_no_raw_error(
    window: Browser, device: Device, person: Person
) -> None:
    page = await enter_code(window, device)
    assert is_login(page), page
    window.fill("email", person.email)
    window.fill("password", "x")
    assert is_denied(await window.click("reject"))
    assert device.poll()["error"] == "authorization_pending"


@pytest.mark.parametrize("lure", ["", "?prompt=none"])
async def test_however_much_was_allowed_for_good_a_device_is_asked_about(
    window: Browser, new_device: NewDevice, person: Person, lure: str
) -> None:
    """Ory says ``skip`` for more than was remembered (contract row 67)."""
    device = new_device()
    await window.open(device.app.authorize_url("openid"))
    await sign_in(window, person, remember=True)
    await allow(window, "openid", remember=True)
    device.app.exchange(code_at(window.page, device.app))
    for scope in ("openid", "openid photos.read"):
        device.ask(scope)
        page = await enter_code(window, device, query=lure)
        assert is_consent(page), page
        assert device.poll()["error"] == "authorization_pending"


async def test_a_used_code_is_not_valid_any_more(
    window: Browser, device: Device, person: Person
) -> None:
    await enter_code(window, device)
    await sign_in(window, person)
    await allow_on_device(window, "openid")
    assert device.tokens()
    page = await enter_code(window, device)
    assert page.status == 422
    assert "work once" in page.text


@pytest.fixture(params=["page", "page_without_javascript"])
def chromium_window(request: pytest.FixtureRequest) -> Page:
    chosen: Page = request.getfixturevalue(request.param)
    return chosen


@pytest.mark.browser
async def test_in_chromium_a_device_is_allowed_and_another_denied(
    chromium_window: Page, new_device: NewDevice, person: Person
) -> None:
    """With a wrong code on the way; no page may break its own policy (see the fixture)."""
    page, device = chromium_window, new_device()
    device.ask()
    await page.goto(device.codes["verification_uri"])
    await page.fill("#code", "wrong")
    await page.click("#verify")
    await expect(page.locator("#device-error")).to_contain_text("This code is not valid.")
    await expect(page.locator("#code")).to_have_value("wrong")
    await expect(page.locator("#code")).to_be_focused()
    await page.fill("#code", device.codes["user_code"])
    await page.click("#verify")
    await type_login(page, person)
    await box(page, "openid").check()
    await page.click("#accept")
    await page.wait_for_url("**/device/success?*")
    assert device.tokens()["scope"] == "openid"
    device.ask()
    await page.goto(device.codes["verification_uri_complete"])
    await page.click("#verify")
    await type_login(page, person)
    await page.click("#reject")
    await page.wait_for_url("**/device/denied")
    await expect(page.get_by_text("The device gets nothing.")).to_be_visible()
    assert device.poll()["error"] == "authorization_pending"
