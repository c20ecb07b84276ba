"""Removing everything that a search found: asked in numbers, by who just signed in, then a job."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
import time_machine

from portal import bulk, jobs
from portal.origin import Origin
from portal.services import Visitor
from portal.store import grant_index
from portal.store.tables import BulkRevocation
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person
from tests.store.records import grant

ASK = "/admin/grants/revoke-all"
JOBS = "/admin/grants/jobs"
LATER = timedelta(minutes=11)
"""After the time for which a sign-in counts as recent; the session itself lives on."""


@pytest.fixture
async def desk(portal: Portal, browser: Browser, admin: Person) -> Browser:
    """An administrator's browser, just signed in."""
    await sign_in(browser, portal, admin)
    return browser


@pytest.fixture
async def grants(portal: Portal, ann: Person, bob: Person) -> None:
    """Two people have photos connected, one of them notes, too."""
    await portal.add_grant(ann)
    await portal.add_grant(ann, "notes")
    await portal.add_grant(bob)


async def ask(browser: Browser, portal: Portal, **terms: str) -> Document:
    return await browser.open(httpx.URL(f"{portal.url}{ASK}", params=terms))


def posting(page: Document) -> list[Element]:
    """The forms of the page itself."""
    return [e for e in page.element("content").iter("form") if e.get("method") == "post"]


async def say_yes(browser: Browser) -> Document:
    return await browser.submit(next(posting(browser.page)[0].iter("button")))


async def work(portal: Portal) -> None:
    now = datetime.now(UTC) + timedelta(seconds=11)
    while await bulk.advance(portal.services, now=now):
        pass


async def living(portal: Portal) -> int:
    async with portal.store.reading() as rows:
        selection = grant_index.Selection(states=("active", "expired"))
        return (await rows.grant_index.tally(selection)).grants


async def all_jobs(portal: Portal) -> list[BulkRevocation]:
    async with portal.store.reading() as rows:
        return [row.job for row in await rows.bulk_revocations.list_page(after=None, limit=100)]


def numbers(page: Document) -> dict[str, str]:
    names = [e.text or "" for e in page.root.iter("dt")]
    return dict(
        zip(names, ["".join(e.itertext()).strip() for e in page.root.iter("dd")], strict=True)
    )


@pytest.mark.usefixtures("grants")
async def test_the_question_says_in_numbers_what_will_happen(portal: Portal, desk: Browser) -> None:
    page = await ask(desk, portal, scope="email")
    assert page.status == 200
    assert "access of 2 apps for 2 people: 3 connected apps in all" in page.text
    assert "Permission: email" in page.text
    assert "asked again" in page.text
    assert "from now on is not touched" in page.text
    page = await ask(desk, portal, client="notes")
    assert "access of 1 app for 1 person: 1 connected app in all" in page.text
    assert await living(portal) == 3


@pytest.mark.usefixtures("grants")
async def test_yes_starts_a_job_that_removes_what_was_found(
    portal: Portal, ory: OryDouble, desk: Browser
) -> None:
    await ask(desk, portal, client="photos")
    page = await say_yes(desk)
    (job,) = await all_jobs(portal)
    assert page.url.path == f"{JOBS}/{job.id}"
    assert "Removing…" in page.text
    assert await living(portal) == 3, "not in the request"
    await work(portal)
    page = await desk.reload()
    assert "Waiting for Ory" in page.text
    assert numbers(page) == {
        "Found at the start": "2",
        "Removed here": "2",
        "Confirmed by Ory": "0",
        "Waiting for Ory": "2",
    }
    await jobs.work_off(portal.services, now=datetime.now(UTC) + timedelta(minutes=1))
    page = await desk.reload()
    assert page.element("job-progress").get("hx-get") is None, "nothing changes any more"
    assert "Done" in page.text
    assert numbers(page)["Confirmed by Ory"] == "2"
    assert len(ory.deletions) == 2
    assert await living(portal) == 1
    actions = await portal.actions()
    assert actions.count("grant.revoked") == 2
    assert {"bulk.started", "bulk.finished"} < set(actions)


@pytest.mark.usefixtures("grants")
@pytest.mark.parametrize("terms", [{}, {"user": " "}, {"scope": "  ", "client": "\t"}])
async def test_everything_there_is_cannot_be_removed_at_once(
    portal: Portal, desk: Browser, terms: dict[str, str]
) -> None:
    page = await ask(desk, portal, **terms)
    assert page.status == 422
    assert "Narrow the search first" in page.text
    assert posting(page) == []


