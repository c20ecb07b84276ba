import datetime
import json
import os
import signal
import ssl
import subprocess
import sys
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.cli.doctor import CHECKS
from portal.cli.doctor.cookies import read_cookie
from portal.cli.doctor.ory_side import differences
from portal.ory.connect import tls_context
from tests.doubles.two_sides import PREFIX, TwoSides
from tests.real.certificates import Authority, named

ROOT = Path(__file__).parents[2]
KEY = "ory_pat_canary-of-the-doctor-K8w"
LOGIN = "/admin/oauth2/auth/requests/login"
DISCOVERY = "/.well-known/openid-configuration"
AUTHORITIES = cache(tls_context)
HYDRA_S_401 = {"error": "request_unauthorized", "error_description": "no"}


@pytest.fixture
def ory():
    double = TwoSides()
    yield double
    double.close()


@pytest.fixture(autouse=True)
def _read_authorities_once(monkeypatch):
    """Reading all of the usual ones takes longer than a whole examination."""
    monkeypatch.setattr("portal.cli.doctor.examination.tls_context", AUTHORITIES)


@pytest.fixture
def doctor(portal, ory):
    """Run it against the double; the findings by name."""

    def run(*args, **env):
        given = settings(ory) | env
        found = portal("doctor", "--format", "json", *args, **given)
        findings = json.loads(found.stdout)
        failed = [finding["name"] for finding in findings if finding["status"] == "failed"]
        assert found.exit_code == (1 if failed else 0)
        assert found.stderr == ""
        return {finding["name"]: finding for finding in findings}

    return run


def settings(ory):
    return {
        "HYDRA_ADMIN_URL": ory.url,
        "HYDRA_PUBLIC_URL": ory.url,
        "BASE_URL": f"{ory.url}{PREFIX}",
    }


def says(finding, status, *words):
    assert finding["status"] == status, finding
    for word in words:
        assert word in f"{finding['found']} → {finding['advice']}"


@pytest.mark.usefixtures("migrated")
def test_where_all_is_well_every_check_is_ok(doctor, ory):
    found = doctor()
    assert [finding["number"] for finding in found.values()] == list(range(1, len(CHECKS) + 1))
    assert list(found) == [name for name, _ in CHECKS]
    assert {finding["status"] for finding in found.values()} == {"ok"}, found
    assert not any(finding["advice"] for finding in found.values())
    assert "v2.3.0" in found["Ory's admin API"]["found"]


def test_nothing_stays_at_ory(doctor, ory):
    doctor()
    assert ("POST", "/admin/clients", None) in ory.seen
    assert ory.clients == {}
    assert len(ory.ended) == 1
    assert ory.ended[0].startswith("portal-doctor-")


def test_an_ory_that_chooses_ids_itself_is_let_to(doctor, ory):
    ory.chooses_ids = True
    says(doctor()["login page"], "ok")
    assert ory.clients == {}


def test_each_check_is_one_line_and_its_advice_another(portal, ory):
    found = portal("doctor", **settings(ory))
    lines = found.stdout.splitlines()
    assert lines[0] == f" 1. ok       settings: BASE_URL is {ory.url}{PREFIX} (development)"
    assert lines[1].startswith(" 2. failed   database: ")
    assert lines[2] == "    -> Run: portal db upgrade."
    assert lines[-1] == f"{len(CHECKS)} checks: {len(CHECKS) - 1} ok, 1 failed"
    assert "\x1b" not in found.stdout
    assert found.exit_code == 1


