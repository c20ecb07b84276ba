"""A search as a file: complete, harmless to spreadsheets, written down, and never in memory."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portal.admin import export as files
from portal.admin import grant_export
from portal.store import StoreUnavailableError
from portal.store.grant_index import GrantIndex, GrantPage
from portal.store.tables import GrantRecord
from tests.driver import Browser
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MANY = 3_000


@pytest.fixture
async def admin_http(portal: Portal, browser: Browser, admin: Person) -> httpx.AsyncClient:
    await sign_in(browser, portal, admin)
    return browser._http


async def add_many(portal: Portal, number: int) -> None:
    async with portal.store.writing() as rows:
        for n in range(number):
            at = START + timedelta(seconds=n // 7)
            await rows.grants.save(
                GrantRecord(
                    subject=f"s{n:05}",
                    client_id=f"c{n % 3}",
                    client_name="App",
                    scopes=["openid"],
                    audience=[],
                    remembered_scopes=[],
                    remembered_audience=[],
                    decision_id="0192f0a0-0000-7000-8000-000000000000",
                    granted_at=at,
                    last_accept_at=at,
                )
            )


async def export(http: httpx.AsyncClient, format_: str, **terms: str) -> list[dict[str, Any]]:
    answer = await http.get("/admin/grants/export", params={"format": format_} | terms)
    assert answer.status_code == 200, answer.text
    if format_ == "csv":
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_line_tells_an_auditor_everything(
    portal: Portal, admin_http: httpx.AsyncClient, ann: Person
) -> None:
    until = START + timedelta(days=30)
    await portal.add_grant(
        ann,
        scopes=["openid", "email"],
        audience=["https://a.example", "https://b.example"],
        granted_at=START,
        last_accept_at=START + timedelta(microseconds=5),
        expires_at=until,
        revoked_at=until,
        revoke_reason="user",
        revoke_synced_at=until,
    )
    expected = {
        "subject": ann.subject,
        "email": ann.email,
        "client_id": "photos",
        "client_name": "Photos",
        "client_uri": None,
        "scopes": ["openid", "email"],
        "audience": ["https://a.example", "https://b.example"],
        "remembered_scopes": ["openid", "email"],
        "remembered_audience": [],
        "state": "revoked",
        "granted_at": "2026-01-01T12:00:00Z",
        "last_accept_at": "2026-01-01T12:00:00.000005Z",
        "expires_at": "2026-01-31T12:00:00Z",
        "revoked_at": "2026-01-31T12:00:00Z",
        "revoke_reason": "user",
        "revoke_synced_at": "2026-01-31T12:00:00Z",
        "decision_id": "0192f0a0-0000-7000-8000-000000000000",
    }
    assert await export(admin_http, "jsonl") == [expected]
    (line,) = await export(admin_http, "csv")
    assert line == {
        name: " ".join(value) if isinstance(value, list) else value or ""
        for name, value in expected.items()
    }


async def test_it_is_a_file_to_save_under_the_usual_protection(
    portal: Portal, admin_http: httpx.AsyncClient, ann: Person
) -> None:
    for format_, media_type in (
        ("csv", "text/csv; charset=utf-8"),
        ("jsonl", "application/jsonl"),
    ):
        answer = await admin_http.get(f"/admin/grants/export?format={format_}")
        assert answer.headers["content-type"] == media_type
        name = f"connected-apps-{datetime.now(UTC):%Y-%m-%d}.{format_}"
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-length" not in answer.headers


async def test_whoever_takes_it_along_is_written_down_first(
    portal: Portal, admin_http: httpx.AsyncClient, admin: Person
) -> None:
    terms = {"user": "ann", "used": "before-30d", "order": "used", "format": "jsonl"}
    await export(admin_http, terms.pop("format"), **terms)
    async with portal.store.reading() as rows:
        (event, *_) = (await rows.audit.list_page(after=None, limit=5)).events
    assert (event.action, event.actor) == ("grants.exported", admin.subject)
    search = {"user": "ann", "used": "before-30d"}
    assert event.detail == {"search": search, "format": "jsonl"}
    assert event.address


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("https://evil")', "\n=1"]


async def test_no_spreadsheet_takes_a_name_for_a_formula(
    portal: Portal, admin_http: httpx.AsyncClient, ann: Person
) -> None:
    for number, name in enumerate(DANGEROUS):
        await portal.add_grant(
            ann, f"-{number}", client_name=name, scopes=[name.strip()], audience=['a,b;"c"\nd']
        )
    lines = await export(admin_http, "csv")
    assert sorted(line["client_name"] for line in lines) == sorted(f"'{n}" for n in DANGEROUS)
    for line in lines:
        assert line["client_id"].startswith("'-")
        assert line["scopes"].startswith("'")
        assert line["audience"] == 'a,b;"c"\nd'
        assert not any(str(cell).startswith(files.EXECUTED) for cell in line.values())
    assert {line["client_name"] for line in await export(admin_http, "jsonl")} == set(DANGEROUS)


async def test_a_file_holds_what_the_search_finds(
    portal: Portal, admin_http: httpx.AsyncClient, ann: Person, bob: Person
) -> None:
    await portal.add_grant(ann, granted_at=START)
    await portal.add_grant(bob, granted_at=START + timedelta(days=1))
    await portal.add_grant(bob, "notes", granted_at=START, revoked_at=START)
    for terms, expected in (
        ({}, ["photos", "notes", "photos"]),
        ({"user": "bob"}, ["notes", "photos"]),
        ({"user": "bob", "state": "active"}, ["photos"]),
        ({"user": "bob", "order": "used"}, ["photos", "notes"]),
        ({"user": "nobody"}, []),
    ):
        for format_ in ("csv", "jsonl"):
            lines = await export(admin_http, format_, **terms)
            assert sorted(line["client_id"] for line in lines) == sorted(expected), terms


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
async def test_many_pages_are_one_file_without_gap_or_repetition(
    portal: Portal, admin_http: httpx.AsyncClient, format_: str
) -> None:
    await add_many(portal, MANY)
    lines = await export(admin_http, format_)
    subjects = [line["subject"] for line in lines]
    assert subjects == [f"s{n:05}" for n in range(MANY)]


async def test_it_goes_on_where_the_search_stopped_to_stay_fast(
    portal: Portal, admin_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also over pages on which nothing fits."""
    await add_many(portal, 30)
    page = GrantIndex.page

    async def slow(self: GrantIndex, selection: Any, **options: Any) -> GrantPage:
        found = await page(self, selection, **options | {"limit": 4})
        if len(calls) % 2:
            return GrantPage(rows=(), next=options["after"] or (START, "", ""), looked_until=START)
        return found

    calls: list[int] = []

    async def counted(self: GrantIndex, selection: Any, **options: Any) -> GrantPage:
        calls.append(1)
        return await slow(self, selection, **options)

    monkeypatch.setattr(GrantIndex, "page", counted)
    assert len(await export(admin_http, "jsonl")) == 30
    assert len(calls) > 10


