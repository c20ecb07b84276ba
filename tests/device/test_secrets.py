"""Codes and challenges of devices are left behind nowhere."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import logs, metrics
from portal.settings import Settings
from tests.device.conftest import CODE, address, type_code
from tests.doubles.ory import OryDouble
from tests.driver import Browser
from tests.fixtures.portal import KEY, Portal

WRONG = "canaryWrongCode7Qz"


@pytest.fixture(params=["json", "console"])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    variables = {"BASE_URL": "https://login.example.org", "SECRET_KEY": KEY}
    chosen = {"PORTAL_LOG_FORMAT": request.param, "PORTAL_LOG_LEVEL": "debug"}
    logs.configure(Settings.from_env(variables | chosen), stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


async def test_no_code_and_no_challenge_is_left_behind(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, log: io.StringIO
) -> None:
    await browser.open(address(portal, challenge, user_code=CODE))
    for _ in range(6):
        await type_code(browser, portal, challenge, WRONG)
    other = ory.plant_device()
    done = await type_code(browser, portal, other, CODE)
    leak = {"error": "invalid_request", "error_description": f"{CODE} {other} is bad"}
    for status in (400, 401, 403, 404, 409, 500):
        ory.status(status, leak)
        await type_code(browser, portal, other, CODE)
    written = log.getvalue()
    for event in ("device.shown", "device.refused", "device.throttled", "device.verified"):
        assert event in written or logs.PHRASES[event] in written, event
    verifier = done.query["device_verifier"]
    path = Path(portal.settings.database_url.removeprefix("sqlite:///"))
    stored = b"".join(part.read_bytes() for part in path.parent.glob(path.name + "*"))
    for kept in (written, metrics.exposition().decode(), stored.decode("latin-1")):
        for secret in (CODE, WRONG, challenge, other, verifier):
            assert secret not in kept


async def test_before_its_name_is_known_an_app_is_not_called_by_its_id(
    portal: Portal, browser: Browser, ory: OryDouble, challenge: str, log: io.StringIO
) -> None:
    ory.plant_user_code(CODE, "canary-1d")
    await type_code(browser, portal, challenge, CODE)
    (line,) = [
        line
        for line in log.getvalue().splitlines()
        if "device.verified" in line or logs.PHRASES["device.verified"] in line
    ]
    assert "client" not in line
    assert "canary-1d" not in line
