"""Another password, at one's own wish: what is asked, what ends, what stays."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from portal import links
from portal.sessions import SEALED_FOR
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person
from tests.security.steps import plant, press
from tests.test_routes import change

PATH = "/account/security/password"
NEW = "four words that nobody guesses"


async def fill_in(
    browser: Browser, portal: Portal, current: str | None, new: str = NEW
) -> Document:
    page = await browser.open(portal.url + PATH)
    assert page.url.path == PATH, page
    if current is not None:
        browser.fill("current_password", current)
    browser.fill("password", new)
    return await press(browser, "Change the password" if current is not None else "Set the")


async def can_sign_in(browser: Browser, portal: Portal, person: Person, password: str) -> bool:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", person.email)
    browser.fill("password", password)
    page = await browser.click("accept")
    return page.url.path == "/account/apps"


async def test_a_new_password_opens_the_account_and_the_old_one_does_not(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await fill_in(browser, portal, ann.password)
    assert page.url.path == "/account/security"
    assert page.query == {"notice": "password"}
    assert "Your password was changed" in page.text
    assert await can_sign_in(new_browser(), portal, ann, NEW)
    assert not await can_sign_in(new_browser(), portal, ann, ann.password)
    assert "user.password_changed" in await portal.actions()


async def test_everything_but_this_session_ends_and_apps_stay_connected(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    here, there = new_browser(), new_browser()
    for browser in (there, here):
        await sign_in(browser, portal, ann)
    await plant(portal, ann, "phone")
    before = here.cookies.get("__Host-portal_session")
    await fill_in(here, portal, ann.password)
    assert here.cookies.get("__Host-portal_session") != before
    assert (await there.open(f"{portal.url}/account/apps")).url.path == "/login"
    assert ory.deletions == [("login", {"subject": ann.subject})]
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    user = await portal.user(ann)
    assert user.epoch == 1
    async with portal.store.reading() as rows:
        (session,) = await rows.portal_sessions.of_subject(ann.subject)
        (phone,) = await rows.login_sessions.of_subject(ann.subject)
    assert session.epoch == 1
    assert phone.ended_at is not None
    assert portal.services.sealer.open(phone.sealed_id or "", SEALED_FOR) == "phone"


async def test_a_consent_that_is_on_its_way_does_not_count(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    """Its sign-in was accepted before; Ory asks all the same (hydra-contract F5)."""
    consent = ory.plant_consent(subject=ann.subject, context={"epoch": 0})
    await sign_in(browser, portal, ann)
    await fill_in(browser, portal, ann.password)
    page = await new_browser().open(f"{portal.url}/consent?consent_challenge={consent}")
    assert page.status == 410 or "sign in again" in page.text.casefold(), page
    assert ory.decided("consent", "accept") == []


async def test_the_wrong_old_password_changes_nothing_and_is_counted(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await fill_in(browser, portal, "not the old one")
    assert page.status == 422
    assert page.title.startswith("Error: ")
    assert "The password is not right." in page.text
    assert (await portal.user(ann)).epoch == 0
    for _ in range(12):
        page = await fill_in(browser, portal, "not the old one")
    assert page.status == 429
    assert page.response.headers["retry-after"]
    assert (await fill_in(browser, portal, ann.password)).status == 429


async def test_what_was_typed_is_never_shown_again(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    for current, new in (("not the old one", NEW), (ann.password, "short")):
        page = await fill_in(browser, portal, current, new)
        assert page.status == 422
        assert current not in page.html
        assert f'value="{new}"' not in page.html


@pytest.mark.parametrize("new", ["short", "passwordpassword", "ann@example.org"])
async def test_a_password_that_is_guessed_early_is_refused_at_its_field(
    portal: Portal, browser: Browser, ann: Person, new: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await fill_in(browser, portal, ann.password, new)
    assert page.status == 422
    assert page.has("password-problem")
    assert not page.has("current-problem")
    assert (await portal.user(ann)).epoch == 0


@pytest.mark.parametrize("which", ["current_password", "password"])
async def test_a_huge_password_is_refused_at_once(
    portal: Portal, browser: Browser, ann: Person, which: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + PATH)
    form = {"current_password": ann.password, "password": NEW}
    form |= {which: "x" * 20_000, "form_token": field(page, "form_token")}
    answer = await browser._http.post(PATH, data=form)
    assert answer.status_code == 422
    assert (await portal.user(ann)).epoch == 0


async def test_who_signed_in_long_ago_signs_in_again_first(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + PATH)
    form = {"current_password": ann.password, "password": NEW}
    form |= {"form_token": field(page, "form_token")}
    later = timedelta(seconds=portal.settings.recent_sign_in + 5)
    with time_machine.travel((await signed_in_at(portal, ann)) + later, tick=True):
        page = await browser.open(portal.url + PATH)
        assert page.url.path == "/login"
        assert page.query["next"] == PATH
        answer = await browser._http.post(PATH, data=form)
        assert answer.headers["location"].startswith("/login?next=")
    assert (await portal.user(ann)).epoch == 0


async def signed_in_at(portal: Portal, person: Person) -> datetime:
    async with portal.store.reading() as rows:
        return (await rows.portal_sessions.of_subject(person.subject))[0].authenticated_at


async def test_the_form_of_another_session_changes_nothing(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    form = await browser.open(portal.url + PATH)
    await sign_in(browser, portal, ann)
    browser.show(form)
    browser.fill("current_password", ann.password)
    browser.fill("password", NEW)
    page = await press(browser, "Change the password")
    assert page.status == 403
    assert (await portal.user(ann)).epoch == 0


async def test_without_a_password_a_first_one_is_set_without_an_old_one(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    change(portal, "UPDATE users SET password_hash = NULL WHERE subject = ?", ann.subject)
    page = await browser.open(portal.url + PATH)
    assert not page.has("current_password")
    assert "Set a password" in page.text
    page = await fill_in(browser, portal, None)
    assert page.query == {"notice": "password"}
    assert await can_sign_in(new_browser(), portal, ann, NEW)


async def test_the_old_one_cannot_be_left_out(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + PATH)
    form = {"password": NEW, "form_token": field(page, "form_token")}
    assert (await browser._http.post(PATH, data=form)).status_code == 422
    assert (await portal.user(ann)).epoch == 0


async def test_of_two_at_once_one_changes_it(
    portal: Portal, new_browser: NewBrowser, ann: Person
) -> None:
    """The other session has ended with the first change: it asks who is there."""
    one, other = new_browser(), new_browser()
    for browser in (one, other):
        await sign_in(browser, portal, ann)
        await browser.open(portal.url + PATH)
        browser.fill("current_password", ann.password)
        browser.fill("password", NEW)
    assert (await press(one, "Change the password")).query == {"notice": "password"}
    assert (await press(other, "Change the password")).url.path == "/login"
    assert (await portal.user(ann)).epoch == 1


async def test_links_that_were_mailed_are_void(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        await links.issue(
            rows,
            purpose="reset",
            email=ann.email,
            lifetime=3600,
            now=now,
            user=await rows.users.find(ann.subject),
        )
    await sign_in(browser, portal, ann)
    await fill_in(browser, portal, ann.password)
    async with portal.store.reading() as rows:
        assert await rows.mailed_links.waiting("reset", now=now, limit=9) == ()


async def test_it_is_told_by_mail(new_portal: NewPortal, new_browser: NewBrowser) -> None:
    portal = await new_portal(
        PORTAL_SMTP_URL="smtp://127.0.0.1:1", PORTAL_MAIL_FROM="portal@example.org"
    )
    eve = await portal.add_user("eve@example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, eve)
    await fill_in(browser, portal, eve.password)
    async with portal.store.writing() as rows:
        now = datetime.now(UTC)
        mails = await rows.outgoing_mails.claim_due(
            now=now + timedelta(minutes=1), limit=9, lease=timedelta()
        )
    assert len(mails) == 1
