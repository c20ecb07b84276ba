"""Ory Network: one https address for both sides and an API key, otherwise as with any Hydra."""

import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright import async_api as playwright

from tests.doubles.loopback import Loopback, says
from tests.driver import Browser
from tests.fixtures.hydra import hydra_binary
from tests.hydra.server import free_port, running_hydra
from tests.journeys.steps import (
    allow,
    arrive_at,
    code_at,
    connect,
    disconnect,
    error_at,
    is_back_at,
    is_consent,
    is_login,
    open_portal,
    sign_in,
    tick_and_allow,
    type_login,
    until_dead,
    was_shown,
)
from tests.real.certificates import Authority
from tests.real.gateway import Gateway
from tests.real.network import NetworkPortal, OryNetwork, behind, command_lines
from tests.real.portal import Person
from tests.real.reader import Reader
from tests.real.relying_party import App, RelyingParty

pytestmark = [pytest.mark.hydra]

KEY = "ory_pat_canary-of-the-project-K8w"
NEXT_KEY = "ory_pat_canary-of-next-month-Q2z"
WRONG_KEY = "ory_pat_canary-of-another-project-V5n"
KEYS = (KEY, NEXT_KEY, WRONG_KEY)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def open_gateway(authority: Authority) -> Iterator[Gateway]:
    gateway = Gateway(
        tls=authority.server(), public_port=free_port(), admin_port=free_port(), keys=[KEY]
    )
    yield gateway
    gateway.close()


@pytest.fixture
def gateway(open_gateway: Gateway) -> Iterator[Gateway]:
    """As it was, and with nothing seen."""
    open_gateway.seen.clear()
    yield open_gateway
    open_gateway.heal()
    open_gateway.keys = frozenset([KEY])


@pytest.fixture(scope="module")
def trust(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.file)


@pytest.fixture(scope="module")
def portal_port() -> int:
    """Not that of the other journeys, whose portal may still run."""
    return free_port()


@pytest.fixture(scope="module")
def network(
    open_gateway: Gateway,
    portal_port: int,
    trust: ssl.SSLContext,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OryNetwork]:
    settings = behind(
        open_gateway,
        bin=hydra_binary(),
        portal_url=f"http://localhost:{portal_port}",
        log=tmp_path_factory.mktemp("hydra") / "hydra.log",
    )
    with running_hydra(settings), httpx.Client(verify=trust, trust_env=False, timeout=30) as http:
        yield OryNetwork(settings=settings, http=http, gateway=open_gateway)


@pytest.fixture(scope="module")
def portal(
    network: OryNetwork,
    portal_port: int,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[NetworkPortal]:
    """Told the SDK URL and the key in ``ORY_PAT``; it logs all that it can log."""
    portal = make_portal(
        network, tmp_path_factory.mktemp("portal"), portal_port, authority, ORY_PAT=KEY
    )
    with portal.running():
        yield portal


def make_portal(
    network: OryNetwork, directory: Path, port: int, authority: Authority, **settings: str
) -> NetworkPortal:
    return NetworkPortal(
        hydra=network,
        admin_url=network.gateway.url,
        port=port,
        database_url=f"sqlite:///{directory / 'portal.db'}",
        directory=directory,
        settings={
            "PORTAL_ORY_CA_FILE": str(authority.file),
            "PORTAL_LOG_LEVEL": "debug",
            **settings,
        },
    )


@pytest.fixture(scope="module")
def ann(portal: NetworkPortal) -> Person:
    return portal.create_user("ann@example.org")


@pytest.fixture
def app(network: OryNetwork, relying_party: RelyingParty) -> App:
    return network.create_client(relying_party)


@pytest.fixture
def answers() -> list[httpx.Response]:
    """Everything that reached the browser."""
    return []


@pytest.fixture
async def browser(trust: ssl.SSLContext, answers: list[httpx.Response]) -> AsyncIterator[Browser]:
    async def note(response: httpx.Response) -> None:
        await response.aread()
        answers.append(response)

    hooks: dict[str, list[Any]] = {"response": [note]}
    async with httpx.AsyncClient(
        verify=trust, trust_env=False, timeout=30, event_hooks=hooks
    ) as http:
        yield Browser(http)


async def open_login(browser: Browser, app: App, portal: NetworkPortal) -> str:
    """Ask for a sign-in at *portal*, whichever portal Ory would send the browser to."""
    await browser.open(app.authorize_url("openid"))
    challenge = browser.page.url.copy_with(scheme="http", host="localhost", port=portal.port)
    await browser.open(challenge)
    return str(challenge)


async def test_the_whole_life_of_a_connected_app(
    browser: Browser,
    app: App,
    gateway: Gateway,
    portal: NetworkPortal,
    ann: Person,
    relying_party: RelyingParty,
) -> None:
    tokens = await connect(browser, app, ann, "openid", "offline", remember=True, stay=True)
    assert app.is_active(tokens["access_token"])
    assert app.userinfo(tokens["access_token"]).json()["sub"] == ann.subject
    await browser.open(app.authorize_url("openid offline"))
    assert is_back_at(browser.page, app)
    assert not was_shown(browser, "/login")
    assert not was_shown(browser, "/consent")
    again = app.exchange(code_at(browser.page, app))
    await open_portal(browser, portal, "/account/apps", ann)
    await disconnect(browser, app)
    for token in (tokens["access_token"], tokens["refresh_token"], again["access_token"]):
        await until_dead(app, token)
    assert is_consent(await browser.open(app.authorize_url("openid offline")))
    await allow(browser, "openid")
    assert is_back_at(browser.page, app)
    leave = app.logout_url(again["id_token"], post_logout_redirect_uri=relying_party.after_logout)
    assert (await browser.open(leave)).url.path == "/logout"
    assert str((await browser.click("accept")).url) == relying_party.after_logout
    assert is_login(await browser.open(app.authorize_url("openid")))
    assert_the_key_went_to_the_admin_side_only(gateway)


def assert_the_key_went_to_the_admin_side_only(gateway: Gateway) -> None:
    seen = {(seen.is_admin, seen.with_key) for seen in gateway.seen}
    assert seen == {(True, True), (False, False)}
    assert {"/oauth2/auth", "/oauth2/token", "/userinfo"} <= {seen.path for seen in gateway.seen}


async def test_denying_reaches_the_app(browser: Browser, app: App, ann: Person) -> None:
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, ann)
    await browser.click("reject")
    assert error_at(browser.page, app)["error"] == "access_denied"


