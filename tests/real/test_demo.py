"""``portal demo`` brings everything up, says where to click, and leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.driver import Browser
from tests.fixtures.hydra import hydra_binary
from tests.journeys.steps import is_consent, is_login

pytestmark = [pytest.mark.slow]

COMMAND = (sys.executable, "-m", "portal", "demo")
FREE_PORTS = ("--port", "0", "--client-port", "0", "--public-port", "0", "--admin-port", "0")
KEYS = {
    *("portal", "client", "hydra_public", "hydra_admin"),
    *("email", "password", "admin_email", "admin_password"),
}
ENDS_WITHIN = 10.0
"""Seconds; alone on a machine it takes less than one."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A demo that runs."""

    process: subprocess.Popen[str]
    facts: Mapping[str, str]
    directory: Path

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    @property
    def temporary(self) -> list[Path]:
        return list((self.directory / "tmp").iterdir())

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(ENDS_WITHIN)

    def answers(self, name: str) -> bool:
        parts = urlsplit(self.facts[name])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", parts.port or 0)) == 0


@contextlib.contextmanager
def started(
    directory: Path, *flags: str, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The command in a session and a directory of its own; it must have ended in the end."""
    (directory / "tmp").mkdir()
    kept = {"TMPDIR": str(directory / "tmp"), **(env or {})}
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, *flags],
            cwd=directory,
            env={**os.environ, **kept},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(ENDS_WITHIN)


@contextlib.contextmanager
def running(directory: Path, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[Demo]:
    with started(directory, "--format", "json", *FREE_PORTS, *flags, env=env) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (directory / "log").read_text()
        demo = Demo(process=process, facts=json.loads(line), directory=directory)
        yield demo
        if process.poll() is None:
            assert demo.end() == 0
        assert process.stdout.read() == ""  # the rest is log, and elsewhere


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """With the stand-in, in an environment full of somebody's own settings."""
    env = {
        "HYDRA_ADMIN_URL": "http://127.0.0.1:9",
        "DATABASE_URL": "mysql://nobody",
        "SECRET_KEY": "short",
        "BASE_URL": "https://login.example",
        "PORT": "1",
        "PORTAL_ARGON2_TIME_COST": "1",
        "PORTAL_CHALLENGE_TTL": "1s",
        "PORTAL_LOG_FORMAT": "json",
        "PROMETHEUS_MULTIPROC_DIR": "/not/there",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }
    with running(tmp_path_factory.mktemp("demo"), env=env) as found:
        yield found


@pytest.fixture
async def browser():
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Browser(http)


async def sign_in_and_allow(browser: Browser, facts: Mapping[str, str]) -> str:
    """What the card says, click by click; the text of the page with the tokens."""
    await browser.open(facts["client"])
    await browser.follow("Authorize application")
    assert is_login(browser.page), browser.page
    assert browser.page.url.host == "localhost"
    browser.fill("email", facts["email"])
    browser.fill("password", facts["password"])
    await browser.click("accept")
    assert is_consent(browser.page), browser.page
    browser.choose("grant_scope", "openid", "offline", "email")
    await browser.click("accept")
    assert str(browser.page.url).startswith(facts["client"])
    assert browser.page.status == 200
    return browser.page.text


async def test_a_newcomer_clicks_from_the_welcome_page_to_the_decoded_tokens(
    demo: Demo, browser: Browser
) -> None:
    assert set(demo.facts) == KEYS
    text = await sign_in_and_allow(browser, demo.facts)
    assert demo.facts["hydra_public"] in text  # the issuer, decoded
    assert demo.facts["email"] in text  # a claim of the ID token
    assert "Traceback" not in demo.log


async def test_the_administrator_sees_what_was_allowed(demo: Demo, browser: Browser) -> None:
    await browser.open(f"{demo.facts['portal']}/admin/grants")
    browser.fill("email", demo.facts["admin_email"])
    browser.fill("password", demo.facts["admin_password"])
    page = await browser.click("accept")
    assert page.status == 200
    assert page.url.path == "/admin/grants"


def test_the_log_says_what_was_ignored_and_holds_no_password(demo: Demo) -> None:
    first = demo.log.splitlines()[0]
    assert first.startswith("portal: HYDRA_ADMIN_URL is ignored")
    assert "127.0.0.1:9" not in demo.log
    assert demo.facts["password"] not in demo.log
    assert demo.facts["admin_password"] not in demo.log


def test_its_files_are_for_nobody_else(demo: Demo) -> None:
    (directory,) = demo.temporary
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path) as demo:
        assert len(demo.temporary) == 1
        with socket.create_connection(("127.0.0.1", urlsplit(demo.facts["portal"]).port or 0)):
            assert demo.end(number) == 0  # a browser holds its connection open
        assert not any(map(demo.answers, ("portal", "client", "hydra_public", "hydra_admin")))
        assert demo.temporary == []
        with pytest.raises(ProcessLookupError):
            os.killpg(demo.process.pid, 0)
        assert demo.log.endswith("The demo has ended.\n")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0, 0.3, 0.6, 0.9, 1.2])
