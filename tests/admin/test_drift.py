"""The comparison with Ory: an administrator compares, and sees what differed."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.reconciliation import runs
from portal.reconciliation.comparing import compare_subject
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person

PATH = "/admin/grants/drift"


@pytest.fixture(autouse=True)
async def signed_in(browser: Browser, portal: Portal, admin: Person) -> None:
    await sign_in(browser, portal, admin)


async def look(browser: Browser, portal: Portal, query: str = "") -> Document:
    page = await browser.open(f"{portal.url}{PATH}{query}")
    assert page.status == 200, page
    return page


async def compare_person(browser: Browser, portal: Portal, typed: str) -> Document:
    await look(browser, portal)
    browser.fill("person", typed)
    return await browser.click("compare-person")


async def test_everybody_is_compared_on_demand_and_the_page_tells_how_far_it_is(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, admin: Person
) -> None:
    ory.plant_consent_session(ann.subject, "photos", grant_scope=["openid", "email"])
    page = await look(browser, portal)
    assert "None yet" in page.text
    page = await browser.click("compare")
    assert "has started" in page.text
    section = page.element("drift-runs")
    assert section.get("hx-trigger") == "every 2s"
    assert "0 people compared so far" in words(section)
    assert page.link("Refresh").endswith(PATH)
    await runs.advance(portal.services, now=datetime.now(UTC) + timedelta(seconds=1))
    page = await browser.follow("Refresh")
    section = page.element("drift-runs")
    assert "hx-get" not in section.attrib
    assert "Done 2 people compared" in words(section)
    assert f"Started by {admin.email}" in words(section)
    assert "Allowed somewhere else: 1" in words(section)
    row = next(iter(page.root.iter("tbody")))
    for text in (ann.email, "Photos", "photos", "Allowed somewhere else", "email", "removed"):
        assert text in words(row), text


async def test_two_comparisons_do_not_run_at_once(portal: Portal, browser: Browser) -> None:
    await look(browser, portal)
    await browser.click("compare")
    page = await browser.click("compare")
    assert "running already" in page.text
    async with portal.store.reading() as rows:
        assert len(await rows.reconciliations.list_newest(9)) == 1


async def test_htmx_is_answered_with_the_progress_alone(portal: Portal, browser: Browser) -> None:
    answer = await browser._http.get(PATH, headers={"HX-Request": "true"})
    assert answer.text.strip().startswith("<section")
    assert 'id="drift-runs"' in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("typed", ["ann@example.org", " ANN@example.org ", "ann-71f0"])
async def test_one_person_is_compared_at_once_and_the_result_is_shown(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, typed: str
) -> None:
    ory.plant_consent_session(ann.subject, "photos")
    page = await compare_person(browser, portal, typed)
    assert page.status == 200
    assert "Photos" in words(page.element("result"))
    assert "Added here" in words(page.element("result"))
    assert await portal.grant(ann) is not None
    assert "ann@example.org" in words(page.element("drift-runs"))
    page = await compare_person(browser, portal, typed)
    assert "Nothing differs" in words(page.element("result"))


async def test_a_subject_that_is_no_user_here_can_be_compared(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    await portal.add_grant(Person(email="", password="", subject="zoe-0815"))
    ory.plant_consent_session("zoe-0815", "notes")
    page = await compare_person(browser, portal, "zoe-0815")
    assert "Notes" in words(page.element("result"))


@pytest.mark.parametrize("typed", ["nobody@example.org", "nobody", "%", "' OR 1=1 --", " "])
async def test_nobody_who_is_unknown_is_compared(
    portal: Portal, browser: Browser, ory: OryDouble, typed: str
) -> None:
    page = await compare_person(browser, portal, typed)
    assert page.status == 422
    assert "Nobody who is known here" in words(page.element("person-error"))
    assert page.element("person").get("value") == typed
    assert ory.calls == []


@pytest.mark.parametrize(
    ("trouble", "told"), [("down", "Ory does not answer"), ("garbage", "is not Ory")]
)
async def test_ory_s_trouble_is_told_and_nothing_changed(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person, trouble: str, told: str
) -> None:
    await portal.add_grant(ann, listable=True, listed_at=datetime(2026, 1, 1, tzinfo=UTC))
    getattr(ory, trouble)()
    page = await compare_person(browser, portal, ann.email)
    assert page.status == 503
    assert told in words(page.element("person-error"))
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoked_at is None


async def test_a_run_that_waits_for_ory_says_so(
    portal: Portal, browser: Browser, ory: OryDouble
) -> None:
    await look(browser, portal)
    await browser.click("compare")
    ory.down()
    await runs.advance(portal.services, now=datetime.now(UTC) + timedelta(seconds=1))
    section = (await look(browser, portal)).element("drift-runs")
    assert "Waiting for Ory" in words(section)
    assert "Ory does not answer" in words(section)
    assert section.get("hx-trigger") == "every 2s"


async def test_what_differed_is_listed_page_by_page(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    now = datetime.now(UTC)
    for number in range(60):
        ory.plant_consent_session(ann.subject, f"app-{number:02}")
    await compare_subject(portal.services, ann.subject, now=now)
    seen = []
    page = await look(browser, portal)
    while True:
        body = next(iter(page.root.iter("tbody")))
        seen += [words(code) for code in body.iter("code")]
        if "Show older ones" not in page.text:
            break
        page = await browser.follow("Show older ones")
    assert seen == [f"app-{number:02}" for number in reversed(range(60))]


async def test_apps_that_an_administrator_deleted_are_no_drift(
    portal: Portal, browser: Browser
) -> None:
    async with portal.store.writing() as rows:
        await rows.audit.add(
            "client.deleted", at=datetime.now(UTC), actor="somebody", client_id="photos"
        )
    assert "photos" not in (await look(browser, portal)).text


@pytest.mark.parametrize("after", ["nothing", "0197c0de-5ab1-7000-8000-000000000001", "", "%00"])
async def test_a_page_that_is_not_there_is_not_found(
    portal: Portal, browser: Browser, after: str
) -> None:
    page = await browser.open(f"{portal.url}{PATH}?after={after}")
    assert page.status in (400, 404)


async def test_a_hostile_name_is_only_a_name(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    name = "<script>alert(1)</script>\u202e"
    session = ory.plant_consent_session(ann.subject, "photos")
    session["consent_request"]["client"]["client_name"] = name
    page = await compare_person(browser, portal, ann.email)
    assert "<script>alert" not in page.html
    assert "\u202e" not in page.html


async def test_the_page_tells_how_often_it_happens_by_itself(
    portal: Portal, browser: Browser
) -> None:
    assert "compares the two every day" in (await look(browser, portal)).text


async def test_a_stale_form_starts_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    await look(browser, portal)
    for path, fields in (("run", []), ("person", [("person", ann.email)])):
        page = await browser.send("POST", f"{PATH}/{path}", [*fields, ("form_token", "x")])
        assert page.status == 403
    async with portal.store.reading() as rows:
        assert await rows.reconciliations.list_newest(9) == ()
    assert ory.calls == []
