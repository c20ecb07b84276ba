"""Who may do what: every route of the application, by everybody. A route without an entry fails."""

import sqlite3
import time
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from portal.store.tables import LoginSession, Passkey, PortalSession, TotpFactor
from portal.web.cookies import BROWSER, SESSION
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, Portal, sign_in
from tests.real.portal import Person

SIGN_IN = "sign in"
"""Sent to the portal's own sign-in, and back afterwards."""
CAST = ("anonymous", "user", "disabled user", "demoted admin", "admin")

GET = {
    "/": (200, 200, 200, 200, 200),
    "/login": (200, 200, 200, 200, 200),
    "/login/factor": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/login/enrol": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/login/new-password": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/consent": (404, 404, 404, 404, 404),
    "/device/verify": (200, 200, 200, 200, 200),
    "/device/success": (200, 200, 200, 200, 200),
    "/device/denied": (200, 200, 200, 200, 200),
    "/oauth2/device/success": (200, 200, 200, 200, 200),
    "/logout": (200, 200, 200, 200, 200),
    "/error": (400, 400, 400, 400, 400),
    "/account": (SIGN_IN, 302, SIGN_IN, 302, 302),
    "/account/apps": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/apps/one": (SIGN_IN, 302, SIGN_IN, 302, 302),
    "/account/apps/disconnect": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/apps/change": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/passkeys/add": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/security/authenticator/add": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/security/codes": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/factors/rename": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/factors/remove": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/security/activity": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/security/password": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/security/delete": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/profile": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/account/email": (SIGN_IN, 200, SIGN_IN, 200, 200),
    "/recover": (404, 404, 404, 404, 404),
    "/recover/reset": (410, 410, 410, 410, 410),
    "/register": (404, 404, 404, 404, 404),
    "/register/finish": (410, 410, 410, 410, 410),
    "/verify": (410, 410, 410, 410, 410),
    "/goodbye": (200, 200, 200, 200, 200),
    "/admin": (SIGN_IN, 403, SIGN_IN, 403, 302),
    "/admin/grants": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/one": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/at-ory": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/export": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/revoke": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/revoke-all": (SIGN_IN, 403, SIGN_IN, 403, 422),
    "/admin/grants/jobs": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/grants/jobs/{bulk_id:str}": (SIGN_IN, 403, SIGN_IN, 403, 404),
    "/admin/grants/drift": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/clients": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/audit": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/audit/event": (SIGN_IN, 403, SIGN_IN, 403, 404),
    "/admin/audit/export": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/clients/create": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/clients/edit": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/clients/delete": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/clients/rotate": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/create": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/invitations": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/one": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/act": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/address": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/admin/users/data": (SIGN_IN, 403, SIGN_IN, 403, 200),
    "/health/alive": (200, 200, 200, 200, 200),
    "/health/ready": (200, 200, 200, 200, 200),
    "/metrics/prometheus": (404, 404, 404, 404, 404),
    "/static/{version:str}/{name:str}": (404, 404, 404, 404, 404),
    "/theme/{version:str}/{name:str}": (404, 404, 404, 404, 404),
}
POST_WITHOUT_A_TOKEN = {
    "/login": (403, 403, 403, 403, 403),
    "/login/passkey": (403, 403, 403, 403, 403),
    "/login/factor": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/login/enrol": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/login/new-password": (SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN, SIGN_IN),
    "/consent": (403, 403, 403, 403, 403),
    "/consent/summary": (403, 403, 403, 403, 403),
    "/device/verify": (403, 403, 403, 403, 403),
    "/logout": (403, 403, 403, 403, 403),
    "/language": (303, 303, 303, 303, 303),
    "/password-strength": (403, 403, 403, 403, 403),
    "/account/apps/disconnect": (SIGN_IN, 403, SIGN_IN, 404, 404),
    "/account/apps/undo": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/apps/change": (SIGN_IN, 403, SIGN_IN, 404, 404),
    "/account/security/passkeys/add": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/security/authenticator/add": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/security/codes": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/factors/rename": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/factors/remove": (SIGN_IN, 404, SIGN_IN, 404, 404),
    "/account/security/sessions/end": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/security/sign-out-elsewhere": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/security/password": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/security/delete": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/profile": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/account/email": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/recover": (404, 404, 404, 404, 404),
    "/recover/reset": (410, 410, 410, 410, 410),
    "/register": (404, 404, 404, 404, 404),
    "/register/finish": (410, 410, 410, 410, 410),
    "/verify": (410, 410, 410, 410, 410),
    "/admin/grants/revoke": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/grants/revoke-all": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/grants/jobs/{bulk_id:str}/stop": (SIGN_IN, 403, SIGN_IN, 403, 404),
    "/admin/grants/drift/run": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/grants/drift/person": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/clients/create": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/clients/edit": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/clients/delete": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/clients/rotate": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/create": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/invitations/withdraw": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/act": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/address": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/sessions/end": (SIGN_IN, 403, SIGN_IN, 403, 403),
    "/admin/users/data": (SIGN_IN, 403, SIGN_IN, 403, 403),
}
"""A complete form but for its token, which the choice of a language does not have; ``user`` is the
one with a grant.
"""
ADMIN_QUERY = {"client_id": "photos", "act": "disable"}
"""With Ann's subject it names something on every admin page."""
MATRIX = {("GET", path): cells for path, cells in GET.items()} | {
    ("POST", path): cells for path, cells in POST_WITHOUT_A_TOKEN.items()
}


