"""Text that no keyboard sends: refused at the edge in every field, never a mistake of ours."""

from urllib.parse import quote_from_bytes, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import Portal, sign_in
from tests.real.portal import Person
from tests.web.raw import FORM, HOST, ask

UNREADABLE = {
    "NUL": b"a\x00b",
    "a lone surrogate": b"a\xed\xa0\x80b",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "a byte of no character": b"a\xffb",
    "half a character": b"a\xc3",
    "an overlong slash": b"\xc0\xaf",
    "beyond the last character": b"\xf4\x90\x80\x80",
    "U+FFFE": "a\ufffeb".encode(),
    "U+FFFF": "a\uffffb".encode(),
}
ODD = {
    "long": "a" * 300,
    "many accents": "e\u0301" * 1200,
    "turned around": "\u202etxt.exe",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "markup": "<script>alert(1)</script>",
    "a template": "{{ 7*7 }}",
    "a condition": "' OR '1'='1",
    "a statement": '"; DROP TABLE users; --',
    "a format": "%s%n%x",
    "a path": "../../etc/passwd",
    "a header": "\r\nSet-Cookie: a=b",
    "no characters": "\ufdd0\U0001fffe",
    "odd capitals": "İıßſK",
    "blanks": "\u1680\u2028\u2029",
    "terminal colours": "\x1b[31m",
    "controls": "\x7f\x80\x9f",
    "mathematics": "𝕒𝕟𝕟@example.com",
}
FORMS = {
    "/login": {
        "action": "accept",
        "email": "a@b.org",
        "password": "p",
        "next": "/account",
        "login_challenge": "c" * 32,
        "form_token": "t",
        "remember": "1",
    },
    "/consent": {
        "action": "accept",
        "consent_challenge": "c" * 32,
        "grant_scope": "openid",
        "grant_audience": "a",
        "form_token": "t",
    },
    "/consent/summary": {"consent_challenge": "c" * 32, "grant_scope": "openid", "form_token": "t"},
    "/logout": {"action": "accept", "logout_challenge": "c" * 32, "form_token": "t"},
    "/account/apps/disconnect": {"client_id": "photos", "form_token": "t"},
    "/account/apps/undo": {"client_id": "photos", "form_token": "t"},
    "/account/apps/change": {
        "client_id": "photos",
        "seen": "s",
        "grant_scope": "openid",
        "grant_audience": "a",
        "form_token": "t",
    },
    "/admin/grants/revoke": {"client_id": "photos", "subject": "s", "form_token": "t"},
}
QUERIES = {
    "/": ("x",),
    "/login": ("login_challenge", "next"),
    "/consent": ("consent_challenge",),
    "/logout": ("logout_challenge",),
    "/error": ("error", "error_description"),
    "/account/apps": ("notice",),
    "/account/apps/disconnect": ("client_id",),
    "/account/apps/change": ("client_id",),
    "/account/apps/one": ("client_id",),
    "/admin/grants": ("user", "client", "scope", "state", "allowed", "order", "after", "notice"),
    "/admin/grants/one": ("subject", "client_id", "back"),
    "/admin/grants/at-ory": ("subject", "client_id", "back"),
    "/admin/grants/export": ("user", "used", "format"),
    "/admin/grants/revoke": ("subject", "client_id", "back"),
}


@pytest.fixture
async def admin_http(
    portal: Portal, http: httpx.AsyncClient, browser: Browser, admin: Person
) -> httpx.AsyncClient:
    """Somebody who may see every page."""
    await sign_in(browser, portal, admin)
    return http


def encoded(fields: dict[str, str], name: str, raw: bytes) -> bytes:
    rest = {key: quote_from_bytes(value.encode()) for key, value in fields.items()}
    return "&".join(
        f"{key}={value}" for key, value in (rest | {name: quote_from_bytes(raw)}).items()
    ).encode()


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_unreadable_text_is_refused_in_every_field(
    admin_http: httpx.AsyncClient, ory: OryDouble, kind: str
) -> None:
    http = admin_http
    ory.calls.clear()
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    for path, fields in FORMS.items():
        for name in (*fields, "unknown"):
            body = encoded(fields, name, UNREADABLE[kind])
            answer = await http.post(path, content=body, headers=form_type)
            assert answer.status_code == 400, (path, name)
        answer = await http.post(
            path, content=quote_from_bytes(UNREADABLE[kind]), headers=form_type
        )
        assert answer.status_code == 400
    assert ory.calls == []


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_unreadable_text_is_refused_in_every_parameter(
    portal: Portal, ory: OryDouble, kind: str
) -> None:
    for path, names in QUERIES.items():
        for name in names:
            for raw in (quote_from_bytes(UNREADABLE[kind]).encode(), b"%" + b"\xff"):
                answer = await ask(portal.app, "GET", path, query=name.encode() + b"=" + raw)
                assert answer.status == 400, (path, name)
    assert ory.calls == []


