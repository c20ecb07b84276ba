"""The live log tells who did what, in lines that people can follow while it happens."""

import io
import logging
from collections.abc import Iterator

import pytest

from portal import logs
from portal.settings import Settings
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import KEY, Portal, sign_in
from tests.journeys.steps import press_main_button
from tests.real.portal import Person

PHOTOS = {"client_id": "b7f1-0000", "client_name": "Holiday Photos"}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(Settings.from_env({"SECRET_KEY": KEY}), stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def said(log: io.StringIO, words: str) -> str:
    """What follows *words* in the one line that begins with them."""
    (line,) = [line[10:] for line in log.getvalue().splitlines() if line[10:].startswith(words)]
    return line.removeprefix(words).strip()


async def test_an_access_that_an_administrator_removed_names_the_administrator(
    portal: Portal, browser: Browser, admin: Person, ann: Person, log: io.StringIO
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, admin)
    await browser.open(
        f"{portal.url}/admin/grants/revoke?subject={ann.subject}&client_id=photos",
    )
    await press_main_button(browser)
    assert said(log, "access removed") == "ann@… → Photos  by=admin@…"


async def test_an_access_that_somebody_removed_themselves_names_nobody_else(
    portal: Portal, browser: Browser, ann: Person, log: io.StringIO
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/account/apps/disconnect?client_id=photos")
    await press_main_button(browser)
    assert said(log, "access removed") == "ann@… → Photos"


async def test_leaving_the_portals_own_pages_is_told_and_written_down(
    portal: Portal, browser: Browser, ann: Person, log: io.StringIO
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/logout")
    form = browser.page
    await browser.click("accept")
    assert said(log, "signed out") == "ann@…"
    async with portal.store.reading() as rows:
        (event, _) = (await rows.audit.list_page(after=None, limit=9)).events
    assert (event.action, event.actor, event.subject, event.client_id) == (
        "logout.completed",
        ann.subject,
        ann.subject,
        None,
    )
    browser.show(form)
    await browser.click("accept")
    if browser.page.has("accept"):
        await browser.click("accept")
    assert said(log, "signed out") == "ann@…", "who is not signed in signs nobody out"


async def test_a_logout_at_an_app_names_the_app(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, log: io.StringIO
) -> None:
    challenge = ory.plant_logout(PHOTOS, subject=ann.subject)
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/logout?logout_challenge={challenge}")
    await browser.click("accept")
    assert said(log, "asked to sign out") == said(log, "signed out") == "Holiday Photos"
    assert await portal.actions() == ["portal.signed_in", "logout.completed"]
