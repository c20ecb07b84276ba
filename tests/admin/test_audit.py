"""The audit trail on screen: to find, to look at, page by page, and to take along."""

import base64
import csv
import io
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portal.admin.audit_pages import GROUPS, WORDS
from portal.origin import Origin
from portal.store.audit import ACTIONS
from tests.driver import Browser, Document, words
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"


@pytest.fixture
def portal_database_url(database_url: str) -> str:
    """Searching is where databases differ: both."""
    return database_url


@pytest.fixture
async def history(portal: Portal, browser: Browser, ann: Person, bob: Person, admin: Person) -> str:
    """Five events on five days, before the sign-in of the administrator who looks at them."""
    await portal.add_grant(ann, "photos")
    await portal.add_grant(bob, "100%")
    events: list[dict[str, Any]] = [
        {"action": "login.succeeded", "actor": ann.subject, "subject": ann.subject},
        {
            "action": "consent.allowed",
            "actor": ann.subject,
            "subject": ann.subject,
            "client_id": "photos",
            "detail": {"app": "Photos", "scopes": ["openid", "email"], "remember_for": 2_592_000},
            "origin": Origin(address="203.0.113.7", user_agent=FIREFOX),
        },
        {
            "action": "grant.narrowed",
            "actor": ann.subject,
            "subject": ann.subject,
            "client_id": "photos",
            "detail": {
                "app": "Photos",
                "before": {"scopes": ["openid", "email"], "audience": ["https://api"]},
                "after": {"scopes": ["openid"], "audience": []},
            },
        },
        {
            "action": "grant.revoked",
            "actor": admin.subject,
            "subject": bob.subject,
            "client_id": "100%",
            "detail": {"reason": "<b>because</b>", "app": "50%_off"},
        },
        {
            "action": "grant.expired",
            "actor": "system",
            "subject": "gone",
            "client_id": "forgotten",
            "detail": {"expires_at": "2026-01-04T09:05:00+00:00"},
        },
    ]
    async with portal.store.writing() as rows:
        for number, event in enumerate(events):
            await rows.audit.add(at=START + number * DAY, **event)
    await sign_in(browser, portal, admin)
    return admin.subject


def rows_of(page: Document) -> list[Any]:
    return [row for body in page.root.iter("tbody") for row in body.iter("tr")]


def found(page: Document) -> list[str]:
    """What each row tells, in its words."""
    links = [next(link for link in row.iter("a")) for row in rows_of(page)]
    return [words(link).partition(",")[0] for link in links]


async def test_an_app_is_called_by_its_name_where_it_is_remembered(
    portal: Portal, browser: Browser, ann: Person, history: str
) -> None:
    """Also where the event itself did not note it: as in a sign-in for the app."""
    await portal.add_grant(ann, "b7f1-0c", client_name="Photo Printer")
    async with portal.store.writing() as rows:
        for client_id in ("b7f1-0c", "unheard-of"):
            await rows.audit.add(
                "login.succeeded",
                at=datetime.now(UTC),
                actor=ann.subject,
                subject=ann.subject,
                client_id=client_id,
            )
    page = await browser.open(f"{portal.url}/admin/audit?client=b7f1-0c")
    (row,) = rows_of(page)
    app = next(cell for cell in row.iter("td") if cell.get("data-label") == "App")
    assert words(app).startswith("Photo Printer b7f1-0c")
    page = await browser.follow("Signed in")
    assert "Photo Printer b7f1-0c" in page.text
    page = await browser.open(f"{portal.url}/admin/users/one?subject={ann.subject}")
    assert "Photo Printer" in page.text
    page = await browser.open(f"{portal.url}/admin/audit?client=unheard-of")
    assert "unheard-of" in words(rows_of(page)[0])


def has_link(page: Document, text: str) -> bool:
    return any(words(link) == text for link in page.root.iter("a"))


def place(packed: bytes) -> dict[str, str]:
    """The address of a page that was never linked to."""
    return {"after": base64.urlsafe_b64encode(packed).decode()}


async def search(browser: Browser, portal: Portal, **terms: str) -> Document:
    return await browser.open(httpx.URL(f"{portal.url}/admin/audit", params=terms))


