"""Who is asked, and from where: names of this server, other websites, proxies in between."""

import itertools
import re

import pytest

from portal.store.tables import AuditEvent
from tests.fixtures.portal import NewPortal, Portal
from tests.web.raw import FORM, HOST, Answer, ask

HERE = "https://login.example.org"
REFUSED_SITES = ("cross-site", "same-site", "", "SAME-ORIGIN", "nonsense")
REFUSED_ORIGINS = (
    "null",
    "",
    "https://evil.example",
    "http://login.example.org",
    "https://login.example.org.evil.example",
    "https://login.example.org:8443",
    "https://evil.example/https://login.example.org",
    "HTTPS://LOGIN.EXAMPLE.ORG@evil.example",
)


@pytest.fixture
def portal(lasting_portal: Portal) -> Portal:
    return lasting_portal


@pytest.mark.parametrize(
    "host", ["login.example.org", "LOGIN.example.org", "login.example.org:443"]
)
async def test_the_portal_answers_under_its_own_name(portal: Portal, host: str) -> None:
    answer = await ask(portal.app, "GET", "/", headers=[(b"host", host.encode())])
    assert answer.status == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b""],
        [b"evil.example"],
        [b"login.example.org.evil.example"],
        [b"login.example.org:8443"],
        [b"loginXexample.org"],
        [b"login.example.org@evil.example"],
        [b"localhost"],
        [b"127.0.0.1"],
        [b"login.example.org", b"login.example.org"],
        [b"login.example.org", b"evil.example"],
        [b"login.example.org, evil.example"],
        [b"login.example.org\xff"],
    ],
)
async def test_the_portal_answers_under_no_other_name(portal: Portal, hosts: list[bytes]) -> None:
    for path in ("/", "/login", "/nowhere", "/metrics/prometheus"):
        headers = [(b"host", host) for host in hosts]
        answer = await ask(portal.app, "GET", path, headers=headers)
        assert answer.status == 400
        assert b"evil" not in answer.body


@pytest.mark.parametrize("path", ["/health/alive", "/health/ready"])
async def test_health_is_told_under_any_name(portal: Portal, path: str) -> None:
    for headers in ([], [(b"host", b"10.0.0.3:3000")]):
        assert (await ask(portal.app, "GET", path, headers=headers)).status == 200


async def test_a_forwarded_host_changes_nothing(portal: Portal) -> None:
    forwarded = [(b"x-forwarded-host", b"evil.example"), (b"x-forwarded-proto", b"http")]
    answer = await ask(portal.app, "GET", "/account/apps", headers=[HOST, *forwarded])
    assert answer.one("location") == "/login?next=/account/apps"


async def test_more_names_can_be_allowed(new_portal: NewPortal) -> None:
    portal = await new_portal(PORTAL_ALLOWED_HOSTS="inside.example.org:3000")
    headers = [(b"host", b"inside.example.org:3000")]
    assert (await ask(portal.app, "GET", "/", headers=headers)).status == 200


@pytest.mark.parametrize("name", ["localhost:4321", "127.0.0.1:4321", "[::1]:4321"])
async def test_development_answers_under_each_name_of_this_machine(
    new_portal: NewPortal, name: str
) -> None:
    portal = await new_portal(BASE_URL="http://localhost:4321")
    answer = await ask(portal.app, "GET", "/", headers=[(b"host", name.encode())])
    assert answer.status == 200


@pytest.mark.parametrize(
    ("site", "origin"),
    list(itertools.product(("same-origin", "none", None), (HERE, f"{HERE}:443", None))),
)
async def test_a_form_of_ours_gets_as_far_as_its_token(
    portal: Portal, site: str | None, origin: str | None
) -> None:
    answer = await post_from(portal, site, origin)
    assert answer.status == 403
    assert b"another website" not in answer.body
    assert b'id="login-form"' in answer.body


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        *((site, HERE) for site in REFUSED_SITES),
        *((site, None) for site in REFUSED_SITES),
        *(("same-origin", origin) for origin in REFUSED_ORIGINS),
        *((None, origin) for origin in REFUSED_ORIGINS),
    ],
)
async def test_a_form_of_another_website_is_refused(
    portal: Portal, site: str | None, origin: str | None
) -> None:
    answer = await post_from(portal, site, origin)
    assert answer.status == 403
    assert b"another website" in answer.body


@pytest.mark.parametrize("header", [b"sec-fetch-site", b"origin"])
async def test_of_two_claims_the_worse_counts(portal: Portal, header: bytes) -> None:
    good, bad = (b"same-origin", b"cross-site") if b"fetch" in header else (HERE.encode(), b"null")
    for values in ((good, bad), (bad, good)):
        claims = [(header, value) for value in values]
        answer = await ask(portal.app, "POST", "/login", headers=[HOST, FORM, *claims])
        assert answer.status == 403
        assert b"another website" in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "LINK"])
