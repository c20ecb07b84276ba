"""After the code: a person signs in, allows or denies, and is told each time that a device asks."""

from typing import Any

import httpx
import pytest

from tests.device.conftest import TV
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import Portal
from tests.login.steps import answer, field, plant_session
from tests.real.portal import Person

DENIED = {
    "error": "access_denied",
    "error_description": "The resource owner denied the request",
}
WARNING = "Go on only if you started this yourself, on a device of yours."
LURES: tuple[dict[str, str], ...] = (
    {},
    {"prompt": "none"},
    {"prompt": "login"},
    {"request": "e30.e30."},
)
"""What somebody who sends a link can add to Ory's address, where it stays in ``request_url``."""


def login(ory: OryDouble, lure: dict[str, str] | None = None, **fields: Any) -> str:
    """A login request of a device flow; its ``oidc_context`` is null (hydra-contract 5)."""
    address = ory.device_address(**(lure or {}))
    return ory.plant_login(TV, request_url=address, oidc_context=None, **fields)


def consent(
    ory: OryDouble, person: Person, lure: dict[str, str] | None = None, **fields: Any
) -> str:
    known = {
        "client": TV,
        "subject": person.subject,
        "context": {"epoch": 0},
        "login_session_id": "session-1",
        "request_url": ory.device_address(**(lure or {})),
        "oidc_context": None,
    }
    return ory.plant_consent(**(known | fields))


async def open_login(browser: Browser, portal: Portal, challenge: str) -> Document:
    return await browser.open(f"{portal.url}/login?login_challenge={challenge}")


async def open_consent(browser: Browser, portal: Portal, challenge: str) -> Document:
    return await browser.open(f"{portal.url}/consent?consent_challenge={challenge}")


def is_denied(page: Document) -> bool:
    return page.url.path == "/device/denied" and "The device gets nothing." in page.text


# Signing in


