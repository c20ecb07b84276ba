"""Getting back in with a mailbox, without learning anything about anybody else's account."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import time_machine

from portal.store.tables import MailedLink, TotpFactor
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.mail import NOWHERE, Outbox, counting_statements, link_in, shape, written
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

NEW = "four walls and a kettle"
KINDS = ("unknown", "known", "disabled", "passwordless", "unverified")
NOW = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def portal(mailing: Portal) -> Portal:
    """The one that has mail, for ``ann`` and ``browser`` too."""
    return mailing


async def ask(browser: Browser, portal: Portal, email: str, query: str = "") -> Document:
    await browser.open(f"{portal.url}/recover{query}")
    browser.fill("email", email)
    return await browser.click("send")


async def link_for(browser: Browser, portal: Portal, person: Person, outbox: Outbox) -> str:
    page = await ask(browser, portal, person.email)
    assert page.status == 200, page
    return (await outbox())[-1].values["link"]


async def choose(browser: Browser, link: str, password: str = NEW, *, email: str = "") -> Document:
    await browser.open(link)
    if email:
        browser.fill("email", email)
    browser.fill("password", password)
    return await browser.click("accept")


async def can_sign_in(portal: Portal, browser: Browser, person: Person, password: str) -> bool:
    await browser.open(f"{portal.url}/login")
    browser.fill("email", person.email)
    browser.fill("password", password)
    return (await browser.click("accept")).status == 200


async def test_a_forgotten_password_is_replaced(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    page = await choose(browser, await link_for(browser, portal, ann, outbox))
    assert page.status == 200
    assert "Your new password is set" in page.text
    assert page.link("Sign in").endswith("/login")
    assert not await can_sign_in(portal, browser, ann, ann.password)
    assert await can_sign_in(portal, browser, ann, NEW)


async def test_everything_from_before_ends(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox,
    ory: OryDouble,
) -> None:  # fmt: skip
    await portal.add_grant(ann)
    elsewhere = new_browser()
    await sign_in(elsewhere, portal, ann)
    before = await portal.user(ann)
    await choose(browser, await link_for(browser, portal, ann, outbox))
    after = await portal.user(ann)
    assert after.epoch == before.epoch + 1
    page = await elsewhere.open(f"{portal.url}/account/apps")
    assert page.url.path == "/login"
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is not None
    assert grant.revoke_synced_at is not None, "Ory was told at once"
    assert (await portal.actions())[-2:] == ["user.reset_asked", "user.password_reset"]
    assert [letter.kind for letter in await outbox()] == ["reset", "password_reset"]


async def test_who_asked_too_often_is_told_what_still_works(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    for _ in range(4):
        page = await ask(browser, portal, ann.email)
    assert page.status == 429
    assert "The newest link in your mailbox still works" in page.text


async def test_what_was_typed_is_told_back_with_a_way_to_correct_it(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    for typed in (ann.email, "Nobody@Example.org"):
        page = await ask(browser, portal, typed)
        assert f"You typed {typed}" in page.text
        page = await browser.follow("Use another address")
        assert page.url.path == "/recover"


async def test_using_the_link_proves_that_the_address_is_theirs(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    eve = await portal.add_user("eve@example.org", email_verified=False)
    link = await link_for(browser, portal, eve, outbox)
    await browser.open(link)
    assert not (await portal.user(eve)).email_verified
    await choose(browser, link)
    assert (await portal.user(eve)).email_verified


async def test_a_mailbox_does_not_replace_a_second_factor(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    factor = TotpFactor(
        id="1", subject=ann.subject, sealed_secret="x", name="Phone", created_at=NOW
    )
    async with portal.store.writing() as rows:
        await rows.totp_factors.add(factor)
    await choose(browser, await link_for(browser, portal, ann, outbox))
    await can_sign_in(portal, browser, ann, NEW)
    assert browser.page.url.path == "/login/factor"
    assert (await browser.open(f"{portal.url}/account/apps")).url.path == "/login"


async def test_waiting_times_are_lifted_and_no_browser_is_known_any_more(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    stranger = new_browser(peer="198.51.100.9")
    for _ in range(6):
        assert not await can_sign_in(portal, stranger, ann, "a wrong password")
    assert stranger.page.status == 429
    await choose(browser, link)
    assert await can_sign_in(portal, browser, ann, NEW)


@pytest.mark.parametrize(
    ("password", "words"),
    [("short", "at least 15"), ("x" * 1025, "1024"), ("ann@example.org-ann", "too")],
)
async def test_a_bad_password_uses_nothing_up(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, password: str, words: str
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    page = await choose(browser, link, password)
    assert page.status == 422
    assert words in page.text.casefold()
    browser.fill("password", NEW)
    assert (await browser.click("accept")).status == 200


async def test_a_second_factors_owner_may_choose_a_shorter_one(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(PORTAL_SMTP_URL=NOWHERE, PORTAL_SECOND_FACTOR_FOR="admins")
    admin = await portal.add_user("admin@example.org", admin=True)
    browser = new_browser(at=portal)
    await ask(browser, portal, admin.email)
    link = (await written(portal))[-1].values["link"]
    assert (await choose(browser, link, "kettle7")).status == 422
    assert (await choose(browser, link, "kettle7!wall")).status == 200


async def test_a_link_works_once(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    await choose(browser, link)
    page = await browser.open(link)
    assert page.status == 410
    assert page.link("Ask for a new link").endswith("/recover")


async def test_opening_a_link_uses_nothing_up_however_often(
    portal: Portal, browser: Browser, http: httpx.AsyncClient, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    for _ in range(3):
        assert (await http.get(link)).status_code == 200
    assert (await http.head(link)).status_code == 405
    assert (await choose(browser, link)).status == 200


async def test_of_two_at_once_one_wins(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    page = await browser.open(link)
    form = {"token": link[-43:], "email": ann.email, "form_token": field(page, "form_token")}
    passwords = [f"{NEW} number {n}" for n in range(6)]
    answers = await asyncio.gather(
        *(browser._http.post("/recover/reset", data=form | {"password": p}) for p in passwords)
    )
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200] + [410] * 5
    winner = passwords[statuses.index(200)]
    assert await can_sign_in(portal, browser, ann, winner)
    assert (await portal.user(ann)).epoch == 1


async def test_only_the_newest_link_counts(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    first = await link_for(browser, portal, ann, outbox)
    second = await link_for(browser, portal, ann, outbox)
    assert (await choose_or_gone(browser, first)).status == 410
    assert (await choose(browser, second)).status == 200


async def choose_or_gone(browser: Browser, link: str) -> Document:
    page = await browser.open(link)
    return page if page.status != 200 else await choose(browser, link)


async def test_a_link_expires(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        link = await link_for(browser, portal, ann, outbox)
        clock.shift(timedelta(minutes=29, seconds=59))
        assert (await browser.open(link)).status == 200
        clock.shift(timedelta(seconds=1))
        assert (await browser.open(link)).status == 410


@pytest.mark.parametrize(
    "happened",
    ["UPDATE users SET epoch = epoch + 1", "UPDATE users SET disabled_at = created_at",
     "UPDATE users SET email = 'other@example.org'", "DELETE FROM users"],
)  # fmt: skip
async def test_what_happened_to_the_account_since_voids_the_link(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox, happened: str
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    async with portal.store.writing() as rows:
        await rows.users._unit.run(sa.text(happened))
    assert (await browser.open(link)).status == 410


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 43, "A" * 5000, "%00", "%ED%A0%80", "é", "../../x"]
)
async def test_a_token_that_nobody_issued_opens_nothing(
    portal: Portal, http: httpx.AsyncClient, token: str
) -> None:
    answer = await http.get(f"/recover/reset?token={token}")
    assert answer.status_code in (400, 410)


async def test_a_link_for_something_else_opens_nothing(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    token = (await link_for(browser, portal, ann, outbox))[-43:]
    for path in ("/verify", "/register/finish"):
        assert (await browser.open(f"{portal.url}{path}?token={token}")).status == 410


async def test_in_another_browser_the_address_has_to_be_typed(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    other = new_browser()
    page = await other.open(link)
    assert ann.email not in page.html
    page = await choose(other, link, email="bob@example.org")
    assert page.status == 422
    assert "not the address" in page.text
    assert ann.email not in page.html
    page = await choose(other, link, email=f" {ann.email.upper()} ")
    assert page.status == 200


async def test_addresses_cannot_be_guessed_at_a_link(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    other = new_browser()
    statuses = [(await choose(other, link, email=f"{n}@example.org")).status for n in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await choose(other, link, email=ann.email)).status == 429
    assert (await choose(browser, link)).status == 200, "its own browser need not guess"


async def test_a_form_that_another_browser_was_shown_changes_nothing(
    portal: Portal, browser: Browser, new_http: Callable[..., httpx.AsyncClient], ann: Person,
    outbox: Outbox,
) -> None:  # fmt: skip
    link = await link_for(browser, portal, ann, outbox)
    page = await browser.open(link)
    form = {"token": link[-43:], "email": ann.email, "password": NEW}
    for token in ("", field(page, "form_token")):
        answer = await new_http().post("/recover/reset", data=form | {"form_token": token})
        assert answer.status_code == 403
        assert NEW not in answer.text
    assert (await portal.user(ann)).epoch == 0


async def test_the_way_back_to_the_app_begins_its_request_anew(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, ann: Person,
    outbox: Outbox,
) -> None:  # fmt: skip
    challenge = ory.plant_login()
    await browser.open(f"{portal.url}/login?login_challenge={challenge}")
    await ask(browser, portal, ann.email, f"?login_challenge={challenge}")
    link = (await outbox())[-1].values["link"]
    page = await choose(browser, link)
    assert "prompt=login" in page.link("Continue to")
    assert "registration" not in page.link("Continue to")


async def test_another_browser_is_not_sent_to_the_app(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, ann: Person,
    outbox: Outbox,
) -> None:  # fmt: skip
    challenge = ory.plant_login()
    await browser.open(f"{portal.url}/login?login_challenge={challenge}")
    await ask(browser, portal, ann.email, f"?login_challenge={challenge}")
    link = (await outbox())[-1].values["link"]
    page = await choose(new_browser(), link, email=ann.email)
    assert "Continue to" not in page.text


async def test_without_mail_the_page_says_so_and_what_to_do(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble
) -> None:
    portal = await new_portal()
    browser = new_browser(at=portal)
    challenge = ory.plant_login()
    page = await browser.open(f"{portal.url}/recover?login_challenge={challenge}")
    assert page.status == 404
    assert page.title.startswith("This site cannot mail you a new password")
    assert "Ask whoever runs it" in page.text
    assert httpx.URL(page.link("Back to sign in")).params["login_challenge"] == challenge
    answer = await browser._http.post("/recover", data={"email": "a@b.org", "form_token": "x"})
    assert answer.status_code == 404
    assert "This site cannot mail you a new password" in answer.text


async def test_without_mail_none_of_it_is_there(new_portal: NewPortal) -> None:
    portal = await new_portal()
    async with portal.http() as http:
        assert (await http.get("/recover")).status_code == 404
        assert (await http.post("/recover", data={"email": "a@b.org"})).status_code == 404


async def test_what_is_no_address_is_told_so(portal: Portal, browser: Browser) -> None:
    for text in ("ann", "a b@example.org", "x" * 2000 + "@example.org", "a\x00b@example.org"[:1]):
        page = await ask(browser, portal, text)
        assert page.status == 422, text
        assert "address" in page.text


# Nobody learns whether an account exists.


@pytest.fixture
def make_person(portal: Portal) -> Callable[[str], Awaitable[str]]:
    async def make(kind: str) -> str:
        email = f"{kind:x<12}@example.org"
        fields: dict[str, Any] = {
            "disabled": {"disabled_at": datetime.now(UTC), "epoch": 1},
            "passwordless": {"password_hash": None},
            "unverified": {"email_verified": False},
        }
        if kind != "unknown":
            await portal.add_user(email, **fields.get(kind, {}))
        return email

    return make


async def test_every_answer_is_the_same_to_the_byte(
    portal: Portal, new_browser: NewBrowser, make_person: Callable[[str], Awaitable[str]]
) -> None:
    found: dict[str, list[object]] = {}
    with time_machine.travel(NOW, tick=False):
        for number, kind in enumerate(KINDS):
            email = await make_person(kind)
            browser = new_browser(peer=f"203.0.113.{number}")
            found[kind] = [
                shape((await ask(browser, portal, email)).response, email) for _ in range(4)
            ]
    assert [answer[0] for answer in found["known"]] == [200, 200, 200, 429]  # type: ignore[index]  # a tuple
    for kind in KINDS:
        assert found[kind] == found["known"], kind


async def test_every_kind_of_account_costs_the_same_statements(
    portal: Portal, new_browser: NewBrowser, make_person: Callable[[str], Awaitable[str]]
) -> None:
    people = {kind: await make_person(kind) for kind in KINDS}
    counts: dict[str, list[str]] = {}
    for number, (kind, email) in enumerate(people.items()):
        browser = new_browser(peer=f"203.0.113.{number}")
        await browser.open(f"{portal.url}/recover")
        browser.fill("email", email)
        with counting_statements() as counts[kind]:
            await browser.click("send")
    assert len(counts["unknown"]) > 5
    for kind in KINDS:
        assert counts[kind] == counts["unknown"], kind


async def test_only_accounts_that_can_be_used_get_a_mail(
    portal: Portal,
    new_browser: NewBrowser,
    outbox: Outbox,
    make_person: Callable[[str], Awaitable[str]],
) -> None:
    for number, kind in enumerate(KINDS):
        await ask(new_browser(peer=f"203.0.113.{number}"), portal, await make_person(kind))
    letters = await outbox()
    assert len(letters) == len(KINDS)
    assert {letter.kind for letter in letters} == {"reset"}
    told = {letter.to.partition("@")[0].rstrip("x") for letter in letters}
    assert told == {"", "known", "passwordless", "unverified"}


async def test_a_link_about_nobody_opens_nothing(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    await ask(browser, portal, "nobody@example.org")
    (letter,) = await outbox()
    assert (await browser.open(letter.values["link"])).status == 410


async def test_one_network_cannot_ask_for_everybody(portal: Portal, browser: Browser) -> None:
    statuses = [(await ask(browser, portal, f"person{n}@example.org")).status for n in range(22)]
    assert statuses[:20] == [200] * 20
    assert statuses[20:] == [429, 429]
    assert int(browser.page.response.headers["retry-after"]) >= 1


async def test_nothing_that_opens_a_door_is_kept_or_logged(
    portal: Portal,
    browser: Browser,
    ann: Person,
    outbox: Outbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    link = await link_for(browser, portal, ann, outbox)
    token = link[-43:]
    async with portal.store.reading() as rows:
        found = await rows.mailed_links._unit.all(sa.select(MailedLink.__table__))
        events = (await rows.audit.list_page(after=None, limit=10)).events
    await choose(browser, link)
    assert token not in str(found)
    assert token not in str([event.detail for event in events])
    assert token not in caplog.text
    assert link_in(f"x {link} y") == link
