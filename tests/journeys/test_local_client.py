"""The local client, the portal and Ory: each step of the tutorial after its client was made."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser, words
from tests.hydra.server import StartError, free_port, running, wait_for
from tests.journeys.steps import (
    allow,
    is_consent,
    is_login,
    sign_in,
    tick_and_allow,
    type_login,
    was_shown,
)
from tests.real.portal import COMMAND, Person, RealPortal

ALL = ("openid", "offline", "email")
LocalClient = Callable[..., str]


@pytest.fixture
def local_client(portal: RealPortal, tmp_path: Path) -> Iterator[LocalClient]:
    """Register an app, run ``portal perform authorization-code`` with it, and tell its address."""
    with ExitStack() as stack:

        def start(
            *flags: str,
            scope: str = ",".join(ALL),
            secret: str | None = None,
            registered: tuple[str, ...] = (),
        ) -> str:
            port = free_port()
            url = f"http://127.0.0.1:{port}/"
            client = register(portal, port, *registered)
            command = [
                *(*COMMAND, "perform", "authorization-code", "--no-open", "--port", str(port)),
                *("--client-id", client["client_id"], "--scope", scope, *flags),
            ]
            environment = portal.environment() | {
                "HYDRA_ADMIN_URL": portal.hydra.admin_url,
                "OAUTH2_CLIENT_SECRET": secret or client.get("client_secret", ""),
            }
            log = tmp_path / "client.log"
            process = stack.enter_context(
                running(command, env=environment, log=log, cwd=portal.directory)
            )
            wait_for(url, process, log=log)
            return url

        yield start


def register(portal: RealPortal, port: int, *flags: str) -> dict:
    made = portal.cli(
        *("clients", "create", "--format", "json", "--name", "Tutorial app"),
        *("--scope", ",".join(ALL), "--redirect-uri", f"http://127.0.0.1:{port}/callback"),
        *("--post-logout-callback", f"http://127.0.0.1:{port}/after-logout", *flags),
    )
    return dict(json.loads(made))


async def arrive(browser: Browser, url: str, person: Person, *scopes: str) -> None:
    """From the welcome page to the tokens."""
    await browser.open(url)
    assert "Welcome to the example OAuth 2.0 Consumer!" in browser.page.text
    await browser.follow("Authorize application")
    await sign_in(browser, person, remember=True)
    await allow(browser, *scopes, remember=True)
    assert browser.page.status == 200, str(browser.page)


async def test_the_whole_tutorial_and_every_button(
    browser: Browser, local_client: LocalClient, ann: Person
) -> None:
    url = local_client()
    await arrive(browser, url, ann, *ALL)
    page = browser.page
    assert page.url.query == b""
    text = page.text
    assert f"ID token sub {ann.subject} iss http" in text
    assert "Access token, introspected" in text
    assert "Failed" not in text
    for check in ("state", "PKCE", "signature", "iss", "aud", "exp", "nonce", "at_hash"):
        assert f"Passed {check}" in text

    page = await browser.click("refresh")
    assert "these are new tokens" in words(page.element("notice"))
    page = await browser.click("userinfo")
    assert "its subject is that of the ID token" in words(page.element("notice"))
    assert ann.email in page.text
    page = await browser.click("introspect")
    assert "active true" in page.text
    assert "the access token is active" in words(page.element("notice"))
    page = await browser.click("revoke")
    assert "Revoked" in words(page.element("notice"))
    assert "active false" in page.text
    assert not page.has("scopes")
    page = await browser.click("userinfo")
    assert "This access token was revoked or has expired" in words(page.element("trouble"))
    page = await browser.click("refresh")
    assert "invalid_grant" in words(page.element("trouble"))

    browser.fill("prompt", "none")
    await browser.click("again")
    assert not was_shown(browser, "/login")
    assert browser.page.has("scopes"), str(browser.page)
    await browser.click("logout")
    if browser.page.has("accept"):
        await browser.click("accept")
    assert str(browser.page.url) == f"{url}after-logout", str(browser.page)

    await browser.open(url)
    browser.fill("prompt", "none")
    page = await browser.click("again")
    assert page.status == 400
    assert words(page.element("error")) == "login_required"
    assert "Stay signed in" in words(page.element("advice"))


async def test_a_partial_grant_shows_what_is_missing(
    browser: Browser, local_client: LocalClient, ann: Person
) -> None:
    await arrive(browser, local_client(), ann, "openid")
    assert "offline asked for, not granted" in browser.page.text


async def test_a_denied_request_is_explained(browser: Browser, local_client: LocalClient) -> None:
    await browser.open(local_client())
    await browser.follow("Authorize application")
    page = await browser.click("reject")
    assert words(page.element("error")) == "access_denied"
    assert words(page.element("error-description")) == "The resource owner denied the request"


async def test_asking_to_sign_in_again_and_for_a_fresh_sign_in(
    browser: Browser, local_client: LocalClient, ann: Person
) -> None:
    await arrive(browser, local_client(), ann, *ALL)
    browser.fill("prompt", "login")
    browser.fill("max_age", "60")
    browser.fill("login_hint", ann.email)
    page = await browser.click("again")
    assert is_login(page)
    assert page.element("email").get("value") == ann.email
    page = await sign_in(browser, ann)
    if is_consent(page):
        page = await allow(browser, *ALL)
    assert "Passed auth_time" in page.text, str(page)


async def test_a_code_in_a_form_never_gets_into_an_address(
    browser: Browser, local_client: LocalClient, ann: Person
) -> None:
    await browser.open(local_client("--response-mode", "form_post"))
    await browser.follow("Authorize application")
    await sign_in(browser, ann)
    page = await allow(browser, *ALL)
    posting = next(page.root.iter("form"))
    fields = [(f.get("name", ""), f.get("value", "")) for f in posting.iter("input")]
    page = await browser.send("POST", posting.get("action", ""), fields)
    assert page.has("scopes"), str(page)
    assert not any("code" in str(hop.url.query) for hop in browser.trail)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_a_secret_is_proved_at_the_start_and_nothing_changes_by_it(
    local_client: LocalClient, method: str
) -> None:
    flags = ("--token-endpoint-auth-method", method)
    assert local_client(registered=flags)
    if method == "none":
        with pytest.raises(StartError, match="This client is public"):
            local_client(registered=flags, secret="one-too-many")
        return
    with pytest.raises(StartError, match="The client secret is wrong") as refused:
        local_client(registered=flags, secret="not-the-secret")
    assert "not-the-secret" not in str(refused.value)
    assert "must configure" not in str(refused.value)


async def test_once_prints_what_came_and_ends(
    browser: Browser, portal: RealPortal, ann: Person, tmp_path: Path
) -> None:
    port = free_port()
    client = register(portal, port)
    environment = portal.environment() | {"OAUTH2_CLIENT_SECRET": client["client_secret"]}
    command = [
        *(*COMMAND, "perform", "authorization-code", "--once", "--format", "json", "--no-open"),
        *("--port", str(port), "--client-id", client["client_id"]),
    ]
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts while nothing else runs
            command, env=environment, cwd=portal.directory, stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/", process, log=log)
        await arrive(browser, f"http://127.0.0.1:{port}/", ann, "openid", "offline")
        printed, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, log.read_text()
    tokens = json.loads(printed)
    assert {"access_token", "token_type", "refresh_token", "expiry", "id_token"} == set(tokens)
    assert tokens["access_token"] not in log.read_text()
    assert ann.subject in log.read_text()


@pytest.mark.browser
async def test_a_code_in_a_form_comes_back_in_chromium(
    page: Page, local_client: LocalClient, ann: Person
) -> None:
    await page.goto(local_client("--response-mode", "form_post"))
    await page.get_by_role("link", name="Authorize application").click()
    await type_login(page, ann)
    await tick_and_allow(page, "openid", "offline")
    await page.wait_for_url("http://127.0.0.1:*/tokens/*")
    await expect(page.locator("main")).to_contain_text(ann.subject)


@pytest.mark.browser
async def test_the_tutorial_in_chromium(
    page: Page, local_client: LocalClient, ann: Person, tmp_path: Path
) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(local_client())
    await page.screenshot(path=tmp_path / "welcome.png", full_page=True)
    await page.get_by_role("link", name="Authorize application").click()
    await type_login(page, ann)
    await tick_and_allow(page, "openid", "offline")
    await page.wait_for_url("http://127.0.0.1:*/tokens/*")
    await expect(page.locator("main")).to_contain_text(ann.subject)
    await page.screenshot(path=tmp_path / "tokens.png", full_page=True)
    await page.click("#userinfo")
    await expect(page.locator("#notice")).to_contain_text("UserInfo answered")
    await page.locator("input[name=prompt]").fill("login")
    await page.click("#again")
    await type_login(page, ann)
    await tick_and_allow(page, "openid", "offline")
    await page.wait_for_url("http://127.0.0.1:*/tokens/*")
    await page.click("#logout")
    await page.wait_for_url("http://127.0.0.1:*/after-logout")
    await page.set_viewport_size({"width": 360, "height": 740})
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    await page.go_back()
    assert await page.evaluate(wide) is False
    assert complaints == []
