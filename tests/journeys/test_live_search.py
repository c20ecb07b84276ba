"""The admin's search follows what is typed, its address too, and the back button leads back."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.fixtures.hydra import NewApp
from tests.journeys.steps import arrive_at, sign_in_to_portal, tick_and_allow, type_login
from tests.real.faults import FaultProxy
from tests.real.portal import Person, RealPortal

pytestmark = [pytest.mark.hydra, pytest.mark.browser]
ROWS = "#grants-results tbody tr"


def search_of(page: Page) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}


@pytest.fixture
async def names(
    page: Page, new_app: NewApp, portal: RealPortal, ann: Person, admin: Person
) -> tuple[str, str]:
    """Two apps that Ann has allowed something; the administrator looks at everybody's."""
    mark = secrets.token_hex(4)
    apps = [new_app(client_name=f"{kind} {mark}") for kind in ("Atlas", "Bakery")]
    await page.goto(apps[0].authorize_url("openid"))
    await type_login(page, ann)
    await tick_and_allow(page, "openid")
    await arrive_at(page, apps[0])
    await page.goto(apps[1].authorize_url("openid email"))
    await type_login(page, ann)
    await tick_and_allow(page, "openid", "email")
    await arrive_at(page, apps[1])
    await sign_in_to_portal(page, portal, admin, "/admin/grants")
    return apps[0].name, apps[1].name


async def test_results_address_and_back_button_follow_what_is_typed(
    page: Page, names: tuple[str, str]
) -> None:
    atlas, bakery = names
    mark = atlas.removeprefix("Atlas ")
    await page.locator("#client").press_sequentially(mark, delay=20)
    await expect(page.locator(ROWS)).to_have_count(2)
    await expect(page).to_have_url(re.compile(rf"/admin/grants\?client={mark}$"))
    await page.fill("#scope", "email")
    await expect(page.locator(ROWS)).to_have_count(1)
    await expect(page.locator(ROWS)).to_contain_text(bakery)
    assert search_of(page) == {"client": mark, "scope": "email"}
    await page.select_option("#used", "before-30d")
    await expect(page.locator("#grants-results")).to_contain_text("Nothing found")
    assert search_of(page) == {"client": mark, "scope": "email", "used": "before-30d"}
    await page.go_back()
    await expect(page.locator(ROWS)).to_have_count(1)
    await expect(page.locator("#used")).to_have_value("")
    await page.go_back()
    await expect(page.locator(ROWS)).to_have_count(2)
    await expect(page.locator("#scope")).to_have_value("")
    await expect(page.locator("#client")).to_have_value(mark)
    await page.reload()
    await expect(page.locator(ROWS)).to_have_count(2)


async def test_an_apps_details_come_at_once_and_what_ory_lists_when_it_can(
    page: Page, names: tuple[str, str], fault_proxy: FaultProxy
) -> None:
    _, bakery = names
    await page.fill("#client", bakery)
    await expect(page.locator(ROWS)).to_have_count(1)
    fault_proxy.down()
    await page.locator(f'{ROWS} a[href*="/one?"]').click()
    await expect(page.locator("#at-ory")).to_contain_text("Ory does not answer right now")
    await expect(page.locator("h1")).to_contain_text(bakery)
    fault_proxy.heal()
    await page.reload()
    await expect(page.locator("#at-ory")).to_contain_text("Decided here")
    await page.locator('main a[href*="/revoke?"]').click()
    await page.locator('main form[method="post"] button').click()
    await expect(page.locator("main")).to_contain_text("Access was removed.")
    assert search_of(page)["client"] == bakery


async def test_a_search_is_exported_to_a_file(page: Page, names: tuple[str, str]) -> None:
    atlas, _ = names
    await page.fill("#client", atlas)
    await expect(page.locator(ROWS)).to_have_count(1)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export as CSV").click()
    file = await download.value
    assert file.suggested_filename.endswith(".csv")
    lines = (await file.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert atlas in lines[1]