async def test_the_login_page_says_that_a_device_asks_and_for_which_app(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    page = await open_login(browser, portal, login(ory))
    assert page.status == 200
    assert "“Living Room TV” on another device" in page.text
    assert WARNING in page.text
    assert "photos.test" not in page.text, "it goes back to no address"


async def test_other_apps_get_no_such_words(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    assert "device" not in (await open_login(browser, portal, ory.plant_login())).text
    plain = ory.plant_consent(subject=ann.subject, context={"epoch": 0})
    assert WARNING not in (await open_consent(browser, portal, plain)).text


@pytest.mark.parametrize("lure", LURES)
async def test_a_device_is_signed_in_for_whatever_the_link_said(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, lure: dict[str, str]
) -> None:
    await answer(browser, portal, login(ory, lure), ann)
    (accept,) = ory.decided("login", "accept")
    assert accept is not None
    assert accept["subject"] == ann.subject


async def test_a_device_request_without_a_query_is_usable(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    address = f"{ory.public_url}/oauth2/device/verify"
    await answer(browser, portal, ory.plant_login(TV, request_url=address), ann)
    assert len(ory.decided("login", "accept")) == 1


async def test_a_remembered_sign_in_needs_no_page_and_no_cookie(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant_session(portal, ann, "session-1")
    challenge = login(ory, skip=True, subject=ann.subject, session_id="session-1")
    page = await open_login(browser, portal, challenge)
    assert page.url.host == "ory.test"
    assert len(ory.decided("login", "accept")) == 1


async def test_not_signing_in_ends_on_a_page_of_ours_and_ory_is_told(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    challenge = login(ory)
    page = await answer(browser, portal, challenge, ann, button="reject")
    assert is_denied(page)
    assert all(hop.url.host != "ory.test" for hop in browser.trail)
    assert ory.decisions == [("login", "reject", DENIED)]
    assert await portal.actions() == ["login.rejected"]


async def test_not_signing_in_twice_says_the_same(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    form = await open_login(browser, portal, login(ory))
    for _ in range(2):
        browser.show(form)
        assert is_denied(await browser.click("reject"))


@pytest.mark.parametrize("lure", LURES)
async def test_a_disabled_person_is_not_sent_to_orys_raw_error(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, lure: dict[str, str]
) -> None:
    await disable(portal, ann)
    challenge = login(ory, lure, skip=True, subject=ann.subject)
    assert is_denied(await open_login(browser, portal, challenge))
    assert ory.decisions == [("login", "reject", DENIED)]
    assert ory.deletions == [("login", {"subject": ann.subject})]


@pytest.mark.parametrize("lure", LURES)
async def test_a_sign_in_older_than_the_last_reset_begins_anew_with_the_code(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, lure: dict[str, str]
) -> None:
    await plant_session(portal, ann, "session-1", epoch=7)
    challenge = login(ory, lure, skip=True, subject=ann.subject, session_id="session-1")
    page = await open_login(browser, portal, challenge)
    assert page.url.path == "/oauth2/device/verify"
    assert page.query["prompt"] == "login"
    assert ory.decisions == []


# Allowing and denying


async def test_the_consent_page_says_that_a_device_asks_and_for_which_app(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = await open_consent(browser, portal, consent(ory, ann))
    assert page.status == 200
    assert "“Living Room TV” asks for your permission" in page.text
    assert "on another device" in page.text
    assert WARNING in page.text
    assert "press Deny" in page.text
    assert "is told that you said no" not in page.text, "a device is told nothing"


async def test_a_device_is_allowed_what_was_ticked(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await open_consent(browser, portal, consent(ory, ann, requested_scope=["openid", "email"]))
    browser.choose("grant_scope", "email")
    page = await browser.click("accept")
    assert page.url.host == "ory.test"
    (accept,) = ory.decided("consent", "accept")
    assert accept is not None
    assert accept["grant_scope"] == ["email"]
    grant = await portal.grant(ann, "tv")
    assert grant is not None
    assert grant.scopes == ["email"]
    async with portal.store.reading() as rows:
        (event,) = (await rows.audit.list_page(after=None, limit=9)).events
    assert (event.action, event.detail["device"]) == ("consent.allowed", True)


async def test_a_device_can_not_be_allowed_for_good(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    """It is asked about each time, so there is nothing to remember, whatever is posted."""
    await answer(browser, portal, login(ory, session_id="session-1"), ann)
    challenge = consent(ory, ann)
    page = await open_consent(browser, portal, challenge)
    assert ann.email in page.text, "the browser that signed in"
    assert not page.has("remember")
    form = {
        "consent_challenge": challenge, "action": "accept", "grant_scope": "openid",
        "remember": "1", "form_token": field(page, "form_token"),
    }  # fmt: skip
    assert (await http.post("/consent", data=form)).status_code == 303
    (accept,) = ory.decided("consent", "accept")
    assert accept is not None
    assert accept["remember"] is False
    grant = await portal.grant(ann, "tv")
    assert grant is not None
    assert grant.remembered_scopes == []


@pytest.mark.parametrize("lure", LURES)
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
async def test_a_device_is_never_allowed_silently(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person,
    lure: dict[str, str], skip: bool, trusted: bool,
) -> None:  # fmt: skip
    """Neither by Ory's ``skip`` (contract row 67), nor a remembered grant, nor the operator's word,
    nor what somebody wrote into the link.
    """
    await portal.add_grant(ann, "tv")
    client = TV | {"skip_consent": trusted}
    for scopes in (["openid"], ["openid", "email"], ["openid", "read", "write"]):
        challenge = consent(ory, ann, lure, client=client, skip=skip, requested_scope=scopes)
        page = await open_consent(browser, portal, challenge)
        assert page.has("consent-form"), page
    assert ory.decisions == []


async def test_denying_ends_on_a_page_of_ours_and_ory_is_told(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await open_consent(browser, portal, consent(ory, ann))
    page = await browser.click("reject")
    assert is_denied(page)
    assert all(hop.url.host != "ory.test" for hop in browser.trail)
    assert ory.decisions == [("consent", "reject", DENIED)]
    assert await portal.actions() == ["consent.denied"]
    assert await portal.grant(ann, "tv") is None


async def test_denying_twice_says_the_same_and_allowing_after_it_does_not_count(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    form = await open_consent(browser, portal, consent(ory, ann))
    for _ in range(2):
        browser.show(form)
        assert is_denied(await browser.click("reject"))
    browser.show(form)
    browser.choose("grant_scope", "openid")
    assert (await browser.click("accept")).status == 409
    assert ory.decided("consent", "accept") == []


async def test_with_htmx_the_way_to_the_page_is_a_header(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ory: OryDouble, ann: Person
) -> None:
    challenge = consent(ory, ann)
    page = await open_consent(browser, portal, challenge)
    form = {
        "consent_challenge": challenge, "action": "reject", "form_token": field(page, "form_token")
    }  # fmt: skip
    denied = await http.post("/consent", data=form, headers={"HX-Request": "true"})
    assert (denied.status_code, denied.headers["hx-redirect"]) == (200, "/device/denied")


async def test_a_person_who_was_disabled_meanwhile_is_not_sent_to_orys_raw_error(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    form = await open_consent(browser, portal, consent(ory, ann))
    await disable(portal, ann)
    assert is_denied(await open_consent(browser, portal, consent(ory, ann)))
    browser.show(form)
    browser.choose("grant_scope", "openid")
    assert is_denied(await browser.click("accept"))
    assert ory.decisions == [("consent", "reject", DENIED)] * 2
    assert await portal.actions() == ["consent.refused", "consent.refused"]


async def test_a_sign_in_that_counts_no_more_leads_back_to_the_code(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = await open_consent(browser, portal, consent(ory, ann, context={"epoch": 7}))
    assert page.status == 410
    assert page.link("Start again").startswith("http://ory.test:4444/oauth2/device/verify?")


@pytest.mark.parametrize("fault", ["down", "garbage"])
async def test_where_ory_was_not_told_of_a_denial_nobody_is_told_that_it_was(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, fault: str
) -> None:
    form = await open_consent(browser, portal, consent(ory, ann))
    getattr(ory, fault)()
    assert (await browser.click("reject")).status in (502, 503)
    ory.heal()
    browser.show(form)
    assert is_denied(await browser.click("reject"))


async def disable(portal: Portal, person: Person) -> None:
    user = await portal.user(person)
    async with portal.store.writing() as rows:
        await rows.users.disable(person.subject, user.created_at)
