"""Everybody with an account: found, added, invited, looked at, changed, by an administrator."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
import time_machine

from portal.admin import user_listing
from portal.admin.user_acts import ACTS
from portal.admin.user_data import form_type
from portal.store import AuditSearch
from portal.store.tables import LoginSession, Passkey, TotpFactor
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.mail import NOWHERE, written
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

PASSWORD = "correct horse battery staple"
SIGNING_OUT = ("sign-out", "expire-password", "reset-factors", "disable", "delete")


@pytest.fixture(autouse=True)
async def signed_in(browser: Browser, portal: Portal, admin: Person) -> None:
    await sign_in(browser, portal, admin)


async def at(browser: Browser, portal: Portal, path: str = "", **terms: str) -> Document:
    return await browser.open(httpx.URL(f"{portal.url}/admin/users{path}", params=terms))


async def question(browser: Browser, portal: Portal, act: str, person: Person) -> Document:
    return await at(browser, portal, "/act", subject=person.subject, act=act)


def content_of(page: Document) -> Element:
    """What a page has of its own, without what stands on every one."""
    return page.element("content")


async def press(browser: Browser, text: str | None = None) -> Document:
    """Press the button of the page, or the one that reads *text*."""
    buttons = [b for b in content_of(browser.page).iter("button") if b.get("type") == "submit"]
    (button,) = [b for b in buttons if text is None or words(b).startswith(text)]
    return await browser.submit(button)


async def do(browser: Browser, portal: Portal, act: str, person: Person) -> Document:
    await question(browser, portal, act, person)
    return await press(browser)


def found(page: Document) -> list[str]:
    rows = [row for row in page.root.iter("tr") if row.find(".//td") is not None]
    return [words(row.find(".//a")) for row in rows]


async def events(portal: Portal, action: str) -> list[tuple[Any, ...]]:
    async with portal.store.reading() as rows:
        page = await rows.audit.list_page(AuditSearch(actions=(action,)), after=None, limit=50)
    return [(event.actor, event.subject, event.address) for event in page.events]


async def add_totp(portal: Portal, person: Person) -> None:
    async with portal.store.writing() as rows:
        await rows.totp_factors.add(
            TotpFactor(
                id=f"t-{person.subject}",
                subject=person.subject,
                sealed_secret="sealed-s3cr3t",
                name="My phone",
                created_at=datetime.now(UTC),
            )
        )


async def add_login_session(portal: Portal, person: Person, session_hash: str = "b" * 64) -> None:
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        await rows.login_sessions.save(
            LoginSession(
                session_id_hash=session_hash,
                sealed_id=portal.services.sealer.seal(f"sid-{session_hash[:4]}", "login session"),
                subject=person.subject,
                acr="aal1",
                amr=["pwd"],
                authenticated_at=now,
                epoch=(await rows.users.find(person.subject)).epoch,  # type: ignore[union-attr]
                remembered=True,
                address="198.51.100.4",
                user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537",
                last_used_at=now,
            )
        )


def a_passkey(person: Person) -> Passkey:
    return Passkey(
        credential_id="Y3JlZGVudGlhbA",
        subject=person.subject,
        public_key="key",
        sign_count=0,
        transports=[],
        backed_up=False,
        name="A key",
        created_at=datetime.now(UTC),
    )


# The list


async def test_everybody_is_listed_with_what_tells_them_apart(
    browser: Browser, portal: Portal, ann: Person, admin: Person
) -> None:
    await portal.add_user("bob@example.org", email_verified=False, disabled_at=datetime.now(UTC))
    await add_totp(portal, ann)
    page = await at(browser, portal)
    assert found(page) == ["admin@example.org", "ann@example.org", "bob@example.org"]
    first, second, third = [words(row) for row in page.root.iter("tr")][1:]
    assert "Administrator No second factor" in first
    assert "Second factor" in second
    assert "No second factor" not in second
    assert "Disabled" in third
    assert "Address not confirmed" in third
    assert "3 people. By address." in page.text


async def test_people_are_found_by_address_name_subject_and_state(
    browser: Browser, portal: Portal, ann: Person, bob: Person
) -> None:
    await portal.add_user("cleo@example.org", name="Ann Cleo", name_key="ann cleo")
    for terms, expected in (
        ({"who": "ANN"}, ["ann@example.org", "cleo@example.org"]),
        ({"who": ann.subject}, ["ann@example.org"]),
        ({"who": "nobody"}, []),
        ({"state": "admin"}, ["admin@example.org"]),
        ({"who": "ann", "state": "admin"}, []),
        (
            {"order": "newest"},
            ["cleo@example.org", "bob@example.org", "ann@example.org", "admin@example.org"],
        ),
    ):
        page = await at(browser, portal, **terms)
        assert found(page) == expected, terms
    assert (await at(browser, portal, who="<b>")).element("who").get("value") == "<b>"
    assert "Nobody found" in (await at(browser, portal, who="nobody")).text


async def test_a_search_that_nobody_could_type_is_refused(browser: Browser, portal: Portal) -> None:
    for terms in (
        {"who": "x" * 321},
        {"state": "x"},
        {"order": "x"},
        {"after": "x"},
        {"after": "WyJuZXdlc3QiXQ=="},
        {"who": "a\x00"},
    ):
        assert (await at(browser, portal, **terms)).status == 400, terms


async def test_pages_hold_everybody_once(
    browser: Browser, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_listing, "PAGE", 2)
    for number in range(5):
        await portal.add_user(f"user{number}@example.org", name=None)
    for terms, size in (({}, 6), ({"order": "newest"}, 6), ({"who": "user"}, 5)):
        page, seen = await at(browser, portal, **terms), []
        while True:
            seen += found(page)
            if not any(link.get("rel") == "next" for link in page.root.iter("a")):
                break
            page = await browser.follow("Show more")
            assert page.link("Back to the first page")
        assert len(seen) == len(set(seen)) == size


async def test_htmx_gets_the_results_alone(browser: Browser, portal: Portal, ann: Person) -> None:
    answer = await browser._http.get(
        "/admin/users", params={"who": "ann"}, headers={"HX-Request": "true"}
    )
    assert answer.text.lstrip().startswith('<section id="users-results"')
    assert answer.headers["hx-push-url"] == "/admin/users?who=ann"


# Somebody new


async def test_somebody_is_created_with_a_first_password(
    browser: Browser, portal: Portal, new_browser: NewBrowser, admin: Person
) -> None:
    await at(browser, portal, "/create")
    browser.fill("email", " Cleo@Example.org ")
    browser.fill("name", "Cleo")
    browser.fill("password", PASSWORD)
    page = await press(browser, "Create")
    assert page.url.path == "/admin/users/one"
    assert "The account was created" in page.text
    assert PASSWORD not in str(page)
    async with portal.store.reading() as rows:
        user = await rows.users.find_by_email("cleo@example.org")
    assert user is not None
    assert (user.name, user.name_key, user.admin, user.email_verified) == (
        "Cleo",
        "cleo",
        False,
        False,
    )
    assert await events(portal, "user.created") == [(admin.subject, user.subject, "203.0.113.7")]
    assert user.password_expired
    person = Person(email=user.email, password=PASSWORD, subject=user.subject)
    theirs = new_browser()
    page = await theirs.open(f"{portal.url}/login")
    theirs.fill("email", person.email)
    theirs.fill("password", person.password)
    assert (await theirs.click("accept")).url.path == "/login/new-password"


async def test_a_first_password_may_be_kept_where_the_administrator_says_so(
    browser: Browser, portal: Portal, new_browser: NewBrowser
) -> None:
    page = await at(browser, portal, "/create")
    assert page.element("must_change").get("checked") is not None
    browser.fill("email", "nonsense")
    browser.fill("password", PASSWORD)
    browser.tick("must_change", ticked=False)
    page = await press(browser, "Create")
    assert page.element("must_change").get("checked") is None
    browser.fill("email", "cleo@example.org")
    browser.fill("password", PASSWORD)
    await press(browser, "Create")
    async with portal.store.reading() as rows:
        user = await rows.users.find_by_email("cleo@example.org")
    assert user is not None
    assert not user.password_expired
    person = Person(email=user.email, password=PASSWORD, subject=user.subject)
    await sign_in(new_browser(), portal, person)


async def test_the_strength_of_a_first_password_is_told_while_it_is_typed(
    browser: Browser, portal: Portal
) -> None:
    page = await at(browser, portal, "/create")
    form = {"password": "password1", "form_token": field(page, "form_token")}
    answer = await browser._http.post("/password-strength?min_length=15", data=form)
    assert answer.status_code == 200


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    for email, password, element_id, said in (
        ("nonsense", PASSWORD, "email-problem", "not a valid e-mail address"),
        (ann.email, PASSWORD, "email-problem", "exists already"),
        ("cleo@example.org", "short", "password-problem", "at least 15"),
        ("cleo@example.org", "x" * 2000, "password-problem", "at most"),
    ):
        await at(browser, portal, "/create")
        browser.fill("email", email)
        browser.fill("name", "Cleo")
        browser.fill("password", password)
        page = await press(browser, "Create")
        assert page.status == 422
        assert said in words(page.element(element_id))
        assert page.element("name").get("value") == "Cleo"
        assert not page.element("password").get("value")
    assert await portal.actions() == ["portal.signed_in"]


async def test_somebody_is_invited_seen_and_uninvited(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(
        PORTAL_SMTP_URL="smtp://127.0.0.1:9", PORTAL_MAIL_FROM="portal@example.org"
    )
    admin = await portal.add_user("chief@example.org", admin=True)
    browser = new_browser(at=portal)
    await sign_in(browser, portal, admin)
    await at(browser, portal, "/create")
    browser.fill("email", "Cleo@example.org")
    browser.fill("name", "Cleo")
    browser.tick("admin")
    page = await press(browser, "Send the invitation")
    assert page.url.path == "/admin/users/invitations"
    assert "The invitation is on its way" in page.text
    row = words(next(row for row in page.root.iter("tr") if row.find(".//td") is not None))
    assert "cleo@example.org" in row
    assert "As an administrator" in row
    assert "chief@example.org" in row
    assert await events(portal, "user.invited") == [(admin.subject, None, "203.0.113.7")]
    page = await press(browser, "Withdraw")
    assert "does not work any more" in page.text
    assert "No invitations wait" in page.text
    assert await events(portal, "user.invitation_withdrawn") == [
        (admin.subject, None, "203.0.113.7")
    ]
    form = {"email": "cleo@example.org", "form_token": "x"}
    answer = await browser._http.post("/admin/users/invitations/withdraw", data=form)
    assert answer.status_code == 403


async def test_without_mail_nobody_is_invited(browser: Browser, portal: Portal) -> None:
    page = await at(browser, portal, "/create")
    assert "Invite" not in page.text
    token = field(page, "form_token")
    form = {"email": "cleo@example.org", "how": "invitation", "form_token": token}
    assert (await browser._http.post("/admin/users/create", data=form)).status_code == 404
    assert "PORTAL_SMTP_URL" in (await at(browser, portal, "/invitations")).text
    assert "user.invited" not in await portal.actions()


# One person


async def test_the_page_of_one_person_tells_what_is_known_and_no_secret(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    await portal.add_grant(ann)
    await add_totp(portal, ann)
    await add_login_session(portal, ann)
    page = await at(browser, portal, "/one", subject=ann.subject)
    for text in (
        "ann@example.org",
        ann.subject,
        "My phone",
        "Chrome on Windows",
        "198.51.100.4",
        "1 app has access",
    ):
        assert text in page.text, text
    user = await portal.user(ann)
    assert user.password_hash is not None
    for secret in (user.password_hash, "argon2", "sealed-s3cr3t", "sid-bbbb"):
        assert secret not in str(page)
    assert page.link("1 app has access").endswith(f"/admin/grants?user={ann.subject}")
    assert page.link_to("/admin/audit", f"user={ann.subject}")


async def test_nobody_has_no_page(browser: Browser, portal: Portal) -> None:
    for path in ("/one", "/act", "/address", "/data"):
        for terms in ({}, {"subject": "nobody"}, {"subject": "nobody", "act": "disable"}):
            assert (await at(browser, portal, path, **terms)).status == 404, (path, terms)


async def test_somebody_who_is_gone_has_a_page_that_says_so(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    await do(browser, portal, "delete", ann)
    page = await at(browser, portal, "/one", subject=ann.subject)
    assert page.status == 404
    assert page.title.startswith("This account is gone")
    assert ann.email not in page.text
    assert ann.subject in page.text
    assert page.link("What happened to it").endswith(f"/admin/audit?user={ann.subject}")
    page = await browser.follow("All people")
    assert page.url.path == "/admin/users"
    assert (await question(browser, portal, "disable", ann)).status == 404


async def test_an_act_that_there_is_not_is_not_there(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    assert (await question(browser, portal, "explode", ann)).status == 404
    token = field(await question(browser, portal, "disable", ann), "form_token")
    form = {"subject": ann.subject, "act": "explode", "form_token": token}
    assert (await browser._http.post("/admin/users/act", data=form)).status_code == 404
    form = {"subject": "nobody", "act": "disable", "form_token": token}
    assert (await browser._http.post("/admin/users/act", data=form)).status_code == 404


# Acts


async def test_a_question_tells_in_words_and_numbers_what_would_happen(
    browser: Browser, portal: Portal, ann: Person, new_browser: NewBrowser
) -> None:
    await portal.add_grant(ann)
    await portal.add_grant(ann, "mail")
    await add_login_session(portal, ann)
    await sign_in(new_browser(), portal, ann)
    page = await question(browser, portal, "disable", ann)
    assert "1 session in this portal, 1 sign-in for apps" in page.text
    assert "2 connected apps lose their access" in page.text
    page = await question(browser, portal, "expire-password", ann)
    assert "2 connected apps keep their access" in page.text
    await add_totp(portal, ann)
    page = await question(browser, portal, "reset-factors", ann)
    assert "0 passkeys, 1 authenticator app, 0 unused recovery codes" in page.text


@pytest.mark.parametrize("act", sorted(set(ACTS) - {"send-password-link"}))
async def test_every_act_is_done_and_noted_with_who_did_it_from_where(
    browser: Browser, portal: Portal, ann: Person, admin: Person, act: str
) -> None:
    await add_totp(portal, ann)
    if act == "enable":
        await do(browser, portal, "disable", ann)
    if act == "withdraw-admin":
        await do(browser, portal, "make-admin", ann)
    page = await do(browser, portal, act, ann)
    assert page.status == 200
    assert ACTS[act].done in page.text
    assert await events(portal, ACTS[act].event) == [(admin.subject, ann.subject, "203.0.113.7")]


@pytest.mark.parametrize("act", SIGNING_OUT)
async def test_who_is_signed_in_is_out_at_once(
    browser: Browser, portal: Portal, ann: Person, new_browser: NewBrowser, act: str
) -> None:
    anns = new_browser()
    await sign_in(anns, portal, ann)
    await add_totp(portal, ann)
    await do(browser, portal, act, ann)
    answer = await anns._http.get("/account/apps")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("act", ["disable", "withdraw-admin", "delete"])
async def test_the_last_administrator_is_refused_with_words(
    browser: Browser, portal: Portal, admin: Person, act: str
) -> None:
    page = await question(browser, portal, act, admin)
    assert page.status == 409
    assert "last administrator" in page.text
    assert not list(content_of(page).iter("form"))
    token = field(await question(browser, portal, "sign-out", admin), "form_token")
    form = {"subject": admin.subject, "act": act, "form_token": token}
    answer = await browser._http.post("/admin/users/act", data=form)
    assert answer.status_code == 409
    assert "last administrator" in answer.text
    user = await portal.user(admin)
    assert (user.admin, user.disabled_at) == (True, None)


async def test_who_acts_on_themselves_is_told_so_and_leaves(
    browser: Browser, portal: Portal, admin: Person
) -> None:
    await portal.add_user("other@example.org", admin=True)
    page = await question(browser, portal, "withdraw-admin", admin)
    assert "This is your own role" in page.text
    page = await press(browser)
    assert (page.status, page.url.path) == (200, "/")
    assert not (await portal.user(admin)).admin


async def mailing_with_admin(
    new_portal: NewPortal, new_browser: NewBrowser
) -> tuple[Portal, Browser, Person]:
    portal = await new_portal(PORTAL_SMTP_URL=NOWHERE, PORTAL_MAIL_FROM="portal@example.org")
    admin = await portal.add_user("chief@example.org", admin=True)
    browser = new_browser(at=portal)
    await sign_in(browser, portal, admin)
    return portal, browser, admin


async def test_who_has_no_password_is_sent_a_link_to_choose_one(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal, browser, admin = await mailing_with_admin(new_portal, new_browser)
    eve = await portal.add_user("eve@example.org", password_hash=None, email_verified=False)
    page = await at(browser, portal, "/one", subject=eve.subject)
    assert "Cannot sign in yet" in page.text
    assert "Can sign in" not in page.text
    assert "Demand a new password" not in page.text
    page = await browser.follow("Send a link to set a password")
    assert "eve@example.org" in page.text
    assert "7 days" in page.text
    page = await press(browser)
    assert ACTS["send-password-link"].done in page.text
    assert await events(portal, "user.reset_asked") == [(admin.subject, eve.subject, "203.0.113.7")]
    (letter,) = await written(portal)
    assert (letter.to, letter.kind) == ("eve@example.org", "set_password")
    owner = new_browser(at=portal)
    page = await owner.open(letter.values["link"])
    assert page.element("email").get("value") == "eve@example.org"
    assert "Choose a password" in page.title
    assert "signed out" not in page.text
    owner.fill("password", eve.password)
    page = await owner.click("accept")
    assert "Your password is set" in page.text
    assert "signed out" not in page.text
    user = await portal.user(eve)
    assert user.email_verified
    await sign_in(owner, portal, eve)
    assert [each.kind for each in await written(portal)][-1] == "password_chosen"
    assert (await owner.open(letter.values["link"])).status == 410
    page = await at(browser, portal, "/one", subject=eve.subject)
    assert "Can sign in" in page.text
    assert "Send a link to set a password" not in page.text
    assert "Demand a new password" in page.text


async def test_without_mail_nobody_is_sent_a_link_and_the_page_says_why(
    browser: Browser, portal: Portal
) -> None:
    eve = await portal.add_user("eve@example.org", password_hash=None)
    page = await question(browser, portal, "send-password-link", eve)
    assert page.status == 409
    assert "PORTAL_SMTP_URL" in page.text
    assert not list(content_of(page).iter("form"))
    token = field(await question(browser, portal, "sign-out", eve), "form_token")
    form = {"subject": eve.subject, "act": "send-password-link", "form_token": token}
    assert (await browser._http.post("/admin/users/act", data=form)).status_code == 409
    assert "user.reset_asked" not in await portal.actions()


async def test_one_address_is_not_sent_links_without_end(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal, browser, _ = await mailing_with_admin(new_portal, new_browser)
    eve = await portal.add_user("eve@example.org", password_hash=None)
    for _ in range(10):
        await do(browser, portal, "send-password-link", eve)
    page = await do(browser, portal, "send-password-link", eve)
    assert page.status == 429
    assert "Try again in" in page.text
    assert len(await written(portal)) == 10


async def test_who_has_a_passkey_alone_can_sign_in(browser: Browser, portal: Portal) -> None:
    eve = await portal.add_user("eve@example.org", password_hash=None)
    async with portal.store.writing() as rows:
        await rows.passkeys.add(a_passkey(eve))
    page = await at(browser, portal, "/one", subject=eve.subject)
    assert "Can sign in" in page.text
    assert "Cannot sign in yet" not in page.text


async def test_who_has_no_password_or_is_disabled_is_not_offered_what_cannot_help(
    browser: Browser, portal: Portal, ann: Person, new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    for person, act in (
        (ann, "send-password-link"),
        (await portal.add_user("eve@example.org", password_hash=None), "expire-password"),
        (
            await portal.add_user(
                "dan@example.org", password_hash=None, disabled_at=datetime.now(UTC)
            ),
            "send-password-link",
        ),
    ):
        page = await at(browser, portal, "/one", subject=person.subject)
        assert ACTS[act].words not in page.text, person.email
        token = field(await question(browser, portal, "sign-out", ann), "form_token")
        form = {"subject": person.subject, "act": act, "form_token": token}
        answer = await browser._http.post("/admin/users/act", data=form)
        assert answer.headers["location"].endswith("notice=same"), person.email


async def test_what_is_done_already_changes_nothing(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    await question(browser, portal, "disable", ann)
    await press(browser)
    token = field(await question(browser, portal, "enable", ann), "form_token")
    form = {"subject": ann.subject, "act": "disable", "form_token": token}
    answer = await browser._http.post("/admin/users/act", data=form)
    assert answer.headers["location"].endswith("notice=same")
    assert len(await events(portal, "user.disabled")) == 1


async def test_a_form_that_was_open_for_too_long_asks_again(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    form = {"subject": ann.subject, "act": "disable", "form_token": "x"}
    answer = await browser._http.post("/admin/users/act", data=form)
    assert answer.status_code == 403
    assert "Disable this account?" in answer.text
    assert (await portal.user(ann)).disabled_at is None


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/act", {"act": "disable"}),
        ("/address", {"email": "new@example.org"}),
        ("/data", {"name": "Another name"}),
        ("/create", {"email": "new@example.org", "password": PASSWORD, "how": "password"}),
    ],
)
async def test_after_a_while_the_password_is_asked_for_again(
    browser: Browser, portal: Portal, ann: Person, admin: Person, path: str, form: dict[str, str]
) -> None:
    whom = {} if path == "/create" else {"subject": ann.subject}
    page = await at(browser, portal, path, **whom, **({"act": "disable"} if "act" in form else {}))
    token = field(page, "form_token")
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(minutes=6), tick=False):
        assert (await browser._http.get("/admin/users")).status_code == 200
    with time_machine.travel(now + timedelta(minutes=11), tick=False):  # the session lives on
        answer = await browser._http.post(
            f"/admin/users{path}", data=form | whom | {"form_token": token}
        )
        assert answer.headers["location"].startswith("/login?next=/admin/users")
        again = await browser._http.get(f"/admin/users{path}", params=form | whom)
        assert again.headers["location"].startswith("/login?next=/admin/users")
        assert (await browser._http.get("/admin/users")).status_code == 200
    assert (await portal.user(ann)).disabled_at is None


# The address, sessions, data


async def test_the_address_is_changed_after_a_question(
    browser: Browser, portal: Portal, ann: Person, bob: Person
) -> None:
    await at(browser, portal, "/address", subject=ann.subject)
    browser.fill("email", bob.email)
    page = await press(browser)
    assert page.status == 422
    assert "Somebody else has this e-mail address" in page.text
    browser.fill("email", "nonsense")
    assert "not a valid e-mail address" in (await press(browser)).text
    browser.fill("email", "Ann@New.example.org")
    page = await press(browser)
    assert "The address was changed" in page.text
    user = await portal.user(ann)
    assert (user.email, user.email_verified) == ("ann@new.example.org", False)


async def test_single_sign_ins_are_ended_here_and_at_ory(
    browser: Browser, portal: Portal, ory: OryDouble, ann: Person, new_browser: NewBrowser
) -> None:
    anns = new_browser()
    await sign_in(anns, portal, ann)
    await add_login_session(portal, ann)
    page = await at(browser, portal, "/one", subject=ann.subject)
    places = [
        {e.get("name", ""): e.get("value", "") for e in form.iter("input")}
        for form in content_of(page).iter("form")
    ]
    assert {place["kind"] for place in places} == {"portal", "login"}
    for place in places:
        answer = await browser._http.post("/admin/users/sessions/end", data=place)
        assert answer.headers["location"].endswith("notice=session")
        again = await browser._http.post("/admin/users/sessions/end", data=place)
        assert again.status_code == 404
    assert (await anns._http.get("/account/apps")).status_code == 302
    assert ory.deletions == [("login", {"sid": "sid-bbbb"})]
    assert len(await events(portal, "session.ended")) == 2


async def test_a_session_of_somebody_else_is_not_ended_by_a_mixture(
    browser: Browser, portal: Portal, ann: Person, bob: Person
) -> None:
    await add_login_session(portal, bob, "c" * 64)
    token = field(await question(browser, portal, "sign-out", ann), "form_token")
    form = {"subject": ann.subject, "kind": "login", "handle": "c" * 64, "form_token": token}
    assert (await browser._http.post("/admin/users/sessions/end", data=form)).status_code == 404
    async with portal.store.reading() as rows:
        session = await rows.login_sessions.find("c" * 64)
    assert session is not None
    assert session.ended_at is None


async def test_profile_and_attributes_are_changed(
    new_portal: NewPortal, new_browser: NewBrowser, tmp_path: Any
) -> None:
    file = tmp_path / "attributes.toml"
    file.write_text(
        '[department]\ntitle = "Department"\ntype = "choice"\nchoices = ["Sales", "Lab"]\n'
        '[seats]\ntitle = "Seats"\ntype = "number"\n'
    )
    portal = await new_portal(PORTAL_ATTRIBUTES=str(file))
    admin = await portal.add_user("chief@example.org", admin=True)
    ann = await portal.add_user("eve@example.org")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, admin)
    page = await at(browser, portal, "/data", subject=ann.subject)
    browser.fill("name", "Ann Other")
    for option in page.element("attribute.department").iter("option"):
        option.attrib.pop("selected", None)
        if option.get("value") == "Lab":
            option.set("selected", "")
    browser.fill("attribute.seats", "many")
    page = await press(browser)
    assert page.status == 422
    assert page.element("name").get("value") == "Ann Other"
    assert page.has("attribute.seats-problem")
    (link,) = page.element("form-error").iter("a")
    assert link.get("href") == "#attribute.seats"
    assert words(link).startswith("Seats: ")
    browser.fill("attribute.seats", "3")
    page = await press(browser)
    assert "Saved." in page.text
    assert "Lab" in page.text
    user = await portal.user(ann)
    assert (user.name, user.name_key, user.attributes) == (
        "Ann Other",
        "ann other",
        {"department": "Lab", "seats": 3},
    )
    assert await events(portal, "user.attributes_changed") == [
        (admin.subject, ann.subject, "203.0.113.7")
    ]
    form = {"subject": ann.subject, "form_token": "x", "attribute.nonsense": "1"}
    assert (await browser._http.post("/admin/users/data", data=form)).status_code == 400


async def test_reading_the_form_of_the_data_again_and_again_makes_one_type_of_it(
    portal: Portal,
) -> None:
    catalog = portal.services.attributes
    assert form_type(catalog) is form_type(catalog)  # what is known of each type is kept for good


async def test_who_saves_over_somebody_else_s_change_is_told_first(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    page = await at(browser, portal, "/data", subject=ann.subject)
    browser.fill("name", "Ann of before")
    assert "Saved." in (await press(browser)).text
    form = {e.get("name"): e.get("value") for e in content_of(page).iter("input")}
    form |= {"name": "Ann of mine", "address.locality": "Graz"}
    stale = await browser._http.post("/admin/users/data", data=form)
    assert stale.status_code == 409
    assert "Somebody else has changed this person&#39;s data meanwhile" in stale.text
    assert (await portal.user(ann)).name == "Ann of before"
    again = Document(stale)
    assert again.element("name").get("value") == "Ann of mine"
    form["seen"] = field(again, "seen")
    saved = await browser._http.post("/admin/users/data", data=form)
    assert saved.headers["location"].endswith("notice=data")
    user = await portal.user(ann)
    assert (user.name, user.profile) == ("Ann of mine", {"address": {"locality": "Graz"}})


async def test_a_form_that_comes_back_still_knows_what_it_was_made_from(
    browser: Browser, portal: Portal, ann: Person
) -> None:
    page = await at(browser, portal, "/data", subject=ann.subject)
    form = {e.get("name"): e.get("value") for e in content_of(page).iter("input")}
    browser.fill("name", "Ann of before")
    await press(browser)
    for wrong in ({"phone_number": "nonsense"}, {"form_token": "x"}):
        answer = await browser._http.post("/admin/users/data", data=form | wrong)
        assert field(Document(answer), "seen") == form["seen"], wrong


# Hostile


@pytest.mark.parametrize(
    "value",
    ["\x00", "a\x00b", "%ED%A0%80", "\ufffe", "x" * 40_000, "' OR 1=1 --", "../..", "🙂" * 50],
)
async def test_hostile_ids_are_clear_refusals_and_change_nothing(
    browser: Browser, portal: Portal, ann: Person, value: str
) -> None:
    before = content(portal)
    token = field(await question(browser, portal, "disable", ann), "form_token")
    for path, form in (
        ("/act", {"subject": value, "act": "disable"}),
        ("/act", {"subject": ann.subject, "act": value}),
        ("/address", {"subject": value, "email": "new@example.org"}),
        ("/data", {"subject": value, "name": "x"}),
        ("/sessions/end", {"subject": ann.subject, "kind": value, "handle": "x"}),
        ("/sessions/end", {"subject": ann.subject, "kind": "portal", "handle": value}),
        ("/invitations/withdraw", {"email": value}),
    ):
        answer = await browser._http.post(f"/admin/users{path}", data=form | {"form_token": token})
        assert 400 <= answer.status_code < 500, (path, form, answer.status_code)
    for path in ("/one", "/act", "/address", "/data"):
        answer = await browser._http.get(
            f"/admin/users{path}", params={"subject": value[:500], "act": "disable"}
        )
        assert 400 <= answer.status_code < 500, path
    assert content(portal) == before


def content(portal: Portal) -> list[str]:
    database = sqlite3.connect(portal.settings.database_url.removeprefix("sqlite:///"))
    try:
        return [line for line in database.iterdump() if "portal_sessions" not in line]
    finally:
        database.close()


async def test_names_are_text_and_never_markup(browser: Browser, portal: Portal) -> None:
    person = await portal.add_user(
        "eve@example.org", name="<script>alert(1)</script>\u202egpj", name_key="x"
    )
    for path in ("", "/one", "/data", "/act"):
        answer = await browser._http.get(
            f"/admin/users{path}", params={"subject": person.subject, "act": "disable"}
        )
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert path == "/data" or "&lt;script&gt;alert" in answer.text