async def test_ory_s_cookies_are_those_of_https(browser: Browser, app: App, ann: Person) -> None:
    await connect(browser, app, ann, "openid", stay=True)
    cookies = {cookie.name: cookie for cookie in browser.cookies.jar if "ory_hydra" in cookie.name}
    assert "ory_hydra_session" in cookies
    assert all(cookie.secure for cookie in cookies.values())


@pytest.mark.browser
async def test_chromium_brings_the_cookies_of_https_back_from_the_portal(
    chromium: playwright.Browser, app: App, gateway: Gateway, ann: Person
) -> None:
    context = await chromium.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await page.goto(app.authorize_url("openid"))
    await page.check("#remember")
    await type_login(page, ann)
    await tick_and_allow(page, "openid", remember=True)
    assert app.exchange((await arrive_at(page, app))["code"])["scope"] == "openid"
    cookies = {cookie["name"]: cookie for cookie in await context.cookies(gateway.url)}
    session = cookies["ory_hydra_session"]
    assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "None")
    await page.goto(app.authorize_url("openid"))
    assert (await arrive_at(page, app))["code"]
    await context.close()


async def test_a_short_breath_is_waited_for(
    browser: Browser, app: App, gateway: Gateway, ann: Person
) -> None:
    gateway.limit(retry_after=1)
    assert is_login(await browser.open(app.authorize_url("openid")))
    assert [seen.method for seen in gateway.seen if seen.is_admin] == ["GET", "GET"]
    gateway.limit(retry_after=1)
    await sign_in(browser, ann)
    gateway.limit(retry_after=1)
    await allow(browser, "openid")
    assert app.exchange(code_at(browser.page, app))["scope"] == "openid"


async def test_a_long_breath_is_told_and_the_person_goes_on_later(
    browser: Browser, app: App, gateway: Gateway, ann: Person
) -> None:
    gateway.limit(retry_after=40)
    page = await browser.open(app.authorize_url("openid"))
    assert (page.status, page.response.headers["retry-after"]) == (503, "40")
    assert page.has("problem")
    assert is_login(await browser.reload())
    gateway.limit(retry_after=40)
    page = await sign_in(browser, ann)
    assert (page.status, page.response.headers["retry-after"]) == (503, "40")
    await browser.open(app.authorize_url("openid"))
    await sign_in(browser, ann)
    consent = browser.page
    gateway.limit(retry_after=40)
    assert (await allow(browser, "openid")).status == 503
    browser.show(consent)
    await allow(browser, "openid")
    assert app.exchange(code_at(browser.page, app))["scope"] == "openid"


