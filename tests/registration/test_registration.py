"""Getting in: by an address that receives mail, or by an invitation; nobody learns who is here."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import time_machine

from portal.accounts import UserExistsError, administration, create_user, disable_user, invitations
from portal.accounts.import_rows import Person as Row
from portal.accounts.import_rows import Rules
from portal.accounts.importing import import_batch
from portal.attributes import AttributeCatalog
from portal.decisions import challenge_hash
from portal.links import LinkError
from portal.settings import SettingsError
from portal.store.tables import MailedLink, User
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document
from tests.fixtures.mail import NOWHERE, Outbox, counting_statements, shape, written
from tests.fixtures.portal import NewBrowser, NewPortal, Portal
from tests.login.steps import field
from tests.real.portal import Person

NEW = "four walls and a kettle"
EVE = "eve@example.org"
NOW = datetime(2027, 1, 1, tzinfo=UTC)
BY: dict[str, Any] = {"actor": "cli", "now": NOW}


@pytest.fixture
def portal(mailing: Portal) -> Portal:
    """The one that has mail and lets everybody register."""
    return mailing


async def ask(browser: Browser, portal: Portal, email: str, query: str = "") -> Document:
    await browser.open(f"{portal.url}/register{query}")
    browser.fill("email", email)
    return await browser.click("send")


async def link_for(browser: Browser, portal: Portal, email: str, outbox: Outbox) -> str:
    assert (await ask(browser, portal, email)).status == 200
    return (await outbox())[-1].values["link"]


async def test_what_was_typed_is_told_back_with_a_way_to_correct_it(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    for typed in (ann.email, "Nobody@Example.org"):
        page = await ask(browser, portal, typed)
        assert f"You typed {typed}" in page.text
        page = await browser.follow("Use another address")
        assert page.url.path == "/register"


async def finish(
    browser: Browser, link: str, password: str = NEW, *, name: str = "", email: str = ""
) -> Document:
    page = await browser.open(link)
    if page.status != 200:
        return page
    if email:
        browser.fill("email", email)
    browser.fill("name", name)
    browser.fill("password", password)
    return await browser.click("accept")


async def find(portal: Portal, email: str) -> User | None:
    async with portal.store.reading() as rows:
        return await rows.users.find_by_email(email)


async def invite(portal: Portal, email: str = EVE, **more: object) -> invitations.Invitation:
    given = {"actor": "cli", "now": datetime.now(UTC)} | more
    return await invitations.invite(portal.services, email=email, **given)  # type: ignore[arg-type]  # by name


async def test_the_account_exists_from_the_password_on_and_its_address_is_confirmed(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    await browser.open(link)
    assert await find(portal, EVE) is None
    page = await finish(browser, link, name="Eve Example")
    assert page.status == 200
    assert "ready" in page.text
    user = await find(portal, EVE)
    assert user is not None
    assert user.email_verified
    assert (user.name, user.admin) == ("Eve Example", False)
    assert user.password_kind is not None
    await browser.open(f"{portal.url}/login")
    browser.fill("email", EVE)
    browser.fill("password", NEW)
    assert (await browser.click("accept")).status == 200
    assert (await portal.actions())[0] == "user.registered"


async def test_who_has_an_account_is_told_by_mail_alone(
    portal: Portal, new_browser: NewBrowser, ann: Person, outbox: Outbox
) -> None:
    answers = {}
    with time_machine.travel(NOW, tick=False):
        for number, email in enumerate((EVE, ann.email)):
            browser = new_browser(peer=f"203.0.113.{number}")
            answers[email] = [
                shape((await ask(browser, portal, email)).response, email) for _ in range(4)
            ]
    assert answers[EVE] == answers[ann.email]
    assert [answer[0] for answer in answers[EVE]] == [200, 200, 200, 429]
    new, known = (await outbox())[0], (await outbox())[3]
    assert (new.kind, new.to) == ("register", EVE)
    assert (known.kind, known.to) == ("register_known", ann.email)
    assert (await new_browser().open(known.values["link"])).status == 410


async def test_an_address_with_an_account_costs_the_same_statements(
    portal: Portal, new_browser: NewBrowser, ann: Person
) -> None:
    disabled = await portal.add_user("gone@example.org", disabled_at=datetime.now(UTC))
    counts: dict[str, list[str]] = {}
    for number, email in enumerate((EVE, ann.email, disabled.email)):
        browser = new_browser(peer=f"203.0.113.{number}")
        await browser.open(f"{portal.url}/register")
        browser.fill("email", email)
        with counting_statements() as counts[email]:
            await browser.click("send")
    assert len(counts[EVE]) > 4
    assert counts[EVE] == counts[ann.email] == counts[disabled.email]


async def test_links_that_cannot_be_used_look_alike(
    portal: Portal, browser: Browser, ann: Person, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    assert (await finish(browser, link)).status == 200
    used = shape((await browser.open(link)).response, EVE)
    never = shape((await browser.open(link[:-43] + "A" * 43)).response, EVE)
    assert used == never
    assert used[0] == 410


async def test_of_two_at_once_one_makes_the_account(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    invited = (await invite(portal)).link
    forms: list[dict[str, str]] = []
    for each in (link, link, invited):
        page = await browser.open(each)
        token = {"token": each[-43:], "form_token": field(page, "form_token")}
        forms.append(token | {"email": EVE, "password": f"{NEW} {len(forms)}"})
    answers = await asyncio.gather(
        *(browser._http.post("/register/finish", data=form) for form in forms)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410]
    assert (await portal.actions()).count("user.registered") == 1


async def test_a_bad_password_uses_nothing_up(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    page = await finish(browser, link, "short", name="Eve")
    assert page.status == 422
    assert page.element("name").get("value") == "Eve"
    assert (await finish(browser, link)).status == 200


async def test_in_another_browser_the_address_has_to_be_typed(
    portal: Portal, browser: Browser, new_browser: NewBrowser, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    other = new_browser()
    assert EVE not in (await other.open(link)).html
    assert (await finish(other, link, email="bob@example.org")).status == 422
    assert await find(portal, "bob@example.org") is None
    assert (await finish(other, link, email=EVE)).status == 200


async def test_a_link_expires_after_a_day(portal: Portal, browser: Browser, outbox: Outbox) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        link = await link_for(browser, portal, EVE, outbox)
        clock.shift(timedelta(days=1))
        assert (await browser.open(link)).status == 410


async def test_registration_without_mail_is_a_mistake_in_the_settings(
    new_portal: NewPortal,
) -> None:
    with pytest.raises(SettingsError, match="PORTAL_REGISTRATION: needs a mail server"):
        await new_portal(PORTAL_REGISTRATION="1")


async def test_where_nobody_can_register_the_page_says_so_and_what_to_do(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal()
    browser = new_browser(at=portal)
    page = await browser.open(f"{portal.url}/register")
    assert page.status == 404
    assert page.title.startswith("You cannot make an account here yourself")
    assert "ask whoever runs this site" in page.text
    assert page.link("Sign in").endswith("/login")
    answer = await browser._http.post("/register", data={"email": "a@b.org", "form_token": "x"})
    assert answer.status_code == 404
    assert "You cannot make an account here yourself" in answer.text


@pytest.mark.parametrize("settings", [{}, {"PORTAL_SMTP_URL": NOWHERE}])
async def test_registration_is_closed_unless_it_is_opened(
    new_portal: NewPortal, ory: OryDouble, settings: dict[str, str]
) -> None:
    portal = await new_portal(**settings)
    async with portal.http() as http:
        assert (await http.get("/register")).status_code == 404
        answer = await http.post("/register", data={"email": EVE})
        assert answer.status_code == 404
        challenge = ory.plant_login()
        answer = await http.get(f"/register?login_challenge={challenge}")
    location = httpx.URL(answer.headers["location"])
    assert (location.path, location.params["login_challenge"]) == ("/login", challenge)
    assert await written(portal) == []


async def test_closing_registration_voids_its_links_but_no_invitation(
    portal: Portal, browser: Browser, new_portal: NewPortal, new_browser: NewBrowser,
    outbox: Outbox,
) -> None:  # fmt: skip
    link = await link_for(browser, portal, EVE, outbox)
    invited = (await invite(portal, "bob@example.org")).link
    closed = new_browser(at=await new_portal(PORTAL_SMTP_URL=NOWHERE))
    assert (await closed.open(link)).status == 410
    assert (await finish(closed, invited)).status == 200


async def test_an_app_can_send_people_here_and_gets_them_back(
    portal: Portal, browser: Browser, ory: OryDouble, outbox: Outbox
) -> None:
    url = f"{ory.public_url}/oauth2/auth?client_id=photos&prompt=registration&state=12345678"
    challenge = ory.plant_login({"client_name": "Photo Printer"}, request_url=url)
    page = await ask(browser, portal, EVE, f"?login_challenge={challenge}")
    assert page.status == 200
    page = await finish(browser, (await outbox())[-1].values["link"])
    assert "Continue to Photo Printer" in page.text
    target = httpx.URL(page.link("Continue to"))
    assert target.params["prompt"] == "login", "or Ory would send them here again"
    assert target.params["state"] == "12345678"


async def test_who_is_signed_in_at_ory_already_is_not_asked_to_register(
    portal: Portal, ory: OryDouble, ann: Person
) -> None:
    url = f"{ory.public_url}/oauth2/auth?client_id=photos&prompt=registration&state=12345678"
    challenge = ory.plant_login(skip=True, subject=ann.subject, request_url=url)
    async with portal.http() as http:
        answer = await http.get(f"/register?login_challenge={challenge}")
        location = httpx.URL(answer.headers["location"])
        assert (location.path, location.params["login_challenge"]) == ("/login", challenge)
        answer = await http.get(str(location))
    assert answer.headers["location"].startswith(ory.public_url)
    ((_, decision, body),) = ory.decisions
    assert (decision, body["subject"]) == ("accept", ann.subject)


async def test_the_row_of_a_request_is_the_same_whichever_page_opens_it(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    url = f"{ory.public_url}/oauth2/auth?client_id=photos&prompt=registration&state=12345678"
    kept = []
    for path in ("login", "register"):
        challenge = ory.plant_login({"client_name": "\u202ePhoto\nPrinter"}, request_url=url)
        assert (
            await browser.open(f"{portal.url}/{path}?login_challenge={challenge}")
        ).status == 200
        async with portal.store.reading() as rows:
            flow = await rows.flows.find(challenge_hash(challenge))
        assert flow is not None
        kept.append((flow.kind, flow.state, flow.client_name, flow.client_id, flow.request_url))
    assert kept == [("login", "open", "Photo Printer", "photos", url)] * 2


async def test_a_request_that_ory_will_lose_is_not_registered_for(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    challenge = ory.plant_login(request_url=f"{ory.public_url}/oauth2/auth")
    page = await browser.open(f"{portal.url}/register?login_challenge={challenge}")
    assert page.status == 400
    assert "cannot be used" in page.text


async def test_a_challenge_that_ory_never_issued_leads_nowhere(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    assert (await browser.open(f"{portal.url}/register?login_challenge=x")).status == 404
    await browser.open(f"{portal.url}/register")
    form = [
        ("email", EVE),
        ("login_challenge", "A" * 32),
        ("form_token", field(browser.page, "form_token")),
    ]
    assert (await browser.send("POST", "/register", form)).status == 403


# Invitations.


async def test_an_invitation_becomes_an_account(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    invitation = await invite(portal, name="Eve", admin=True)
    assert invitation.mailed
    (letter,) = await outbox()
    assert (letter.to, letter.kind, letter.values["link"]) == (EVE, "invite", invitation.link)
    assert invitation.link not in repr(invitation)
    page = await browser.open(invitation.link)
    assert "administer" in page.text
    assert page.element("name").get("value") == "Eve"
    assert page.element("email").get("value") == EVE
    assert (await finish(browser, invitation.link, name="Eve E.")).status == 200
    user = await find(portal, EVE)
    assert user is not None
    assert (user.admin, user.name, user.email_verified) == (True, "Eve E.", True)
    assert await portal.actions() == ["user.invited", "user.registered"]


async def test_somebody_with_an_account_cannot_be_invited(portal: Portal, ann: Person) -> None:
    with pytest.raises(UserExistsError):
        await invite(portal, ann.email.upper())


async def test_the_newest_invitation_counts_and_can_be_withdrawn(
    portal: Portal, browser: Browser
) -> None:
    first, second = await invite(portal), await invite(portal, admin=True)
    assert (await browser.open(first.link)).status == 410
    async with portal.store.writing() as rows:
        waiting = await invitations.waiting(rows, datetime.now(UTC), 10)
        assert [link.email for link in waiting] == [EVE]
        assert await invitations.withdraw(rows, EVE, actor="cli") == 1
        assert await invitations.waiting(rows, datetime.now(UTC), 10) == ()
    assert (await browser.open(second.link)).status == 410


@pytest.mark.parametrize(("end", "status"), [("none", 200), ("demoted", 410), ("disabled", 410)])
async def test_an_invitation_counts_as_long_as_who_sent_it_administers(
    portal: Portal, browser: Browser, end: str, status: int
) -> None:
    host = await portal.add_user("host@example.org", admin=True)
    invitation = await invite(portal, actor=host.subject)
    async with portal.store.writing() as rows:
        if end == "demoted":
            await rows.users.set_admin(host.subject, admin=False, at=datetime.now(UTC))
        elif end == "disabled":
            await rows.users.disable(host.subject, datetime.now(UTC))
    assert (await browser.open(invitation.link)).status == status


Way = Callable[[Portal], Awaitable[object]]


async def created(portal: Portal) -> User:
    return await create_user(
        portal.store, portal.services.passwords, email=EVE, password=NEW, min_length=15, **BY
    )


async def imported(portal: Portal) -> None:
    async with portal.store.writing() as rows:
        await import_batch(rows, [Row(email=EVE)], Rules(attributes=AttributeCatalog()), **BY)


async def moved_there(portal: Portal) -> None:
    someone = await portal.add_user("someone@example.org")
    await administration.change_address(portal.services, someone.subject, email=EVE, **BY)


async def moved_away(portal: Portal) -> None:
    user = await find(portal, EVE)
    assert user is not None
    away = "away@example.org"
    await administration.change_address(portal.services, user.subject, email=away, **BY)


async def deleted(portal: Portal) -> None:
    user = await find(portal, EVE)
    assert user is not None
    await administration.delete_user(portal.services, user.subject, **BY)


async def links_to(portal: Portal, email: str) -> int:
    async with portal.store.reading() as rows:
        found = await rows.mailed_links._unit.all(sa.select(MailedLink.email))
    return [row[0] for row in found].count(email)


@pytest.mark.parametrize("way", [created, imported, moved_there])
async def test_a_link_does_not_outlive_the_account_that_its_address_got_meanwhile(
    portal: Portal, browser: Browser, outbox: Outbox, way: Way
) -> None:
    """It would make an administrator of somebody whom another one has removed."""
    invitation = await invite(portal, admin=True)
    link = await link_for(browser, portal, EVE, outbox)
    assert [(await browser.open(each)).status for each in (invitation.link, link)] == [200, 200]
    await way(portal)
    assert await links_to(portal, EVE) == 0
    await deleted(portal)
    assert [(await browser.open(each)).status for each in (invitation.link, link)] == [410, 410]


@pytest.mark.parametrize("way", [moved_away, deleted])
async def test_a_link_that_was_asked_for_while_there_was_an_account_makes_none_after_it(
    portal: Portal, browser: Browser, new_browser: NewBrowser, outbox: Outbox, way: Way
) -> None:
    await created(portal)
    assert (await ask(browser, portal, EVE)).status == 200
    assert await links_to(portal, EVE) == 1
    await way(portal)
    assert await links_to(portal, EVE) == 0


async def test_nothing_that_was_mailed_is_left_of_a_deleted_account(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    """Neither the link that made it, nor what was written while it was disabled."""
    invitation = await invite(portal)
    assert (await finish(browser, invitation.link)).status == 200
    user = await find(portal, EVE)
    assert user is not None
    await disable_user(portal.store, user.subject, **BY)
    await browser.open(f"{portal.url}/recover")
    browser.fill("email", EVE)
    await browser.click("send")
    assert await links_to(portal, EVE) == 1
    await deleted(portal)
    assert await links_to(portal, EVE) == 0


async def test_so_many_invitations_go_to_one_address_and_no_more(
    portal: Portal, outbox: Outbox
) -> None:
    for _ in range(10):
        await invite(portal)
    with pytest.raises(invitations.InvitedOftenError, match="Try again in 5 minutes"):
        await invite(portal)
    assert len(await outbox()) == 10
    await invite(portal, "root@example.org")
    await invite(portal, now=datetime.now(UTC) + timedelta(minutes=5))


async def test_an_administrator_to_be_may_have_a_shorter_password(
    new_portal: NewPortal, new_browser: NewBrowser
) -> None:
    portal = await new_portal(PORTAL_SECOND_FACTOR_FOR="admins")
    browser = new_browser(at=portal)
    plain, admin = await invite(portal), await invite(portal, "root@example.org", admin=True)
    assert not plain.mailed
    assert (await finish(browser, plain.link, "kettle7!wall")).status == 422
    assert (await finish(browser, admin.link, "kettle7!wall")).status == 200


async def test_the_name_is_cleaned_and_bounded(
    portal: Portal, browser: Browser, outbox: Outbox
) -> None:
    link = await link_for(browser, portal, EVE, outbox)
    assert (await finish(browser, link, name="\u202eEve\n" + "x" * 300)).status == 200
    user = await find(portal, EVE)
    assert user is not None
    assert user.name is not None
    assert user.name.startswith("Evex")
    assert len(user.name) == 255


async def test_a_link_error_has_one_text() -> None:
    assert "newer" in str(LinkError())