async def test_a_page_is_read_when_the_one_before_was_taken_and_no_unit_stays_open(
    portal: Portal, admin_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant_export, "MAX_PAGE", 100)
    await add_many(portal, MANY)
    page, read, sent = GrantIndex.page, [], []

    async def counted(self: GrantIndex, selection: Any, **options: Any) -> GrantPage:
        read.append(options["limit"])
        return await page(self, selection, **options)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            sent.append(message["body"])
            assert len(read) == len(sent)
            async with portal.store.writing() as rows:  # SQLite has one writer
                await rows.users.disable("nobody", datetime.now(UTC))

    monkeypatch.setattr(GrantIndex, "page", counted)
    await asgi_get(portal, admin_http, "/admin/grants/export?format=jsonl", send)
    assert len(sent) == MANY / 100
    assert all(part.count(b"\n") == 100 for part in sent)


async def test_a_browser_that_goes_away_ends_the_work(
    portal: Portal, admin_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant_export, "MAX_PAGE", 10)
    await add_many(portal, 500)
    gone, sent = asyncio.Event(), []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 4:
            gone.set()
        await asyncio.sleep(0)

    await asgi_get(portal, admin_http, "/admin/grants/export", send, gone)
    assert len(sent) < 20
    assert not any(m.get("more_body") is False for m in sent[1:])
    async with portal.store.writing() as rows:
        await rows.users.disable("nobody", datetime.now(UTC))


async def test_a_database_that_fails_half_way_leaves_no_file_that_looks_whole(
    portal: Portal, admin_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grant_export, "MAX_PAGE", 10)
    await add_many(portal, 50)
    page, read, sent = GrantIndex.page, [], []

    async def failing(self: GrantIndex, selection: Any, **options: Any) -> GrantPage:
        read.append(1)
        if len(read) == 3:
            raise StoreUnavailableError("away")
        return await page(self, selection, **options)

    async def send(message: Any) -> None:
        sent.append(message)

    monkeypatch.setattr(GrantIndex, "page", failing)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever makes the server hang up
        await asgi_get(portal, admin_http, "/admin/grants/export?format=jsonl", send)
    assert [m["type"] for m in sent].count("http.response.start") == 1
    assert all(m["more_body"] for m in sent[1:])
    assert b"".join(m["body"] for m in sent[1:]).count(b"\n") == 20


async def asgi_get(
    portal: Portal,
    http: httpx.AsyncClient,
    path: str,
    send: Any,
    gone: asyncio.Event | None = None,
) -> None:
    """One request without a client in between, which would wait for the whole answer."""
    gone = gone or asyncio.Event()

    async def send_and_see(message: Any) -> None:
        await send(message)
        if message["type"] == "http.response.body" and not message["more_body"]:
            gone.set()  # as servers tell it, when the answer is complete

    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if asked:
            return asked.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    url = httpx.URL(f"{portal.url}{path}")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": url.path,
        "raw_path": url.raw_path,
        "query_string": url.query,
        "root_path": "",
        "headers": [(b"host", url.host.encode()), (b"cookie", cookie.encode())],
        "client": ("203.0.113.7", 1),
        "server": ("login.example.org", 443),
        "state": {},
    }
    app: Any = portal.app
    task = asyncio.ensure_future(app(scope, receive, send_and_see))
    done, _ = await asyncio.wait({task}, timeout=60)
    assert done, "the work does not end"
    await task


@pytest.mark.parametrize(
    "query", ["format=xlsx", "format=", "format=CSV", "allowed=soon", "order=x", "after=x"]
)
async def test_what_cannot_be_exported_is_refused_as_a_page(
    portal: Portal, admin_http: httpx.AsyncClient, query: str
) -> None:
    answer = await admin_http.get(f"/admin/grants/export?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "content-disposition" not in answer.headers
    assert "grants.exported" not in await portal.actions()


async def test_looking_whether_there_is_a_file_exports_nothing(
    portal: Portal, admin_http: httpx.AsyncClient
) -> None:
    assert (await admin_http.head("/admin/grants/export")).status_code == 405
    assert "grants.exported" not in await portal.actions()
