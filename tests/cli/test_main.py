import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from portal.cli import COMMANDS
from portal.cli.reference import markdown

LEAVES = [
    ("serve",),
    *(("db", name) for name in ("upgrade", "current", "check")),
    *(("users", name) for name in ("create", "list", "disable", "enable", "set-password")),
    *(("clients", name) for name in ("create", "list", "get", "delete")),
    ("ory-config",),
    ("doctor",),
]


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself_with_an_example(portal, command, flag):
    found = portal(*command, flag)
    assert found.exit_code == 0
    assert f"portal {' '.join(command)}" in found.stdout
    assert "$ " in found.stdout


def test_the_list_of_commands_is_short_and_complete(portal):
    found = portal("--help")
    assert found.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert name in found.stdout
        assert line in found.stdout


def test_help_needs_neither_a_web_framework_nor_a_database():
    program = (
        "import sys\n"
        "from portal.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'litestar', 'sqlalchemy', 'alembic', 'httpx', 'uvicorn', 'argon2'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True
    )
    assert found.returncode == 0, found.stderr


def test_python_m_portal_is_the_same():
    found = subprocess.run(
        [sys.executable, "-m", "portal", "--version"], capture_output=True, check=False, text=True
    )
    assert found.stdout.strip().endswith(version("hydra-consent-portal"))


@pytest.mark.parametrize(
    "args",
    [
        ("nonsense",),
        ("users", "nonsense"),
        ("users", "list", "--nonsense"),
        ("users", "create"),
        ("users", "list", "--format", "xml"),
        ("serve", "--port", "eighty"),
        ("serve", "--workers", "2", "--reload"),
        ("clients", "create", "--metadata", "{"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_no_traceback(portal, args):
    found = portal(*args)
    assert found.exit_code == 2
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    assert found.stderr.startswith("portal: ")
    assert found.stderr.count("\n") == 1
    assert found.stderr.endswith(" --help\n")


def test_the_page_of_commands_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "cli.md"
    assert page.read_text() == markdown(), "python -m portal.cli.reference > docs/cli.md"
