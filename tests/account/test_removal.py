"""Removing an app without an undo: at once here, and at Ory at once or as soon as it can be."""

import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

CONFIRM = "/account/apps/disconnect?client_id=photos"


@pytest.fixture
async def portal(new_portal: NewPortal) -> Portal:
    return await new_portal(PORTAL_UNDO_FOR="0")


async def disconnect(browser: Browser, portal: Portal, client_id: str = "photos") -> None:
    page = await browser.open(f"{portal.url}/account/apps/disconnect?client_id={client_id}")
    assert page.status == 200, page
    (button,) = [b for b in page.root.iter("button") if words(b) == "Remove access"]
    await browser.submit(button)


async def test_nobody_can_remove_what_somebody_else_connected(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    """Also an administrator only does so on the admin pages."""
    await portal.add_grant(ann)
    await portal.add_grant(bob, "notes")
    page = await sign_in(browser, portal, bob)
    page = await browser.open(f"{portal.url}/account/apps/disconnect?client_id=notes")
    token = field(page, "form_token")
    http = browser._http
    form = {"client_id": "photos", "form_token": token}
    assert (await http.post("/account/apps/disconnect", data=form)).status_code == 404
    with_subject = form | {"subject": ann.subject}
    assert (await http.post("/account/apps/disconnect", data=with_subject)).status_code == 400
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None
    assert ory.deletions == []


async def test_removing_an_app_ends_its_access_here_and_at_ory(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, bob: Person
) -> None:
    for person in (ann, bob):
        await portal.add_grant(person)
        ory.plant_consent_session(person.subject, "photos")
    await portal.add_grant(ann, "notes")
    await sign_in(browser, portal, ann)
    await disconnect(browser, portal)
    assert browser.page.query == {"notice": "removed"}
    assert "Access was removed" in browser.page.text
    assert [words(h) for h in browser.page.root.iter("h2")] == ["Notes"]
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]
    assert ory.sessions_of(ann.subject) == []
    assert len(ory.sessions_of(bob.subject)) == 1
    grant, other = await portal.grant(ann), await portal.grant(bob)
    assert grant is not None
    assert other is not None
    assert grant.revoked_at is not None
    assert grant.revoke_synced_at is not None
    assert grant.revoke_reason == "user"
    assert other.revoked_at is None
    assert await portal.actions() == ["portal.signed_in", "grant.revoked"]


async def test_removing_an_app_signs_nobody_out(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await disconnect(browser, portal)
    assert "login" not in [kind for kind, _ in ory.deletions]


@pytest.mark.parametrize("fault", ["down", "garbage"])
async def test_an_app_is_removed_here_also_while_ory_is_in_trouble(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, fault: str
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    getattr(ory, fault)()
    if fault == "garbage":
        ory.status(404, "404 page not found")
    await disconnect(browser, portal)
    assert browser.page.query == {"notice": "pending"}
    assert "Removal under way" in browser.page.text
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is not None
    assert grant.revoke_synced_at is None
    async with portal.store.reading() as rows:
        (pending,) = await rows.revocations.pending_for(ann.subject, "photos")
    assert (pending.subject, pending.client_id, pending.end_logins) == (
        ann.subject,
        "photos",
        False,
    )


async def test_removing_an_app_is_asked_about_first(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    page = await browser.open(portal.url + CONFIRM)
    assert "Remove access of" in page.text
    await browser.follow("Keep it")
    assert browser.page.url.path == "/account/apps"
    assert ory.deletions == []


async def test_a_stale_form_removes_nothing_and_comes_back_fresh(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(portal.url + CONFIRM)
    form = browser.page
    await sign_in(browser, portal, ann)
    browser.show(form)
    (button,) = [b for b in form.root.iter("button") if words(b) == "Remove access"]
    refused = await browser.submit(button)
    assert refused.status == 403
    assert refused.title.startswith("Error: ")
    assert ory.deletions == []
    (button,) = [b for b in refused.root.iter("button") if words(b) == "Remove access"]
    await browser.submit(button)
    assert len(ory.deletions) == 1


async def test_removing_an_app_twice_does_no_harm(
    portal: Portal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    first, second = new_browser(), new_browser()
    for browser in (first, second):
        await sign_in(browser, portal, ann)
        await browser.open(portal.url + CONFIRM)
    for browser in (first, second):
        (button,) = [b for b in browser.page.root.iter("button") if words(b) == "Remove access"]
        assert (await browser.submit(button)).status == 200
    assert {str(query) for _, query in ory.deletions} == {
        str({"subject": ann.subject, "client": "photos"})
    }


@pytest.mark.parametrize("client_id", ["photos%27%20OR%201=1", "x" * 5000, "%F0%9F%98%80", "../x"])
async def test_an_odd_app_is_an_unknown_app(
    portal: Portal, browser: Browser, ann: Person, client_id: str
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/account/apps/disconnect?client_id={client_id}")
    assert page.status == 404