def routes(portal: Portal) -> set[tuple[str, str]]:
    inner = cast(Litestar, cast(Any, portal.app)._app)
    found = {(m, route.path) for route in inner.routes for m in getattr(route, "methods", ())}
    return {(method, path) for method, path in found if method != "OPTIONS"}


async def test_every_route_has_an_entry(portal: Portal) -> None:
    assert routes(portal) == set(MATRIX)


@pytest.fixture
async def browsers(
    portal: Portal,
    new_browser: NewBrowser,
    ory: OryDouble,
    ann: Person,
    bob: Person,
    admin: Person,
) -> dict[str, tuple[Browser, httpx.AsyncClient]]:
    """Everybody with a session that once was good. Ann has connected an app."""
    await portal.add_grant(ann)
    ory.plant_client("photos")
    demoted = await portal.add_user("former-admin@example.org", admin=True)
    people = dict(zip(CAST, (None, ann, bob, demoted, admin), strict=True))
    found = {}
    for role, person in people.items():
        browser = new_browser()
        if person is not None:
            await sign_in(browser, portal, person)
        found[role] = (browser, browser._http)
    change(portal, "UPDATE users SET disabled_at = '2026-01-01' WHERE subject = ?", bob.subject)
    change(portal, "UPDATE users SET admin = 0 WHERE subject = ?", demoted.subject)
    return found


def change(portal: Portal, statement: str, *values: str) -> None:
    with sqlite3.connect(path_of(portal)) as database:
        assert database.execute(statement, values).rowcount == 1
    database.close()


def content(portal: Portal) -> list[str]:
    database = sqlite3.connect(path_of(portal))
    try:
        return list(database.iterdump())
    finally:
        database.close()


def path_of(portal: Portal) -> str:
    return portal.settings.database_url.removeprefix("sqlite:///")


def told(answer: httpx.Response) -> int | str:
    location = answer.headers.get("location", "")
    return SIGN_IN if location.startswith("/login?next=/") else answer.status_code


async def test_reading_is_answered_as_the_matrix_says(
    portal: Portal, browsers: dict[str, tuple[Browser, httpx.AsyncClient]], ann: Person
) -> None:
    expected, answered = {}, {}
    for path, cells in GET.items():
        params = ADMIN_QUERY | {"subject": ann.subject} if "/admin" in path else {}
        for role, cell in zip(CAST, cells, strict=True):
            answer = await browsers[role][1].get(path, params=params)
            expected[path, role], answered[path, role] = cell, told(answer)
    assert answered == expected


