"""What changes without a new page is read out: once, and in a place that was there before.

A screen reader hears of changes within an element that it knew. What is swapped as a whole is new
to it, whatever role it has; only alerts are read when they appear.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.async_api import Browser, ElementHandle, Page, expect

from portal.samples import SAMPLES
from tests.pages.site import WHOLE, SampleSite

pytestmark = pytest.mark.browser

LIVE: Final = ":is([role=status], [role=alert], [aria-live])"
HEARD: Final = """(text) =>
    [...document.querySelectorAll("[role=status], [role=alert], [aria-live]")]
    .filter((one) => one.checkVisibility() && one.textContent.includes(text))
    .map((one) => one.outerHTML)"""
Step = Callable[[Page], Awaitable[None]]


@pytest.fixture
async def pane(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(reduced_motion="reduce")
    yield await context.new_page()
    await context.close()


@dataclass(frozen=True)
class Region:
    """An element whose changes are read out."""

    pane: Page
    handle: ElementHandle

    @classmethod
    async def of(cls, pane: Page, selector: str) -> "Region":
        """The one that is there now; it says nothing as long as nothing happens."""
        found = pane.locator(selector)
        await expect(found).to_have_count(1)
        await expect(found).to_be_attached()
        handle = await found.element_handle()
        assert handle is not None
        assert await handle.evaluate("(one) => one.checkVisibility()")
        assert await handle.evaluate(f"(one) => one.matches('{LIVE}')")
        return cls(pane, handle)

    async def says(self, text: str) -> None:
        """It is the same element as before, and no other says it, too."""
        await self.pane.wait_for_function(
            "([one, text]) => one.textContent.includes(text)", arg=[self.handle, text], timeout=5000
        )
        assert await self.handle.evaluate("(one) => one.isConnected")
        assert len(await self.pane.evaluate(HEARD, text)) == 1


def typing(field: str, text: str) -> Step:
    async def step(pane: Page) -> None:
        await pane.locator(field).press_sequentially(text)

    return step


async def waiting(pane: Page) -> None:
    """The page asks again by itself."""
    await pane.clock.run_for(5_000)


SWAPS: Final = {
    "the strength of a password": (
        *("finish", typing("#password", "correct horse"), "/password-strength", "strength"),
        *("[aria-live=polite]:has(#password-strength)", SAMPLES["strength"].words),
    ),
    "what an admin finds among users": (
        *("users", typing("input[type=search]", "x"), "/admin/users", "users-not-found"),
        *("#users-news", SAMPLES["users-not-found"].total_text),
    ),
    "what an admin finds among what was allowed": (
        *("grants", typing("input[type=search] >> nth=0", "x"), "/admin/grants", "grants-found"),
        *("#grants-news", SAMPLES["grants-found"].total_text),
    ),
    "what an admin finds among events": (
        *("audit", typing("input[type=search] >> nth=0", "x"), "/admin/audit", "audit-not-found"),
        *("#audit-news", SAMPLES["audit-not-found"].total_text),
    ),
    "what an admin finds among apps": (
        *("clients", typing("input[type=search]", "x"), "/admin/clients", "clients-not-found"),
        *("#clients-news", SAMPLES["clients-not-found"].total_text),
    ),
    "how far a removal is": (
        *("job", waiting, f"/admin/grants/jobs/{SAMPLES['job'].job.id}", "job-goes-on"),
        *("#job-news", f"{SAMPLES['job-goes-on'].job.state_text}: "),
    ),
    "how far a comparison is": (
        *("drift-goes-on", waiting, "/admin/grants/drift", "drift-goes-on"),
        *("#drift-news", f"{SAMPLES['drift-goes-on'].newest.state_text}: "),
    ),
}


@pytest.mark.parametrize("what", SWAPS)
async def test_what_is_swapped_is_read_out_once(site: SampleSite, pane: Page, what: str) -> None:
    name, step, path, answer, selector, text = SWAPS[what]
    site.answers[path] = answer
    if step is waiting:
        await pane.clock.install()
    await site.show(name).open(pane)
    region = await Region.of(pane, selector)
    assert text not in await region.handle.inner_text()
    await step(pane)
    await region.says(text)


REFUSED: Final = {
    "login": ("/login", "login-refused", "#accept"),
    "consent": ("/consent", "consent-refused", "#accept"),
    "device-link": ("/device/verify", "device-refused", "#verify"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_is_read_out_once_and_leads_to_what_is_wrong(
    site: SampleSite, pane: Page, name: str
) -> None:
    path, answer, button = REFUSED[name]
    site.answers |= {path: answer, "/consent/summary": "summary"}
    await site.show(name).open(pane)
    for field in await pane.locator("main input[required]").all():
        await field.fill("ann@example.org")
    await pane.locator(button).click()
    error = WHOLE[answer].error
    alert = pane.locator("main [role=alert]")
    await expect(alert).to_have_text(error)
    assert len(await pane.evaluate(HEARD, error)) == 1
    await expect(pane.locator("#" + str(await alert.get_attribute("id")))).to_have_count(1)
    focused = await pane.evaluate(
        "[document.activeElement.id, document.activeElement.getAttribute('aria-describedby')]"
    )
    assert await alert.get_attribute("id") in focused


async def test_what_became_of_a_removal_is_read_out_once(site: SampleSite, pane: Page) -> None:
    site.answers["/account/apps/one"] = "app-removed"
    await pane.clock.install()
    await site.show("apps-removed").open(pane)
    region = await Region.of(pane, "#apps-news")
    await pane.clock.run_for(600_000)
    await region.says("Access was removed.")


async def test_that_codes_were_copied_is_read_out(site: SampleSite, pane: Page) -> None:
    await site.show("codes").open(pane)
    region = await Region.of(pane, "[data-codes-said]")
    await pane.locator("[data-codes-copy]").click()
    await region.says(".")


async def test_that_the_portal_is_away_is_read_out_once(site: SampleSite, pane: Page) -> None:
    await site.show("login").open(pane)
    flash = pane.locator("#flash[role=alert]")
    await expect(flash).to_be_hidden()
    await pane.route("**/login", lambda route: route.abort())
    await pane.locator("#email").fill("ann@example.org")
    await pane.locator("#password").fill("secret")
    await pane.locator("#accept").click()
    await expect(flash).to_be_visible()
    assert len(await pane.evaluate(HEARD, "cannot be reached")) == 1


@pytest.mark.parametrize("name", ["login", "factor-password"])
async def test_that_caps_lock_is_on_is_said_once(site: SampleSite, pane: Page, name: str) -> None:
    await site.show(name).open(pane)
    said = pane.locator("[data-caps-lock][role=status]")
    for on in (True, False):
        await pane.locator("#password").evaluate(
            "(field, on) => field.dispatchEvent(new KeyboardEvent('keyup',"
            " { key: 'a', bubbles: true, modifierCapsLock: on }))",
            on,
        )
        await expect(said).to_be_visible(visible=on)
        assert len(await pane.evaluate(HEARD, "Caps lock")) == on
