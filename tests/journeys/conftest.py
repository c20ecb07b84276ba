"""Journeys run on both databases; those in Chromium on one, for they test the browser."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from tests.driver import Browser
from tests.fixtures.hydra import admin, ann, portal  # noqa: F401 - journeys use the real ones
from tests.fixtures.real_parts import has_postgres

NewBrowser = Callable[[], Awaitable[Browser]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "portal_database" not in metafunc.fixturenames:
        return
    databases = ["sqlite"]
    in_chromium = any(mark.name == "browser" for mark in metafunc.definition.iter_markers())
    if has_postgres() and not in_chromium:
        databases.append("postgresql")
    metafunc.parametrize("portal_database", databases, indirect=True, scope="session")


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
