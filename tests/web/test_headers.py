"""The headers of every answer, whatever its status."""

import re
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pytest

from portal.web import edge
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import NewBrowser, NewPortal, Portal, sign_in
from tests.login.steps import overloaded
from tests.real.portal import Person
from tests.web.raw import FORM, HOST, Answer, ask

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
INLINE = ("on", "style")
SOURCES = {"'none'", "'self'"}


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split(";")]
    assert len({part[0] for part in parts}) == len(parts)
    return {name: values for name, *values in parts}


def check(headers: httpx.Headers, *, at_ory: bool = False, cached: bool = False) -> None:
    """Every security header once, and the policy that belongs to the page."""
    for name, value in ALWAYS.items():
        assert headers.get_list(name) == [value], name
    (policy,) = headers.get_list("content-security-policy")
    csp = directives(policy)
    assert {source for values in csp.values() for source in values} <= SOURCES
    assert csp["default-src"] == csp["frame-ancestors"] == csp["base-uri"] == ["'none'"]
    assert csp.get("form-action") == (None if at_ory else ["'self'"])
    assert len(headers.get_list("cache-control")) == 1
    assert (headers["cache-control"] == "no-store") is not cached
    assert "server" not in headers
    assert "x-powered-by" not in headers


def as_headers(answer: Answer) -> httpx.Headers:
    return httpx.Headers(list(answer.headers))


async def statuses(portal: Portal, ory: OryDouble, http: httpx.AsyncClient) -> dict[int, Answer]:
    """One answer of each status that needs no session."""
    used, login = ory.plant_logout(), ory.plant_login()
    ory.expire(used)
    app = portal.app
    return {
        200: await ask(app, "GET", "/"),
        302: await ask(app, "GET", "/account/apps"),
        303: await ask(app, "POST", "/account/apps/disconnect", headers=[HOST, FORM]),
        400: await ask(app, "GET", "/", query=b"%FF"),
        403: await ask(app, "POST", "/", headers=[HOST, (b"origin", b"null")]),
        404: await ask(app, "GET", "/nowhere"),
        405: await ask(app, "DELETE", "/login"),
        408: await ask(app, "POST", "/login", headers=[HOST, FORM], chunks=[b"a"], stall=True),
        410: await ask(app, "GET", "/logout", query=f"logout_challenge={used}".encode()),
        413: await ask(app, "POST", "/login", headers=[HOST, (b"content-length", b"99999")]),
        415: await ask(app, "POST", "/login", headers=[HOST]),
        431: await ask(app, "GET", "/", headers=[HOST, (b"x", b"a" * 40_000)]),
        503: await away(app, ory, login),
        502: await nonsense(app, ory, login),
    }


async def away(app: object, ory: OryDouble, challenge: str) -> Answer:
    ory.down()
    answer = await ask(app, "GET", "/login", query=f"login_challenge={challenge}".encode())  # type: ignore[arg-type]
    ory.heal()
    return answer


async def nonsense(app: object, ory: OryDouble, challenge: str) -> Answer:
    ory.garbage()
    answer = await ask(app, "GET", "/login", query=f"login_challenge={challenge}".encode())  # type: ignore[arg-type]
    ory.heal()
    return answer


async def test_each_status_carries_every_security_header(
    portal: Portal, ory: OryDouble, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.05)
    for status, answer in (await statuses(portal, ory, http)).items():
        assert answer.status == status
        check(as_headers(answer))


