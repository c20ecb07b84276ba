"""A stand-in is for one machine and one developer: whoever else asks is refused."""

import logging
import signal
import socket
import subprocess
import sys

import pytest

from portal.dev.standin import ConfigError, StandInConfig
from portal.dev.standin.__main__ import main
from tests.dev.standin import ADMIN, NOTICE, PORTAL, PUBLIC, lab, query_of
from tests.hydra.server import answers, free_port

COMMAND = (sys.executable, "-m", "portal.dev.standin")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says when it cannot start: one line."""
    assert main([*("--portal-url", PORTAL), *arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    return said.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104 - refused
def test_it_listens_on_loopback_and_nowhere_else(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "--host", host, "--public-port", "0", "--admin-port", "0")
    assert "development" in said


@pytest.mark.parametrize("side", ["public", "admin"])
def test_a_busy_port_is_one_line_that_names_it(
    side: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ports = {"public": "0", "admin": "0"} | {side: port}
        given = [f"--{name}-port={number}" for name, number in ports.items()]
        assert port in refused(capsys, *given)


def test_a_configuration_that_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "--profile", "27", "--public-port", "0", "--admin-port", "0")
    assert said == "profile must be one of: 2.3, 26.\n"


def test_help_has_an_example_and_a_flag_for_every_field(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "example:" in said
    for name in StandInConfig.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_one_line_when_it_is_ready_and_ends_when_told(number: signal.Signals) -> None:
    port = free_port()
    command = [*COMMAND, "--portal-url", PORTAL, "--public-port", str(port), "--admin-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        assert "development only" in line
        assert answers(f"http://127.0.0.1:{port}/health/ready")
        process.send_signal(number)
        rest, said = process.communicate(timeout=10)
    assert (process.returncode, rest, said) == (0, b"", b"")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"public_url": "http://ory.example.org:4444"}, "loopback"),
        ({"admin_url": "http://10.0.0.1:4445"}, "loopback"),
        ({"public_url": "http://127.0.0.1:4444/"}, "origin"),
        ({"public_url": "ftp://127.0.0.1"}, "origin"),
        ({"admin_url": "http://127.0.0.1:port"}, "origin"),
        ({"login_url": "javascript:alert(1)"}, "login_url"),
        ({"ttl_access_token": 0}, "ttl_access_token"),
        ({"ttl_refresh_token": -2}, "ttl_refresh_token"),
        ({"scope_strategy": "hierarchic"}, "scope_strategy"),
    ],
)
def test_a_wrong_value_is_named(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        StandInConfig.for_portal(
            PORTAL,
            **{"public_url": PUBLIC, "admin_url": ADMIN} | fields,  # type: ignore[arg-type]
        )


def test_the_portals_pages_are_filled_in() -> None:
    config = StandInConfig.for_portal(f"{PORTAL}/", public_url=PUBLIC, admin_url=ADMIN)
    assert config.login_url == f"{PORTAL}/login"
    assert config.post_logout_redirect_url == f"{PORTAL}/"
    assert config.device_success_url == f"{PORTAL}/device/success"
    assert (config.registration_url, config.ttl_login_consent_request) == (None, 1800)


@pytest.mark.parametrize("host", ["evil.example:4445", "127.0.0.1.evil.example", "192.0.2.7", "["])
async def test_a_name_that_only_resolves_to_this_machine_is_refused(host: str) -> None:
    async with lab() as ory:
        for side in (ory.admin, ory.browser):
            answer = await side.get("/health/ready", headers={"Host": host})
            assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:4445", "127.0.0.1", "[::1]:4445", "ory.localhost"])
async def test_the_names_of_this_machine_are_served(host: str) -> None:
    async with lab() as ory:
        for side in (ory.admin, ory.browser):
            assert (await side.get("/health/ready", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "header",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_pages_of_other_sites_cannot_use_the_admin_side(header: dict[str, str]) -> None:
    async with lab() as ory:
        answer = await ory.admin.post("/admin/clients", content=b"{}", headers=header)
        assert answer.status_code == 403
        assert (await ory.admin.get("/admin/clients")).json() == []


async def test_with_a_key_the_admin_side_answers_as_a_gateway_to_whoever_lacks_it() -> None:
    async with lab(api_key="ory_pat_secret") as ory:
        for headers in ({}, {"Authorization": "Bearer ory_pat_other"}, {"Authorization": "x"}):
            answer = await ory.admin.get("/admin/clients", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == 401
        assert (await ory.admin.get("/health/ready")).status_code == 200
    async with lab(api_key="ory_pat_secret", key="ory_pat_secret") as ory:
        assert (await ory.admin.get("/admin/clients")).status_code == 200


async def test_every_page_says_that_it_is_for_development() -> None:
    async with lab() as ory:
        await ory.register(frontchannel_logout_uri="http://127.0.0.1:5555/out")
        pages = [await ory.browser.get("/"), await ory.admin.get("/nowhere")]
        pages.append(await ory.authorize("none-of-its", response_mode="form_post"))
        tokens = await ory.connect()
        asked = await ory.browser.get(
            "/oauth2/sessions/logout", params={"id_token_hint": tokens["id_token"]}
        )
        pages.append(await ory.accept("logout", asked))
    for page in pages:
        assert page.headers["content-type"].lower().startswith("text/html")
        assert NOTICE in page.text
    assert "iframe" in pages[-1].text


async def test_what_a_page_shows_of_others_is_text() -> None:
    hostile, quoted = '"><script>alert(1)</script>', "http://127.0.0.1:5555/'cb"
    async with lab() as ory:
        await ory.register(redirect_uris=[quoted])
        page = await ory.authorize(
            "none", response_mode="form_post", redirect_uri=quoted, state=hostile * 2
        )
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert "'cb" not in page.text


async def test_no_log_line_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with lab() as ory:
        await ory.register(backchannel_logout_uri="http://127.0.0.1:1/out")
        page = await ory.authorize("openid offline")
        tokens = await ory.connect(scope="openid offline")
        await ory.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    told = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    for secret in (
        query_of(page)["login_challenge"],
        tokens["access_token"],
        tokens["refresh_token"],
        ory.client["client_secret"],
    ):
        assert secret not in told
