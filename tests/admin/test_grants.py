"""All connected apps: to find, page by page, and to revoke."""

import base64
import itertools
import json
from datetime import UTC, datetime, timedelta
from xml.etree.ElementTree import Element

import httpx
import pytest

from portal.grants import revoke
from tests.doubles.ory import OryDouble
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.login.steps import field
from tests.real.portal import Person

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Searching is where databases differ: both."""
    return database_url


@pytest.fixture
async def people(
    portal: Portal, browser: Browser, ann: Person, bob: Person, admin: Person
) -> dict[str, Person]:
    """Ann has connected photos and notes, Bob photos; somebody unknown has, too."""
    nobody = Person(email="", password="", subject="50%_nobody")
    await portal.add_grant(ann, granted_at=START)
    await portal.add_grant(ann, "notes", granted_at=START + timedelta(days=1), scopes=["openid"])
    await portal.add_grant(bob, granted_at=START + timedelta(days=2), revoked_at=START)
    gone = {"revoked_at": START, "revoke_synced_at": START}
    await portal.add_grant(nobody, "100%", granted_at=START + timedelta(days=3), **gone)
    await sign_in(browser, portal, admin)
    return {"ann": ann, "bob": bob, "nobody": nobody}


def found(page: Document) -> list[tuple[str, str]]:
    """Subject and client of each row."""
    rows = [row for body in page.root.iter("tbody") for row in body.iter("tr")]
    return [cells(row) for row in rows]


def cells(row: Element) -> tuple[str, str]:
    subject, client = [words(code) for code in row.iter("code")]
    return subject, client


async def search(browser: Browser, portal: Portal, **terms: str) -> Document:
    url = httpx.URL(f"{portal.url}/admin/grants", params=terms)
    return await browser.open(url)


async def test_the_newest_come_first(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    page = await search(browser, portal)
    assert [client for _, client in found(page)] == ["100%", "photos", "notes", "photos"]
    assert "4 " in words(page.element("grants-results").find(".//p"))
    assert "Unknown person" in page.text


SEARCHES: list[tuple[dict[str, str], list[str]]] = [
    ({"user": "ann"}, ["notes", "photos"]),
    ({"user": "ANN@EXAMPLE"}, ["notes", "photos"]),
    ({"user": "ann-71f0"}, ["notes", "photos"]),
    ({"user": "ann-71f"}, []),
    ({"client": "photo"}, ["photos", "photos"]),
    ({"client": "PHOTOS"}, ["photos", "photos"]),
    ({"client": "100%"}, ["100%"]),
    ({"client": "%"}, ["100%"]),
    ({"client": "_"}, []),
    ({"user": "%"}, []),
    ({"user": "50%_nobody"}, ["100%"]),
    ({"client": "\\"}, []),
    ({"scope": "email"}, ["100%", "photos", "photos"]),
    ({"scope": "openid email"}, ["100%", "photos", "photos"]),
    ({"scope": "mail"}, []),
    ({"scope": '"]'}, []),
    ({"state": "active"}, ["notes", "photos"]),
    ({"state": "pending"}, ["photos"]),
    ({"state": "revoked"}, ["100%"]),
    ({"user": "ann", "client": "photos", "scope": "email", "state": "active"}, ["photos"]),
    ({"user": " ann ", "client": ""}, ["notes", "photos"]),
]


async def test_a_search_finds_what_fits_all_of_its_words(
    portal: Portal,
    browser: Browser,
    people: dict[str, Person],
) -> None:
    for terms, clients in SEARCHES:
        page = await search(browser, portal, **terms)
        assert [client for _, client in found(page)] == clients, terms
        for name, text in terms.items():
            assert page.element(name).get("value", text) == text


HOSTILE = [
    "' OR '1'='1",
    "'; DROP TABLE grants; --",
    '" OR ""="',
    "%' OR 1=1 --",
    "\\%",
    "*",
    "[a-z]",
    "\u0130\u0131",
    "{{7*7}}",
    "<script>alert(1)</script>",
    ":1",
    "?",
    "$1",
    "/*",
    "\U0001f600",
    "(" * 300,
    "_" * 320,
    "% " * 160,
]


async def test_a_hostile_search_finds_nothing_and_breaks_nothing(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    for name, text in itertools.product(("user", "scope", "state"), HOSTILE):
        page = await search(browser, portal, **{name: text})
        assert page.status == (400 if name == "state" else 200), (name, text)
        assert found(page) == [], (name, text)
        assert "<script>alert" not in page.html
    for text in HOSTILE:
        assert (await search(browser, portal, client=text)).status == 200, text
    assert len(found(await search(browser, portal))) == 4


@pytest.mark.parametrize("name", ["user", "client", "scope", "state"])
async def test_a_search_longer_than_anything_is_refused(
    portal: Portal, browser: Browser, people: dict[str, Person], name: str
) -> None:
    for text in ("_" * 321, "_" * 28_000, "a " * 1500):
        assert (await search(browser, portal, **{name: text})).status == 400


def position(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


NOON = "2026-01-01T12:00:00Z"
NO_POSITIONS = [
    "x",
    "AAAA",
    "é",
    "=" * 20,
    position(),
    position("newest", NOON, "a"),
    position("newest", 1, "a", "b"),
    position("newest", NOON, 2, 3),
    position("newest", NOON, "a", "b", "c"),
    position("oldest", NOON, "a", "b"),
    position("backwards", NOON, "a", "b"),
    position(None, NOON, "a", "b"),
    position("newest", "2026-01-01T12:00:00", "a", "b"),
    position("newest", "2026-13-01T12:00:00Z", "a", "b"),
    position("newest", "12026-01-01T12:00:00Z", "a", "b"),
    position("newest", "0001-01-01T00:00:00+23:59", "a", "b"),
    position("newest", "9999-12-31T23:59:59-23:59", "a", "b"),
    position("newest", NOON, "a\x00", "b"),
    position("newest", NOON, "a", "b\x00"),
    position("newest", NOON, "a", "\ud800"),
    base64.urlsafe_b64encode(b'["newest",NaN,"a","b"]').decode(),
    base64.urlsafe_b64encode(b"[[[[[" * 2000).decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
]


async def test_a_hostile_position_is_refused(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    for after in NO_POSITIONS:
        assert (await search(browser, portal, after=after)).status == 400, after[:60]


POSITIONS = [
    "",
    position("newest", NOON, "", ""),
    position("newest", "9999-12-31T23:59:59Z", "\U0010fffd", "x" * 3000),
    position("newest", "0001-01-01T00:00:00Z", "a", "b"),
    position("newest", "2026-01-01T12:00:00.5+02:00", "' OR 1=1", "--"),
]


async def test_a_strange_position_is_a_position(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    for after in POSITIONS:
        assert (await search(browser, portal, after=after)).status == 200, after[:60]


async def test_pages_neither_repeat_nor_lose_a_grant(
    portal: Portal, browser: Browser, people: dict[str, Person], ann: Person
) -> None:
    """Also when many were given at the same instant, and when one is revoked meanwhile."""
    for number in range(118):
        await portal.add_grant(
            ann, f"app-{number:03}", granted_at=START + timedelta(days=number // 60)
        )
    page, seen = await search(browser, portal, user="ann"), []
    while True:
        seen += found(page)
        if not any(link.get("rel") == "next" for link in page.root.iter("a")):
            break
        page = await browser.follow("Show older ones")
        assert page.element("user").get("value") == "ann"
    assert len(seen) == 120
    assert len(set(seen)) == 120


async def test_with_htmx_only_the_results_are_sent(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    answer = await browser._http.get(
        "/admin/grants?user=ann&client=&order=", headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert answer.headers["hx-push-url"] == "/admin/grants?user=ann"
    assert answer.text.lstrip().startswith('<section id="grants-results"')
    assert "<html" not in answer.text


async def test_a_live_search_that_changes_nothing_is_no_step_back(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    here = {"HX-Request": "true", "HX-Current-URL": f"{portal.url}/admin/grants?user=ann"}
    answer = await browser._http.get("/admin/grants?user=ann&client=", headers=here)
    assert answer.headers["hx-push-url"] == "false"
    answer = await browser._http.get("/admin/grants?user=&client=", headers=here)
    assert answer.headers["hx-push-url"] == "/admin/grants"


@pytest.mark.parametrize("here", ["http://[", "", "?", "//", "nowhere", "http://h:1:2/admin"])
async def test_where_a_browser_says_it_is_need_be_no_address(
    browser: Browser, people: dict[str, Person], here: str
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": here}
    answer = await browser._http.get("/admin/grants?user=ann", headers=headers)
    assert answer.headers["hx-push-url"] == "/admin/grants?user=ann"


def button(page: Document) -> Element:
    (found,) = [b for b in page.root.iter("button") if words(b) == "Remove access"]
    return found


async def ask(browser: Browser, portal: Portal, person: Person, client_id: str) -> Document:
    params = {"subject": person.subject, "client_id": client_id}
    return await browser.open(httpx.URL(f"{portal.url}/admin/grants/revoke", params=params))


async def test_a_revocation_reaches_exactly_one_grant(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person], admin: Person
) -> None:
    ann = people["ann"]
    page = await ask(browser, portal, ann, "photos")
    assert ann.email in page.text
    page = await browser.submit(button(page))
    assert page.query == {"notice": "revoked"}
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]
    revoked, other = await portal.grant(ann), await portal.grant(ann, "notes")
    assert revoked is not None
    assert other is not None
    assert (revoked.revoke_reason, other.revoked_at) == ("admin", None)
    async with portal.store.reading() as rows:
        (event, *_) = (await rows.audit.list_page(after=None, limit=5)).events
    assert (event.action, event.actor, event.subject, event.client_id) == (
        "grant.revoked",
        admin.subject,
        ann.subject,
        "photos",
    )


async def test_a_revocation_holds_here_also_while_ory_is_away(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person]
) -> None:
    page = await ask(browser, portal, people["ann"], "photos")
    ory.down()
    page = await browser.submit(button(page))
    assert page.query == {"notice": "pending"}
    assert "Removal under way" in page.text
    grant = await portal.grant(people["ann"])
    assert grant is not None
    assert grant.revoked_at is not None
    assert grant.revoke_synced_at is None


async def test_after_a_revocation_the_search_goes_on_where_it_was(
    portal: Portal, browser: Browser, people: dict[str, Person]
) -> None:
    page = await search(browser, portal, user="ann", allowed="before-30d", order="oldest")
    page = await browser.open(page.link_to("/admin/grants/revoke?", "client_id=notes"))
    assert httpx.URL(page.link("Keep it")).params["user"] == "ann"
    page = await browser.submit(button(page))
    wanted = {"user": "ann", "allowed": "before-30d", "order": "oldest"}
    assert page.query == wanted | {"notice": "revoked"}
    assert "Access was removed." in page.text
    assert [client for _, client in found(page)] == ["photos", "notes"]


NO_WAYS_BACK = [
    "https://evil.example/",
    "//evil.example",
    "user=a&user=b",
    "next=https://evil.example",
    "allowed=soon",
    "order=backwards",
    "after=x",
    "user=" + "a" * 321,
    "user=%00",
    "user=%ff",
    "é",
    "user=a;b=%ed%a0%80",
]


async def test_nobody_is_sent_anywhere_but_back_to_a_search(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person]
) -> None:
    ann = people["ann"]
    token = field(await ask(browser, portal, ann, "photos"), "form_token")
    pair = {"subject": ann.subject, "client_id": "photos"}
    for back in NO_WAYS_BACK:
        for path in ("revoke", "one", "at-ory"):
            answer = await browser._http.get(f"/admin/grants/{path}", params=pair | {"back": back})
            assert answer.status_code == 400, (path, back)
        form = pair | {"back": back, "form_token": token}
        answer = await browser._http.post("/admin/grants/revoke", data=form)
        assert answer.status_code == 400, back
    assert ory.deletions == []


async def test_what_was_removed_is_not_removed_again(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person]
) -> None:
    page = await ask(browser, portal, people["ann"], "photos")
    await browser.submit(button(page))
    told = await portal.actions()
    browser.show(page)
    page = await browser.submit(button(page))
    assert page.query == {"notice": "same"}
    assert len(ory.deletions) == 1
    assert await portal.actions() == told


async def test_what_its_person_has_just_removed_cannot_come_back_any_more(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person]
) -> None:
    """Whoever wants it to end does not see that it may be undone for some seconds."""
    ann, now = people["ann"], datetime.now(UTC)
    async with portal.store.writing() as rows:
        await revoke(
            rows,
            subject=ann.subject,
            client_id="photos",
            reason="user",
            now=now,
            undo_for=timedelta(minutes=5),
        )
    page = await browser.submit(button(await ask(browser, portal, ann, "photos")))
    assert page.query == {"notice": "revoked"}
    assert ory.deletions == [("consent", {"subject": ann.subject, "client": "photos"})]
    assert await portal.actions() == ["portal.signed_in", "grant.revoked"]
    grant = await portal.grant(ann)
    assert grant is not None
    assert grant.revoke_synced_at is not None


async def test_a_stale_form_revokes_nothing(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person], admin: Person
) -> None:
    page = await ask(browser, portal, people["ann"], "photos")
    await sign_in(browser, portal, admin)
    browser.show(page)
    refused = await browser.submit(button(page))
    assert refused.status == 403
    assert ory.deletions == []
    await browser.submit(button(refused))
    assert len(ory.deletions) == 1


async def test_what_does_not_exist_cannot_be_revoked(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person]
) -> None:
    ann = people["ann"]
    for subject, client_id in ((ann.subject, "x"), ("x", "photos"), ("", ""), (ann.subject, "")):
        person = Person(email="", password="", subject=subject)
        assert (await ask(browser, portal, person, client_id)).status == 404
    token = field(await ask(browser, portal, ann, "photos"), "form_token")
    form = {"subject": ann.subject, "client_id": "x", "form_token": token}
    answer = await browser._http.post("/admin/grants/revoke", data=form)
    assert answer.status_code == 404
    assert ory.deletions == []


async def test_an_administrators_token_is_of_no_use_to_a_user(
    portal: Portal, browser: Browser, ory: OryDouble, people: dict[str, Person], bob: Person
) -> None:
    token = field(await ask(browser, portal, people["ann"], "photos"), "form_token")
    await sign_in(browser, portal, bob)
    form = {"subject": people["ann"].subject, "client_id": "photos", "form_token": token}
    answer = await browser._http.post("/admin/grants/revoke", data=form)
    assert answer.status_code == 403
    assert "may not see this page" in answer.text
    assert ory.deletions == []


async def test_who_may_not_see_the_page_is_told_as_whom_and_can_log_out(
    portal: Portal, browser: Browser, admin: Person, bob: Person
) -> None:
    await sign_in(browser, portal, bob)
    page = await browser.open(f"{portal.url}/admin/grants")
    assert page.status == 403
    assert f"Signed in as {bob.email}" in page.text
    await browser.follow("Sign out")
    await browser.click("accept")
    page = await sign_in(browser, portal, admin)
    assert (await browser.open(f"{portal.url}/admin/grants")).status == 200


async def test_a_problem_of_somebody_unknown_names_nobody(portal: Portal, browser: Browser) -> None:
    page = await browser.open(f"{portal.url}/nowhere")
    assert page.status == 404
    assert "Signed in" not in page.text
    assert "Sign out" not in page.text
