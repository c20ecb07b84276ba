import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from portal.settings import Settings
from tests.doubles.two_sides import TwoSides

TOLD = (" starting ", " listening ", "! ory unavailable ")
HYDRA = {"HYDRA_ADMIN_URL": "http://127.0.0.1:1"}


@pytest.fixture
def started(monkeypatch):
    """What the server would have been started with."""
    calls = []

    def run(application, **options):
        directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        there = directory is not None and Path(directory).is_dir()
        calls.append(
            {"application": application, "metrics": there, "env": dict(os.environ), **options}
        )

    monkeypatch.setattr("uvicorn.run", run)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return calls


@pytest.fixture
def serve(portal):
    """Run ``portal serve``; what it puts into the environment is taken out again."""

    def run(*args, **env):
        kept = {"HOST": None, "PORT": None, "PROMETHEUS_MULTIPROC_DIR": None}
        return portal("serve", *args, **{**kept, **HYDRA, **env})

    return run


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(found):
    assert found.exit_code == 1
    assert found.stderr.startswith("portal: ")
    return found.stderr


@pytest.mark.usefixtures("migrated")
def test_the_server_is_started_with_the_portal_s_own_rules(serve, started):
    port = free_port()
    found = serve(PORT=str(port))
    assert found.exit_code == 0
    (call,) = started
    assert call["application"] == "portal.app:from_env"
    assert (call["host"], call["port"], call["workers"]) == ("127.0.0.1", port, 1)
    assert call["http"] == "portal.cli.protocol:PatientProtocol"
    assert call["timeout_graceful_shutdown"] == 10
    assert call["log_config"] is None
    assert not any(call[name] for name in ("access_log", "server_header", "proxy_headers"))
    assert not call["metrics"]
    assert f"http://localhost:{port}" in found.stderr


@pytest.mark.usefixtures("migrated")
def test_flags_win_and_reach_the_workers(serve, started):
    port = free_port()
    serve("--port", str(port), "--host", "127.0.0.1", PORT="1", HOST="0.0.0.0")  # noqa: S104
    (call,) = started
    assert (call["host"], call["port"]) == ("127.0.0.1", port)
    assert Settings.from_env(call["env"]).base_url == f"http://localhost:{port}"


@pytest.mark.usefixtures("migrated")
def test_several_workers_count_together_in_a_fresh_place(serve, started):
    serve("--workers", "2", "--port", str(free_port()))
    (call,) = started
    assert call["metrics"]
    assert not Path(call["env"]["PROMETHEUS_MULTIPROC_DIR"]).exists()


def test_a_database_without_tables_is_refused_unless_it_may_be_migrated(serve, started):
    assert "--migrate" in refused(serve())
    assert started == []
    assert serve("--migrate", "--port", str(free_port())).exit_code == 0
    assert len(started) == 1


def test_every_problem_is_said_before_anything_starts(serve, started):
    found = serve(HYDRA_ADMIN_URL="", PORT="x", BASE_URL="https://login.example.org")
    lines = refused(found)
    assert all(name in lines for name in ("HYDRA_ADMIN_URL: ", "PORT: ", "SECRET_KEY: "))
    assert started == []


def test_a_database_that_is_down_is_waited_for_and_then_one_line(serve, started):
    found = serve("--wait", "0", DATABASE_URL="postgresql://127.0.0.1:1/portal")
    assert "DATABASE_URL" in refused(found)
    assert started == []


@pytest.mark.usefixtures("migrated")
def test_a_port_in_use_is_one_line(serve, started):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = serve("--port", str(other.getsockname()[1]))
    assert "--port" in refused(found)
    assert started == []


@pytest.mark.usefixtures("migrated")
def test_an_address_of_another_machine_is_one_line(serve, started):
    assert "cannot listen" in refused(serve("--host", "192.0.2.1", "--port", str(free_port())))


@pytest.mark.usefixtures("migrated")
def test_a_misspelt_setting_is_mentioned(serve, started):
    found = serve("--port", str(free_port()), PORTAL_ARGON_TIME_COST="3")
    assert found.exit_code == 0
    assert "PORTAL_ARGON_TIME_COST" in found.stderr


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("up", [True, False])
def test_it_says_when_it_listens_and_whether_ory_answers(serve, started, monkeypatch, up):
    port = free_port()

    def run(*_, **__):
        with socket.create_server(("127.0.0.1", port)):
            for thread in threading.enumerate():
                if thread.name == "listening":
                    thread.join(10)

    monkeypatch.setattr("uvicorn.run", run)
    with contextlib.closing(TwoSides()) as ory:
        url = ory.url if up else HYDRA["HYDRA_ADMIN_URL"]
        found = serve("--port", str(port), HYDRA_ADMIN_URL=url)
    (line,) = (line for line in found.stderr.splitlines() if " listening " in line)
    assert line.endswith(f"url=http://127.0.0.1:{port}")
    warned = [line for line in found.stderr.splitlines() if "! ory unavailable" in line]
    assert len(warned) == (0 if up else 1)
    assert all("HYDRA_ADMIN_URL" in line and url in line for line in warned)


@pytest.mark.usefixtures("migrated")
def test_a_server_that_never_listens_says_nothing_of_it_and_ends_at_once(serve, started):
    before = threading.active_count()
    started_at = time.monotonic()
    found = serve("--port", str(free_port()))
    assert time.monotonic() - started_at < 5
    assert "listening" not in found.stderr
    assert threading.active_count() <= before


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_real_server_answers_and_stops_cleanly(tmp_path, workers):
    port = free_port()
    command = [sys.executable, "-m", "portal", "serve", "--migrate", "--workers", workers]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, **HYDRA, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://localhost:{port}/health/alive"
        assert answers(url, within=30)
        time.sleep(1)  # Ory is asked
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [words in line for words, line in zip(TOLD, log.splitlines(), strict=True)] == [True] * 3


def answers(url, *, within):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.2)
    return False
