"""Signing out in one place, and everywhere else."""

import pytest

from portal.accounts.own import ChangedMeanwhileError
from portal.decisions import login_session_hash
from portal.page import NotThereError
from portal.security import flow
from portal.security.forms import EndForm
from portal.security.pages import SecurityPage
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person
from tests.security.steps import HERE, open_security, plant, press, rows_of

PATH = "/account/security"


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Locks are where databases differ: both."""
    return database_url


async def test_a_session_at_these_pages_is_ended_from_another_browser(
    portal: Portal, new_browser: NewBrowser, ann: Person
) -> None:
    here, there = new_browser(), new_browser()
    for browser in (there, here):
        await sign_in(browser, portal, ann)
    await open_security(here, portal)
    assert len(rows_of(here.page, "places-title")) == 2
    page = await press(here, "Sign out A program")
    assert page.query == {"notice": "ended"}
    assert len(rows_of(page, "places-title")) == 1
    assert (await there.open(f"{portal.url}{PATH}")).url.path == "/login"
    assert (await here.open(f"{portal.url}{PATH}")).url.path == PATH
    assert (await portal.actions())[-1] == "session.ended"


async def test_one_of_orys_sessions_is_ended_and_the_other_is_not(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await plant(portal, ann, "laptop", user_agent="Firefox/133 Linux")
    await sign_in(browser, portal, ann)
    await open_security(browser, portal)
    page = await press(browser, "Sign out Chrome on Windows")
    assert page.query == {"notice": "ended"}
    assert ory.deletions == [("login", {"sid": "phone"})]
    assert len(rows_of(page, "places-title")) == 2
    async with portal.store.reading() as rows:
        sessions = await rows.login_sessions.of_subject(ann.subject)
    ended = {each.session_id_hash for each in sessions if each.ended_at is not None}
    assert ended == {login_session_hash("phone")}


async def test_ory_away_is_told_honestly(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await sign_in(browser, portal, ann)
    await open_security(browser, portal)
    ory.down()
    page = await press(browser, "Sign out Chrome on Windows")
    assert page.query == {"notice": "ending"}
    assert any("Being signed out" in row for row in rows_of(page, "places-title"))
    assert not [b for b in page.root.iter("button") if "Chrome on Windows" in (b.text or "")]


async def test_one_whose_id_was_not_kept_is_told_honestly_too(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "old", sealed_id=None)
    await sign_in(browser, portal, ann)
    await open_security(browser, portal)
    page = await press(browser, "Sign out Chrome on Windows")
    assert page.query == {"notice": "untold"}
    assert ory.deletions == []
    assert len(rows_of(page, "places-title")) == 1


async def test_ending_twice_does_no_harm(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await sign_in(browser, portal, ann)
    form = await open_security(browser, portal)
    await press(browser, "Sign out Chrome on Windows")
    browser.show(form)
    page = await press(browser, "Sign out Chrome on Windows")
    assert page.query == {"notice": "over"}
    assert (await portal.actions()).count("session.ended") == 1


@pytest.mark.parametrize("kind", ["portal", "login"])
async def test_what_is_somebody_elses_does_not_exist(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person, bob: Person, kind: str
) -> None:
    anns, bobs = new_browser(), new_browser()
    await sign_in(anns, portal, ann)
    await sign_in(bobs, portal, bob)
    handle = await plant(portal, ann, "phone")
    if kind == "portal":
        async with portal.store.reading() as rows:
            (session,) = await rows.portal_sessions.of_subject(ann.subject)
        handle = session.session_id_hash
    page = await open_security(bobs, portal)
    for wanted in (handle, "a" * 64, "", "x" * 9000, "' OR 1=1 --"):
        form = {"kind": kind, "handle": wanted, "form_token": field(page, "form_token")}
        answer = await bobs._http.post(f"{PATH}/sessions/end", data=form)
        assert answer.status_code == 404
    assert (await open_security(anns, portal)).status == 200
    assert ory.deletions == []
    assert "session.ended" not in await portal.actions()


@pytest.mark.parametrize(
    "form",
    [
        {"kind": "everything", "handle": "a" * 64},
        {"kind": "login"},
        {"kind": "login", "handle": "a\x00b"},
        {"kind": "login", "handle": "a", "subject": "ann-71f0"},
    ],
)
async def test_a_form_of_nobodys_making_is_refused(
    portal: Portal, browser: Browser, ann: Person, form: dict[str, str]
) -> None:
    await sign_in(browser, portal, ann)
    page = await open_security(browser, portal)
    token = {"form_token": field(page, "form_token")}
    answer = await browser._http.post(f"{PATH}/sessions/end", data=form | token)
    assert answer.status_code == 400


async def test_signing_out_elsewhere_leaves_this_browser_alone(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    here, there = new_browser(), new_browser()
    for browser in (there, here):
        await sign_in(browser, portal, ann)
    await plant(portal, ann, "phone")
    before = here.cookies.get("__Host-portal_session")
    await open_security(here, portal)
    page = await here.click("elsewhere")
    assert page.query == {"notice": "elsewhere"}
    assert "Signed out everywhere else" in page.text
    assert len(rows_of(page, "places-title")) == 1
    assert here.cookies.get("__Host-portal_session") != before
    assert (await there.open(f"{portal.url}{PATH}")).url.path == "/login"
    assert ory.deletions == [("login", {"subject": ann.subject})]
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert (await portal.actions())[-1] == "sessions.ended"
    assert (await portal.user(ann)).epoch == 1


async def test_the_old_id_of_this_session_is_worth_nothing_afterwards(
    portal: Portal, new_browser: NewBrowser, ann: Person
) -> None:
    here, thief = new_browser(), new_browser()
    await sign_in(here, portal, ann)
    for name, value in here.cookies.items():
        thief.cookies.set(name, value)
    await open_security(here, portal)
    await here.click("elsewhere")
    assert (await thief.open(f"{portal.url}{PATH}")).url.path == "/login"


async def test_a_sign_in_is_no_younger_for_it(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    async with portal.store.reading() as rows:
        (before,) = await rows.portal_sessions.of_subject(ann.subject)
    await open_security(browser, portal)
    await browser.click("elsewhere")
    async with portal.store.reading() as rows:
        (after,) = await rows.portal_sessions.of_subject(ann.subject)
    assert after.authenticated_at == before.authenticated_at
    assert (after.acr, after.amr) == (before.acr, before.amr)


async def test_a_stale_form_ends_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await plant(portal, ann, "phone")
    await sign_in(browser, portal, ann)
    form = await open_security(browser, portal)
    await sign_in(browser, portal, ann)
    browser.show(form)
    page = await browser.click("elsewhere")
    assert page.status == 403
    assert page.title.startswith("Error: ")
    assert ory.deletions == []
    page = await browser.click("elsewhere")
    assert page.query == {"notice": "elsewhere"}


async def test_a_session_that_counts_no_more_ends_nothing(
    portal: Portal, ory: OryDouble, ann: Person, browser: Browser
) -> None:
    """Two at once: the one that comes second is told so, and nothing of the first is undone."""
    user = await portal.user(ann)
    await flow.end_others(user, this="a" * 64, visitor=HERE, services=portal.services)
    page = await flow.end_others(user, this="c" * 64, visitor=HERE, services=portal.services)
    assert isinstance(page, SecurityPage)
    assert (page.status, page.error) == (409, ChangedMeanwhileError().sentence)
    with pytest.raises(NotThereError):
        await flow.end_one(
            EndForm(kind="portal", handle="c" * 64), user, visitor=HERE, services=portal.services
        )