async def test_ory_away_is_told_by_the_page_and_by_the_ready_endpoint(
    browser: Browser, app: App, gateway: Gateway, portal: NetworkPortal
) -> None:
    login = await open_login(browser, app, portal)
    gateway.away()
    assert (await browser.open(login)).status == 503
    assert ready(portal) == {"status": "ok", "ory": "unavailable"}
    gateway.heal()
    assert is_login(await browser.open(login))
    assert ready(portal) == {"status": "ok", "ory": "ok"}


def ready(portal: NetworkPortal) -> dict[str, Any]:
    answer = httpx.get(f"{portal.url}/health/ready", trust_env=False)
    return dict(answer.json())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return file


@pytest.fixture
def portal_with_key_file(
    network: OryNetwork, authority: Authority, tmp_path: Path, key_file: Path
) -> Iterator[NetworkPortal]:
    portal = make_portal(network, tmp_path, free_port(), authority, ORY_API_KEY_FILE=str(key_file))
    with portal.running():
        yield portal


async def test_a_key_in_a_file_is_replaced_while_the_portal_runs(
    browser: Browser,
    app: App,
    gateway: Gateway,
    portal: NetworkPortal,
    portal_with_key_file: NetworkPortal,
    key_file: Path,
) -> None:
    other = portal_with_key_file
    login = await open_login(browser, app, other)
    assert is_login(browser.page)
    gateway.keys = frozenset([NEXT_KEY])
    page = await browser.open(login)
    assert page.status == 503
    assert page.response.headers["retry-after"]
    assert "expired" not in page.text
    assert ready(other) == {"status": "ok", "ory": "key refused"}
    assert other.log_text().count("ory key refused") == 1
    replace(key_file, NEXT_KEY)
    assert is_login(await browser.open(login))
    assert ready(other) == {"status": "ok", "ory": "ok"}
    bob = other.create_user("bob@example.org")
    page = await sign_in(browser, bob)
    assert page.url.path == "/consent"  # Ory took the decision that the new key brought
    gateway.keys = frozenset([KEY])
    assert_no_key_in(other.log_text())


def replace(file: Path, key: str) -> None:
    """As tools do: written aside, then moved over."""
    new = file.with_suffix(".new")
    new.write_text(f"{key}\n")
    new.rename(file)


async def test_a_redirect_of_the_admin_side_is_not_followed(
    browser: Browser, app: App, gateway: Gateway, portal: NetworkPortal
) -> None:
    login = await open_login(browser, app, portal)
    elsewhere = Loopback(says(200, {"client": {}}))
    async with elsewhere.running():
        for target in (elsewhere.url, f"{gateway.url}/oauth2/auth"):
            gateway.redirect(target)
            gateway.seen.clear()
            page = await browser.open(login)
            assert page.status == 502
            assert {seen.is_admin for seen in gateway.seen} == {True}
        refused = portal.attempt("clients", "list")
    assert elsewhere.requests == []
    assert refused.returncode == 1
    assert "not Ory's admin API" in refused.stderr


async def test_the_key_is_in_no_log_no_page_and_no_list_of_programs(
    browser: Browser,
    app: App,
    gateway: Gateway,
    portal: NetworkPortal,
    ann: Person,
    answers: list[httpx.Response],
) -> None:
    login = await open_login(browser, app, portal)
    gateway.keys = frozenset([NEXT_KEY])
    assert (await browser.open(login)).status == 503
    gateway.keys = frozenset([KEY])
    for fault in (gateway.away, lambda: gateway.redirect("http://127.0.0.1:9/")):
        fault()
        assert (await browser.open(login)).status in {502, 503}
        gateway.heal()
    await connect(browser, app, ann, "openid")
    await open_portal(browser, portal, "/account/apps", ann)
    programs = command_lines()
    assert "portal serve" in programs
    assert_no_key_in(programs)
    assert "ory key refused" in portal.log_text()
    assert_no_key_in(portal.log_text())
    assert len(answers) > 10
    for answer in answers:
        assert_no_key_in(answer.text, str(answer.headers), str(answer.url))


def assert_no_key_in(*texts: str) -> None:
    for text in texts:
        assert not any(key in text for key in KEYS)


