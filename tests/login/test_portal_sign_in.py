"""Signing in to the portal itself: a session of its own, for as long as it is meant to last."""

import sqlite3
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import accounts
from portal.web.cookies import id_hash
from portal.web.session import HOME, local_path
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, hashed, sign_in
from tests.login.steps import field
from tests.real.portal import Person

SESSION = "__Host-portal_session"
PLANTED = "A" * 43


def session_of(browser: Browser) -> str | None:
    return next((c.value for c in browser.cookies.jar if c.name == SESSION), None)


async def is_signed_in(browser: Browser, portal: Portal) -> bool:
    return (await browser.open(f"{portal.url}/account/apps")).url.path == "/account/apps"


async def rows_of_sessions(portal: Portal) -> list[tuple[str, ...]]:
    path = portal.settings.database_url.removeprefix("sqlite:///")
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT session_id_hash, subject FROM portal_sessions").fetchall()
    finally:
        database.close()


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_hosts(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await browser.open(f"{portal.url}/login")
    form = {"action": "accept", "email": ann.email, "password": ann.password}
    form["form_token"] = field(browser.page, "form_token")
    answer = await browser._http.post("/login", data=form)
    (cookie,) = answer.headers.get_list("set-cookie")
    value, *attributes = [part.strip() for part in cookie.split(";")]
    assert value.startswith(f"{SESSION}=")
    assert {a.lower() for a in attributes} == {"path=/", "secure", "httponly", "samesite=lax"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("/admin", "to manage this site"),
        ("/admin/clients?app=x", "to manage this site"),
        ("/account/apps", "to see the apps that you connected"),
        ("/administrator", "to see the apps that you connected"),
        ("https://evil.example/admin", "to see the apps that you connected"),
    ],
)
async def test_the_form_says_what_the_sign_in_is_for(
    portal: Portal, browser: Browser, wanted: str, words: str
) -> None:
    page = await browser.open(f"{portal.url}/login?{urlencode({'next': wanted})}")
    assert words in page.text
    browser.fill("email", "nobody@example.org")
    browser.fill("password", "wrong")
    page = await browser.click("accept")
    assert page.status == 401
    assert words in page.text


async def test_the_cookies_have_plain_names_where_there_is_no_tls(
    new_portal: NewPortal, new_browser: NewBrowser, ann: Person
) -> None:
    portal = await new_portal(BASE_URL="http://localhost:4321")
    browser = new_browser(at=portal)
    await sign_in(browser, portal, ann)
    assert {c.name for c in browser.cookies.jar} == {"portal_browser", "portal_session"}


async def test_only_a_hash_of_the_session_is_kept(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    session = session_of(browser)
    assert session is not None
    assert len(session) == 43
    assert await rows_of_sessions(portal) == [(id_hash(session), ann.subject)]


async def test_a_planted_session_is_never_adopted(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    browser.cookies.set(SESSION, PLANTED, domain="login.example.org", path="/")
    assert not await is_signed_in(browser, portal)
    await sign_in(browser, portal, ann)
    assert session_of(browser) not in (None, PLANTED)
    assert id_hash(PLANTED) not in str(await rows_of_sessions(portal))
    async with portal.http() as attacker:
        attacker.cookies.set(SESSION, PLANTED, domain="login.example.org", path="/")
        assert (await attacker.get("/account/apps")).status_code == 302


async def test_signing_in_again_ends_the_session_before(
    portal: Portal, browser: Browser, ann: Person, bob: Person
) -> None:
    await sign_in(browser, portal, ann)
    first = session_of(browser)
    await sign_in(browser, portal, bob)
    assert session_of(browser) != first
    assert [subject for _, subject in await rows_of_sessions(portal)] == [bob.subject]


async def test_visitors_cost_no_row(portal: Portal, http: httpx.AsyncClient) -> None:
    for path in ("/", "/login", "/logout", "/account/apps", "/nowhere"):
        http.cookies.clear()
        await http.get(path)
    assert await rows_of_sessions(portal) == []


@pytest.mark.parametrize(
    "value", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "!", "A" * 4000, "é" * 43]
)
async def test_a_cookie_that_was_never_issued_is_not_looked_up(
    portal: Portal, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portal.store, "reading", None)
    async with portal.http() as http:
        cookie = f"{SESSION}={value}".encode()
        answer = await http.get("/account/apps", headers=[(b"cookie", cookie)])
    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("role", "idle", "lifetime"),
    [("ann", timedelta(minutes=30), timedelta(hours=12)),
     ("admin", timedelta(minutes=10), timedelta(hours=4))],
)  # fmt: skip
async def test_a_session_ends_when_nobody_is_there_and_at_last_in_any_case(
    portal: Portal,
    browser: Browser,
    ann: Person,
    admin: Person,
    role: str,
    idle: timedelta,
    lifetime: timedelta,
) -> None:
    person = {"ann": ann, "admin": admin}[role]
    start, second = datetime.now(UTC), timedelta(seconds=1)
    for away, expected in ((idle, True), (idle + second, False)):
        with time_machine.travel(start, tick=False):
            await sign_in(browser, portal, person)
        with time_machine.travel(start + away, tick=False):
            assert await is_signed_in(browser, portal) is expected
    with time_machine.travel(start, tick=False):
        await sign_in(browser, portal, person)
    now = start
    while now + idle < start + lifetime:
        now += idle
        with time_machine.travel(now, tick=False):
            assert await is_signed_in(browser, portal)
    with time_machine.travel(start + lifetime, tick=False):
        assert await is_signed_in(browser, portal)
    with time_machine.travel(start + lifetime + second, tick=False):
        assert not await is_signed_in(browser, portal)


