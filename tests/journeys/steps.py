"""What people do on the portal's pages, in words that the journeys share."""

import re
from urllib.parse import parse_qs, urlsplit

import anyio
from playwright.async_api import Page, expect

from tests.driver import Browser, Document
from tests.real.portal import Person, RealPortal
from tests.real.relying_party import App

DENIED = {
    "error": "access_denied",
    "error_description": "The resource owner denied the request",
}


async def sign_in(browser: Browser, person: Person, *, remember: bool = False) -> Document:
    """Fill in the login form that is open, and send it."""
    assert browser.page.has("login-title"), f"not the login page: {browser.page}"
    browser.fill("email", person.email)
    browser.fill("password", person.password)
    if browser.page.has("remember"):
        browser.tick("remember", ticked=remember)
    return await browser.click("accept")


async def allow(
    browser: Browser, *scopes: str, remember: bool = False, lasting: str | None = None
) -> Document:
    """Tick exactly *scopes* on the consent page that is open, and allow; *remember* chooses the
    longest duration, *lasting* that one.
    """
    assert is_consent(browser.page), f"not the consent page: {browser.page}"
    browser.choose("grant_scope", *scopes)
    browser.tick("remember", ticked=remember)
    if lasting is not None:
        browser.tick(browser.page.box("remember", lasting).get("id", ""))
    return await browser.click("accept")


async def connect(
    browser: Browser,
    app: App,
    person: Person,
    *scopes: str,
    remember: bool = False,
    lasting: str | None = None,
    stay: bool = False,
) -> dict:
    """The whole flow in a browser that is not signed in; the app's tokens."""
    await browser.open(app.authorize_url(" ".join(scopes)))
    await sign_in(browser, person, remember=stay)
    await allow(browser, *scopes, remember=remember, lasting=lasting)
    return app.exchange(code_at(browser.page, app))


async def until_dead(app: App, token: str, *, seconds: float = 20) -> None:
    """Wait until Ory no longer honours *token*: it may be told in the background."""
    with anyio.fail_after(seconds):
        while app.is_active(token):  # noqa: ASYNC110 - Hydra sends no event
            await anyio.sleep(0.25)


def is_login(page: Document) -> bool:
    return page.has("login-title") and page.has("password")


def is_consent(page: Document) -> bool:
    return "An application requests access to your data!" in page.text


def is_back_at(page: Document, app: App) -> bool:
    return str(page.url.copy_with(query=None)) == app.redirect_uri


def code_at(page: Document, app: App) -> str:
    """The code that the app got."""
    assert is_back_at(page, app), f"not back at the app: {page}"
    assert "code" in page.query, page.query
    return page.query["code"]


def error_at(page: Document, app: App) -> dict[str, str]:
    """The error that the app got instead of a code."""
    assert is_back_at(page, app), f"not back at the app: {page}"
    assert "code" not in page.query
    return {name: page.query[name] for name in ("error", "error_description") if name in page.query}


def was_shown(browser: Browser, path: str) -> bool:
    """Whether the last step ended on, or passed without redirect through, a page at *path*."""
    return any(hop.url.path == path and hop.status < 300 for hop in browser.trail)


async def open_portal(browser: Browser, portal: RealPortal, path: str, person: Person) -> Document:
    """Open a page of the portal itself, signing in on the way where it asks."""
    page = await browser.open(portal.url + path)
    if is_login(page):
        page = await sign_in(browser, person)
    assert page.status == 200, str(page)
    return page


async def disconnect(browser: Browser, app: App) -> None:
    """Remove *app* on the page of connected apps, and wait until that cannot be undone any more."""
    await remove(browser, app)
    with anyio.fail_after(30):
        while app.name in (await browser.reload()).text:  # noqa: ASYNC110 - nobody tells us
            await anyio.sleep(0.5)


async def remove(browser: Browser, app: App) -> None:
    """Press "remove access" of *app* on the page of connected apps, and confirm."""
    page = await browser.open(browser.page.link_to("/account/apps/disconnect", app.client_id))
    assert app.name in page.text
    await press_main_button(browser)
    assert browser.page.status == 200, str(browser.page)


async def press_main_button(browser: Browser) -> None:
    """Press the one button that sends a form by POST and is not "sign out"."""
    for form in browser.page.root.iter("form"):
        posts = form.get("method", "").lower() == "post"
        if posts and "logout" not in form.get("action", ""):
            await browser.submit(next(form.iter("button")))
            return
    raise AssertionError(f"no button on {browser.page}")


async def type_login(page: Page, person: Person) -> None:
    """Fill in the login form in Chromium, and send it."""
    await expect(page.locator("#login-title")).to_be_visible()
    await page.fill("#email", person.email)
    await page.fill("#password", person.password)
    await page.click("#accept")


async def sign_in_to_portal(page: Page, portal: RealPortal, person: Person, path: str) -> None:
    """Open a page of the portal itself, which asks who is there."""
    await page.goto(portal.url + path)
    await type_login(page, person)
    await page.wait_for_url(f"{portal.url}{path}**")


async def tick_and_allow(page: Page, *scopes: str, remember: bool = False) -> None:
    """Tick *scopes* on the consent page in Chromium, and allow."""
    await expect(page.get_by_text("An application requests access to your data!")).to_be_visible()
    for scope in scopes:
        await box(page, scope).check()
    await page.locator("#remember").set_checked(remember)
    await page.click("#accept")


async def arrive_at(page: Page, app: App) -> dict[str, str]:
    """Wait for the app's callback; the parameters it got."""
    await page.wait_for_url(re.compile(re.escape(app.redirect_uri) + r"\?"))
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def box(page: Page, scope: str):
    """The checkbox of *scope*."""
    return page.locator(f'input[name="grant_scope"][value="{scope}"]')