def test_colours_are_only_for_terminals_and_never_the_only_sign(ory):
    command = [sys.executable, "-m", "portal", "doctor"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, **settings(ory), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout
    assert "failed" in done.stdout


def test_a_client_of_one_s_own_is_used_as_it_is_registered(doctor, ory):
    ory.clients["photos"] = {
        "client_id": "photos",
        "scope": "photos.read",
        "redirect_uris": ["https://photos.test/cb"],
    }
    says(doctor("--client-id", "photos")["login page"], "ok")
    assert list(ory.clients) == ["photos"]
    assert ("POST", "/admin/clients", None) not in ory.seen
    assert len(ory.ended) == 1
    says(doctor("--client-id", "unknown")["login page"], "failed", "unknown", "clients list")


def test_without_the_admin_api_a_known_client_still_shows_where_ory_leads(doctor, ory):
    ory.clients["photos"] = {"client_id": "photos"}
    found = doctor("--client-id", "photos", HYDRA_ADMIN_URL="http://127.0.0.1:1")
    says(found["login page"], "ok")
    says(found["one Ory"], "skipped", "admin API")
    says(found["cleaning up"], "skipped")


# --- the portal's own side -------------------------------------------------------------------


def test_all_problems_of_the_settings_are_told_and_the_rest_is_skipped(doctor):
    found = doctor(PORT="many", PORTAL_LOG_FORMAT="xml", BASE_URL="ftp://x")
    says(found["settings"], "failed", "PORT:", "PORTAL_LOG_FORMAT:", "BASE_URL:")
    others = {finding["status"] for name, finding in found.items() if name != "settings"}
    assert others == {"skipped"}


def test_missing_addresses_are_told_and_do_not_hide_the_rest(doctor, monkeypatch):
    found = doctor(HYDRA_ADMIN_URL="", HYDRA_PUBLIC_URL="")
    examples = "HYDRA_ADMIN_URL=http://127.0.0.1:4445", "HYDRA_PUBLIC_URL=http://127.0.0.1:4444"
    says(found["settings"], "failed", *examples)
    says(found["Ory's admin API"], "skipped", "HYDRA_ADMIN_URL")
    says(found["discovery"], "skipped", "HYDRA_PUBLIC_URL")
    says(found["signing key"], "ok")
    says(found["the portal itself"], "ok")


def test_names_that_set_nothing_are_told(doctor):
    says(doctor(PORTAL_CHALENGE_TTL="1h")["settings"], "warning", "PORTAL_CHALENGE_TTL")


def test_files_that_cannot_be_used_are_told(doctor, tmp_path):
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("= no =")
    for name in ("PORTAL_SCOPE_CATALOG", "PORTAL_ATTRIBUTES", "PORTAL_ORY_CA_FILE"):
        says(doctor(**{name: str(nonsense)})["settings"], "failed", name)


def test_a_database_that_is_away_or_old_is_told(doctor, tmp_path):
    says(doctor()["database"], "failed", "not migrated", "portal db upgrade")
    away = doctor(DATABASE_URL="postgresql://ann:s3cr3t-word@127.0.0.1:1/portal")["database"]
    says(away, "failed", "DATABASE_URL")
    assert "s3cr3t-word" not in str(away)
    (tmp_path / "text.db").write_text("this is no database at all, only a text" * 30)
    says(doctor(DATABASE_URL=f"sqlite:///{tmp_path}/text.db")["database"], "failed")


def test_a_weak_signing_key_is_told(doctor):
    weak = "abc" * 20
    says(doctor(SECRET_KEY=weak)["signing key"], "warning", "3 different")
    production = doctor(SECRET_KEY=weak, BASE_URL="https://login.example.invalid")
    says(production["signing key"], "failed", "token_urlsafe")
    assert weak not in str(production)


def test_the_key_of_development_in_production_is_told(doctor):
    doctor()
    key = Path("portal-secret-key").read_text().strip()
    found = doctor(SECRET_KEY=key, BASE_URL="https://login.example.invalid")
    says(found["signing key"], "warning", "development")
    assert key not in str(found)


def test_http_in_production_is_told(doctor):
    key = "0123456789abcdef-0123456789-ghijk"
    found = doctor(SECRET_KEY=key, BASE_URL="http://login.example.invalid")
    says(found["the portal's address"], "failed", "passwords and cookies")
    says(found["login page"], "failed", "--allow-http")


def test_a_portal_that_does_not_run_is_a_warning(doctor):
    found = doctor(BASE_URL="http://localhost:1")["the portal itself"]
    says(found, "warning", "nobody listens", "portal serve")


def test_another_server_at_the_portal_s_address_is_told(doctor, ory):
    says(doctor(BASE_URL=ory.url)["the portal itself"], "failed", "not this portal but Ory")
    ready = f"{PREFIX}/health/ready"
    ory.say(ready, 200, b"<h1>It works!</h1>")
    says(doctor()["the portal itself"], "failed", "something else (200)")
    ory.say(ready, 503, {"status": "error", "ory": "ok", "errors": {"database": "not\n migrated"}})
    says(doctor()["the portal itself"], "failed", "not\\n migrated")
    ory.say(ready, 200, {"status": "ok", "ory": "key refused"})
    says(doctor()["the portal itself"], "warning", "key refused", "ORY_API_KEY")
    ory.say(ready, 308, b"", Location="https://login.example.org/sso/health/ready")
    says(doctor()["the portal itself"], "failed", "BASE_URL to https://login.example.org/sso")


# --- Ory's two sides -------------------------------------------------------------------------


def test_an_ory_that_is_away_is_told_once_and_the_rest_is_skipped(doctor):
    away = "http://127.0.0.1:1"
    found = doctor(HYDRA_ADMIN_URL=away, HYDRA_PUBLIC_URL=away)
    says(found["Ory's admin API"], "failed", "nobody listens", "HYDRA_ADMIN_URL")
    says(found["discovery"], "failed", "nobody listens", "HYDRA_PUBLIC_URL")
    for name in ("API key", "clocks", "login page", "after logout", "error page", "cookies"):
        says(found[name], "skipped")


def test_a_host_without_a_name_is_told(doctor):
    found = doctor(HYDRA_ADMIN_URL="http://nowhere.invalid")["Ory's admin API"]
    says(found, "failed", "no host of this name")


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (404, b"404 page not found", ("public side", "4445")),
        (200, b"<h1>It works!</h1>", ("public side",)),
        (502, b"can not serve request over insecure http", ("MOCK_TLS_TERMINATION=1",)),
        (400, b"Client sent an HTTP request to an HTTPS server.", ("https://",)),
        (500, b"", ("500", "log")),
        (429, b"", ("429", "later")),
    ],
)
def test_what_is_no_admin_api_is_told_apart(doctor, ory, status, document, words):
    ory.say("/admin/clients", status, document)
    found = doctor()
    says(found["Ory's admin API"], "failed", *words)
    says(found["login page"], "skipped", "--client-id")


