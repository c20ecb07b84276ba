"""The connected apps of one person: theirs to see and to remove, and nobody else's."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine

from portal.store.tables import ClientPolicy
from portal.writing import moment
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

CONFIRM = "/account/apps/disconnect?client_id=photos"


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
    assert "Time is over" in page.text


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
    assert "The time that your organisation allows is over: the app asks you" in notes


async def test_the_page_says_what_each_app_sees_where_and_how_long(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    now = datetime.now(UTC)
    await portal.add_grant(
        ann,
        scopes=["openid", "email", "profile", "photos.read"],
        remembered_scopes=["openid", "email"],
        audience=["https://api.test/photos"],
    )
    await portal.add_grant(
        ann,
        "notes",
        granted_at=now - timedelta(days=31),
        remembered_at=now - timedelta(days=31),
        remember_for=30 * 86_400,
        expires_at=now - timedelta(days=1),
        last_accept_at=now - timedelta(days=2),
    )
    page = await sign_in(browser, portal, ann)
    photos, notes = apps_on(page)
    assert "Has access until you remove it" in photos
    assert "Your e-mail address, and whether it is confirmed. E-mail: ann@example.org (" in photos
    assert "Your name, and what else your profile says about you. Name: Ann" in photos
    assert photos.count("Asks you every time") == 2, "for the two that are not remembered"
    assert "Where it may use this https://api.test/photos" in photos
    assert "The time that you chose, 30 days, is over: the app asks you" in notes


async def test_what_was_used_last_comes_first_of_however_many(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    began = datetime.now(UTC) - timedelta(days=100)
    for number in range(70):
        used = began + timedelta(days=(number * 37) % 70)
        await portal.add_grant(ann, f"app-{number}", last_accept_at=used)
    page = await sign_in(browser, portal, ann)
    names = [words(h) for h in page.root.iter("h2")]
    expected = sorted(range(70), key=lambda number: (number * 37) % 70, reverse=True)
    assert names == [f"App-{number}" for number in expected]


async def test_a_removal_is_undone_without_a_script(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(portal.url + CONFIRM)
    page = await press(browser, "Remove access")
    assert page.url.path == "/account/apps"
    assert "Photos has no access any more." in page.text
    assert "From now on it gets nothing new" in page.text
    page = await press(browser, "Undo the removal of Photos")
    assert "Undone: the app has its access again, as before." in page.text
    assert "See your e-mail address" in page.text
    assert ory.deletions == []
    assert await portal.actions() == ["portal.signed_in", "grant.revoked", "grant.restored"]


async def test_an_undo_that_comes_too_late_says_so(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(portal.url + CONFIRM)
    await press(browser, "Remove access")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=9), tick=True):
        page = await press(browser, "Undo the removal of Photos")
    assert page.status == 200
    assert "Too late to undo: the access is removed already." in page.text


async def test_a_stale_undo_undoes_nothing_and_comes_back_fresh(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(portal.url + CONFIRM)
    form = await press(browser, "Remove access")
    await sign_in(browser, portal, ann)
    browser.show(form)
    refused = await press(browser, "Undo the removal of Photos")
    assert refused.status == 403
    assert refused.title.startswith("Error: ")
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is not None
    page = await press(browser, "Undo the removal of Photos")
    assert "Undone" in page.text


async def test_what_has_become_of_an_app_replaces_its_piece_of_the_list(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    await browser.open(portal.url + CONFIRM)
    page = await press(browser, "Remove access")
    (piece,) = [e for e in page.root.iter("li") if "hx-get" in e.attrib]
    assert piece.attrib["hx-trigger"] in ("load delay:13s", "load delay:14s")
    http, address = browser._http, piece.attrib["hx-get"]
    answer = await http.get(address, headers={"HX-Request": "true"})
    assert answer.text.strip().startswith("<li")
    assert "has no access any more" in answer.text
    assert (await http.get(address)).headers["location"] == "/account/apps"
    await sign_in(browser, portal, bob)
    answer = await http.get(address, headers={"HX-Request": "true", "Swap-Only": "target"})
    assert answer.status_code == 404
    assert answer.headers["hx-reswap"] == "none"


async def test_permissions_are_unticked_without_a_script(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann, audience=["https://api.test"])
    await sign_in(browser, portal, ann)
    page = await browser.open(browser.page.link_to("/account/apps/change", "photos"))
    assert page.boxes("grant_scope") == {"openid": True, "email": True}
    assert page.boxes("grant_audience") == {"https://api.test": True}
    assert "“Photos” has to get its access again; it may ask you." in page.text
    browser.choose("grant_scope", "openid")
    page = await press(browser, "Save")
    assert "Saved. The app has to get its access again" in page.text
    assert "You reduced what it may do" in page.text
    assert "See your e-mail address" not in page.text
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]


async def test_a_stale_change_changes_nothing_and_keeps_what_was_ticked(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    form = await browser.open(f"{portal.url}/account/apps/change?client_id=photos")
    await sign_in(browser, portal, ann)
    browser.show(form)
    browser.choose("grant_scope", "openid")
    refused = await press(browser, "Save")
    assert refused.status == 403
    assert refused.boxes("grant_scope") == {"openid": True, "email": False}
    assert ory.deletions == []
    await press(browser, "Save")
    assert len(ory.deletions) == 1


async def test_a_changed_form_is_refused(portal: Portal, browser: Browser, ann: Person) -> None:
    await portal.add_grant(ann)
    await sign_in(browser, portal, ann)
    page = await browser.open(f"{portal.url}/account/apps/change?client_id=photos")
    form = {"client_id": "photos", "seen": field(page, "seen")}
    form |= {"form_token": field(page, "form_token"), "grant_scope": "admin"}
    http = browser._http
    answer = await http.post("/account/apps/change", data=form)
    assert answer.status_code == 400
    with_subject = form | {"grant_scope": "openid", "subject": ann.subject}
    answer = await http.post("/account/apps/change", data=with_subject)
    assert answer.status_code == 400
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.scopes == ["openid", "email"]


async def test_nobody_sees_or_changes_or_brings_back_what_is_somebody_elses(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, admin: Person
) -> None:
    """Also an administrator only acts on the admin pages."""
    await portal.add_grant(ann)
    await portal.add_grant(admin, "notes")
    await sign_in(browser, portal, admin)
    page = await browser.open(f"{portal.url}/account/apps/change?client_id=notes")
    change = {"form_token": field(page, "form_token"), "seen": field(page, "seen")}
    await browser.open(f"{portal.url}/account/apps/disconnect?client_id=notes")
    page = await press(browser, "Remove access")
    undo = {"form_token": field(page, "form_token")}
    http, theirs = browser._http, {"client_id": "photos"}
    for path in ("change", "disconnect", "one"):
        answer = await http.get(
            f"/account/apps/{path}", params=theirs, headers={"HX-Request": "true"}
        )
        assert answer.status_code == 404, path
    answer = await http.post("/account/apps/change", data=change | theirs | {"grant_scope": "x"})
    assert answer.status_code == 404
    assert (await http.post("/account/apps/undo", data=undo | theirs)).status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        for path in ("change", "undo", "one"):
            answer = await http.request(method, f"/account/apps/{path}", params=theirs)
            assert answer.status_code == 405
    grant = await portal.grant(ann)
    assert grant is not None
    assert (grant.revoked_at, grant.scopes) == (None, ["openid", "email"])
    assert ory.deletions == []


def apps_on(page: Document) -> list[str]:
    """What the page says about each app."""
    return [words(e) for e in page.root.iter("li") if "app" in e.get("class", "").split()]


async def press(browser: Browser, label: str) -> Document:
    """Press the one button of that name."""
    (button,) = [b for b in browser.page.root.iter("button") if words(b) == label]
    return await browser.submit(button)
