"""The security page: everything at a glance, in words, and nobody else's."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.security import flow
from portal.store import audit
from portal.store.tables import Passkey, TotpFactor
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person
from tests.security.steps import HERE, open_security, plant, rows_of
from tests.test_routes import change

PATH = "/account/security"


async def happen(portal: Portal, person: Person, action: str, **fields: object) -> None:
    values = {"at": datetime.now(UTC), "actor": person.subject, "subject": person.subject}
    async with portal.store.writing() as rows:
        await rows.audit.add_all([audit.event(action, **values | fields)])  # type: ignore[arg-type]


async def test_a_new_account_is_told_what_there_is_and_what_is_missing(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    assert page.link("Change your password").endswith(f"{PATH}/password")
    assert page.link("Add a passkey").endswith(f"{PATH}/passkeys/add")
    assert page.link("Add an authenticator app").endswith(f"{PATH}/authenticator/add")
    assert page.link("Change your address").endswith("/account/email")
    assert page.link("Delete your account").endswith(f"{PATH}/delete")
    assert "None yet." in page.text
    assert "recovery code" not in page.text
    (here,) = rows_of(page, "places-title")
    assert "This browser" in here
    (event,) = rows_of(page, "activity-title")
    assert event.startswith("Signed in to these pages")


async def test_a_passkey_is_not_offered_where_browsers_refuse_it(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(BASE_URL="http://127.0.0.1:3000")
    eve = await portal.add_user("eve@example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, eve)
    page = await open_security(browser, portal)
    assert "passkey" not in page.text.casefold()


async def test_second_steps_are_listed_with_what_can_be_done_about_them(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    now = datetime.now(UTC)
    await sign_in(browser, portal, ann)
    async with portal.store.writing() as rows:
        await rows.passkeys.add(
            Passkey(
                credential_id="kEy-1_x",
                subject=ann.subject,
                public_key="x",
                sign_count=0,
                transports=[],
                backed_up=False,
                name="My <laptop>",
                created_at=now,
                last_used_at=now,
            )
        )
        await rows.totp_factors.add(
            TotpFactor(
                id="t-1", subject=ann.subject, sealed_secret="x", name="Phone", created_at=now
            )
        )
        codes = ["a" * 64, "b" * 64]
        await rows.recovery_codes.replace(ann.subject, codes, at=now)
    page = await open_security(browser, portal)
    laptop, phone = rows_of(page, "factors-title")
    assert laptop.startswith("My <laptop> Passkey · Added")
    assert phone.startswith("Phone Authenticator app · Added")
    assert "not used yet" in phone
    assert page.link_to("/factors/rename", "kind=passkey", "id=kEy-1_x")
    assert page.link_to("/factors/remove", "kind=totp", "id=t-1")
    assert "2 recovery codes" in page.text
    assert page.link("Make new ones").endswith(f"{PATH}/codes")


async def test_who_must_have_a_second_step_is_told_so(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    """Without one they do not get here; a page that lacks it says what is demanded."""
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="everyone")
    eve = await portal.add_user("eve@example.org")
    page = await flow.show(await portal.user(eve), this="x", visitor=HERE, services=portal.services)
    assert page.needs_second_factor


async def test_what_happened_is_told_in_words_and_without_ids(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    await portal.add_grant(ann, "c-1", client_name="Photo Printer")
    await happen(portal, bob, "user.password_changed")
    await happen(portal, ann, "login.failed", actor=None)
    await happen(portal, ann, "login.succeeded", client_id="c-1")
    await happen(portal, ann, "login.succeeded", client_id="c-unheard-of")
    await happen(portal, ann, "consent.allowed", client_id="c-1", detail={"app": "Printer"})
    await happen(portal, ann, "user.password_expired", actor="admin-71f0")
    await happen(portal, ann, "user.unlocked", actor="cli")
    await happen(portal, ann, "grant.used", client_id="c-1", detail={"app": "Printer"})
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    told = [row.partition(" UTC")[0].rsplit(" ", 4)[0] for row in rows_of(page, "activity-title")]
    assert told == [
        "Signed in to these pages",
        "A waiting time after wrong passwords was lifted",
        "A new password was demanded",
        "“Printer” was allowed to use your account",
        "Signed in to an app",
        "Signed in to “Photo Printer”",
        "Look at this Somebody gave a wrong password",
    ]
    by = [row.partition(" UTC · ")[2] for row in rows_of(page, "activity-title")[1:3]]
    assert by == ["By the operator", "By an administrator"]
    assert "c-1" not in page.html
    assert "c-unheard-of" not in page.html
    assert "71f0" not in page.html


async def test_second_steps_are_told_by_their_names(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    key, app = {"kind": "passkey", "name": "My key"}, {"kind": "totp", "name": "Phone"}
    await happen(portal, ann, "factor.added", detail=key)
    await happen(portal, ann, "factor.added", detail=app)
    await happen(portal, ann, "factor.renamed", detail=app | {"name": "Old", "before": "Phone"})
    await happen(portal, ann, "factor.removed", detail=key)
    await happen(portal, ann, "factor.removed", detail={})
    await happen(portal, ann, "login.factor_failed", actor=None, detail={"kind": "code"})
    await happen(portal, ann, "login.factor_failed", actor=None, detail={"kind": "passkey"})
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    told = [row.partition(" UTC")[0].rsplit(" ", 4)[0] for row in rows_of(page, "activity-title")]
    assert told[1:] == [
        "Look at this Somebody knew the password, but had no passkey that fits",
        "Look at this Somebody gave the right password, but a wrong code",
        "A second step was removed",
        "The passkey “My key” was removed",
        "The authenticator app “Phone” is called “Old” now",
        "The authenticator app “Phone” was added",
        "The passkey “My key” was added",
    ]


async def test_where_an_administrator_sits_is_nobodys_business(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    origin = audit.Origin(address="192.0.2.99", user_agent="Firefox/1")
    await happen(portal, ann, "user.unlocked", actor="admin-71f0", origin=origin)
    await happen(portal, ann, "login.failed", actor=None, origin=audit.Origin(address="192.0.2.66"))
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    assert "192.0.2.99" not in page.html
    assert "192.0.2.66" in page.html


async def test_older_events_are_on_pages_of_their_own(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    start = datetime.now(UTC) - timedelta(hours=1)
    for number in range(40):
        at = start + timedelta(minutes=number)
        await happen(portal, ann, "user.profile_changed", at=at)
        await happen(portal, bob, "user.profile_changed", at=at)
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    assert len(rows_of(page, "activity-title")) == 8
    await browser.follow("Show more")
    first = browser.page.text.count("Your data was changed")
    await browser.follow("Show older")
    assert first + browser.page.text.count("Your data was changed") == 40
    assert "Show older" not in browser.page.text


async def test_nobody_goes_on_from_somebody_elses_event(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    await happen(portal, bob, "user.profile_changed")
    async with portal.store.reading() as rows:
        page = await rows.audit.list_page(after=None, limit=1)
    await sign_in(browser, portal, ann)
    for after in (page.events[0].id, "nonsense", "x" * 5000):
        answer = await browser.open(f"{portal.url}{PATH}/activity?after={after}")
        assert answer.status == 404


async def test_an_account_without_a_password_is_offered_one(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    change(portal, "UPDATE users SET password_hash = NULL WHERE subject = ?", ann.subject)
    page = await open_security(browser, portal)
    assert "You have none" in page.text
    assert page.link("Set a password").endswith(f"{PATH}/password")


@pytest.mark.parametrize(
    ("confirmed", "badge", "link"),
    [
        (True, "Confirmed", "Change your address"),
        (False, "Not confirmed yet", "Confirm or change your address"),
    ],
)
async def test_an_address_that_is_not_confirmed_yet_is_told_with_the_way_to_do_it(
    portal: Portal, browser: Browser, confirmed: bool, badge: str, link: str
) -> None:
    eve = await portal.add_user("eve@example.org", email_verified=confirmed)
    await sign_in(browser, portal, eve)
    page = await open_security(browser, portal)
    assert f"{eve.email} {badge}" in page.text
    assert page.link(link).endswith("/account/email")


@pytest.mark.parametrize("notice", ["elsewhere", "<b>", "x" * 500])
async def test_only_known_notices_are_shown(
    portal: Portal, browser: Browser, ann: Person, notice: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}{PATH}?notice={notice}")
    assert page.status == 200
    assert ("Signed out everywhere else." in page.text) is (notice == "elsewhere")


async def test_the_page_is_there_while_ory_is_away(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await sign_in(browser, portal, ann)
    ory.down()
    page = await open_security(browser, portal)
    assert len(rows_of(page, "places-title")) == 2


@pytest.mark.parametrize("notice", ["passkey-added", "app-added", "factor-renamed"])
async def test_what_the_pages_of_the_second_step_have_done_is_told_here(
    portal: Portal, browser: Browser, ann: Person, notice: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}{PATH}?notice={notice}")
    assert flow.NOTICES[notice] in page.text
