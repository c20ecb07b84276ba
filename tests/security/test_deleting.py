"""Deleting one's account: what it means is told before, and nothing is left of it but the trail."""

from datetime import UTC, datetime, timedelta

import pytest

from portal import accounts
from portal.accounts import own
from portal.store.tables import TotpFactor
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person
from tests.security.steps import HERE, plant
from tests.test_routes import change

PATH = "/account/security/delete"


async def delete(browser: Browser, portal: Portal, typed: str) -> Document:
    page = await browser.open(portal.url + PATH)
    assert page.url.path == PATH, page
    browser.fill("email", typed)
    return await browser.click("delete")


async def exists(portal: Portal, person: Person) -> bool:
    async with portal.store.reading() as rows:
        return await rows.users.find(person.subject) is not None


async def test_what_it_means_is_told_in_numbers(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    for number in range(7):
        await portal.add_grant(ann, f"app-{number}", client_name=f"Printer {number}")
    await portal.add_grant(ann, "gone", client_name="Long gone", revoked_at=datetime.now(UTC))
    await plant(portal, ann, "phone")
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + PATH)
    assert "7 connected apps lose access:" in page.text
    assert "and 2 more" in page.text
    assert "Long gone" not in page.text
    assert "in 2 places" in page.text
    assert "This cannot be undone." in page.text


