"""The commands, run in this process in a directory of their own."""

import logging

import pytest
from click.testing import CliRunner

from portal.cli import main
from portal.settings import OPTIONS
from portal.store import schema


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No .env, no database and no variable of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS.values():
        for name in option.names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.setenv("PORTAL_ARGON2_TIME_COST", "5")
    monkeypatch.setenv("PORTAL_ARGON2_MEMORY_COST", "7168")


@pytest.fixture(autouse=True)
def log():
    """The log's handlers and level as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def portal(monkeypatch):
    """Run a command: ``portal("users", "list")``."""

    def run(*args, stdin="", **env):
        found = CliRunner().invoke(main, list(args), input=stdin, env=env, prog_name="portal")
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return run


@pytest.fixture
def migrated(tmp_path):
    """A database at head, where the default settings look for it."""
    schema.upgrade(f"sqlite:///{tmp_path}/portal.db")