async def test_where_nothing_has_access_nothing_is_asked(
    portal: Portal, desk: Browser, ann: Person
) -> None:
    await portal.add_grant(ann, revoked_at=datetime.now(UTC), revoke_reason="user")
    for terms in ({"client": "nobody"}, {"user": ann.email}, {"state": "pending"}):
        page = await ask(desk, portal, **terms)
        assert "nothing to remove" in page.text, terms
        assert posting(page) == []


async def test_a_search_that_means_more_than_was_found_is_refused(
    portal: Portal, desk: Browser
) -> None:
    for number in range(grant_index.MOST_CLIENTS + 1):
        async with portal.store.writing() as rows:
            await rows.grants.save(grant("ann", f"photos-{number}"))
    page = await ask(desk, portal, client="photo")
    assert page.status == 422
    assert "Type the exact id of the app" in page.text
    for number in range(grant_index.MOST_USERS + 1):
        await portal.add_user(f"x{number:03}@example.org")
    page = await ask(desk, portal, user="x")
    assert page.status == 422
    assert "Type more of the address" in page.text


@pytest.mark.usefixtures("grants")
async def test_if_the_number_has_changed_the_question_is_asked_again(
    portal: Portal, desk: Browser, bob: Person
) -> None:
    await ask(desk, portal, scope="email")
    await portal.add_grant(bob, "notes")
    page = await say_yes(desk)
    assert page.status == 409
    assert "You were told of 3, but now it is 4" in page.text
    assert await all_jobs(portal) == []
    page = await say_yes(desk)
    assert page.url.path.startswith(JOBS)
    assert [job.matched for job in await all_jobs(portal)] == [4]


