"""By the keyboard alone, in a real browser: what people do here, with JavaScript and without.

The journeys run on what `portal demo` starts. A step goes to a control by the Tab key, as somebody
does who has no mouse, and fails where the focus cannot be seen on the way.
"""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fixtures.chromium import NewContext
from tests.hydra.server import stop
from tests.pages.site import WHOLE, SampleSite

pytestmark = pytest.mark.browser

MANY = 80
"""Presses of Tab after which a control is not to be found any more."""
FOCUS = Path(__file__).with_name("focus.js").read_text(encoding="utf-8")
CONTROLS = """
    [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
      .filter((one) => !one.disabled && one.type !== "hidden")
      .filter((one) => one.checkVisibility({ visibilityProperty: true }))
      .filter((one) => one.type !== "radio" || one.checked).length
"""
"""How many stops there are; of a group of choices the chosen one is."""
Demo = Mapping[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The portal, a stand-in for Ory, and an app; what the demo tells about itself."""
    directory = tmp_path_factory.mktemp("demo")
    ports = [f"--{name}=0" for name in ("port", "client-port", "public-port", "admin-port")]
    command = [sys.executable, "-m", "portal", "demo", "--format", "json", "--no-open", *ports]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "--data-dir", str(directory)],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else b""
            assert line, (directory / "log").read_text(errors="replace")[-2000:]
            yield json.loads(line)
        finally:
            stop(process)


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
async def window(request: pytest.FixtureRequest, new_context: NewContext) -> Page:
    context = await new_context(
        javascript=request.param == "with JavaScript", reduced_motion="reduce", locale="en-GB"
    )
    return await context.new_page()


async def focus(window: Page) -> dict | None:
    """Where the focus is, and what is wrong there; by way of the debugger, which needs no script
    of the page's.
    """
    session = await window.context.new_cdp_session(window)
    asked = {"expression": f"({FOCUS})()", "returnByValue": True}
    answer = await session.send("Runtime.evaluate", asked)
    await session.detach()
    found: dict | None = answer["result"].get("value")
    return found


async def tab_to(window: Page, control: str) -> None:
    """Press Tab until the focus is on *control*; on the way it must be seen, and go forwards."""
    wanted = window.locator(control).first
    await expect(wanted).to_be_visible()
    passed: list[str] = []
    last = -1
    for _ in range(MANY):
        if await is_focused(window, control):
            return
        await window.keyboard.press("Tab")
        at = await focus(window)
        if at is None:  # the browser's own controls come after the page's last
            last = -1
            continue
        assert at["problems"] == [], at
        assert at["order"] > last or not passed, f"{at['name']} comes after {passed[-1]}"
        last = at["order"]
        passed.append(at["name"])
    raise AssertionError(f"{control} cannot be reached; the focus went by {passed}")


async def is_focused(window: Page, control: str) -> bool:
    return bool(await window.locator(f"{control}:focus").count())


async def sign_in(window: Page, email: str, password: str) -> None:
    """The first field waits for what is typed; Enter sends."""
    await expect(window.locator("#email")).to_be_focused()
    await window.keyboard.type(email)
    await tab_to(window, "#password")
    await window.keyboard.type(password)
    await window.keyboard.press("Enter")


async def open_consent(window: Page, demo: Demo) -> None:
    await window.goto(demo["client"])
    await tab_to(window, "a:has-text('Authorize application')")
    await window.keyboard.press("Enter")
    await sign_in(window, demo["email"], demo["password"])
    await expect(window.locator("#consent-form")).to_be_visible()


async def tick(window: Page, scope: str) -> None:
    box = f"input[name=grant_scope][value={scope}]"
    await tab_to(window, box)
    if not await window.locator(box).is_checked():
        await window.keyboard.press("Space")
    await expect(window.locator(box)).to_be_checked()


async def press(window: Page, control: str) -> None:
    await expect(window.locator(control).first).to_be_enabled()
    await tab_to(window, control)
    await window.keyboard.press("Enter")


async def test_signing_in_and_allowing(window: Page, demo: Demo) -> None:
    await open_consent(window, demo)
    await tick(window, "openid")
    await press(window, "#accept")
    await window.wait_for_url(f"{demo['client'].rstrip('/')}/**")
    await expect(window.locator("body")).to_contain_text("The app has its tokens")


async def test_signing_in_and_denying(window: Page, demo: Demo) -> None:
    await open_consent(window, demo)
    await press(window, "#reject")
    await window.wait_for_url(f"{demo['client'].rstrip('/')}/**")
    await expect(window.locator("body")).to_contain_text("access_denied")


async def test_a_wrong_password_leads_back_into_the_field(window: Page, demo: Demo) -> None:
    await window.goto(f"{demo['portal'].rstrip('/')}/login")
    await sign_in(window, demo["email"], "surely not this one")
    await expect(window.locator("#login-error")).to_be_visible()
    field = window.locator("#password")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("password", re.IGNORECASE))
    await expect(window.locator("#login-error")).to_have_attribute("role", "alert")
    await window.keyboard.type(demo["password"])
    await window.keyboard.press("Enter")
    await window.wait_for_url("**/account/apps")


async def test_allowing_nothing_leads_to_the_reason(window: Page, demo: Demo) -> None:
    """Without a script; with one nobody can press the button before something is ticked."""
    await open_consent(window, demo)
    for box in await window.locator("input[name=grant_scope]:checked").all():
        await box.press("Space")
    if await window.locator("html.js").count():
        await window.wait_for_timeout(700)  # until a page that has been in view would allow it
        await expect(window.locator("#accept")).to_be_disabled()
        await tick(window, "openid")
        await expect(window.locator("#accept")).to_be_enabled()
        return
    await press(window, "#accept")
    await expect(window.locator("#consent-error")).to_be_focused()


async def test_removing_an_app_and_taking_it_back(window: Page, demo: Demo) -> None:
    await open_consent(window, demo)
    await tick(window, "openid")
    await tick(window, "offline")
    await press(window, "#accept")
    await window.wait_for_url(f"{demo['client'].rstrip('/')}/**")
    await window.goto(f"{demo['portal'].rstrip('/')}/account/apps")
    await sign_in(window, demo["email"], demo["password"])
    await press(window, "a[href*='disconnect']")
    await press(window, "main form[method=post] button")
    await expect(window.locator("main")).to_contain_text("has no access any more")
    at = await focus(window)
    assert at is None or at["name"], "the focus is at the top, or where it goes on"
    await press(window, "main button:has-text('Undo')")
    await expect(window.locator("main")).to_contain_text("Undone")


# Every sample


@pytest.fixture(scope="module")
async def pane(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(reduced_motion="reduce")
    yield await context.new_page()
    await context.close()


@pytest.mark.parametrize("name", WHOLE)
async def test_every_control_is_reached_in_order_and_shows_that_it_is(
    site: SampleSite, pane: Page, name: str
) -> None:
    await site.show(name).open(pane)
    await pane.wait_for_timeout(600 if name.startswith("consent") else 0)
    stops = await pane.evaluate(CONTROLS)
    reached: dict[int, dict] = {}
    last = None
    for _ in range(3 * stops + MANY):  # a page with one control is left by Tab, and entered again
        at = await pane.evaluate(FOCUS)
        if at is not None and at["order"] != last:  # a date has a stop for each of its parts
            if at["order"] in reached:
                break
            last = at["order"]
            reached[last] = at
        await pane.keyboard.press("Tab")
    assert [at for at in reached.values() if at["problems"]] == []
    names = [at["name"] for at in reached.values()]
    orders = list(reached)
    first = orders.index(min(orders))  # the focus may have begun in the middle, and went around
    assert orders[first:] + orders[:first] == sorted(orders), names
    assert len(orders) >= stops, names


@pytest.mark.parametrize("box", ["#openid", "#email"])
async def test_the_summary_is_read_out_when_it_changes(
    site: SampleSite, pane: Page, box: str
) -> None:
    """A screen reader hears of changes within an element that it knew before."""
    site.answers["/consent/summary"] = "summary-empty"
    await site.show("consent").open(pane)
    live = await pane.query_selector("[aria-live=polite]:has(#consent-summary)")
    assert live is not None
    before = await live.inner_text()
    async with pane.expect_response("**/consent/summary"):
        await pane.locator(box).press("Space")
    await expect(pane.locator("#consent-summary")).not_to_have_text(before, use_inner_text=True)
    assert await live.evaluate("(element) => element.isConnected")
    assert await live.inner_text() != before
    await expect(pane.locator(box)).to_be_focused()


@pytest.mark.parametrize("name", [n for n, page in WHOLE.items() if page.status == 200][::7])
async def test_what_is_said_of_a_lost_connection_has_its_place(
    site: SampleSite, pane: Page, name: str
) -> None:
    await site.show(name).open(pane)
    await expect(pane.locator("#flash[role=alert]")).to_be_hidden()
