"""Every mistake is one line: what is wrong, what to do next; and nothing is left running."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.hydra.server import free_port

NOBODY = "http://127.0.0.1:1"
"""Where no Ory answers."""
HYDRA = {"HYDRA_ADMIN_URL": NOBODY, "HYDRA_PUBLIC_URL": NOBODY}
PERFORM = "perform authorization-code"
ANY_OTHER = "--client-port 0 --public-port 0 --admin-port 0"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Case:
    """A command that cannot work; the port ``{taken}`` is in use, the port ``{free}`` is not."""

    command: str
    words: tuple[str, ...]
    code: int = 1
    env: dict[str, str] = field(default_factory=dict)


def usage(command: str, *words: str) -> Case:
    """Wrong usage ends with where the right one is explained."""
    path = command.partition(" -")[0]
    return Case(command, (*words, f"See: portal {path} --help"), code=2)


CASES = [
    usage("serve --nonsense", "--nonsense"),
    usage("serve --port eighty", "--port", "eighty"),
    usage("serve --port 99999", "--port", "65535"),
    usage("serve --workers 2 --reload", "--workers", "--reload"),
    Case(
        "serve --migrate --port {taken}",
        ("port {taken} is in use", "--port", "lsof -i :{taken}"),
        env=HYDRA,
    ),
    Case("serve --migrate --host 192.0.2.1", ("cannot listen", "192.0.2.1"), env=HYDRA),
    Case("serve", ("database", "portal db upgrade", "--migrate"), env=HYDRA),
    Case("serve --migrate", ("HYDRA_ADMIN_URL=http://127.0.0.1:4445", "SDK URL")),
    Case("serve --migrate", ("HYDRA_ADMIN_URL", "http://"), env={"HYDRA_ADMIN_URL": "hydra:4445"}),
    Case(
        "serve --wait 0",
        ("DATABASE_URL",),
        env={**HYDRA, "DATABASE_URL": "postgresql://127.0.0.1:1/portal"},
    ),
    Case(
        "serve --migrate",
        ("PORTAL_ORY_CA_FILE", "no file"),
        env={**HYDRA, "PORTAL_ORY_CA_FILE": "missing.pem"},
    ),
    usage("clients create --nonsense", "--nonsense"),
    usage("clients list --format xml", "--format", "json"),
    usage("clients create --metadata {{", "--metadata", "JSON"),
    Case("clients list", ("HYDRA_ADMIN_URL=http://127.0.0.1:4445", "SDK URL")),
    Case("clients list", ("does not answer", f"at {NOBODY} ", "HYDRA_ADMIN_URL"), env=HYDRA),
    Case("clients create", ("does not answer", f"at {NOBODY} ", "HYDRA_ADMIN_URL"), env=HYDRA),
    Case("clients list -e http://127.0.0.1:2", ("at http://127.0.0.1:2 ",), env=HYDRA),
    Case("clients delete photos", ("does not answer", "HYDRA_ADMIN_URL"), env=HYDRA),
    Case("clients list --endpoint ftp://ory", ("HYDRA_ADMIN_URL", "http://"), env=HYDRA),
    usage(f"{PERFORM} --nonsense", "--nonsense"),
    usage(f"{PERFORM} --port 0", "--port", "65535"),
    usage(f"{PERFORM} --endpoint {NOBODY}", "--client-id", "portal clients create"),
    usage(f"{PERFORM} --client-id x --endpoint {NOBODY} --project y", "--endpoint", "--project"),
    usage(f"{PERFORM} --client-id x --endpoint {NOBODY} --state abc", "--state"),
    usage(f"{PERFORM} --client-id x --endpoint {NOBODY} --redirect nonsense", "http://"),
    Case(f"{PERFORM} --client-id x", ("HYDRA_PUBLIC_URL=http://127.0.0.1:4444", "-e")),
    Case(f"{PERFORM} --client-id x --port {{taken}}", ("{taken} is in use", "port"), env=HYDRA),
    Case(f"{PERFORM} --client-id x --port {{free}}", (NOBODY,), env=HYDRA),
    Case(
        f"{PERFORM} --client-id x --project 6f1b6a0e-7c1e-4f5e-9a43-2f4f8d1f2b11",
        ("slug", "ory get project"),
    ),
    usage("perform device-code --nonsense", "--nonsense"),
    Case("perform device-code --client-id x", (NOBODY,), env=HYDRA),
    usage("demo --nonsense", "--nonsense"),
    usage("demo --port 99999", "--port", "65535"),
    usage("demo --port 4444", "--port", "--public-port", "same port"),
    usage("demo --hydra /nowhere/hydra", "--hydra", "/nowhere/hydra"),
    Case(f"demo --port {{taken}} {ANY_OTHER}", ("{taken} is in use", "--port", "lsof")),
    Case(f"demo --port 0 {ANY_OTHER} --client-port {{taken}}", ("{taken}", "--client-port")),
    Case(f"demo --port 0 --client-port 0 --hydra {NOBODY} --public-url {NOBODY}", (NOBODY,)),
    Case(f"demo --port 0 {ANY_OTHER} --hydra {sys.executable}", ("Hydra ended",)),
    Case("demo --hydra https://slug.projects.oryapis.com", ("slug.projects", "--yes")),
    usage("doctor --nonsense", "--nonsense"),
    usage("doctor --format yaml", "--format", "json"),
    usage("ory-config --nonsense", "--nonsense"),
    Case("ory-config missing.yaml", ("missing.yaml",)),
    Case("ory-config .", ("directory", "ory get oauth2-config")),
    Case("ory-config --base-url http://login.example.org", ("https", "--allow-http")),
    usage("ory-config --base-url nonsense", "--base-url", "http://"),
]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_a_mistake_is_one_line_that_says_what_to_do(portal, case, taken):
    before = threading.active_count()
    found = portal(*shlex.split(case.command.format(taken=taken, free=free_port())), **case.env)
    assert found.stdout == ""
    assert_one_line(found.stderr, case, taken)
    assert found.exit_code == case.code
    assert threading.active_count() <= before


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_a_mistake_leaves_nothing_running(case, taken, tmp_path):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "portal",
            *shlex.split(case.command.format(taken=taken, free=free_port())),
        ],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT), **case.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert_one_line(err, case, taken)
    assert process.returncode == case.code
    with pytest.raises(ProcessLookupError):  # nobody is left of its group
        os.killpg(process.pid, 0)


def assert_one_line(printed: str, case: Case, taken: int) -> None:
    assert printed.startswith("portal: ")
    assert printed.count("\n") == 1, printed
    assert printed[:-1].isprintable()
    for word in case.words:
        assert word.format(taken=taken) in printed