def test_a_stranger_without_discovery_is_no_admin_api(doctor, ory):
    ory.say("/admin/clients", 404, b"")
    ory.say(DISCOVERY, 404, b"")
    says(doctor()["Ory's admin API"], "failed", "not Ory's admin API", "4445")


def test_a_redirect_of_the_admin_api_is_not_followed(doctor, ory):
    ory.say("/admin/clients", 307, b"", Location=f"{ory.url}/trap?x=y")
    found = doctor(ORY_API_KEY=KEY)["Ory's admin API"]
    says(found, "failed", f"{ory.url}/trap", "redirects are not followed")
    assert not any(path == "/trap" for _, path, _ in ory.seen)


def test_a_missing_or_wrong_key_is_told_apart(doctor, ory):
    ory.key = KEY
    missing = doctor()
    says(missing["Ory's admin API"], "ok", "asks for a key")
    says(missing["API key"], "failed", "none is set", "ORY_API_KEY")
    wrong = doctor(ORY_PAT="ory_pat_wrong-canary")
    says(wrong["API key"], "failed", "refuses the API key in ORY_PAT", "of this project")
    assert "wrong-canary" not in str(wrong)
    says(doctor(ORY_API_KEY="ory_wak_x-canary")["API key"], "failed", "of a workspace")


def test_hydra_s_own_401_is_not_taken_for_the_gateway_s(doctor, ory):
    ory.say("/admin/clients", 401, HYDRA_S_401)
    found = doctor(ORY_API_KEY=KEY)["API key"]
    says(found, "failed", "Hydra's own words", "request_unauthorized")


def test_a_proxy_s_401_is_told_without_naming_ory_network(doctor, ory):
    ory.say("/admin/clients", 401, b"<h1>Who are you?</h1>")
    says(doctor(ORY_API_KEY=KEY)["API key"], "failed", "What answers refuses")


def test_a_key_that_is_not_needed_is_told(doctor):
    says(doctor(ORY_API_KEY=KEY)["API key"], "warning", "without the key", "remove ORY_API_KEY")


@pytest.mark.usefixtures("migrated")
def test_the_key_goes_to_the_admin_side_alone_and_is_never_shown(doctor, portal, ory):
    ory.key = KEY
    found = doctor(ORY_PAT=KEY, HYDRA_PUBLIC_URL="")
    assert {finding["status"] for finding in found.values()} == {"ok"}, found
    with_key = {path.startswith("/admin/") for _, path, given in ory.seen if given}
    assert with_key == {True}
    assert "SDK URL" in found["discovery"]["found"]
    printed = portal("doctor", **settings(ory), ORY_PAT=KEY).output
    assert KEY not in printed + str(found)
    assert ory.clients == {}