LOGIN, ALLOWED, NARROWED, REVOKED, EXPIRED = (
    WORDS[action]
    for action in (
        "login.succeeded",
        "consent.allowed",
        "grant.narrowed",
        "grant.revoked",
        "grant.expired",
    )
)
SIGNED_IN = WORDS["portal.signed_in"]
SEARCHES: list[tuple[dict[str, str], list[str]]] = [
    ({}, [SIGNED_IN, EXPIRED, REVOKED, NARROWED, ALLOWED, LOGIN]),
    ({"order": "oldest"}, [LOGIN, ALLOWED, NARROWED, REVOKED, EXPIRED, SIGNED_IN]),
    ({"user": "ann@example.org"}, [NARROWED, ALLOWED, LOGIN]),
    ({"user": " ANN@EX "}, [NARROWED, ALLOWED, LOGIN]),
    ({"user": "bob-71f0"}, [REVOKED]),
    ({"user": "gone"}, [EXPIRED]),
    ({"user": "nobody"}, []),
    ({"actor": "admin"}, [SIGNED_IN, REVOKED]),
    ({"actor": "system"}, [EXPIRED]),
    ({"actor": "cli"}, []),
    ({"actor": "admin", "user": "bob"}, [REVOKED]),
    ({"client": "photos"}, [NARROWED, ALLOWED]),
    ({"client": "PHO"}, [NARROWED, ALLOWED]),
    ({"client": "100%"}, [REVOKED]),
    ({"client": "%"}, [REVOKED]),
    ({"client": "forgotten"}, [EXPIRED]),  # an app that nobody has connected
    ({"client": "forgot"}, []),
    ({"what": "grant.revoked"}, [REVOKED]),
    ({"what": "access"}, [EXPIRED, REVOKED, NARROWED]),
    ({"what": "sign-ins", "user": "ann"}, [LOGIN]),
    ({"what": "drift"}, []),
    ({"since": "2026-01-03", "until": "2026-01-04"}, [REVOKED, NARROWED]),
    ({"since": "2026-01-04", "until": "2026-01-04"}, [REVOKED]),
    ({"until": "2026-01-02", "user": "ann", "what": "decisions"}, [ALLOWED]),
    ({"since": "2026-01-04", "until": "2026-01-03"}, []),
]


@pytest.mark.usefixtures("history")
async def test_a_search_finds_what_fits_all_of_it(portal: Portal, browser: Browser) -> None:
    for terms, expected in SEARCHES:
        page = await search(browser, portal, **terms)
        assert page.status == 200
        assert found(page) == expected, terms
        for name in terms.keys() & {"actor", "user", "client", "since", "until"}:
            assert page.element(name).get("value") == terms[name].strip()
    assert "The last day is before the first one" in page.text


@pytest.mark.usefixtures("history")
async def test_a_row_says_who_what_whose_from_where_and_what_is_left(
    portal: Portal, browser: Browser
) -> None:
    page = await search(browser, portal, client="photos")
    narrowed, allowed = (words(row) for row in rows_of(page))
    assert "Taken away: email, https://api" in narrowed
    assert "Not from a browser" in narrowed
    for text in ("2 Jan 2026, 12:00 UTC", "ann@example.org", "openid", "email", "203.0.113.7"):
        assert text in allowed
    assert "For 30 days" in allowed
    (when,) = list(rows_of(page)[1].iter("time"))
    assert when.get("datetime") == "2026-01-02T12:00:00+00:00"
    titles = [element.get("title") for element in rows_of(page)[1].iter("span")]
    assert FIREFOX in titles
    link = page.link_to("/admin/grants/one?", "client_id=photos")
    assert httpx.URL(link).params["subject"] == "ann-71f0"


@pytest.mark.usefixtures("history")
async def test_an_instant_in_the_detail_is_one_that_people_read(
    portal: Portal, browser: Browser
) -> None:
    page = await search(browser, portal, user="gone")
    assert "Ended: 4 Jan 2026, 09:05 UTC" in words(rows_of(page)[0])


@pytest.mark.usefixtures("history")
async def test_what_the_detail_holds_is_text_and_nothing_else(
    portal: Portal, browser: Browser
) -> None:
    page = await search(browser, portal, user="bob")
    assert "Reason: <b>because</b>" in words(rows_of(page)[0])
    assert list(rows_of(page)[0].iter("b")) == []
    page = await browser.open(page.link_to("/admin/audit/event?", "id="))
    assert '"reason": "<b>because</b>"' in page.text
    assert "bob@example.org" in page.text
    assert "admin@example.org" in page.text


