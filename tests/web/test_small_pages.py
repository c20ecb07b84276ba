"""The first page, Ory's errors in words, and what is told to those who watch over the portal."""

import sqlite3

import httpx
import pytest

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.real.portal import Person


async def test_anybody_may_see_the_first_page(portal: Portal, browser: Browser) -> None:
    page = await browser.open(f"{portal.url}/")
    assert page.status == 200
    assert page.link("Sign in").endswith("/login")
    assert browser.cookies.jar.__len__() == 0, "who only looks gets no cookie"


async def test_the_first_page_knows_who_is_signed_in(
    portal: Portal, new_browser: NewBrowser, ann: Person, admin: Person
) -> None:
    for person, sees_all in ((ann, False), (admin, True)):
        browser = new_browser()
        await sign_in(browser, portal, person)
        page = await browser.open(f"{portal.url}/")
        assert person.email in page.text
        assert ("Administration" in page.text) is sees_all


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_client", "does not know the app"),
        ("request_forbidden", "cookie"),
        ("access_denied", "denied"),
        ("something_new", "Go back to the app"),
        ("", "Go back to the app"),
    ],
)
async def test_orys_errors_are_told_in_our_words(
    portal: Portal, browser: Browser, code: str, words: str
) -> None:
    page = await browser.open(f"{portal.url}/error?error={code}")
    assert page.status == 400
    assert words in page.text


async def test_nothing_of_an_errors_address_is_repeated_but_its_code(
    portal: Portal, http: httpx.AsyncClient
) -> None:
    told = {
        "error": "<script>alert(1)</script>" + "x" * 500,
        "error_description": "Call +49 900 1234567 now",
        "error_hint": "https://evil.example",
        "error_debug": "stack trace",
        "request_url": "https://evil.example",
    }
    answer = await http.get("/error", params=told)
    assert answer.status_code == 400
    for text in ("<script>alert", "1234567", "evil.example", "stack trace", "x" * 100):
        assert text not in answer.text


async def test_every_problem_can_be_referred_to(http: httpx.AsyncClient) -> None:
    """The reference stands in the log, too."""
    texts = [(await http.get("/nowhere")).text for _ in range(2)]
    quoted = [text.split('class="reference">')[1] for text in texts]
    references = {text.split("<code>")[1].split("<")[0] for text in quoted}
    assert len(references) == 2
    assert all(len(reference) == 32 for reference in references)


async def test_with_htmx_a_problem_replaces_the_content(http: httpx.AsyncClient) -> None:
    answer = await http.get("/nowhere", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer.headers["hx-retarget"] == "#content"
    assert "<html" not in answer.text


async def test_a_portal_that_answers_is_alive(http: httpx.AsyncClient, ory: OryDouble) -> None:
    ory.down()
    answer = await http.get("/health/alive")
    assert answer.json() == {"status": "ok"}
    assert ory.calls == []


async def test_ory_away_makes_a_portal_unready_only_where_that_is_wanted(
    new_portal: NewPortal, ory: OryDouble
) -> None:
    ory.down()
    for setting, status in (("0", 200), ("1", 503)):
        portal = await new_portal(PORTAL_READY_REQUIRES_ORY=setting)
        async with portal.http() as http:
            answer = await http.get("/health/ready")
        assert answer.status_code == status
        assert answer.json()["ory"] == "unavailable"


async def test_a_refused_key_is_told_until_one_is_accepted(
    new_portal: NewPortal, ory: OryDouble
) -> None:
    portal = await new_portal(PORTAL_READY_REQUIRES_ORY="1")
    login = f"/login?login_challenge={ory.plant_login()}"
    ory.status(401, {"error": {"code": 401, "status": "Unauthorized"}})
    async with portal.http() as http:
        assert (await http.get(login)).status_code == 503
        ory.heal()
        for _ in range(2):  # asking does not make it better
            answer = await http.get("/health/ready")
            assert (answer.status_code, answer.json()["ory"]) == (503, "key refused")
            assert "ORY_API_KEY" in answer.json()["errors"]["ory"]
        assert (await http.get(login)).status_code == 200
        answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "ory": "ok"})


async def test_a_database_of_another_version_makes_a_portal_unready(
    portal: Portal, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/health/ready")).status_code == 200
    with sqlite3.connect(portal.settings.database_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'other'")
    database.close()
    answer = await http.get("/health/ready")
    assert answer.status_code == 503
    assert "portal db upgrade" in answer.json()["errors"]["database"]


async def test_requests_are_counted_by_route_and_not_by_address(
    new_portal: NewPortal, ory: OryDouble
) -> None:
    portal = await new_portal(PORTAL_METRICS_TOKEN="token-of-the-metrics")
    async with portal.http() as http:
        for path in ("/login?login_challenge=secret-challenge-123", "/secret/path", "/static/a/b"):
            await http.get(path)
        await http.request("BREW", "/")
        told = await http.get(
            "/metrics/prometheus", headers={"Authorization": "Bearer token-of-the-metrics"}
        )
    assert 'route="/login"' in told.text
    assert 'method="other"' in told.text
    assert "secret" not in told.text
    assert "BREW" not in told.text
