"""What every test may use. Fixtures live in tests/fixtures, by what they bring."""

import importlib

import pytest

pytest_plugins = [
    "tests.fixtures.real_parts",
    "tests.fixtures.databases",
    "tests.fixtures.hydra",
    "tests.fixtures.chromium",
    "tests.fixtures.tutorial",
    "tests.fixtures.portal",
    "tests.fixtures.mail",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for the whole run, so that a browser can outlive a test."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def hypothesis_is_loaded() -> None:
    """Import what Hypothesis imports at first use, before it watches garbage collections.

    In the middle of a test Python 3.11 may fail to parse the module, if a collection comes in
    between: "AST constructor recursion depth mismatch".
    """
    importlib.import_module("hypothesis.strategies._internal.regex")