@pytest.mark.usefixtures("history")
async def test_an_event_that_there_is_not_is_not_found(portal: Portal, browser: Browser) -> None:
    for event_id in ("", "x", "0" * 400, "' OR 1=1 --"):
        url = httpx.URL(f"{portal.url}/admin/audit/event", params={"id": event_id})
        assert (await browser.open(url)).status == 404


@pytest.mark.usefixtures("history")
async def test_whatever_a_detail_holds_can_be_shown(portal: Portal, browser: Browser) -> None:
    """Rows of earlier and of later versions: no shape of them may break the page."""
    odd: list[Any] = [None, True, 0, -1, 1.5, "x" * 5_000, [], [1, [None]], {}, {"a": {"b": [1]}}]
    names = ("app", "scopes", "before", "after", "remember_for", "longest_grant", "reason",
             "search", "found", "matched", "fields", "grants")  # fmt: skip
    async with portal.store.writing() as rows:
        for name, value in itertools.product(names, odd):
            await rows.audit.add(
                "policy.changed", at=START, actor=None, client_id="odd", detail={name: value}
            )
    page = await search(browser, portal, client="odd")
    seen = len(found(page))
    while has_link(page, "Show older ones"):
        page = await browser.follow("Show older ones")
        assert page.status == 200
        seen += len(found(page))
    assert seen == len(names) * len(odd)
    before = {"before": {"scopes": 7}, "after": {"scopes": "x"}}
    async with portal.store.writing() as rows:
        await rows.audit.add(
            "grant.narrowed", at=START, actor=None, client_id="odder", detail=before
        )
    assert (await search(browser, portal, client="odder")).status == 200


HOSTILE: list[tuple[dict[str, str], str]] = [
    ({"what": "grant.eaten"}, "Nothing of this name happens here"),
    ({"what": "nonsense"}, "Nothing of this name happens here"),
    ({"order": "random"}, "There is no such order"),
    ({"since": "yesterday"}, "There is no such day"),
    ({"since": "2026-02-30"}, "There is no such day"),
    ({"until": "20260101"}, "There is no such day"),
    ({"until": "2026-W01-1"}, "There is no such day"),
    ({"until": "0000-01-01"}, "There is no such day"),
    ({"user": "x" * 321}, "longer than anything"),
    ({"client": "x\x00"}, "characters that no form sends"),
    ({"after": "x"}, "does not lead to a page"),
    ({"after": "ö"}, "does not lead to a page"),
    (place(b'["newest","2026-01-01","x"]'), "does not lead to a page"),
    (place(b'["oldest","2026-01-01T00:00:00Z","x"]'), "does not lead to a page"),
    (place(b'["newest","0001-01-01T00:00:00+23:59","x"]'), "does not lead to a page"),
    (place(b'["newest","2026-01-01T00:00:00Z","\\u0000"]'), "characters that no form sends"),
]


@pytest.mark.usefixtures("history")
async def test_an_address_that_means_nothing_is_told_so(portal: Portal, browser: Browser) -> None:
    for terms, text in HOSTILE:
        for path in ("/admin/audit", "/admin/audit/export"):
            if "after" in terms and path.endswith("export"):
                continue
            page = await browser.open(httpx.URL(f"{portal.url}{path}", params=terms))
            assert page.status == 400, (path, terms)
            assert text in page.text
    assert "audit.exported" not in await portal.actions()


@pytest.mark.usefixtures("history")
async def test_the_days_at_both_ends_of_the_calendar_are_days(
    portal: Portal, browser: Browser
) -> None:
    page = await search(browser, portal, since="0001-01-01", until="9999-12-31")
    assert len(found(page)) == 6