async def test_nothing_is_left_but_what_says_that_it_ended(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    ory.plant_client("photos")
    await sign_in(browser, portal, ann)
    for person in (ann, bob):
        await portal.add_grant(person)
        ory.plant_consent_session(person.subject, "photos")
        await plant(portal, person, f"phone of {person.subject}")
        async with portal.store.writing() as rows:
            await rows.totp_factors.add(
                TotpFactor(
                    id=f"totp-{person.subject}",
                    subject=person.subject,
                    sealed_secret="x",
                    name="Phone",
                    created_at=datetime.now(UTC),
                )
            )
            await rows.recovery_codes.replace(person.subject, ["a" * 64], at=datetime.now(UTC))
    change(portal, "UPDATE portal_sessions SET acr = 'aal2'")
    page = await delete(browser, portal, "Ann@Example.org ")
    assert page.url.path == "/goodbye"
    assert page.status == 200
    assert "Your account was deleted" in page.text
    assert not await exists(portal, ann)
    assert await exists(portal, bob)
    assert "__Host-portal_session" not in browser.cookies
    assert ory.deletions == [
        ("consent", {"subject": ann.subject, "all": "true"}),
        ("login", {"subject": ann.subject}),
    ]
    assert ory.sessions_of(ann.subject) == []
    assert len(ory.sessions_of(bob.subject)) == 1
    async with portal.store.reading() as rows:
        assert await rows.portal_sessions.of_subject(ann.subject) == ()
        assert await rows.totp_factors.of_subject(ann.subject) == ()
        assert await rows.recovery_codes.count_left(ann.subject) == 0
        assert len(await rows.totp_factors.of_subject(bob.subject)) == 1
        assert await rows.recovery_codes.count_left(bob.subject) == 1
        (phone,) = await rows.login_sessions.of_subject(ann.subject)
        told = await rows.audit.list_page(after=None, limit=1)
    assert phone.ended_at is not None
    (event,) = told.events
    assert (event.action, event.actor, event.subject) == ("user.deleted", ann.subject, ann.subject)
    assert ann.email not in str(event.detail)
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is not None


async def test_a_sign_in_that_ory_remembers_is_refused_afterwards(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    consent = ory.plant_consent(subject=ann.subject, context={"epoch": 0})
    login = ory.plant_login(skip=True, subject=ann.subject)
    await delete(browser, portal, ann.email)
    await browser.open(f"{portal.url}/login?login_challenge={login}")
    await browser.open(f"{portal.url}/consent?consent_challenge={consent}")
    assert ory.decided("login", "accept") == []
    assert ory.decided("consent", "accept") == []
    (body,) = ory.decided("login", "reject")
    assert body is not None
    assert body["error"] == "access_denied"


async def test_ory_away_does_not_keep_an_account_alive(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    ory.down()
    page = await delete(browser, portal, ann.email)
    assert page.url.path == "/goodbye"
    assert not await exists(portal, ann)
    async with portal.store.reading() as rows:
        (waiting,) = await rows.revocations.pending_of(ann.subject)
    assert waiting.end_logins
    assert not waiting.keep_grants


@pytest.mark.parametrize("typed", ["bob@example.org", "ann", "x" * 5000, "\u202eann@example.org"])
async def test_another_address_deletes_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, typed: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await delete(browser, portal, typed)
    assert page.status == 422
    assert page.has("email-problem")
    assert await exists(portal, ann)
    assert ory.deletions == []


async def test_the_last_administrator_cannot_go(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    await sign_in(browser, portal, admin)
    page = await browser.open(portal.url + PATH)
    assert "You are the only administrator here." in page.text
    assert not page.has("delete")
    other = await portal.add_user("other@example.org", admin=True)
    form = await browser.open(portal.url + PATH)
    await accounts.disable_user(
        portal.store, other.subject, now=datetime.now(UTC), actor=admin.subject
    )
    browser.show(form)
    browser.fill("email", admin.email)
    page = await browser.click("delete")
    assert page.status == 409
    assert "You are the only administrator here." in page.text
    assert await exists(portal, admin)


async def test_one_of_two_administrators_can(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    await portal.add_user("other@example.org", admin=True)
    await sign_in(browser, portal, admin)
    page = await delete(browser, portal, admin.email)
    assert page.url.path == "/goodbye"


async def test_who_signed_in_long_ago_signs_in_again_first(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + PATH)
    form = {"email": ann.email, "form_token": field(page, "form_token")}
    long_ago = datetime.now(UTC) - timedelta(seconds=portal.settings.recent_sign_in + 60)
    change(
        portal,
        "UPDATE portal_sessions SET authenticated_at = ? WHERE subject = ?",
        long_ago.strftime("%Y-%m-%d %H:%M:%S.%f"),
        ann.subject,
    )
    answer = await browser._http.post(PATH, data=form)
    assert answer.headers["location"].startswith("/login?next=")
    assert (await browser.open(portal.url + PATH)).url.path == "/login"
    assert await exists(portal, ann)


async def test_the_goodbye_is_read_by_anybody(portal: Portal, browser: Browser) -> None:
    assert (await browser.open(f"{portal.url}/goodbye")).status == 200


async def test_the_address_is_free_again_and_the_new_account_is_another(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await delete(browser, portal, ann.email)
    user = await accounts.create_user(
        portal.store,
        portal.services.passwords,
        email=ann.email,
        password="another long password here",
        min_length=15,
        now=datetime.now(UTC),
        actor="cli",
    )
    assert user.subject != ann.subject


async def test_it_is_told_by_mail(new_portal: NewPortal, new_browser: NewBrowser) -> None:
    portal = await new_portal(
        PORTAL_SMTP_URL="smtp://127.0.0.1:1", PORTAL_MAIL_FROM="portal@example.org"
    )
    eve = await portal.add_user("eve@example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, eve)
    await delete(browser, portal, eve.email)
    async with portal.store.writing() as rows:
        later = datetime.now(UTC) + timedelta(minutes=1)
        mails = await rows.outgoing_mails.claim_due(now=later, limit=9, lease=timedelta())
    assert len(mails) == 1


async def test_an_administrator_deletes_by_the_same_rule(
    portal: Portal, ory: OryDouble, ann: Person, admin: Person
) -> None:
    async with portal.store.writing() as rows:
        user = await rows.users.find(ann.subject, lock=True)
        assert user is not None
        await own.delete_account(
            rows, portal.services, user, actor=admin.subject, now=HERE.now, origin=HERE.origin
        )
    assert not await exists(portal, ann)
    assert (await portal.actions())[-1] == "user.deleted"