def test_the_issuer_must_be_the_public_address(doctor, ory):
    port = ory.url.rpartition(":")[2]
    found = doctor(HYDRA_PUBLIC_URL=f"http://127.0.0.1:{port}")["discovery"]
    says(found, "failed", "host localhost instead of 127.0.0.1", "cookie", ory.url)
    ory.discovery["issuer"] = ory.url.replace("http:", "https:")
    says(doctor()["discovery"], "failed", "scheme https instead of http")
    ory.discovery["issuer"] = f"{ory.url}/"
    says(doctor()["discovery"], "ok")
    ory.discovery["issuer"] = ["\x1b[31m"]
    says(doctor()["discovery"], "failed")


def test_endpoints_elsewhere_are_told(doctor, ory):
    ory.discovery["token_endpoint"] = "http://hydra:4444/oauth2/token"
    says(doctor()["discovery"], "failed", "token_endpoint", "hydra:4444", "urls.self.public")
    del ory.discovery["token_endpoint"]
    says(doctor()["discovery"], "failed", "token_endpoint is missing")


@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (404, b"404 page not found", ("404", "4444")),
        (200, b"<h1>It works!</h1>", ("without", "HYDRA_PUBLIC_URL")),
        (200, [], ("without",)),
        (200, b'{"issuer": ' + b"[" * 60_000, ("without",)),
        (200, b" " * 300_000, ("more than 262144 bytes",)),
    ],
)
def test_what_is_no_discovery_document_is_told(doctor, ory, status, document, words):
    ory.say(DISCOVERY, status, document)
    says(doctor()["discovery"], "failed", *words)


def test_a_public_side_that_moved_is_told(doctor, ory):
    ory.say(DISCOVERY, 301, b"", Location=f"https://ory.example.org{DISCOVERY}")
    found = doctor()["discovery"]
    says(found, "failed", "Set HYDRA_PUBLIC_URL to https://ory.example.org")
    assert not found["advice"].endswith("configuration")


@pytest.mark.parametrize(
    ("ahead", "status"), [(0, "ok"), (-4, "ok"), (20, "warning"), (-20, "warning"), (90, "failed")]
)
def test_clocks_that_differ_are_told(doctor, ory, ahead, status):
    ory.clock_ahead = ahead
    says(doctor()["clocks"], status)
    if status != "ok":
        says(doctor()["clocks"], status, "ahead of" if ahead > 0 else "behind", "NTP")


def test_a_clock_that_is_not_told_is_no_problem(doctor, ory):
    ory.clock_ahead = None
    says(doctor()["clocks"], "skipped", "no date")


def test_a_key_that_crosses_a_network_as_it_is_is_told(doctor, ory, monkeypatch):
    ory.key = KEY
    monkeypatch.setattr("portal.cli.doctor.ory_side.is_loopback", lambda host: False)
    found = doctor(ORY_API_KEY=KEY)["API key"]
    says(found, "warning", "crosses the network", "https")


def test_ory_network_that_wants_no_key_is_strange(doctor, ory, monkeypatch):
    monkeypatch.setattr("portal.cli.doctor.ory_side.NETWORK", "localhost")
    says(doctor()["API key"], "warning", "without a key")


# --- where Ory sends browsers ----------------------------------------------------------------

ELSEWHERE = {
    "http://localhost:3999/sso{}": "port 3999 instead of",
    "https://login.example.org{}": "scheme https instead of http",
    "http://127.0.0.1:{port}/sso{}": "one machine by two names",
    "http://localhost:{port}{}": "path",
    "http://localhost:{port}/SSO{}": "path",
    "http://localhost:99999{}": "cannot be read",
    "/oauth2/fallbacks{}": "a page of its own",
}
PAGES = ("login", "consent", "logout", "error")


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_page_elsewhere_is_told_with_what_to_set(doctor, ory, where):
    port, base = ory.url.rpartition(":")[2], f"{ory.url}{PREFIX}"
    for page in PAGES:
        ory.urls[page] = where.replace("{port}", port).replace("{}", f"/{page}")
    findings = doctor()
    for page in PAGES:
        found = findings[f"{page} page"]
        says(found, "failed", ELSEWHERE[where], f"urls.{page} to {base}/{page}")
        assert f"portal ory-config --base-url {base}" in found["advice"]
        assert "challenge=" not in found["found"]