async def test_whatever_may_change_something_is_checked(portal: Portal, method: str) -> None:
    headers = [HOST, (b"sec-fetch-site", b"cross-site")]
    assert (await ask(portal.app, method, "/account", headers=headers)).status == 403


async def test_a_link_from_another_website_is_followed(portal: Portal) -> None:
    headers = [HOST, (b"sec-fetch-site", b"cross-site"), (b"origin", b"null")]
    assert (await ask(portal.app, "GET", "/login", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("forwarded", "trusted", "seen"),
    [
        (["198.51.100.1"], "", "203.0.113.7"),
        (["198.51.100.1"], "10.0.0.0/8", "203.0.113.7"),
        (["198.51.100.1"], "203.0.113.7", "198.51.100.1"),
        (["1.2.3.4, 198.51.100.1"], "203.0.113.7", "198.51.100.1"),
        (["1.2.3.4", "198.51.100.1"], "203.0.113.7", "198.51.100.1"),
        (["1.2.3.4, 198.51.100.1, 203.0.113.8"], "203.0.113.0/24", "198.51.100.1"),
        (["198.51.100.1, 203.0.113.8, evil"], "203.0.113.0/24", "203.0.113.7"),
        (["198.51.100.1, unknown, 203.0.113.8"], "203.0.113.0/24", "203.0.113.8"),
        (["::ffff:198.51.100.1"], "203.0.113.7", "198.51.100.1"),
        (["2001:db8::1"], "203.0.113.7", "2001:db8::1"),
        (["[2001:db8::1]:443"], "203.0.113.7", "203.0.113.7"),
        (["198.51.100.1:5555"], "203.0.113.7", "203.0.113.7"),
        ([""], "203.0.113.7", "203.0.113.7"),
        ([",,,"], "203.0.113.7", "203.0.113.7"),
        (["127.0.0.1' OR 1=1 --"], "203.0.113.7", "203.0.113.7"),
        (["\xff\xfe"], "203.0.113.7", "203.0.113.7"),
        (["198.51.100.1\x00"], "203.0.113.7", "203.0.113.7"),
    ],
)
async def test_only_trusted_proxies_say_where_somebody_is(
    new_portal: NewPortal, forwarded: list[str], trusted: str, seen: str
) -> None:
    portal = await new_portal(PORTAL_TRUSTED_PROXIES=trusted)
    async with portal.http() as http:
        token = token_in((await http.get("/login")).text)
        body = {"action": "accept", "email": "x@example.org", "password": "p", "form_token": token}
        headers = [(b"X-Forwarded-For", value.encode("latin-1")) for value in forwarded]
        answer = await http.post("/login", data=body, headers=headers)
    assert answer.status_code == 401
    (event,) = await events(portal)
    assert event.address == seen


@pytest.mark.parametrize("forwarded", [None, "198.51.100.1"])
async def test_a_socket_of_both_kinds_shows_ipv4_as_ipv4(
    new_portal: NewPortal, forwarded: str | None
) -> None:
    """Otherwise all of IPv4 would be one network, and no proxy would be known."""
    portal = await new_portal(PORTAL_TRUSTED_PROXIES="203.0.113.7")
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    async with portal.http(peer="::ffff:203.0.113.7") as http:
        token = token_in((await http.get("/login")).text)
        body = {"action": "accept", "email": "x@example.org", "password": "p", "form_token": token}
        await http.post("/login", data=body, headers=headers)
    (event,) = await events(portal)
    assert event.address == (forwarded or "203.0.113.7")


async def events(portal: Portal) -> tuple[AuditEvent, ...]:
    async with portal.store.reading() as rows:
        return (await rows.audit.list_page(after=None, limit=10)).events


def token_in(html: str) -> str:
    found = re.search(r'name="form_token"\s+value="([^"]+)"', html)
    assert found is not None
    return found[1]


async def post_from(portal: Portal, site: str | None, origin: str | None) -> Answer:
    claims = [(b"sec-fetch-site", site.encode())] if site is not None else []
    claims += [(b"origin", origin.encode())] if origin is not None else []
    body = [b"action=accept"]
    return await ask(portal.app, "POST", "/login", headers=[HOST, FORM, *claims], chunks=body)


async def test_the_name_of_the_client_is_kept_short(new_portal: NewPortal) -> None:
    portal = await new_portal()
    http = portal.http()
    token = token_in((await http.get("/login")).text)
    body = {"action": "accept", "email": "x@example.org", "password": "p", "form_token": token}
    await http.post("/login", data=body, headers={b"User-Agent": b"\xff" + b"A" * 5000})
    (event,) = await events(portal)
    assert len(event.user_agent) == 256
