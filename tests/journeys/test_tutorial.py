"""Ory's tutorial, step by step, by the commands of our README, against a real Hydra.

Step 1, Ory Network in place of Hydra, is test_ory_network.py.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.driver import Browser, Document
from tests.fixtures.hydra import hydra_binary
from tests.hydra.server import HydraSettings, free_port, running_hydra
from tests.journeys.steps import allow, sign_in, tick_and_allow, type_login
from tests.real.hydra import RealHydra
from tests.real.portal import Person
from tests.real.reader import Reader

pytestmark = [pytest.mark.hydra]

FOO = Person(email="foo@bar.com", password="foobar", subject="foo@bar.com")
"""Whom Ory's own suites sign in with."""


@pytest.fixture(scope="module")
def hydra(
    http_client: httpx.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealHydra]:
    """As before the tutorial: nobody has used it, and it knows where the portal will be."""
    settings = HydraSettings(
        bin=hydra_binary(),
        portal_url=f"http://localhost:{free_port()}",
        log=tmp_path_factory.mktemp("hydra") / "hydra.log",
    )
    with running_hydra(settings):
        yield RealHydra(settings=settings, http=http_client)


@pytest.fixture(scope="module")
def reader(hydra: RealHydra, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """In an empty directory, with the two or three variables that the README exports."""
    return Reader(
        directory=tmp_path_factory.mktemp("reader"),
        variables={
            "HYDRA_ADMIN_URL": hydra.admin_url,
            "HYDRA_PUBLIC_URL": hydra.public_url,
            "PORT": hydra.settings.portal_url.rsplit(":", 1)[1],
        },
    )


@pytest.fixture(scope="module")
def portal_url(hydra: RealHydra) -> str:
    return hydra.settings.portal_url


@pytest.fixture(scope="module")
def portal_log(reader: Reader, portal_url: str) -> Iterator[Path]:
    """Step 3: the portal runs, and somebody can sign in."""
    with reader.runs("portal serve --migrate", until=f"{portal_url}/") as log:
        create = f"portal users create {FOO.email} --subject {FOO.subject}"
        reader.types(f"{create} --allow-weak-password --password-stdin", stdin=f"{FOO.password}\n")
        yield log


@dataclass(frozen=True, kw_only=True)
class LocalClient:
    """Steps 2 and 5: a client that is registered, and the command that runs it."""

    client_id: str
    secret: str
    port: int
    public_url: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def command(self, *, secret: str | None = None) -> str:
        return (
            f"portal perform authorization-code --client-id {self.client_id}"
            f" --client-secret {secret or self.secret} --endpoint {self.public_url}"
            f" --port {self.port} --scope openid,offline --no-open"
        )


def register(reader: Reader, hydra: RealHydra) -> LocalClient:
    """With the tutorial's defaults but for the port, which somebody may be using."""
    port = free_port()
    callback = f"--redirect-uri http://127.0.0.1:{port}/callback"
    made = json.loads(reader.types(f"portal clients create {callback} --format json"))
    return LocalClient(
        client_id=made["client_id"],
        secret=made["client_secret"],
        port=port,
        public_url=hydra.public_url,
    )


@pytest.fixture(scope="module")
def client(hydra: RealHydra, reader: Reader, portal_log: Path) -> Iterator[LocalClient]:
    client = register(reader, hydra)
    with reader.runs(client.command(), until=client.url):
        yield client


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Browser(http)


def test_step_2_a_client_is_made_with_the_tutorials_values(
    reader: Reader, hydra: RealHydra, http_client: httpx.Client
) -> None:
    printed = reader.types("portal clients create")
    found = dict(re.findall(r"^([A-Z ]+?)  +(.+)$", printed, re.MULTILINE))
    assert found["CLIENT SECRET"]
    client = http_client.get(f"{hydra.admin_url}/admin/clients/{found['CLIENT ID']}").json()
    assert client["grant_types"] == ["authorization_code", "refresh_token"]
    assert client["response_types"] == ["code", "id_token"]
    assert client["scope"] == "openid offline"
    assert client["redirect_uris"] == ["http://127.0.0.1:5555/callback"]


async def test_step_3_the_portal_welcomes_whoever_comes_by(
    browser: Browser, portal_url: str, portal_log: Path
) -> None:
    page = await browser.open(f"{portal_url}/")
    assert page.status == 200
    assert page.root.find(".//h1") is not None
    assert "starting" in text_of(portal_log)


def test_step_4_the_portal_says_how_ory_is_told_of_it(
    reader: Reader, portal_url: str, hydra: RealHydra
) -> None:
    """What it prints for a Hydra of one's own is what the Hydra of these steps runs with."""
    printed = reader.types("portal ory-config")
    assert "ory patch oauth2-config" in printed
    for page in ("login", "consent", "logout"):
        assert f"""'/urls/{page}="{portal_url}/{page}"'""" in printed
    variables = dict(re.findall(r"^(URLS_\w+)=(\S+)$", printed, re.MULTILINE))
    used = {name: hydra.settings.environment().get(name) for name in variables}
    later = {name for name in variables if name.startswith("URLS_DEVICE_")}
    assert {"URLS_LOGIN", "URLS_CONSENT", "URLS_LOGOUT", "URLS_ERROR"} <= set(variables)
    assert all(variables[name] == used[name] for name in set(variables) - later)


def test_step_4_an_exported_configuration_gets_the_portals_pages(
    reader: Reader, portal_url: str
) -> None:
    exported = "# of the project\nttl:\n  access_token: 1h # short\nurls:\n  login: /ui/login\n"
    (reader.directory / "config.yaml").write_text(exported)
    reader.types("portal ory-config config.yaml --in-place")
    changed = (reader.directory / "config.yaml").read_text()
    assert f"login: {portal_url}/login" in changed
    assert f"consent: {portal_url}/consent" in changed
    assert "# of the project" in changed
    assert "access_token: 1h # short" in changed


def test_step_4_the_doctor_sees_that_ory_sends_browsers_to_the_portal(
    reader: Reader, hydra: RealHydra, portal_log: Path, http_client: httpx.Client
) -> None:
    before = len(clients_of(hydra, http_client))
    report = {
        each["name"]: each for each in json.loads(reader.types("portal doctor --format json"))
    }
    assert [name for name, each in report.items() if each["status"] == "failed"] == []
    assert report["login page"]["status"] == "ok"
    assert report["consent page"]["status"] == "ok"
    assert report["logout page"]["status"] == "ok"
    assert len(clients_of(hydra, http_client)) == before


def clients_of(hydra: RealHydra, http: httpx.Client) -> list[Any]:
    return list(http.get(f"{hydra.admin_url}/admin/clients?page_size=500").json())


async def run_flow(browser: Browser, client: LocalClient) -> Document:
    """Steps 5 and 6; the page at the end."""
    page = await browser.open(client.url)
    assert page.status == 200
    await browser.follow("Authorize application")
    await sign_in(browser, FOO)
    await allow(browser, "openid", "offline")
    assert browser.page.url.port == client.port
    return browser.page


async def test_steps_5_to_7_end_with_decoded_tokens(
    browser: Browser, client: LocalClient, portal_log: Path, hydra: RealHydra
) -> None:
    page = await run_flow(browser, client)
    assert page.status == 200
    assert f"ID token sub {FOO.subject} iss {hydra.public_url} " in page.text
    told = f"Access token, introspected sub {FOO.subject} iss {hydra.public_url} active true"
    assert told in page.text
    assert "Refresh token, introspected" in page.text
    assert "Failed" not in page.text
    log = text_of(portal_log)
    for step in ("asked to sign in", "signed in", "asked to allow", "allowed"):
        assert step in log
    assert FOO.password not in log


async def test_step_7_an_access_token_that_is_a_jwt_is_decoded_too(
    browser: Browser, reader: Reader, hydra: RealHydra, portal_log: Path
) -> None:
    client = register(reader, hydra)
    give_jwts(hydra, client)
    with reader.runs(client.command(), until=client.url):
        page = await run_flow(browser, client)
    assert f"Access token sub {FOO.subject} iss {hydra.public_url} " in page.text
    assert "Failed" not in page.text


def give_jwts(hydra: RealHydra, client: LocalClient) -> None:
    """Let Hydra make this client's access tokens readable."""
    change = [{"op": "replace", "path": "/access_token_strategy", "value": "jwt"}]
    made = hydra.http.patch(f"{hydra.admin_url}/admin/clients/{client.client_id}", json=change)
    assert made.json()["access_token_strategy"] == "jwt"


@pytest.mark.browser
async def test_steps_5_to_7_in_chromium(
    page: Page, client: LocalClient, portal_log: Path, hydra: RealHydra
) -> None:
    await page.goto(client.url)
    await page.get_by_role("link", name="Authorize application").click()
    await type_login(page, FOO)
    await tick_and_allow(page, "openid", "offline")
    body = page.locator("body")
    await expect(body).to_contain_text("The app has its tokens")
    words = " ".join((await body.inner_text()).split())
    assert f"sub {FOO.subject} iss {hydra.public_url}" in words


async def test_the_tokens_are_used_from_their_page(browser: Browser, client: LocalClient) -> None:
    await run_flow(browser, client)
    assert f"UserInfo sub {FOO.subject}" in (await browser.click("userinfo")).text
    assert "these are new tokens" in (await browser.click("refresh")).text
    assert "worth nothing" in (await browser.click("revoke")).text
    page = await browser.click("introspect")
    assert "Access token, introspected active false" in page.text
    assert "Refresh token, introspected active false" in page.text


async def test_a_person_who_denies_is_told_so_and_the_client_runs_on(
    browser: Browser, client: LocalClient
) -> None:
    await browser.open(client.url)
    await browser.follow("Authorize application")
    await browser.click("reject")
    assert "access_denied" in browser.page.text
    assert (await browser.open(client.url)).status == 200


def test_a_wrong_secret_is_told_at_the_terminal_before_anybody_clicks(
    reader: Reader, hydra: RealHydra, portal_log: Path
) -> None:
    client = register(reader, hydra)
    done = reader.tries(client.command(secret="not-the-secret"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    for said in ("invalid_client", "The client secret is wrong", "portal clients"):
        assert said in done.stderr
    assert "not-the-secret" not in done.stderr


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("--client-id nobody", ("invalid_client", "portal clients list")),
        (
            "--redirect http://127.0.0.1:5555/other",
            ("invalid_request", "portal clients create --redirect-uri http://127.0.0.1:5555/other"),
        ),
        ("--scope openid,admin", ("invalid_scope", "--scope")),
        ("--endpoint http://127.0.0.1:1", ("http://127.0.0.1:1",)),
        ("--endpoint {admin}", ("{admin}",)),
    ],
    ids=["unknown client", "unregistered redirect URI", "scope", "nobody there", "admin port"],
)
def test_what_cannot_work_is_one_line_before_anybody_clicks(
    reader: Reader, hydra: RealHydra, mistake: str, words: tuple[str, ...]
) -> None:
    admin = hydra.admin_url
    done = reader.tries(f"{register(reader, hydra).command()} {mistake.format(admin=admin)}")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("portal: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word.format(admin=admin) in done.stderr


def text_of(log: Path) -> str:
    return log.read_text()