def test_a_page_after_logout_that_is_elsewhere_is_a_warning(doctor, ory):
    ory.urls["post_logout_redirect"] = "https://www.example.org/"
    says(doctor()["after logout"], "warning", "www.example.org", "unless that is meant")


def test_the_device_flow_is_looked_at_where_ory_offers_it(doctor, ory):
    says(doctor()["device flow"], "ok", "does not offer")
    ory.discovery["device_authorization_endpoint"] = f"{ory.url}/oauth2/device/auth"
    says(doctor()["device flow"], "ok", "offered", "/device/verify")
    ory.urls["device"] = f"{ory.url}/oauth2/fallbacks/device"
    says(doctor()["device flow"], "warning", "urls.device.verification")


def test_two_sides_of_different_orys_are_told(doctor, ory):
    ory.say(LOGIN, 404, {"error": "Not Found", "error_description": "x"})
    found = doctor()
    says(found["one Ory"], "failed", "does not know", "two sides of one Ory")
    says(found["consent page"], "skipped")
    says(found["logout page"], "skipped")


def test_an_admin_api_that_fails_half_way_is_told(doctor, ory):
    ory.say(f"{LOGIN}/accept", 500, {"error": "error", "error_description": "x"})
    found = doctor()
    says(found["consent page"], "failed", "cannot be accepted")
    says(found["logout page"], "skipped")
    ory.say(LOGIN, 500, {"error": "error", "error_description": "x"})
    says(doctor()["one Ory"], "failed", "cannot be read")
    ory.say(f"{LOGIN}/accept", 200, {"redirect_to": "https://evil.example/oauth2/auth"})
    del ory.instead[LOGIN]
    says(doctor()["consent page"], "failed")
    assert ory.clients == {}


def test_an_ory_that_lost_its_cookie_is_told(doctor, ory):
    ory.csrf = "other=x; Max-Age=1800; SameSite=Lax"
    says(doctor()["consent page"], "failed", "request_forbidden", "cookie")


def test_an_ory_that_sees_itself_elsewhere_is_told(doctor, ory):
    ory.public_url = ory.url.replace("localhost", "127.0.0.1")
    found = doctor()
    says(found["one Ory"], "failed", "one machine by two names", "urls.self.public")
    says(found["consent page"], "failed", "set its cookies at")
    assert ory.ended


@pytest.mark.parametrize("answer", [(500, b"oops"), (200, b"<html>"), (302, b"")])
def test_an_authorization_endpoint_that_does_not_redirect_is_told(doctor, ory, answer):
    ory.say("/oauth2/auth", *answer)
    found = doctor()
    says(found["login page"], "failed", f"answers {answer[0]}")
    says(found["error page"], "failed")
    says(found["cookies"], "skipped")
    assert ory.clients == {}


def test_a_refusal_of_ory_s_is_told_in_its_words_without_its_tricks(doctor, ory):
    told = "error=invalid_scope&error_description=%1b[31m" + "x" * 4000
    ory.say("/oauth2/auth", 302, b"", Location=f"{ory.urls['error']}?{told}")
    found = doctor()["login page"]
    says(found, "failed", "invalid_scope", "\\x1b[31m")
    assert len(found["found"]) < 1_600
    ory.say("/oauth2/auth", 302, b"", Location="http://[")
    says(doctor()["login page"], "failed")


# --- cookies, lifetimes, scopes --------------------------------------------------------------


@pytest.mark.parametrize(
    ("cookie", "status", "words"),
    [
        ("csrf=x; Max-Age=1800; samesite=none", "failed", "without Secure"),
        ("csrf=x; Max-Age=1800; Secure; SameSite=None", "warning", "Safari"),
        ("csrf=x; Max-Age=1800; Domain=example.org", "failed", "example.org"),
        ("csrf=x; Max-Age=1800; DOMAIN=.localhost; SameSite=Strict", "ok", "strict"),
        ("", "failed", "without a cookie"),
    ],
)
def test_cookies_that_get_lost_are_told(doctor, ory, cookie, status, words):
    ory.csrf = cookie
    found = doctor()
    says(found["cookies"], status, words)