async def test_pages_neither_repeat_nor_lose_an_event(
    portal: Portal, browser: Browser, ann: Person, history: str
) -> None:
    """Also when many happened at the same instant, and when more happens meanwhile."""
    async with portal.store.writing() as rows:
        for number in range(117):
            await rows.audit.add(
                "grant.used",
                at=START + (number // 60) * DAY,
                actor=ann.subject,
                subject=ann.subject,
                client_id=f"c{number:03}",
            )
    for order, label in (("newest", "Show older ones"), ("oldest", "Show newer ones")):
        page, seen = await search(browser, portal, user="ann", order=order), []
        while True:
            links = [next(row.iter("a")).get("href", "") for row in rows_of(page)]
            seen += [httpx.URL(link).params["id"] for link in links]
            if not has_link(page, label):
                break
            page = await browser.follow(label)
            assert page.element("user").get("value") == "ann"
            assert has_link(page, "Back to the first page")
        assert len(seen) == 120
        assert len(set(seen)) == 120


async def test_a_search_that_stops_to_stay_fast_says_so_and_goes_on(
    portal: Portal, browser: Browser, history: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.store.audit.MOST_WALKED", 60)
    async with portal.store.writing() as rows:
        for number in range(150):
            at = START + DAY + timedelta(minutes=number)
            await rows.audit.add("grant.used", at=at, actor="system", client_id="busy")
        for number in range(150):
            at = START + DAY + timedelta(minutes=number)
            await rows.audit.add("grant.used", at=at, actor="other", client_id="photos")
        await rows.audit.add("grant.used", at=START, actor="system", client_id="photos")
    page = await search(browser, portal, actor="system", client="photos")
    assert found(page) == []
    assert "Looked back until 2 Jan 2026; nothing fits so far." in page.text
    while not found(page):
        page = await browser.follow("Look further")
    assert found(page) == [WORDS["grant.used"]]


@pytest.mark.usefixtures("history")
async def test_with_htmx_only_the_results_are_sent(portal: Portal, browser: Browser) -> None:
    answer = await browser._http.get(
        "/admin/audit?user=ann&client=&order=newest&what=", headers={"HX-Request": "true"}
    )
    assert answer.text.lstrip().startswith('<section id="audit-results"')
    assert answer.headers["hx-push-url"] == "/admin/audit?user=ann"
    here = {"HX-Request": "true", "HX-Current-URL": f"{portal.url}/admin/audit?user=ann"}
    answer = await browser._http.get("/admin/audit?user=ann&client=", headers=here)
    assert answer.headers["hx-push-url"] == "false"


@pytest.mark.usefixtures("history")
async def test_presets_narrow_the_same_search_to_lately(portal: Portal, browser: Browser) -> None:
    await search(browser, portal, what="portal.signed_in", until="2026-01-01")
    page = await browser.follow("Last 7 days")
    assert found(page) == [SIGNED_IN]
    assert page.element("since").get("value") == f"{datetime.now(UTC) - 6 * DAY:%Y-%m-%d}"
    assert page.element("until").get("value") == ""
    page = await browser.follow("Any time")
    assert page.query == {"what": "portal.signed_in"}


async def test_everybodys_address_is_found_in_one_query(
    portal: Portal, browser: Browser, history: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.store.users import Users  # noqa: PLC0415 - to count what is asked of it

    asked: list[set[str]] = []
    inner = Users.emails_of

    async def counted(self: Users, subjects: Any) -> dict[str, str]:
        asked.append(set(subjects))
        return await inner(self, subjects)

    monkeypatch.setattr(Users, "emails_of", counted)
    await search(browser, portal)
    assert asked == [{"ann-71f0", "bob-71f0", "gone", history}]


# Export


async def export(browser: Browser, **terms: str) -> httpx.Response:
    return await browser._http.get("/admin/audit/export", params=terms)


async def test_the_export_holds_what_the_search_means_the_oldest_first(
    browser: Browser, history: str, ann: Person
) -> None:
    answer = await export(browser, user="ann", until="2026-12-31", order="newest")
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["action"] for line in lines] == [
        "login.succeeded",
        "consent.allowed",
        "grant.narrowed",
    ]
    assert list(lines[1]) == sorted(lines[1])
    assert lines[1]["occurred_at"] == "2026-01-02T12:00:00Z"
    assert (lines[1]["subject"], lines[1]["user_agent"]) == (ann.subject, FIREFOX)
    assert lines[1]["detail"]["scopes"] == ["openid", "email"]


async def test_the_export_as_csv_starts_no_formula(
    portal: Portal, browser: Browser, history: str
) -> None:
    for text in ("=cmd|' /C calc'!A0", "+1", "-1", "@sum(1)", "\t=1", "\r=1"):
        async with portal.store.writing() as rows:
            await rows.audit.add(
                "login.failed", at=START, actor=None, origin=Origin(user_agent=text)
            )
    answer = await export(browser, format="csv", what="login.failed")
    lines = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(lines) == 6
    assert all(line["user_agent"].startswith("'") for line in lines)
    assert lines[0]["occurred_at"] == "2026-01-01T12:00:00Z"
    assert lines[0]["detail"] == "{}"


async def test_more_than_a_page_is_exported_whole(
    portal: Portal, browser: Browser, history: str
) -> None:
    async with portal.store.writing() as rows:
        for number in range(2_100):
            await rows.audit.add(
                "grant.used", at=START + timedelta(seconds=number // 7), actor="s",
                detail={"number": number},
            )  # fmt: skip
    answer = await export(browser, what="grant.used")
    numbers = [json.loads(line)["detail"]["number"] for line in answer.text.splitlines()]
    assert sorted(numbers) == list(range(2_100))
    assert [n // 7 for n in numbers] == sorted(n // 7 for n in numbers)


async def test_that_somebody_took_it_along_is_in_the_trail(
    portal: Portal, browser: Browser, history: str
) -> None:
    answer = await export(browser, user="ann", format="csv")
    assert answer.status_code == 200
    async with portal.store.reading() as rows:
        (event, *_) = (await rows.audit.list_page(after=None, limit=1)).events
    assert (event.action, event.actor) == ("audit.exported", history)
    assert event.detail == {"search": {"user": "ann"}, "format": "csv"}
    assert event.address == "203.0.113.7"
    everything = await export(browser)
    assert "audit.exported" in everything.text


async def test_a_search_that_means_only_a_part_is_not_exported(
    portal: Portal, browser: Browser, history: str
) -> None:
    for number in range(101):
        await portal.add_user(f"many-{number}@example.org")
    page = await search(browser, portal, user="many")
    assert "More than 100 people fit “many”" in page.text
    assert not has_link(page, "Export as CSV")
    answer = await export(browser, user="many")
    assert answer.status_code == 400
    assert "audit.exported" not in await portal.actions()


async def test_there_is_no_other_format(browser: Browser, history: str) -> None:
    assert (await export(browser, format="xml")).status_code == 400


# Words


def test_every_action_has_its_words_and_one_group() -> None:
    assert set(WORDS) == set(ACTIONS)
    grouped = [action for _, actions in GROUPS.values() for action in actions]
    assert sorted(grouped) == sorted(ACTIONS)
    assert len(set(WORDS.values())) == len(WORDS)
    assert not set(GROUPS) & set(ACTIONS)


async def test_a_day_that_there_is_not_stays_in_the_form_with_an_explanation(
    portal: Portal, browser: Browser, history: str
) -> None:
    page = await search(browser, portal, since="2026-02-30", user="ann", what="user.vanished")
    assert page.status == 400
    day = page.element("since")
    assert (day.get("value"), day.get("type")) == ("2026-02-30", "text"), "a date field is empty"
    assert "Write it like this" in words(page.element("since-problem"))
    assert page.element("user").get("value") == "ann"
    assert page.element("user").get("aria-invalid") is None
    browser.select("what", "")
    browser.fill("since", "2026-01-01")
    main = browser.page.element("audit-search")
    page = await browser.submit(next(main.iter("button")))
    assert page.status == 200
    assert found(page)


async def test_an_address_that_leads_nowhere_in_the_list_leads_back_to_its_beginning(
    portal: Portal, browser: Browser, history: str
) -> None:
    page = await search(browser, portal, user="ann", after="x")
    assert page.status == 400
    assert "Begin at the first page" in words(page.element("search-error"))
    page = await browser.follow("Back to the first page")
    assert page.status == 200
    assert page.element("user").get("value") == "ann"


async def test_what_is_searched_for_can_be_taken_away_piece_by_piece(
    portal: Portal, browser: Browser, history: str
) -> None:
    await search(browser, portal, user="ann", what="access", since="2026-01-02", order="oldest")
    page = await browser.follow("From day: 2 Jan 2026")
    assert page.query == {"user": "ann", "what": "access", "order": "oldest"}
    page = await browser.follow("What: Access that ended or changed")
    assert page.query == {"user": "ann", "order": "oldest"}
