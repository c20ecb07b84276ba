"""A person's address: confirmed by a mail, changed by two."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
import sqlalchemy as sa
import time_machine

from portal.accounts.own import CHANGED
from portal.address import flow
from portal.address.forms import AddressForm
from portal.address.pages import AddressPage
from portal.mail import Letter
from portal.origin import Origin
from portal.services import Visitor
from portal.store.tables import KnownBrowser
from portal.throttle import Attempt
from tests.driver import Browser, Document, words
from tests.fixtures.mail import Outbox, counting_statements
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field, plant_session
from tests.real.portal import Person

NEW = "anna@example.org"
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def portal(mailing: Portal) -> Portal:
    """The one that has mail, for ``ann`` and ``browser`` too."""
    return mailing


async def ask(browser: Browser, portal: Portal, email: str = NEW) -> Document:
    await browser.open(f"{portal.url}/account/email")
    browser.fill("email", email)
    return await browser.click("move")


async def asked(browser: Browser, portal: Portal, ann: Person, outbox: Outbox) -> list[Letter]:
    """Both letters: to the old and to the new address."""
    await sign_in(browser, portal, ann)
    page = await ask(browser, portal)
    assert "Two mails" in page.text, page
    return (await outbox())[-2:]


async def follow(
    browser: Browser, letter: Letter, *, button: str = "accept", email: str = ""
) -> Document:
    page = await browser.open(letter.values["link"])
    if page.status != 200:
        return page
    if email:
        browser.fill("email", email)
    return await browser.click(button)


async def address_of(portal: Portal, person: Person) -> str:
    return (await portal.user(person)).email


@pytest.mark.parametrize("first", [0, 1])
async def test_both_mailboxes_are_heard_in_any_order(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, first: int
) -> None:
    letters = await asked(browser, portal, ann, outbox)
    assert [(letter.kind, letter.to) for letter in letters] == [("leave", ann.email), ("move", NEW)]
    page = await follow(browser, letters[first])
    assert f"Now the {'new' if first == 0 else 'old'} address" in page.text
    assert await address_of(portal, ann) == ann.email
    waiting = await browser.open(f"{portal.url}/account/email")
    assert ("has agreed" in waiting.text, "new address is confirmed" in waiting.text) == (
        first == 0,
        first == 1,
    )
    page = await follow(browser, letters[1 - first])
    assert "Your address is changed" in page.text
    user = await portal.user(ann)
    assert (user.email, user.email_verified, user.epoch) == (NEW, True, 0)
    assert {letter.to for letter in (await outbox())[-2:]} == {ann.email, NEW}
    assert {letter.kind for letter in (await outbox())[-2:]} == {"email_changed"}
    assert (await portal.actions())[-2:] == ["user.email_change_asked", "user.email_changed"]


async def test_other_sessions_end_and_this_one_goes_on(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    elsewhere = new_browser()
    await sign_in(elsewhere, portal, ann)
    await plant_session(portal, ann, "a session at Ory")
    for letter in await asked(browser, portal, ann, outbox):
        await follow(browser, letter)
    assert (await elsewhere.open(f"{portal.url}/account/apps")).url.path == "/login"
    assert (await browser.open(f"{portal.url}/account/apps")).url.path == "/account/apps"
    async with portal.store.reading() as rows:
        (session,) = await rows.login_sessions.of_subject(ann.subject)
    assert session.ended_at is not None


async def test_a_stranger_who_confirms_keeps_no_session_of_the_owner(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, bob: Person,
    outbox: Outbox,
) -> None:  # fmt: skip
    leave, move = await asked(browser, portal, ann, outbox)
    other = new_browser()
    await sign_in(other, portal, bob)
    await follow(other, leave, email=ann.email)
    await follow(other, move, email=NEW)
    assert await address_of(portal, ann) == NEW
    assert (await browser.open(f"{portal.url}/account/apps")).url.path == "/login"
    assert (await other.open(f"{portal.url}/account/apps")).url.path == "/account/apps"


async def test_the_old_mailbox_can_refuse(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    leave, move = await asked(browser, portal, ann, outbox)
    await follow(browser, move)
    page = await follow(browser, leave, button="reject")
    assert "stays as it is" in page.text
    assert page.link("Your password").endswith("/account/security")
    assert (await portal.actions())[-1] == "user.email_change_refused"
    for letter in (leave, move):
        assert (await follow(browser, letter)).status == 410
    assert await address_of(portal, ann) == ann.email


async def test_the_new_mailbox_cannot_refuse_for_the_old_one(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    leave, move = await asked(browser, portal, ann, outbox)
    page = await browser.open(move.values["link"])
    assert not page.has("reject")
    form = [("action", "reject"), ("token", move.values["link"][-43:]),
            ("form_token", field(page, "form_token"))]  # fmt: skip
    assert (await browser.send("POST", "/verify", form)).status == 410
    assert (await follow(browser, leave)).status == 200


async def test_opening_the_links_changes_nothing(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    for letter in await asked(browser, portal, ann, outbox):
        for _ in range(2):
            assert (await browser.open(letter.values["link"])).status == 200
    assert await address_of(portal, ann) == ann.email


async def test_each_link_works_once_and_the_newest_pair_counts(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    old = await asked(browser, portal, ann, outbox)
    await follow(browser, old[0])
    assert (await follow(browser, old[0])).status == 410
    await ask(browser, portal, "another@example.org")
    new = (await outbox())[-2:]
    assert (await follow(browser, old[1])).status == 410
    await follow(browser, new[1])
    assert await address_of(portal, ann) == ann.email, "the earlier yes was to something else"
    await follow(browser, new[0])
    assert await address_of(portal, ann) == "another@example.org"


async def test_both_links_at_once_change_it_once(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    forms = []
    for letter in await asked(browser, portal, ann, outbox):
        page = await browser.open(letter.values["link"])
        forms.append({"action": "accept", "email": letter.to, "token": letter.values["link"][-43:],
                      "form_token": field(page, "form_token")})  # fmt: skip
    answers = await asyncio.gather(
        *(browser._http.post("/verify", data=form) for form in forms * 2)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 410, 410]
    assert await address_of(portal, ann) == NEW
    assert (await portal.actions()).count("user.email_changed") == 1


async def test_an_address_that_is_taken_is_answered_alike(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, bob: Person,
    outbox: Outbox,
) -> None:  # fmt: skip
    answers: dict[str, object] = {}
    counts: dict[str, list[str]] = {}
    for number, email in enumerate((NEW, bob.email)):
        with time_machine.travel(NOW, tick=False):
            person = await portal.add_user(f"person{number}@example.org")
            visitor = new_browser(peer=f"203.0.113.{number}")
            await sign_in(visitor, portal, person)
            await visitor.open(f"{portal.url}/account/email")
            visitor.fill("email", email)
            with counting_statements() as counts[email]:
                page = await visitor.click("move")
        shown = page.html.replace(email, "NEW").replace(person.email, "OWN")
        tokens = r'(name="form_token"\s+value=")[^"]*'
        answers[email] = (page.status, re.sub(tokens, "", shown))
    assert len(counts[NEW]) > 8
    assert counts[NEW] == counts[bob.email]
    assert answers[NEW] == answers[bob.email]
    leave, taken = (await outbox())[-2:]
    assert (taken.kind, taken.to) == ("move_taken", bob.email)
    assert leave.kind == "leave"


async def test_an_address_that_is_taken_meanwhile_is_not_taken_away(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    leave, move = await asked(browser, portal, ann, outbox)
    await follow(browser, leave)
    await portal.add_user(NEW)
    page = await follow(browser, move)
    assert page.status == 409
    assert await address_of(portal, ann) == ann.email
    assert (await follow(browser, move)).status == 410


@pytest.mark.parametrize(
    ("email", "words"), [("nonsense", "valid"), ("ANN@example.org", "already")]
)
async def test_an_address_that_makes_no_sense_is_told(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, email: str, words: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await ask(browser, portal, email)
    assert page.status == 422
    assert words in page.text
    assert await outbox() == []


@pytest.mark.parametrize("action", ["move", "verify"])
async def test_a_sign_in_that_ended_meanwhile_changes_nothing(
    portal: Portal, ann: Person, outbox: Outbox, action: Literal["move", "verify"]
) -> None:
    """The guard let the request in a moment before the account was reset."""
    before = await portal.user(ann)
    before.email_verified = False
    async with portal.store.writing() as rows:
        await rows.users.end_sign_ins(ann.subject, datetime.now(UTC))
    visitor = Visitor(
        browser_hash=None, origin=Origin(address="192.0.2.1", user_agent=""), now=datetime.now(UTC)
    )
    form = AddressForm(action=action, email=NEW)
    page = await flow.change(form, before, visitor=visitor, services=portal.services)
    assert isinstance(page, AddressPage)
    assert (page.status, page.error) == (409, CHANGED)
    assert await outbox() == []


async def test_a_change_needs_a_recent_sign_in(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await browser.open(f"{portal.url}/account/email")
    browser.fill("email", NEW)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        page = await browser.click("move")
    assert page.url.path == "/login"


async def test_a_waiting_change_can_be_called_off(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    letters = await asked(browser, portal, ann, outbox)
    assert NEW in browser.page.text
    page = await browser.click("cancel")
    assert "stays as it is" in page.text
    for letter in letters:
        assert (await follow(browser, letter)).status == 410


async def test_a_mail_whose_time_is_over_is_not_spoken_of(portal: Portal, browser: Browser) -> None:
    eve = await portal.add_user("eve@example.org", email_verified=False)
    await sign_in(browser, portal, eve)
    await browser.open(f"{portal.url}/account/email")
    await browser.click("verify")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30), tick=False):
        await sign_in(browser, portal, eve)
        page = await browser.open(f"{portal.url}/account/email")
        assert words(page.element("verify")) == "Send the mail"


@pytest.mark.parametrize("where", ["/account/security", "/account/profile"])
async def test_a_waiting_change_is_seen_wherever_the_address_is(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, where: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + where)
    assert "is to become" not in page.text
    await ask(browser, portal)
    page = await browser.open(portal.url + where)
    assert f"It is to become {NEW}" in page.text
    page = await browser.follow("Go on with this, or keep the old address")
    assert page.url.path == "/account/email"
    await browser.click("cancel")
    page = await browser.open(portal.url + where)
    assert "is to become" not in page.text


async def test_who_confirms_the_change_elsewhere_is_told_what_is_so_there(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    leave, move = await asked(browser, portal, ann, outbox)
    phone = new_browser()
    await follow(phone, leave, email=ann.email)
    page = await follow(phone, move, email=NEW)
    assert "Your address is changed" in page.text
    assert "everywhere else" not in page.text
    assert "signed out everywhere" in page.text
    assert page.link("Sign in").endswith("/login")


async def test_who_confirms_the_change_where_they_are_signed_in_goes_on_there(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    for letter in await asked(browser, portal, ann, outbox):
        page = await follow(browser, letter)
    assert "signed out everywhere else" in page.text
    assert page.link("Your address").endswith("/account/email")


async def test_a_new_password_voids_a_waiting_change(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    letters = await asked(browser, portal, ann, outbox)
    async with portal.store.writing() as rows:
        await rows.users.set_password(ann.subject, password_hash="x", at=datetime.now(UTC))
    for letter in letters:
        assert (await follow(browser, letter)).status == 410


async def test_known_browsers_and_waiting_times_of_the_old_address_are_forgotten(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    for letter in await asked(browser, portal, ann, outbox):
        await follow(browser, letter)
    old = Attempt(account=ann.email, browser_hash=None, origin=Origin()).account_hash
    async with portal.store.reading() as rows:
        found = await rows.browsers._unit.all(
            sa.select(KnownBrowser).where(KnownBrowser.account_hash == old)
        )
    assert found == []


async def test_in_another_browser_the_address_has_to_be_typed_and_is_not_told(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    leave, move = await asked(browser, portal, ann, outbox)
    other = new_browser()
    for letter in (leave, move):
        page = await other.open(letter.values["link"])
        assert ann.email not in page.html
        assert NEW not in page.html
        assert (await follow(other, letter, email="bob@example.org")).status == 422
    assert await address_of(portal, ann) == ann.email


async def test_an_unconfirmed_address_is_confirmed_by_a_mail(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    eve = await portal.add_user("eve@example.org", email_verified=False)
    await sign_in(browser, portal, eve)
    page = await browser.open(f"{portal.url}/account/email")
    assert "not confirmed" in page.text
    assert words(page.element("verify")) == "Send the mail"
    page = await browser.click("verify")
    assert "on its way" in page.text
    assert words(page.element("verify")) == "Send the mail again"
    (letter,) = await outbox()
    page = await follow(browser, letter)
    assert "confirmed" in page.text
    assert (await portal.user(eve)).email_verified
    assert (await portal.actions())[-1] == "user.email_verified"
    assert not (await browser.open(f"{portal.url}/account/email")).has("verify")
    assert (await follow(browser, letter)).status == 410


async def test_mails_to_one_address_are_limited(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    eve = await portal.add_user("eve@example.org", email_verified=False)
    await sign_in(browser, portal, eve)
    for _ in range(4):
        await browser.open(f"{portal.url}/account/email")
        await browser.click("verify")
    assert browser.page.status == 429
    assert len(await outbox()) == 3


async def test_without_mail_an_administrator_is_named(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal()
    ann = await portal.add_user("ann@example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/account/email")
    assert page.status == 200
    assert "ask whoever runs this site" in page.text
    assert not page.has("move")