def test_a_strict_cookie_does_not_come_back_from_another_site(doctor, ory):
    ory.csrf = "csrf=x; Max-Age=1800; SameSite=Strict"
    found = doctor(BASE_URL=f"{ory.url.replace('localhost', '127.0.0.1')}{PREFIX}")
    says(found["cookies"], "failed", "SameSite=Strict", "127.0.0.1")


def test_the_value_of_no_cookie_is_shown(doctor, portal, ory):
    ory.csrf = ory.csrf.replace("Lax", "None")
    assert "s3cr3t" not in str(doctor())
    assert "s3cr3t" not in portal("doctor", **settings(ory)).output


def test_https_in_front_of_an_http_ory_of_this_machine_is_a_warning(doctor, ory):
    key = "0123456789abcdef-0123456789-ghijk"
    found = doctor(BASE_URL="https://login.example.invalid", SECRET_KEY=key)
    says(found["cookies"], "warning", "two sites")


def test_another_lifetime_is_told_with_what_to_set(doctor, ory):
    found = doctor(PORTAL_CHALLENGE_TTL="1h")["lifetimes"]
    says(found, "warning", "1800 s", "3600 s", "PORTAL_CHALLENGE_TTL=1800s")
    ory.csrf = "csrf=x; Max-Age=99999999999999999999999; SameSite=Lax"
    says(doctor()["lifetimes"], "skipped")


def test_scopes_and_claims_that_ory_does_not_announce_are_told(doctor, ory):
    ory.discovery |= {"scopes_supported": ["openid"], "claims_supported": ["sub"]}
    found = doctor()["scopes and claims"]
    says(found, "warning", "email phone profile", "email_verified", "supported_scope to [address,")
    ory.discovery |= {"scopes_supported": None, "claims_supported": {"a": 1}}
    says(doctor()["scopes and claims"], "warning")


def test_scopes_without_words_are_told(doctor, ory, tmp_path):
    ory.discovery["scopes_supported"] += ["photos.read", 7]
    says(doctor()["scopes and claims"], "warning", "photos.read", "PORTAL_SCOPE_CATALOG")
    catalog = tmp_path / "scopes.toml"
    catalog.write_text('["photos.read"]\ntitle = "a"\ndescription = "b"\n')
    says(doctor(PORTAL_SCOPE_CATALOG=str(catalog))["scopes and claims"], "ok")
    ory.discovery["scopes_supported"].remove("photos.read")
    says(doctor(PORTAL_SCOPE_CATALOG=str(catalog))["scopes and claims"], "warning", "photos.read")


def test_cookies_are_read_as_browsers_read_them():
    cookie = read_cookie("a=b=c ; PATH=/; max-age=12; SECURE ; SameSite=lAx")
    assert (cookie.name, cookie.secure, cookie.same_site, cookie.max_age) == ("a", True, "lax", 12)
    assert "b=c" not in repr(cookie)
    assert read_cookie("").max_age is None


@pytest.mark.parametrize(
    ("one", "two", "named"),
    [
        ("https://a.test/x?y=z", "https://a.test/x", []),
        ("https://A.test:443/x", "https://a.test/x", []),
        ("https://a.test", "https://a.test/", []),
        ("http://a.test:443/x", "https://a.test/x", ["scheme"]),
        ("http://a.test/x", "https://a.test/x", ["scheme", "port"]),
        ("https://a.test:8443/y", "https://a.test/x", ["port", "path"]),
        ("https://a.test.evil.example/x", "https://a.test/x", ["host"]),
        ("https://a.test@evil.example/x", "https://a.test/x", ["host"]),
        ("//a.test/x", "https://a.test/x", ["scheme", "port"]),
        ("http://[::1]:3000/x", "http://localhost:3000/x", ["host", "one"]),
        ("http://[/x", "https://a.test/x", ["an"]),
        ("javascript:alert(1)", "https://a.test/x", ["scheme", "host", "port", "path"]),
        ("", "https://a.test/", ["scheme", "host", "port"]),
    ],
)
def test_differences_of_addresses_are_named(one, two, named):
    assert [words.split()[0] for words in differences(one, two)] == named


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def secure_ory(authority):
    double = TwoSides(tls=authority.server(), key=KEY)
    double.csrf = "csrf=s3cr3t; Max-Age=1800; Secure; HttpOnly; SameSite=None"
    yield double
    double.close()


