"""The connected apps of one person: theirs to see and to remove, and nobody else's."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from portal.store.tables import ClientPolicy
from portal.web.templating import moment
from tests.doubles.ory import OryDouble
from tests.driver import Browser, words
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

CONFIRM = "/account/apps/disconnect?client_id=photos"


async def disconnect(browser: Browser, portal: Portal, client_id: str = "photos") -> None:
    page = await browser.open(f"{portal.url}/account/apps/disconnect?client_id={client_id}")
    assert page.status == 200, page
    (button,) = [b for b in page.root.iter("button") if words(b) == "Remove access"]
    await browser.submit(button)


async def test_somebody_sees_what_they_connected(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    later = datetime(2031, 1, 2, 3, 4, tzinfo=UTC)
    await portal.add_grant(ann, client_uri="https://photos.test/", expires_at=later)
    await portal.add_grant(ann, "notes", client_name="My <b>Notes</b>", remembered_scopes=[])
    page = await sign_in(browser, portal, ann)
    assert "Photos" in page.text
    assert "See your e-mail address" in page.text
    assert "2 Jan 2031, 03:04 UTC" in page.text
    assert "My <b>Notes</b>" in page.text
    assert "Asks you every time" in page.text
    assert page.link("Website") == "https://photos.test/"


async def test_somebody_without_apps_is_told_so(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    assert "No connected apps" in (await sign_in(browser, portal, ann)).text


async def test_nobody_sees_what_somebody_else_connected(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    await portal.add_grant(ann)
    page = await sign_in(browser, portal, bob)
    assert "Photos" not in page.text
    assert (await browser.open(portal.url + CONFIRM)).status == 404


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


@pytest.mark.parametrize("notice", ["", "x", "<script>", "Removed"])
async def test_only_our_own_words_are_told(
    portal: Portal, browser: Browser, ann: Person, notice: str
) -> None:
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/account/apps?notice={notice}")
    assert [e for e in page.root.iter("p") if e.get("class") == "notice"] == []


async def test_what_was_removed_long_ago_is_not_shown(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    now = datetime.now(UTC)
    await portal.add_grant(ann, revoked_at=now, revoke_synced_at=now)
    await portal.add_grant(ann, "notes", expires_at=now - timedelta(days=1))
    page = await sign_in(browser, portal, ann)
    assert [words(h) for h in page.root.iter("h2")] == ["Notes"]
    assert "Asks you every time" in page.text


async def test_the_account_leads_to_its_apps(http: httpx.AsyncClient, browser: Browser,
                                             portal: Portal, ann: Person) -> None:  # fmt: skip
    await sign_in(browser, portal, ann)
    for path in ("/account", "/account/"):
        assert (await http.get(path)).headers["location"] == "/account/apps"


async def test_the_operators_policy_shows(portal: Portal, browser: Browser, ann: Person) -> None:
    """Verified, and a limit that also holds for what was allowed before it."""
    began = datetime.now(UTC) - timedelta(days=2)
    await portal.add_grant(ann, granted_at=began)
    await portal.add_grant(ann, "notes", granted_at=began)
    for client_id, days in (("photos", 3), ("notes", 1)):
        policy = ClientPolicy(
            client_id=client_id,
            verified=client_id == "photos",
            required_scopes=[],
            longest_grant=days * 86_400,
            updated_at=began,
            updated_by="admin",
        )
        async with portal.store.writing() as rows:
            await rows.policies.save(policy)
    page = await sign_in(browser, portal, ann)
    notes, photos = sorted(words(app) for app in page.root.iter("li") if app.get("class") == "app")
    assert "Verified by your organisation" in photos
    assert f"Asks you again after {moment(began + timedelta(days=3))}" in photos
    assert "Verified" not in notes
    assert "Asks you every time" in notes