async def test_a_page_that_asks_by_itself_does_not_keep_its_session_alive(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    start, idle = datetime.now(UTC), timedelta(minutes=10)
    with time_machine.travel(start, tick=False):
        await sign_in(browser, portal, admin)
    for minute in range(1, 11):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            async with portal.http(Polling="1", Cookie=f"{SESSION}={session_of(browser)}") as http:
                assert (await http.get("/admin/grants/jobs")).status_code == 200
    with time_machine.travel(start + idle + timedelta(seconds=1), tick=False):
        assert not await is_signed_in(browser, portal)


async def test_a_new_password_ends_every_session_also_in_other_processes(
    portal: Portal, new_portal: NewPortal, new_browser: NewBrowser, ann: Person
) -> None:
    other = await new_portal()
    browsers = [new_browser(), new_browser(at=other)]
    await sign_in(browsers[0], portal, ann)
    await sign_in(browsers[1], other, ann)
    async with other.store.writing() as rows:
        await rows.users.set_password(
            ann.subject, password_hash=hashed(ann.password), at=datetime.now(UTC)
        )
    assert not await is_signed_in(browsers[0], portal)
    assert not await is_signed_in(browsers[1], other)


async def test_somebody_disabled_is_out_at_the_next_click(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    await accounts.disable_user(portal.store, ann.subject, now=datetime.now(UTC), actor="cli")
    assert not await is_signed_in(browser, portal)
    await accounts.enable_user(portal.store, ann.subject, now=datetime.now(UTC), actor="cli")
    assert not await is_signed_in(browser, portal), "the old sign-in stays void"


async def test_a_cookie_is_worthless_after_signing_out(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await sign_in(browser, portal, ann)
    session = session_of(browser)
    assert session is not None
    await browser.open(f"{portal.url}/logout")
    await browser.click("accept")
    assert session_of(browser) is None
    browser.cookies.set(SESSION, session, domain="login.example.org", path="/")
    assert not await is_signed_in(browser, portal)
    assert await rows_of_sessions(portal) == []


async def test_a_portal_below_a_path_stays_below_it(
    new_portal: NewPortal, new_browser: NewBrowser, ory: OryDouble, ann: Person
) -> None:
    portal = await new_portal(BASE_URL="https://example.org/portal")
    browser = new_browser(at=portal)
    page = await browser.open("https://example.org/portal/account/apps")
    assert str(page.url) == "https://example.org/portal/login?next=/account/apps"
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    page = await browser.click("accept")
    assert str(page.url) == "https://example.org/portal/account/apps"
    assert page.response.headers["cross-origin-opener-policy"] == "same-origin"
    own = {e.get(n, "") for e in page.root.iter() for n in ("href", "src", "action") if e.get(n)}
    assert own
    assert all(path.startswith(("/portal/", "#")) for path in own)
    assert (await browser.open("https://example.org/portal")).status == 200
    assert (await browser.open("https://example.org/portals")).status == 404
    challenge = ory.plant_login()
    page = await browser.open(f"https://example.org/portal/login?login_challenge={challenge}")
    assert page.element("login-form").get("action", "").startswith("/portal/login")


ELSEWHERE = [
    "",
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/account//evil.example",
    "//account/apps",
    "/account/../../evil",
    "/account/..//evil.example",
    "/account/%2e%2e//evil",
    "/account/apps@evil.example",
    "/accountant",
    "/adminx",
    "/account:80",
    "/account\\@evil.example",
    "/account\t/apps",
    "/account/apps\r\nLocation: https://evil.example",
    "/account/apps?x=\r\nSet-Cookie: a=b",
    "/account#@evil.example",
    "account/apps",
    " /account/apps",
    "/login?next=/account",
    "/logout",
    "javascript:alert(1)",
    "data:text/html,x",
    "https:/account",
    "https:account",
    "/account/\u202eapps",
    "/account/äpps",
    "/Account/apps",
    "/account/apps\x00",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_a_sign_in_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == HOME


@pytest.mark.parametrize(
    "wanted",
    [
        "/account",
        "/account/apps",
        "/admin/grants",
        "/admin/grants?user=a%40b&state=active",
        "/admin/",
    ],
)
def test_a_sign_in_leads_to_the_page_that_wanted_it(wanted: str) -> None:
    assert local_path(wanted) == wanted


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                ["/account", "/admin", "//", "\\", "..", "@", "evil.example", ":", "?", "#", "%2f",
                 "\t", "\r\n", ".", ";", "https:", " ", "\u2044", "\uff0f"]
            ),
            max_size=8,
        ).map("".join),
    )
)  # fmt: skip
def test_wherever_a_sign_in_leads_is_on_this_host(wanted: str) -> None:
    target = httpx.URL("https://login.example.org/login").join(local_path(wanted))
    assert (target.scheme, target.host, target.port) == ("https", "login.example.org", None)
    assert target.path.startswith(("/account", "/admin"))
    assert "\\" not in local_path(wanted).partition("?")[0]
    assert not any(c in local_path(wanted) for c in "\r\n\t\x00")


async def test_the_hidden_field_is_checked_as_the_address_is(
    portal: Portal, browser: Browser, ann: Person
) -> None:
    await browser.open(f"{portal.url}/login?next=//evil.example")
    form = {"action": "accept", "email": ann.email, "password": ann.password}
    form |= {"form_token": field(browser.page, "form_token"), "next": "//evil.example"}
    answer = await browser._http.post("/login", data=form)
    assert answer.headers["location"] == "/account/apps"


async def test_not_signing_in_to_the_portal_leads_to_its_first_page(
    portal: Portal, browser: Browser
) -> None:
    await browser.open(f"{portal.url}/login")
    form = {"action": "reject", "form_token": field(browser.page, "form_token")}
    assert (await browser._http.post("/login", data=form)).headers["location"] == "/"