@pytest.mark.parametrize("ending", ["", "/", "/admin", "/admin/"])
@pytest.mark.parametrize("variable", ["HYDRA_ADMIN_URL", "ORY_SDK_URL"])
def test_the_address_of_the_project_may_end_as_it_likes(
    network: OryNetwork,
    authority: Authority,
    gateway: Gateway,
    tmp_path: Path,
    variable: str,
    ending: str,
) -> None:
    address = {variable: gateway.url + ending, "ORY_PAT": KEY}
    portal = make_portal(network, tmp_path, 3000, authority, **address)
    portal.cli("clients", "list")
    assert {(seen.path, seen.with_key) for seen in gateway.seen} == {("/admin/clients", True)}


async def test_the_local_client_checks_the_tokens_of_a_project(
    browser: Browser,
    gateway: Gateway,
    portal: NetworkPortal,
    ann: Person,
    authority: Authority,
    tmp_path: Path,
    answers: list[httpx.Response],
) -> None:
    """With nothing but the SDK URL and the key, as the README exports them."""
    told = {"ORY_SDK_URL": gateway.url, "ORY_PAT": KEY, "PORTAL_ORY_CA_FILE": str(authority.file)}
    reader = Reader(directory=tmp_path, variables=told)
    port = free_port()
    redirect = f"--redirect-uri http://127.0.0.1:{port}/callback"
    client = json.loads(reader.types(f"portal clients create {redirect} --format json"))
    perform = (
        f"portal perform authorization-code --client-id {client['client_id']}"
        f" --client-secret {client['client_secret']} --port {port} --no-open"
    )
    with reader.runs(perform, until=f"http://127.0.0.1:{port}/") as log:
        await browser.open(f"http://127.0.0.1:{port}/")
        await browser.follow("Authorize application")
        await sign_in(browser, ann)
        page = await allow(browser, "openid", "offline")
        assert f"ID token sub {ann.subject} iss {gateway.url} " in page.text
        assert "Access token, introspected" in page.text
        assert "Failed" not in page.text
    assert {(seen.is_admin, seen.with_key) for seen in gateway.seen} == {
        (True, True),
        (False, False),
    }
    assert_no_key_in(text_of(log), *(answer.text for answer in answers))


@pytest.mark.parametrize(("key", "told"), [(KEY, "ok"), (WRONG_KEY, "failed")])
def test_the_doctor_tells_whether_the_key_is_good(
    network: OryNetwork,
    portal: NetworkPortal,
    authority: Authority,
    gateway: Gateway,
    tmp_path: Path,
    key: str,
    told: str,
) -> None:
    asked = make_portal(
        network, tmp_path, portal.port, authority, ORY_SDK_URL=gateway.url, ORY_PAT=key
    )
    asked.cli("db", "upgrade")
    done = asked.attempt("doctor", "--format", "json")
    report = {each["name"]: each for each in json.loads(done.stdout)}
    assert report["API key"]["status"] == told
    assert report["login page"]["status"] == ("ok" if told == "ok" else "skipped")
    assert done.returncode == int(told == "failed")
    assert not any(seen.with_key for seen in gateway.seen if not seen.is_admin)
    assert_no_key_in(done.stdout, done.stderr)


def text_of(log: Path) -> str:
    return log.read_text()


def test_clients_are_kept_from_the_command_line(portal: NetworkPortal, gateway: Gateway) -> None:
    made = portal.cli("clients", "create", "--name", "Made by hand", "--format", "json")
    client_id = json.loads(made)["client_id"]
    assert client_id in portal.cli("clients", "list")
    assert "Made by hand" in portal.cli("clients", "get", client_id)
    assert portal.cli("clients", "delete", client_id).strip() == client_id
    assert client_id not in portal.cli("clients", "list")
    assert all(seen.is_admin and seen.with_key for seen in gateway.seen)


def test_a_refused_key_is_one_line_without_the_key(
    network: OryNetwork, authority: Authority, tmp_path: Path
) -> None:
    portal = make_portal(network, tmp_path, 3000, authority, ORY_API_KEY=WRONG_KEY)
    assert_one_line(portal.attempt("clients", "list"), "refuses the API key", "ORY_API_KEY")


def test_a_limit_that_lasts_is_one_line(portal: NetworkPortal, gateway: Gateway) -> None:
    gateway.limit(retry_after=40)
    assert_one_line(portal.attempt("clients", "list"), "40 seconds")


def test_without_the_authority_the_key_is_not_sent(
    network: OryNetwork, authority: Authority, gateway: Gateway, tmp_path: Path
) -> None:
    portal = make_portal(network, tmp_path, 3000, authority, ORY_PAT=KEY, PORTAL_ORY_CA_FILE="")
    assert_one_line(portal.attempt("clients", "list"), "PORTAL_ORY_CA_FILE")
    assert gateway.seen == []


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert_no_key_in(done.stderr)
