"""``make demo`` brings everything up, says where to click, and leaves nothing behind."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.driver import Browser
from tests.hydra import demo
from tests.hydra.server import LOOPBACK
from tests.journeys.steps import is_consent, is_login

pytestmark = [pytest.mark.hydra, pytest.mark.slow]

COMMAND = (sys.executable, "-m", "tests.hydra.demo")
ROOT = Path(demo.__file__).parents[2]


@pytest.fixture(autouse=True)
def free_ports() -> None:
    """The demo has fixed ports; somebody may be looking at one right now."""
    try:
        demo.refuse_taken_ports()
    except demo.DemoError as taken:
        pytest.skip(str(taken))


@pytest.fixture
def card(tmp_path: Path) -> Iterator[str]:
    """What the demo prints; it must end in order and leave its ports free."""
    output = tmp_path / "output"
    with output.open("wb") as sink:
        process = subprocess.Popen(COMMAND, cwd=ROOT, stdout=sink, stderr=sink)
    try:
        yield wait_for_card(output, process)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    demo.refuse_taken_ports()
    assert output.read_text().rstrip().endswith("The demo has ended.")


async def test_the_demo_says_where_to_click_and_ends_in_order(card: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert is_consent(await sign_in_as_told(Browser(http), card))


def wait_for_card(output: Path, process: subprocess.Popen[bytes]) -> str:
    """The text that tells where to click."""
    deadline = time.monotonic() + 60
    while "Ctrl-C ends it all" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.2)
    return output.read_text()


async def sign_in_as_told(browser: Browser, card: str):
    """Do what the card says, up to the consent page."""
    client = re.search(r"open +(\S+)", card)
    account = re.search(r"sign in as +(\S+)\s+password +(\S+)", card)
    assert client
    assert account
    await browser.open(client[1])
    await browser.open(browser.page.link("Authorize application"))
    assert is_login(browser.page)
    browser.fill("email", account[1])
    browser.fill("password", account[2])
    return await browser.click("accept")


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server((LOOPBACK, demo.PORTS["client"])):
        done = subprocess.run(
            COMMAND, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "5555" in done.stderr
