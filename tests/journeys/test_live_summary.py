"""The summary of a consent follows the boxes, and never touches them."""

import pytest
from playwright.async_api import Page, expect

from tests.journeys.steps import arrive_at, box, tick_and_allow, type_login
from tests.real.faults import FaultProxy
from tests.real.portal import Person
from tests.real.relying_party import App

pytestmark = [pytest.mark.hydra, pytest.mark.browser]


async def test_the_summary_follows_the_boxes_and_keeps_them(
    page: Page, app: App, ann: Person
) -> None:
    await page.goto(app.authorize_url("openid email"))
    await type_login(page, ann)
    summary = page.locator("#consent-summary")
    before = await summary.inner_text()
    await box(page, "email").check()
    await expect(summary).to_contain_text(ann.email)
    await expect(box(page, "email")).to_be_checked()
    await box(page, "email").uncheck()
    await expect(summary).to_have_text(before, use_inner_text=True)
    await tick_and_allow(page, "openid")
    assert app.exchange((await arrive_at(page, app))["code"])["scope"] == "openid"


async def test_the_summary_can_be_asked_for_without_javascript(
    page_without_javascript: Page, app: App, ann: Person
) -> None:
    page = page_without_javascript
    await page.goto(app.authorize_url("openid email"))
    await type_login(page, ann)
    await box(page, "email").check()
    await page.locator('button[formaction*="/consent/summary"]').click()
    await expect(page.locator("#consent-summary")).to_contain_text(ann.email)
    await expect(box(page, "email")).to_be_checked()
    await page.click("#accept")
    assert app.exchange((await arrive_at(page, app))["code"])["scope"] == "email"


async def test_a_summary_that_cannot_be_had_leaves_the_form_alone(
    page: Page, app: App, ann: Person, fault_proxy: FaultProxy
) -> None:
    await page.goto(app.authorize_url("openid email"))
    await type_login(page, ann)
    await box(page, "openid").check()
    await page.wait_for_load_state("networkidle")
    fault_proxy.down()
    async with page.expect_response("**/consent/summary"):
        await box(page, "email").check()
    await expect(box(page, "email")).to_be_checked()
    fault_proxy.heal()
    await page.click("#accept")
    tokens = app.exchange((await arrive_at(page, app))["code"])
    assert set(tokens["scope"].split()) == {"openid", "email"}
