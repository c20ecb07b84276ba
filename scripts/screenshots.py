"""The pictures of the README: ``portal demo`` is run, and a browser walks through the tutorial.

From the root of the repository: ``python -m scripts.screenshots``. Every picture is equally wide,
and as high as its page up to a limit; from run to run only ids and times differ.
"""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.fixtures.real_parts import find_chromium
from tests.hydra.server import LOOPBACK, stop

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH = 1000
LOWEST, HIGHEST = 420, 1500
WINDOW: ViewportSize = {"width": WIDTH, "height": LOWEST}
LARGEST = 150_000
PATIENCE = 15_000
USUAL_PORTS = {"--port": 3000, "--client-port": 5555, "--public-port": 4444, "--admin-port": 4445}
Demo = Mapping[str, str]


def main() -> int:
    """Replace the pictures; the exit code says whether all of them are fit to be committed."""
    chromium = find_chromium()
    if chromium is None:
        print("Chromium is missing: apt-get install chromium, or CHROMIUM_BIN names one.")
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        demo = stack.enter_context(running_demo())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        stack.callback(browser.close)
        show_the_tutorial(new_page(browser), demo)
        show_the_administration(new_page(browser), demo)
    return report()


@contextmanager
def running_demo() -> Iterator[Demo]:
    """What the demo tells about itself; its log goes to standard error."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "portal", "demo", "--format", "json", *ports()]
        process = subprocess.Popen(  # noqa: S603 - our own words
            command, cwd=directory, stdout=subprocess.PIPE
        )
        with process:
            try:
                line = process.stdout.readline() if process.stdout else b""
                if not line:
                    sys.exit("The demo did not start.")
                yield json.loads(line)
            finally:
                stop(process)


def ports() -> list[str]:
    """The ports of the README, so that the pictures fit its text; any other where one is in use."""
    try:
        for port in USUAL_PORTS.values():
            socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return [f"{flag}=0" for flag in USUAL_PORTS]
    return []


def new_page(browser: Browser) -> Page:
    """A window of one size, in a browser without a past."""
    context = browser.new_context(viewport=WINDOW, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def show_the_tutorial(page: Page, demo: Demo) -> None:
    """What a person sees who connects an app."""
    page.goto(demo["portal"])
    take(page, "portal-welcome")
    page.goto(demo["client"])
    take(page, "client-welcome")
    page.get_by_role("link", name="Authorize application").click()
    page.fill("#email", demo["email"])
    page.fill("#password", demo["password"])
    take(page, "sign-in")
    page.click("#accept")
    expect(page.locator('input[name="grant_scope"]')).not_to_have_count(0)
    for box in page.locator('input[name="grant_scope"]').all():
        box.check()
    page.check("#remember")
    page.wait_for_load_state("networkidle")  # the summary follows the ticks
    take(page, "consent")
    page.click("#accept")
    page.wait_for_url(f"{demo['client'].rstrip('/')}/**")
    take(page, "tokens", highest=900)
    open_portal(page, demo, "/account/apps", who="")
    take(page, "connected-apps")


def show_the_administration(page: Page, demo: Demo) -> None:
    """What an administrator sees afterwards."""
    open_portal(page, demo, "/admin/grants", who="admin_")
    take(page, "admin-grants")
    page.goto(f"{demo['portal'].rstrip('/')}/admin/clients")
    take(page, "admin-clients")


def open_portal(page: Page, demo: Demo, path: str, *, who: str) -> None:
    """Open a page of the portal itself; it asks who is there."""
    address = demo["portal"].rstrip("/") + path
    page.goto(address)
    page.fill("#email", demo[f"{who}email"])
    page.fill("#password", demo[f"{who}password"])
    page.click("#accept")
    page.wait_for_url(f"{address}**")


def take(page: Page, name: str, *, highest: int = HIGHEST) -> None:
    """Photograph the page from its top."""
    page.wait_for_load_state("networkidle")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.screenshot(
        path=TARGET / f"{name}.png",
        full_page=True,
        clip={"x": 0, "y": 0, "width": WIDTH, "height": min(height, highest)},
        animations="disabled",
        caret="hide",
    )


def report() -> int:
    """Tell the sizes."""
    pictures = sorted(TARGET.glob("*.png"))
    for picture in pictures:
        print(f"{picture.stat().st_size:>8} {picture.name}")
    return int(any(picture.stat().st_size > LARGEST for picture in pictures))


if __name__ == "__main__":
    sys.exit(main())