def test_a_signal_during_the_start_does_the_same(
    tmp_path: Path, number: signal.Signals, after: float
) -> None:
    with started(tmp_path, "--format", "json", *FREE_PORTS) as process:
        while not looks_after(process, signal.SIGTERM):
            time.sleep(0.005)
        time.sleep(after)
        process.send_signal(number)
        assert process.wait(ENDS_WITHIN) == 0, (tmp_path / "log").read_text()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def looks_after(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether it has a handler for this signal."""
    assert process.poll() is None
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = re.search(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(caught and int(caught[1], 16) >> (number - 1) & 1)


async def test_the_page_for_people_says_where_to_click_also_for_a_device(
    tmp_path: Path, browser: Browser
) -> None:
    with started(tmp_path, "--profile", "26", *FREE_PORTS) as process:
        card = read_card(process)
        client = re.search(r"open +(\S+)", card)
        account = re.search(r"sign in as +(\S+)\s+password +(\S+)", card)
        command = re.search(r"\S+ perform device-code .*\\\n.*", card)
        assert client
        assert account
        assert command
        page = await browser.open(client[1])
        assert page.link("Authorize application")
        with device(command[0], tmp_path) as (address, waiting):
            await browser.open(address)
            await browser.click("verify")
            browser.fill("email", account[1])
            browser.fill("password", account[2])
            await browser.click("accept")
            browser.choose("grant_scope", "openid")
            await browser.click("accept")
            assert waiting.wait(20) == 0


@contextlib.contextmanager
def device(command: str, directory: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run what the page says; where to open a browser, and the program that waits."""
    shell = ["/bin/sh", "-c", f"exec {command}"]
    with subprocess.Popen(
        shell, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = ""
            while "or open" not in said:
                line = process.stderr.readline() if process.stderr else ""
                assert line, said
                said += line
            yield said.split()[-1], process
        finally:
            process.terminate()


def read_card(process: subprocess.Popen[str]) -> str:
    lines: list[str] = []
    for line in process.stdout or ():
        lines.append(line)
        if "Ctrl-C ends it all" in line:
            break
    return "".join(lines)


async def test_a_directory_that_is_kept_can_be_used_again_with_new_passwords(
    tmp_path: Path, browser: Browser
) -> None:
    kept = tmp_path / "kept #1"
    passwords = set()
    for turn in ("first", "second"):
        (tmp_path / turn).mkdir()
        with running(tmp_path / turn, "--data-dir", str(kept)) as demo:
            assert demo.temporary == []
            passwords.add(demo.facts["password"])
            browser.cookies.clear()
            await sign_in_and_allow(browser, demo.facts)
    assert len(passwords) == 2
    assert (kept / "demo.db").is_file()


def test_readers_that_have_gone_do_not_make_it_fail(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with subprocess.Popen(
        [*COMMAND, "--format", "json", *FREE_PORTS],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        process.stderr.close()
        process.terminate()
        assert process.wait(ENDS_WITHIN) == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_ory_elsewhere_is_not_touched_without_a_yes(tmp_path: Path) -> None:
    flags: Sequence[str] = ("--hydra", "https://ory.invalid", "--public-url", "https://ory.invalid")
    with started(tmp_path, *flags) as process:
        assert process.wait(ENDS_WITHIN) == 1
    assert "--yes" in (tmp_path / "log").read_text()


@pytest.mark.hydra
async def test_a_hydra_program_takes_the_place_of_the_stand_in(
    tmp_path: Path, browser: Browser
) -> None:
    with running(tmp_path, "--hydra", str(hydra_binary())) as demo:
        text = await sign_in_and_allow(browser, demo.facts)
        assert demo.facts["hydra_public"] in text
        assert demo.end() == 0
        assert not any(map(demo.answers, demo.facts.keys() & {"hydra_public", "hydra_admin"}))
        assert demo.temporary == []


@pytest.mark.hydra
async def test_a_hydra_that_dies_ends_the_demo_with_one_line(tmp_path: Path) -> None:
    with running(tmp_path, "--hydra", str(hydra_binary())) as demo:
        (child,) = children(demo.process.pid)
        os.kill(child, signal.SIGKILL)
        assert demo.process.wait(ENDS_WITHIN) == 1
        assert demo.log == "portal: Hydra has ended by itself, and so does the demo.\n"
        assert demo.temporary == []


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@pytest.mark.hydra
async def test_at_an_ory_that_runs_already_the_app_is_registered_and_deleted_again(
    tmp_path: Path, browser: Browser
) -> None:
    (tmp_path / "ory").mkdir()
    (tmp_path / "demo").mkdir()
    with running(tmp_path / "ory", "--hydra", str(hydra_binary())) as ory:
        before = client_ids(ory)
        where = ("--hydra", ory.facts["hydra_admin"], "--public-url", ory.facts["hydra_public"])
        flags = ("--format", "json", "--port", "0", "--client-port", "0", *where)
        with started(tmp_path / "demo", *flags) as process:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            assert facts["hydra_admin"] == ory.facts["hydra_admin"]
            assert len(client_ids(ory)) == len(before) + 1
            page = await browser.open(facts["client"])
            assert page.link("Authorize application")
            process.send_signal(signal.SIGINT)
            assert process.wait(ENDS_WITHIN) == 0
        assert client_ids(ory) == before


def client_ids(ory: Demo) -> set[str]:
    found = httpx.get(f"{ory.facts['hydra_admin']}/admin/clients", trust_env=False)
    return {client["client_id"] for client in found.json()}