@pytest.mark.usefixtures("migrated")
def test_an_own_authority_is_trusted_where_it_is_named(portal, authority, secure_ory):
    env = {**settings(secure_ory), "ORY_PAT": KEY}
    trusted = portal("doctor", **env, PORTAL_ORY_CA_FILE=str(authority.file))
    assert trusted.exit_code == 0, trusted.stdout
    assert "0 failed" not in trusted.stdout
    assert "warning" not in trusted.stdout
    untrusted = portal("doctor", **env)
    assert untrusted.exit_code == 1
    assert "comes from an authority that is not trusted here" in untrusted.stdout
    assert "PORTAL_ORY_CA_FILE" in untrusted.stdout
    assert KEY not in untrusted.stdout


def test_http_and_https_taken_for_each_other_are_told(doctor, ory, secure_ory):
    wrong = {"HYDRA_ADMIN_URL": ory.url.replace("http:", "https:")}
    says(doctor(**wrong)["Ory's admin API"], "failed", "does not speak TLS", "http address")
    wrong = {"HYDRA_ADMIN_URL": secure_ory.url.replace("https:", "http:")}
    says(doctor(**wrong)["Ory's admin API"], "failed")


def self_made(directory, *, address, days):
    """A certificate for an address, which began two days ago and lasts *days* from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named("self-made"))
        .issuer_name(named("self-made"))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (directory / "own.pem").write_bytes(pem)
    (directory / "both.pem").write_bytes(pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "both.pem")
    return context


@pytest.mark.parametrize(
    ("address", "days", "trusted", "words"),
    [
        ("127.0.0.1", -1, True, "its certificate has expired"),
        ("192.0.2.1", 1, True, "its certificate is for another"),
        ("127.0.0.1", 1, False, "its certificate is self-signed"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(doctor, tmp_path, address, days, trusted, words):
    double = TwoSides(tls=self_made(tmp_path, address=address, days=days))
    url = double.url.replace("localhost", "127.0.0.1")
    env = {"PORTAL_ORY_CA_FILE": str(tmp_path / "own.pem")} if trusted else {}
    try:
        found = doctor(HYDRA_ADMIN_URL=url, BASE_URL=f"{url}{PREFIX}", **env)
    finally:
        double.close()
    says(found["Ory's admin API"], "failed", words)
    says(found["the portal itself"], "failed", words)


# --- time, and being stopped -----------------------------------------------------------------


def test_an_ory_that_says_nothing_is_given_up(doctor, ory, monkeypatch):
    monkeypatch.setattr("portal.cli.doctor.probe.SECONDS", 0.2)
    ory.hangs.add("/oauth2/auth")
    found = doctor()
    says(found["login page"], "failed", "did not answer within")
    says(found["cleaning up"], "ok")
    assert ory.clients == {}


def test_what_cannot_be_deleted_is_named(portal, ory):
    ory.say("/oauth2/auth", 302, b"", Location=ory.urls["error"])

    class Stubborn(dict):
        def __delitem__(self, key):
            raise ConnectionError("no")

    ory.clients = Stubborn()
    found = portal("doctor", **settings(ory))
    (left,) = ory.clients
    assert f"portal clients delete {left}" in found.stdout
    assert found.exit_code == 1


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 1), ("SIGTERM", 143)])
def test_stopped_in_the_middle_it_still_cleans_up(ory, tmp_path, name, code):
    ory.hangs.add("/oauth2/auth")
    kept = {var: os.environ[var] for var in ("PATH", "HOME") if var in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "portal", "doctor"],
        cwd=tmp_path,
        env={**kept, **settings(ory), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert ory.reached.wait(30)
    assert len(ory.clients) == 1
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=30)
    assert ory.clients == {}
    assert process.returncode == code
    assert "Traceback" not in err
    assert "clocks" in out  # each check is printed when it is made
    assert "login page" not in out


def test_wrong_usage_is_exit_code_2(portal):
    for words in (("--format", "xml"), ("--nonsense",), ("extra",)):
        found = portal("doctor", *words)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr.count("\n") == 1


def test_an_unreadable_env_file_is_one_line(portal):
    Path(".env").write_bytes(b"\xff\xfe")
    found = portal("doctor")
    assert (found.exit_code, found.stdout) == (1, "")
    assert found.stderr.startswith("portal: .env")