@pytest.mark.usefixtures("grants")
async def test_what_is_counted_roughly_is_not_compared(
    portal: Portal, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rough(*_: Any) -> grant_index.Tally:
        estimates.append(12_000 + len(estimates))
        return grant_index.Tally(grants=estimates[-1], exact=False)

    estimates: list[int] = []
    monkeypatch.setattr(grant_index.GrantIndex, "tally", rough)
    page = await ask(desk, portal, scope="email")
    assert "about 12,000 connected apps" in page.text
    assert (await say_yes(desk)).url.path.startswith(JOBS)


@pytest.mark.usefixtures("grants")
async def test_who_signed_in_too_long_ago_does_it_again_and_comes_back_to_the_question(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        await sign_in(browser, portal, admin)
        clock.shift(timedelta(minutes=6))
        await browser.open(f"{portal.url}/admin/grants")  # not idle
        clock.shift(timedelta(minutes=5))
        terms = {"scope": "email", "used": "30d", "user": "ann@example.org"}
        before = browser.cookies["__Host-portal_session"]
        page = await ask(browser, portal, **terms)
        assert page.url.path == "/login"
        assert "sign in again, so that we know that it is you" in page.text
        assert page.element("email").get("value") == admin.email
        browser.fill("password", admin.password)
        page = await browser.click("accept")
        assert page.url.path == ASK
        assert page.query == terms
        assert browser.cookies["__Host-portal_session"] != before
        assert "access of 2 apps for 1 person" in page.text


@pytest.mark.usefixtures("grants")
async def test_a_yes_that_comes_too_late_does_nothing_and_leads_back_to_the_question(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        await sign_in(browser, portal, admin)
        await ask(browser, portal, client="photos")
        clock.shift(timedelta(minutes=6))
        await browser._http.get("/admin/grants")
        clock.shift(timedelta(minutes=5))
        page = await say_yes(browser)
        assert page.url.path == "/login"
        assert await all_jobs(portal) == []
        browser.fill("password", admin.password)
        page = await browser.click("accept")
        assert (page.url.path, page.query) == (ASK, {"client": "photos"})
        assert (await say_yes(browser)).url.path.startswith(JOBS)


@pytest.mark.usefixtures("grants")
@pytest.mark.parametrize("also_admin", [True, False])
async def test_a_question_is_not_answered_by_somebody_else_who_signs_in_at_that_browser(
    portal: Portal, browser: Browser, admin: Person, also_admin: bool
) -> None:
    other = await portal.add_user("other@example.org", admin=also_admin)
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        await sign_in(browser, portal, admin)
        question = await ask(browser, portal, client="photos")
        clock.shift(timedelta(minutes=6))
        await browser._http.get("/admin/grants")
        clock.shift(timedelta(minutes=5))
        await say_yes(browser)
        browser.fill("email", other.email)
        browser.fill("password", other.password)
        await browser.click("accept")
        browser.show(question)
        assert (await say_yes(browser)).status == 403
        assert await all_jobs(portal) == []


@pytest.mark.usefixtures("grants")
async def test_a_wrong_token_starts_and_stops_nothing(portal: Portal, desk: Browser) -> None:
    form = {"client": "photos", "expected": "2", "form_token": "x"}
    answer = await desk._http.post(ASK, data=form)
    assert answer.status_code == 403
    assert await all_jobs(portal) == []
    await ask(desk, portal, client="photos")
    await say_yes(desk)
    (job,) = await all_jobs(portal)
    answer = await desk._http.post(f"{JOBS}/{job.id}/stop", data={"form_token": "x"})
    assert answer.status_code == 403
    assert (await all_jobs(portal))[0].state == "running"


HOSTILE = [
    {"expected": ""},
    {"expected": "x"},
    {"expected": "1.5"},
    {"expected": "9" * 5000},
    {},
    {"expected": "1", "order": "newest"},
    {"expected": "1", "allowed": "yesterday"},
    {"expected": "1", "user": "x" * 321},
    {"expected": "1", "subject": "ann"},
]


@pytest.mark.parametrize("form", HOSTILE)
@pytest.mark.usefixtures("grants")
async def test_a_hostile_form_is_refused(
    portal: Portal, desk: Browser, form: dict[str, str]
) -> None:
    await ask(desk, portal, client="photos")
    sent = {"client": "photos", "form_token": field(desk.page, "form_token")} | form
    assert (await desk._http.post(ASK, data=sent)).status_code == 400
    assert await all_jobs(portal) == []


async def test_a_job_of_the_command_line_is_called_so(portal: Portal, desk: Browser) -> None:
    await bulk.start(
        portal.services,
        selection=grant_index.Selection(client_ids=("photos",)),
        words={"client": "photos"},
        matched=0,
        actor="cli",
        by="cli",
        visitor=Visitor(browser_hash=None, origin=Origin(), now=datetime.now(UTC)),
    )
    page = await desk.open(f"{portal.url}{JOBS}")
    assert "Started by The command line" in " ".join(page.text.split())


@pytest.mark.usefixtures("grants")
async def test_stop_ends_a_job_and_says_so(portal: Portal, desk: Browser) -> None:
    await ask(desk, portal, client="photos")
    await say_yes(desk)
    page = await desk.click("stop")
    assert "Stopped" in page.text
    assert not page.has("stop")
    assert not list(page.root.iter("progress")), "nothing was done, and no bar says so"
    await work(portal)
    assert await living(portal) == 3
    assert "bulk.stopped" in await portal.actions()


@pytest.mark.usefixtures("grants")
async def test_the_progress_is_a_piece_of_its_own_that_asks_for_itself_while_it_changes(
    portal: Portal, desk: Browser
) -> None:
    await ask(desk, portal, client="photos")
    page = await say_yes(desk)
    section = page.element("job-progress")
    assert section.get("hx-get") == f"{page.url.path}?told=removing-0"
    assert section.get("hx-trigger") == "every 2s"
    assert page.has("refresh"), "and without JavaScript"
    answer = await desk._http.get(page.url.path, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<section id="job-progress"')
    assert "<html" not in answer.text


@pytest.mark.usefixtures("grants")
async def test_what_ory_could_not_be_told_is_listed_with_the_reason(
    portal: Portal, ory: OryDouble, desk: Browser, ann: Person
) -> None:
    await ask(desk, portal, client="photos")
    await say_yes(desk)
    await work(portal)
    ory.status(401, {"error": {"code": 401}})
    await jobs.work_off(portal.services, now=datetime.now(UTC) + timedelta(minutes=1))
    page = await desk.reload()
    assert "2 removals could not be told to Ory yet" in page.text
    assert f"Photos for {ann.email}" in page.text
    assert "Ory refuses the API key. Look at ORY_API_KEY. Tried 1 time" in page.text
    ory.heal()
    await jobs.work_off(portal.services, now=datetime.now(UTC) + timedelta(minutes=2))
    assert "could not be told" not in (await desk.reload()).text


async def test_jobs_are_listed_page_by_page(portal: Portal, desk: Browser, admin: Person) -> None:
    page = await desk.open(f"{portal.url}{JOBS}")
    assert "None yet" in page.text
    now = datetime.now(UTC)
    async with portal.store.writing() as rows:
        for number in range(55):
            await rows.bulk_revocations.add(
                BulkRevocation(
                    id=f"0197c0de-5ab1-7000-8000-{number:012}",
                    actor=admin.subject,
                    selection={},
                    words={"client": f"app {number}"},
                    granted_until=now,
                    matched=1,
                    state="done",
                    created_at=now + timedelta(seconds=number),
                    due_at=now,
                )
            )
    page = await desk.open(f"{portal.url}{JOBS}")
    first = re.findall(r"App: app (\d+)", page.text)
    page = await desk.follow("Show older ones")
    second = re.findall(r"App: app (\d+)", page.text)
    assert [int(number) for number in first + second] == list(range(54, -1, -1))
    assert admin.email in page.text


UNKNOWN = ["0197c0de-5ab1-7000-8000-000000000000", "x", "%00", "..%2f", "x" * 3000, "'; --"]


async def test_an_unknown_job_is_no_page(portal: Portal, desk: Browser) -> None:
    for bulk_id in UNKNOWN:
        assert (await desk.open(f"{portal.url}{JOBS}/{bulk_id}")).status in (400, 404), bulk_id
        url = httpx.URL(f"{portal.url}{JOBS}", params={"after": bulk_id})
        assert (await desk.open(url)).status == 404, bulk_id
        answer = await desk._http.post(f"{JOBS}/{bulk_id}/stop", data={"form_token": ""})
        assert answer.status_code in (400, 404), bulk_id


@pytest.mark.usefixtures("grants")
async def test_only_administrators_see_and_start_and_stop(
    portal: Portal, desk: Browser, new_browser: NewBrowser, ann: Person
) -> None:
    await ask(desk, portal, client="photos")
    await say_yes(desk)
    (job,) = await all_jobs(portal)
    other = new_browser()
    await sign_in(other, portal, ann)
    for path in (ASK, f"{ASK}?client=photos", JOBS, f"{JOBS}/{job.id}"):
        assert (await other.open(portal.url + path)).status == 403, path
    form = {"client": "photos", "expected": "2"}
    assert (await other._http.post(ASK, data=form)).status_code == 403
    assert (await other._http.post(f"{JOBS}/{job.id}/stop", data={})).status_code == 403
    assert (await all_jobs(portal))[0].state == "running"


async def test_a_hostile_search_is_shown_as_it_was_typed(portal: Portal, desk: Browser) -> None:
    text = "<script>alert(1)</script>"
    page = await ask(desk, portal, scope=text)
    assert page.status == 200
    assert text in page.text
    assert "<script>alert" not in page.html


@pytest.mark.usefixtures("grants")
async def test_a_job_outlives_the_person_who_started_it(
    portal: Portal, desk: Browser, admin: Person, new_browser: NewBrowser
) -> None:
    await ask(desk, portal, client="photos")
    page = await say_yes(desk)
    path = portal.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM users WHERE subject = ?", (admin.subject,))
    database.close()
    await work(portal)
    other = new_browser()
    second = await portal.add_user("second@example.org", admin=True)
    await sign_in(other, portal, second)
    page = await other.open(page.url)
    assert admin.subject in page.text
    assert numbers(page)["Removed here"] == "2"


@pytest.mark.usefixtures("grants")
async def test_how_far_it_is_is_said_aloud_when_that_has_changed(
    portal: Portal, desk: Browser
) -> None:
    """In an element that stays: what is swapped is not listened to."""
    await ask(desk, portal, client="photos")
    page = await say_yes(desk)
    assert page.element("job-news").get("role") == "status"
    assert words(page.element("job-news")) == ""
    poll = page.element("job-progress").get("hx-get", "")
    headers = {"HX-Request": "true", "Polling": "1"}
    assert "#job-news" not in (await desk._http.get(poll, headers=headers)).text
    await work(portal)
    told = (await desk._http.get(poll, headers=headers)).text
    assert 'hx-swap-oob="innerHTML:#job-news"' in told
    assert "confirmed by Ory" in told