async def test_a_mistake_of_ours_shows_nothing_of_itself(
    portal: Portal, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the innermost secret")

    monkeypatch.setattr("portal.welcome.controller.find_person", fail)
    answer = await http.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    check(answer.headers)


async def answered(browser: Browser, page: str, **fields: str) -> httpx.Response:
    await browser.open(page)
    for name, value in fields.items():
        browser.fill(name, value)
    return (await browser.click("accept")).response


async def test_the_forms_that_end_at_ory_may_be_redirected_there(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    consent = ory.plant_consent(subject=ann.subject, context={"epoch": 0})
    pages = {
        "login": f"/login?login_challenge={ory.plant_login()}",
        "portal": "/login",
        "consent": f"/consent?consent_challenge={consent}",
        "logout": f"/logout?logout_challenge={ory.plant_logout()}",
    }
    for page in pages.values():
        check((await browser.open(portal.url + page)).response.headers, at_ory=True)
    wrong = await answered(browser, portal.url + pages["login"], email="x@y.org", password="no")
    assert wrong.status_code == 401
    check(wrong.headers, at_ory=True)
    nothing = await answered(browser, portal.url + pages["consent"])
    assert nothing.status_code == 422
    check(nothing.headers, at_ory=True)


async def test_throttled_and_opposite_answers_carry_them_too(
    portal: Portal, browser: Browser, ory: OryDouble, ann: Person
) -> None:
    page = f"{portal.url}/login?login_challenge={ory.plant_login()}"
    await browser.open(page)
    form = browser.page
    await browser.click("reject")
    browser.show(form)
    browser.fill("email", ann.email)
    browser.fill("password", ann.password)
    opposite = (await browser.click("accept")).response
    assert opposite.status_code == 409
    check(opposite.headers)
    page = f"{portal.url}/login"
    for _ in range(5):
        await answered(browser, page, email="x@example.org", password="no")
    last = await answered(browser, page, email="x@example.org", password="no")
    assert last.status_code == 429
    check(last.headers, at_ory=True)


async def test_overload_carries_them_too(portal: Portal, browser: Browser) -> None:
    with overloaded(portal):
        answer = await answered(browser, f"{portal.url}/login", email="x@y.org", password="no")
    assert answer.status_code == 503
    check(answer.headers)


async def test_files_are_kept_by_browsers_for_good_and_only_under_their_current_name(
    portal: Portal, browser: Browser, http: httpx.AsyncClient
) -> None:
    page = await browser.open(f"{portal.url}/")
    (style,) = [e.get("href", "") for e in page.root.iter("link") if e.get("rel") == "stylesheet"]
    answer = await http.get(style)
    check(answer.headers, cached=True)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    old = await http.get("/static/0000/portal.css")
    assert old.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["..", "VENDORED.md", "%2e%2e%2fapp.py", "..%2f..%2fportal.db", "x"]
)
async def test_nothing_else_of_this_machine_is_served(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.get(f"/static/x/{name}")).status_code == 404


async def test_only_the_portals_own_pages_are_kept_apart_from_pop_ups(
    portal: Portal, browser: Browser, admin: Person
) -> None:
    for path in ("/", "/login", "/logout", "/error", "/health/alive", "/nowhere"):
        answer = await ask(portal.app, "GET", path)
        assert answer.all("cross-origin-opener-policy") == []
    for path in ("/account", "/account/apps", "/account/nowhere", "/admin", "/admin/grants"):
        answer = await ask(portal.app, "GET", path)
        assert answer.all("cross-origin-opener-policy") == ["same-origin"], path
    page = await sign_in(browser, portal, admin)
    assert page.response.headers["cross-origin-opener-policy"] == "same-origin"


async def test_http_without_tls_promises_none(new_portal: NewPortal) -> None:
    portal = await new_portal(BASE_URL="http://localhost:4321")
    answer = await ask(portal.app, "GET", "/", headers=[(b"host", b"localhost:4321")])
    assert answer.all("strict-transport-security") == []


def addresses(root: Element) -> set[str]:
    """Everything on a page that a browser would fetch or send something to."""
    names = ("href", "src", "action", "formaction", "hx-post", "hx-get", "srcset", "data", "poster")
    return {e.get(name, "") for e in root.iter() for name in names if e.get(name)}


async def test_no_page_leads_to_another_host(
    portal: Portal, browser: Browser, new_browser: NewBrowser, ory: OryDouble, admin: Person
) -> None:
    """Links that an app registered aside, and the app's own request at Ory."""
    await portal.add_grant(admin)
    await sign_in(browser, portal, admin)
    consent = ory.plant_consent(subject=admin.subject, context={"epoch": 0})
    for path in (
        "/",
        "/login",
        "/logout",
        "/error?error=x",
        "/nowhere",
        "/account/apps",
        "/account/apps/disconnect?client_id=photos",
        "/admin/grants",
        f"/admin/grants/revoke?client_id=photos&subject={admin.subject}",
        f"/login?login_challenge={ory.plant_login()}",
        f"/consent?consent_challenge={consent}",
        f"/logout?logout_challenge={ory.plant_logout()}",
    ):
        page = await browser.open(portal.url + path)
        elsewhere = {a for a in addresses(page.root) if not re.match(r"/(?!/)|#", a)}
        assert elsewhere <= {a for a in elsewhere if a.startswith(f"{ory.public_url}/")}, path
        assert bool(elsewhere) == path.startswith("/consent"), path
        assert page.root.find(".//style") is None
        assert all(script.get("src") and not script.text for script in page.root.iter("script"))
        inline = [e for e in page.root.iter() if any(n.startswith(INLINE) for n in e.attrib)]
        assert inline == [], path


async def test_a_page_and_its_partial_are_told_apart_by_caches(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")
    assert answer.headers["vary"] == "HX-Request, Accept-Language"


async def test_no_page_is_packed(http: httpx.AsyncClient) -> None:
    """A token next to what somebody typed must not be compressed together (BREACH)."""
    answer = await http.get("/login", headers={"Accept-Encoding": "gzip, br, deflate"})
    assert "content-encoding" not in answer.headers
    assert html5lib.parse(answer.text) is not None