@pytest.mark.parametrize("kind", ODD)
async def test_odd_text_is_text(admin_http: httpx.AsyncClient, kind: str) -> None:
    http, text = admin_http, ODD[kind]
    for path, fields in FORMS.items():
        for name in fields:
            answer = await http.post(path, data=fields | {name: text})
            assert answer.status_code in (400, 403, 404), (path, name, answer.status_code)
    for path, names in QUERIES.items():
        for name in names:
            answer = await http.get(path, params={name: text})
            assert answer.status_code in (200, 302, 400, 404), (path, name, answer.status_code)
            assert "<script>alert" not in answer.text
            assert "set-cookie: a=b" not in str(answer.headers).lower()


@pytest.mark.parametrize("kind", ODD)
async def test_odd_text_signs_nobody_in(
    portal: Portal, browser: Browser, kind: str, ann: Person
) -> None:
    text = ODD[kind]
    for email, password in ((text, ann.password), (ann.email, text)):
        await browser.open(f"{portal.url}/login")
        browser.fill("email", email)
        browser.fill("password", password)
        assert (await browser.click("accept")).status == 401


GARBLED = [
    "",
    "a",
    "a" * 15,
    "a" * 8193,
    "a" * 16 + " ",
    "a" * 16 + "/",
    "a" * 16 + "\n",
    "../../../../../../admin/clients",
    "ａ" * 20,
    "a" * 16 + "%00",
    "x" * 20_000,
]


@pytest.mark.parametrize("kind", ["login", "consent", "logout"])
async def test_a_garbled_challenge_is_not_even_asked_about(
    http: httpx.AsyncClient, ory: OryDouble, kind: str
) -> None:
    await http.get("/logout")
    for challenge in GARBLED:
        answer = await http.get(f"/{kind}", params={f"{kind}_challenge": challenge})
        assert answer.status_code == 404, challenge[:40]
        form = {"action": "accept", f"{kind}_challenge": challenge, "form_token": "x"}
        answer = await http.post(f"/{kind}", data=form)
        expected = 403 if not challenge and kind != "consent" else 404
        assert answer.status_code == expected, challenge[:40]
    assert ory.calls == []


@pytest.mark.parametrize("kind", ["login", "consent", "logout"])
async def test_a_challenge_of_another_kind_is_unknown(
    http: httpx.AsyncClient, ory: OryDouble, kind: str
) -> None:
    planted = {
        "login": ory.plant_login(),
        "consent": ory.plant_consent(),
        "logout": ory.plant_logout(),
    }
    for other in planted.keys() - {kind}:
        answer = await http.get(f"/{kind}", params={f"{kind}_challenge": planted[other]})
        assert answer.status_code == 404
        assert "Start again" not in answer.text


relaxed = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "DELETE", "PUT", "TRACE", "get"])
PATHS = st.one_of(
    st.sampled_from([*FORMS, *QUERIES]),
    st.text(max_size=40).map(lambda text: "/" + text),
    st.tuples(st.sampled_from(["/static/", "/account/", "/admin/", "/health/"]), st.text()).map(
        "".join
    ),
)


@relaxed
@given(method=METHODS, path=PATHS, query=st.binary(max_size=200))
async def test_no_address_is_a_mistake_of_ours(
    portal: Portal, method: str, path: str, query: bytes
) -> None:
    answer = await ask(portal.app, method, path, query=query, headers=[HOST, FORM])
    assert answer.status < 500


TEXT = st.characters(exclude_categories=["Cs"])
FIELDS = st.sampled_from(sorted({name for fields in FORMS.values() for name in fields}))
BODIES = st.one_of(
    st.binary(max_size=400),
    st.lists(st.tuples(FIELDS, st.binary(max_size=60)), max_size=6).map(
        lambda pairs: "&".join(f"{n}={quote_from_bytes(raw)}" for n, raw in pairs).encode()
    ),
    st.lists(st.tuples(FIELDS, st.text(TEXT, max_size=60)), max_size=6).map(
        lambda pairs: urlencode(pairs).encode()
    ),
)


@relaxed
@given(path=st.sampled_from(sorted(FORMS)), body=BODIES)
async def test_no_body_is_a_mistake_of_ours(portal: Portal, path: str, body: bytes) -> None:
    answer = await ask(portal.app, "POST", path, headers=[HOST, FORM], chunks=[body])
    assert answer.status < 500


HEADERS = """cookie x-forwarded-for user-agent hx-request content-type content-length origin
    sec-fetch-site transfer-encoding authorization accept range content-encoding"""
HEADER = st.tuples(st.sampled_from(HEADERS.encode().split()), st.binary(max_size=60))


@relaxed
@given(headers=st.lists(HEADER, max_size=8))
async def test_no_header_is_a_mistake_of_ours(
    portal: Portal, headers: list[tuple[bytes, bytes]]
) -> None:
    for method, path in (
        ("GET", "/account/apps"),
        ("POST", "/login"),
        ("GET", "/metrics/prometheus"),
    ):
        answer = await ask(portal.app, method, path, headers=[HOST, *headers])
        assert answer.status < 500
