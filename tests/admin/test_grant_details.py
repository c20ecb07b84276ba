"""One grant: what the portal knows of it, and what Ory lists."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from portal.decisions import new_decision_id
from portal.grants import revoke
from portal.origin import Origin
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
OURS, SILENT = new_decision_id(), new_decision_id()
HOME = Origin(address="198.51.100.9", user_agent="Agent of Ann/1.0")


@pytest.fixture
async def grant(portal: Portal, browser: Browser, ann: Person, admin: Person) -> None:
    """Ann allowed photos something, and it was used since; Bob has his own."""
    await portal.add_grant(
        ann,
        scopes=["openid", "email"],
        audience=["https://api.example.org"],
        remembered_scopes=["openid"],
        expires_at=NOW + timedelta(days=36_500),
        granted_at=NOW,
        last_accept_at=NOW + timedelta(days=1),
        decision_id=SILENT,
    )
    await tell(portal, ann, "consent.allowed", at=NOW, decision_id=OURS, origin=HOME)
    await tell(portal, ann, "grant.used", at=NOW + timedelta(days=1), decision_id=SILENT)
    await sign_in(browser, portal, admin)


async def tell(
    portal: Portal,
    person: Person,
    action: str,
    *,
    at: datetime,
    decision_id: str,
    origin: Origin = HOME,
) -> None:
    async with portal.store.writing() as rows:
        await rows.audit.add(
            action,
            at=at,
            actor="system" if action == "grant.used" else person.subject,
            subject=person.subject,
            client_id="photos",
            detail={"decision_id": decision_id, "scopes": ["openid", "email"]},
            origin=origin,
        )


async def show(
    browser: Browser, portal: Portal, person: Person, page: str = "one", **more: str
) -> Document:
    params = {"subject": person.subject, "client_id": "photos"} | more
    return await browser.open(httpx.URL(f"{portal.url}/admin/grants/{page}", params=params))


def facts(page: Document) -> dict[str, str]:
    (details,) = page.root.iter("dl")
    parts = [words(part) for part in details]
    return dict(zip(parts[::2], parts[1::2], strict=True))


async def test_it_says_what_may_be_done_by_whom_until_when(
    portal: Portal, browser: Browser, grant: None, ann: Person
) -> None:
    page = await show(browser, portal, ann)
    told = facts(page)
    assert told["Person"] == f"{ann.email} {ann.subject}"
    assert told["App"] == "Photos photos"
    assert told["Permissions"] == "openid email"
    assert told["For services"] == "https://api.example.org"
    assert told["Given without asking"].startswith("openid Until 5 Feb 2126")
    assert told["Allowed"] == "1 Mar 2026, 12:30 UTC 198.51.100.9 Agent of Ann/1.0"
    assert told["Last used"] == "2 Mar 2026, 12:30 UTC"
    assert told["Last decision"] == SILENT
    (events,) = page.root.iter("ol")
    told_events = [words(event.find("a")) for event in events]
    assert told_events == [
        "Used without asking, 2 Mar 2026, 12:30 UTC: details",
        "Allowed, 1 Mar 2026, 12:30 UTC: details",
    ]
    assert "The portal" in words(events[0])
    assert ann.email in words(events[1])
    for text, path, query in (
        ("All apps of this person", "/admin/grants", {"user": ann.subject}),
        ("All people of this app", "/admin/grants", {"client": "photos"}),
        ("all apps of this person", "/admin/grants", {"user": ann.subject}),
        ("this app from everybody", "/admin/grants/revoke-all", {"client": "photos"}),
        ("audit trail", "/admin/audit", {"user": ann.subject, "client": "photos"}),
    ):
        link = httpx.URL(page.link(text) if text != "audit trail" else page.link("The same in"))
        assert (link.path, dict(link.params)) == (path, query)


async def test_where_it_was_allowed_is_not_made_up(
    portal: Portal, browser: Browser, grant: None, ann: Person
) -> None:
    """A decision whose event is gone has no origin, whatever was decided before it."""
    await portal.add_grant(ann, granted_at=NOW + timedelta(hours=1))
    assert "not recorded any more" in facts(await show(browser, portal, ann))["Allowed"]


async def test_a_removal_says_why_and_what_holds_it_up(
    portal: Portal, browser: Browser, grant: None, ann: Person
) -> None:
    at = datetime.now(UTC)
    async with portal.store.writing() as rows:
        job = await revoke(rows, subject=ann.subject, client_id="photos", reason="disabled", now=at)
        await rows.revocations.postpone(
            job.id, state="pending", error="OryUnavailableError", due_at=at
        )
    told = facts(await show(browser, portal, ann))["State"]
    for text in (
        "Removal under way",
        "The account was disabled.",
        "Not confirmed by Ory yet",
        "Tried 1 time without success. Ory does not answer, or asked to wait.",
    ):
        assert text in told
    page = await show(browser, portal, ann)
    assert not [a for a in page.root.iter("a") if words(a) == "Remove access"]


async def test_the_search_that_led_there_is_not_lost(
    portal: Portal, browser: Browser, grant: None, ann: Person
) -> None:
    await browser.open(f"{portal.url}/admin/grants?user=ann&state=active")
    page = await browser.follow("Details")
    assert httpx.URL(page.link("Back to the search")).params["state"] == "active"
    page = await browser.follow("Remove access")
    (button,) = [b for b in page.root.iter("button") if words(b) == "Remove access"]
    page = await browser.submit(button)
    assert page.query == {"user": "ann", "state": "active", "notice": "revoked"}


async def test_what_ory_lists_is_shown_for_this_app_alone(
    portal: Portal, browser: Browser, ory: OryDouble, grant: None, ann: Person
) -> None:
    listed(ory, ann, "photos", scopes=["openid", "email"], context={"decision_id": OURS})
    listed(ory, ann, "photos", scopes=["mail.read"], context={"elsewhere": 1}, at="soon")
    listed(ory, ann, "notes", scopes=["notes.write"], context={"decision_id": OURS})
    page = await show(browser, portal, ann)
    piece = page.element("at-ory")
    assert piece.get("hx-trigger") == "load"
    assert ("GET", "/oauth2/auth/sessions/consent") not in ory.calls
    page = await browser.follow("Show what is live at Ory")
    told = [
        words(item) for item in page.element("at-ory").iter("li") if "Remembered" in words(item)
    ]
    assert len(told) == 1
    assert f"Decided here: {OURS}" in told[0]
    assert "openid email" in told[0]
    assert "1 Jan 2026, 00:00 UTC" in told[0]
    whole = words(page.element("at-ory"))
    assert "At an unknown time Not remembered mail.read Not decided by this portal" in whole
    assert "notes.write" not in whole


def listed(
    ory: OryDouble,
    person: Person,
    client_id: str,
    *,
    scopes: list[str],
    context: object,
    at: str = "2026-01-01T00:00:00Z",
) -> None:
    ory.plant_consent_session(
        person.subject,
        client_id,
        grant_scope=scopes,
        remember=at != "soon",
        context=context,
        handled_at=at,
    )


async def test_ory_away_is_said_in_its_piece_alone(
    portal: Portal, browser: Browser, ory: OryDouble, grant: None, ann: Person
) -> None:
    ory.down()
    assert (await show(browser, portal, ann)).status == 200
    page = await show(browser, portal, ann, "at-ory")
    assert page.status == 503
    assert "Ory does not answer right now" in words(page.element("at-ory"))
    answer = await browser._http.get(page.url, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="at-ory"')
    assert "HX-Retarget" not in answer.headers
    ory.heal()
    assert "Ory lists nothing." in (await show(browser, portal, ann, "at-ory")).text


async def test_what_is_not_there_is_not_there(
    portal: Portal, browser: Browser, ory: OryDouble, grant: None, ann: Person, bob: Person
) -> None:
    for page in ("one", "at-ory"):
        for person, client in ((bob, "photos"), (ann, "notes"), (ann, "")):
            shown = await show(browser, portal, person, page, client_id=client)
            assert shown.status == 404, (page, client)
    assert ory.calls == []


async def test_nobody_else_sees_anybodys_apps(
    portal: Portal, browser: Browser, ory: OryDouble, grant: None, ann: Person, bob: Person
) -> None:
    """Not even their own here."""
    await portal.add_grant(bob)
    await sign_in(browser, portal, bob)
    for person in (ann, bob):
        for page in ("one", "at-ory", "export", "revoke"):
            shown = await show(browser, portal, person, page)
            assert shown.status == 403, page
            assert ann.email not in shown.text
    assert ory.calls == []