def form_for(path: str, ory: OryDouble, ann: Person) -> dict[str, str]:
    consent = ory.plant_consent(subject=ann.subject, context={"epoch": 0})
    return {
        "/login": {"action": "accept", "email": ann.email, "password": ann.password},
        "/login/passkey": {"credential": "{}"},
        "/login/factor": {"code": "123456"},
        "/login/enrol": {"code": "123456", "sealed": "x"},
        "/login/new-password": {"password": "correct horse battery staple"},
        "/consent": {"action": "accept", "consent_challenge": consent, "grant_scope": "openid"},
        "/consent/summary": {"consent_challenge": consent, "grant_scope": "openid"},
        "/device/verify": {"device_challenge": ory.plant_device(), "user_code": "WDJBMJHT"},
        "/logout": {"action": "accept"},
        "/language": {"language": "de", "back": "/account/apps"},
        "/password-strength": {"password": "correct horse battery staple"},
        "/account/apps/disconnect": {"client_id": "photos"},
        "/account/apps/undo": {"client_id": "photos"},
        "/account/apps/change": {"client_id": "photos", "grant_scope": "openid"},
        "/account/security/passkeys/add": {"credential": "{}"},
        "/account/security/authenticator/add": {"sealed": "x", "code": "123456"},
        "/account/security/codes": {},
        "/account/security/factors/rename": {"kind": "totp", "id": "x", "name": "Another name"},
        "/account/security/factors/remove": {"kind": "passkey", "id": "x"},
        "/account/security/sessions/end": {"kind": "portal", "handle": "a" * 64},
        "/account/security/sign-out-elsewhere": {},
        "/account/security/password": {
            "current_password": ann.password,
            "password": "another long password",
        },
        "/account/security/delete": {"email": ann.email},
        "/account/profile": {"name": "Another Name"},
        "/account/email": {"action": "move", "email": "another@example.org"},
        "/recover": {"email": ann.email},
        "/recover/reset": {"token": "A" * 43, "password": "another long password"},
        "/register": {"email": "another@example.org"},
        "/register/finish": {"token": "A" * 43, "password": "another long password"},
        "/verify": {"token": "A" * 43, "action": "accept"},
        "/admin/grants/revoke": {"subject": ann.subject, "client_id": "photos"},
        "/admin/grants/revoke-all": {"client": "photos", "expected": "1"},
        "/admin/grants/jobs/{bulk_id:str}/stop": {},
        "/admin/grants/drift/run": {},
        "/admin/grants/drift/person": {"person": ann.email},
        "/admin/clients/create": {"client_id": "new", "client_name": "New", "scope": "openid"},
        "/admin/clients/edit": {"client_id": "photos", "client_name": "Another name"},
        "/admin/clients/delete": {"client_id": "photos"},
        "/admin/clients/rotate": {"client_id": "photos"},
        "/admin/users/create": {
            "email": "new@example.org",
            "password": "correct horse battery staple",
            "how": "password",
        },
        "/admin/users/invitations/withdraw": {"email": "new@example.org"},
        "/admin/users/act": {"subject": ann.subject, "act": "delete"},
        "/admin/users/address": {"subject": ann.subject, "email": "new@example.org"},
        "/admin/users/sessions/end": {
            "subject": ann.subject,
            "kind": "portal",
            "handle": "a" * 64,
        },
        "/admin/users/data": {"subject": ann.subject, "name": "Another name"},
    }[path]


@pytest.mark.parametrize("token", ["", "x", "AAAA" * 16])
async def test_nothing_is_changed_without_a_token(
    portal: Portal,
    browsers: dict[str, tuple[Browser, httpx.AsyncClient]],
    ory: OryDouble,
    ann: Person,
    token: str,
) -> None:
    expected, answered = {}, {}
    for path, cells in POST_WITHOUT_A_TOKEN.items():
        form = form_for(path, ory, ann) | {"form_token": token}
        for role, cell in zip(CAST, cells, strict=True):
            before = changed_by_forms(portal)
            answer = await browsers[role][1].post(path, data=form)
            expected[path, role], answered[path, role] = cell, told(answer)
            assert changed_by_forms(portal) == before, (path, role)
    assert answered == expected
    assert ory.decisions == []
    assert ory.deletions == []
    assert {method for method, _ in ory.calls} == {"GET"}


def changed_by_forms(portal: Portal) -> list[str]:
    """All rows but those of challenges that were seen, and nothing was decided about."""
    return [line for line in content(portal) if '"flows"' not in line or "decided" in line]


def token_of(portal: Portal, http: httpx.AsyncClient, purpose: str) -> str:
    """A token as a page of that purpose would have had it for this browser."""
    web = cast(Litestar, cast(Any, portal.app)._app).state.web
    ids = [web.cookies.read(dict(http.cookies), name) for name in (BROWSER, SESSION)]
    token: str = web.tokens.make(*ids, purpose, "", now=time.time())
    return token


