"""Journeys run on Hydra with both databases, and on the stand-in as the newer releases.

Those in Chromium run on one database, for they test the browser. What is marked ``hydra`` itself
runs on Hydra alone; everything else gets its marker here, by where it runs.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.driver import Browser
from tests.fixtures.hydra import admin, ann, portal  # noqa: F401 - journeys use the real ones
from tests.fixtures.real_parts import has_postgres
from tests.real.ory import REAL, STANDIN

NewBrowser = Callable[[], Awaitable[Browser]]
NEWER = f"{STANDIN}26"
"""No newer Hydra than 2.3 is built here, so this proves the portal against what has changed."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = [name for name in ("ory_name", "portal_database") if name in metafunc.fixturenames]
    if not names:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    in_chromium = "browser" in marks
    places = [(REAL, "sqlite")]
    if "portal_database" in names and has_postgres() and not in_chromium:
        places.append((REAL, "postgresql"))
    if "hydra" not in marks and not in_chromium:
        places.append((NEWER, "sqlite"))
    chosen = [place(*named[: len(names)]) for named in places]
    metafunc.parametrize(names, chosen, indirect=True, scope="session")


def place(ory_name: str, *database: str) -> pytest.ParameterSet:
    """Where a test runs: the stand-in needs nothing that a machine may lack."""
    mark = pytest.mark.hydra if ory_name == REAL else pytest.mark.slow
    return pytest.param(ory_name, *database, id="-".join((ory_name, *database)), marks=mark)


@pytest.fixture
async def new_browser() -> AsyncIterator[NewBrowser]:
    """One more browser, without cookies."""
    opened: list[httpx.AsyncClient] = []

    async def make() -> Browser:
        http = httpx.AsyncClient(trust_env=False, timeout=30, verify=False)  # noqa: S501 - no TLS
        opened.append(http)
        return Browser(http)

    yield make
    for http in opened:
        await http.aclose()


@pytest.fixture
async def browser(new_browser: NewBrowser) -> Browser:
    """One person's browser."""
    return await new_browser()
