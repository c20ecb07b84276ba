"""What every test may use. Fixtures live in tests/fixtures, by what they bring."""

import pytest

pytest_plugins = [
    "tests.fixtures.real_parts",
    "tests.fixtures.databases",
    "tests.fixtures.hydra",
    "tests.fixtures.chromium",
    "tests.fixtures.tutorial",
    "tests.fixtures.portal",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for the whole run, so that a browser can outlive a test."""
    return "asyncio"