OF_ANN = (
    ("/account/apps/disconnect", "account.disconnect", {"client_id": "photos"}),
    ("/account/apps/undo", "account.undo", {"client_id": "photos"}),
    (
        "/account/apps/change",
        "account.change",
        {"client_id": "photos", "grant_scope": "openid"},
    ),
    (
        "/account/security/sessions/end",
        "account.security",
        {"kind": "portal", "handle": "a" * 64},
    ),
    (
        "/account/security/sessions/end",
        "account.security",
        {"kind": "login", "handle": "b" * 64},
    ),
    (
        "/account/security/factors/rename",
        "enrolment.rename",
        {"kind": "totp", "id": "anns-app", "name": "Mine now"},
    ),
    (
        "/account/security/factors/rename",
        "enrolment.rename",
        {"kind": "passkey", "id": "anns-key", "name": "Mine now"},
    ),
    (
        "/account/security/factors/remove",
        "enrolment.remove",
        {"kind": "totp", "id": "anns-app"},
    ),
    (
        "/account/security/factors/remove",
        "enrolment.remove",
        {"kind": "passkey", "id": "anns-key"},
    ),
)
"""Forms that name something by an id, with ids of Ann's: where, the purpose of the form's token,
and what is posted.
"""


@pytest.mark.parametrize("role", ["demoted admin", "admin"])
async def test_nobody_reaches_what_is_somebody_elses(
    portal: Portal,
    browsers: dict[str, tuple[Browser, httpx.AsyncClient]],
    ann: Person,
    role: str,
) -> None:
    """By a form of their own with an id of somebody else's; administrators have other pages."""
    http = browsers[role][1]
    now = datetime.now(UTC)
    whose: dict[str, Any] = {"subject": ann.subject, "epoch": 0}
    where: dict[str, Any] = {"address": "", "user_agent": "", "authenticated_at": now}
    async with portal.store.writing() as rows:
        await rows.portal_sessions.add(
            PortalSession(session_id_hash="a" * 64, seen_at=now, **whose, **where)
        )
        await rows.login_sessions.save(
            LoginSession(
                session_id_hash="b" * 64,
                acr="aal1",
                amr=["pwd"],
                remembered=True,
                last_used_at=now,
                **whose,
                **where,
            )
        )
        await rows.totp_factors.add(
            TotpFactor(
                id="anns-app", subject=ann.subject, sealed_secret="s", name="App", created_at=now
            )
        )
        await rows.passkeys.add(
            Passkey(
                credential_id="anns-key",
                subject=ann.subject,
                public_key="p",
                sign_count=0,
                transports=[],
                backed_up=False,
                name="Key",
                created_at=now,
            )
        )
    before = content(portal)
    for path, purpose, ids in OF_ANN:
        form = ids | {"form_token": token_of(portal, http, purpose)}
        answer = await http.post(path, data=form)
        assert answer.status_code != 403, ("the token is to fit", path)
        assert answer.status_code in (404, 409, 303), (path, answer.status_code)
        assert content(portal) == before, path


async def test_every_route_refuses_every_other_method(portal: Portal) -> None:
    async with portal.http() as http:
        for path in {path for _, path in MATRIX}:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "PROPFIND"):
                if (method, path) not in MATRIX:
                    answer = await http.request(method, path.replace("{", "").replace("}", ""))
                    monitored = path == "/" or path.startswith(("/health/", "/static/"))
                    allowed = method == "HEAD" and monitored
                    assert (answer.status_code == 405) is not allowed, (method, path)


async def test_a_sign_in_leads_back_to_the_page_that_wanted_it(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    page = await browser.open(f"{portal.url}/admin/grants?user=ann&state=active")
    assert page.url.path == "/login"
    browser.fill("email", admin.email)
    browser.fill("password", admin.password)
    page = await browser.click("accept")
    assert str(page.url) == f"{portal.url}/admin/grants?user=ann&state=active"


async def test_a_former_admin_is_told_so_and_stays_signed_in(
    browsers: dict[str, tuple[Browser, httpx.AsyncClient]],
) -> None:
    http = browsers["demoted admin"][1]
    assert "may not see this page" in (await http.get("/admin/grants")).text
    assert (await http.get("/account/apps")).status_code == 200


async def test_nobody_gets_to_the_admin_pages_by_spelling(
    browsers: dict[str, tuple[Browser, httpx.AsyncClient]],
) -> None:
    http = browsers["user"][1]
    for path in (
        "/admin/grants/",
        "/admin//grants",
        "//admin/grants",
        "/./admin/grants",
        "/account/../admin/grants",
        "/ADMIN/grants",
        "/admin%2fgrants",
        "/%61dmin/grants",
        "/admin/grants;x=1",
        "/health/../admin/grants",
        "/admin/grants/health",
    ):
        answer = await http.get(httpx.URL("https://login.example.org", raw_path=path.encode()))
        assert answer.status_code in (400, 403, 404), path
