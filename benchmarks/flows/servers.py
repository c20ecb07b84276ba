"""The servers of one run, all on loopback: PostgreSQL, Hydra, the portal, the reference app."""

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from benchmarks.flows import processes
from portal.store import schema
from tests.fixtures.real_parts import find_postgres
from tests.hydra import build
from tests.hydra.server import HydraSettings, free_port, running, running_hydra, wait_for

HOST = "login.example.org"
"""Where Hydra sends browsers; the driver knows which app is behind it at the moment."""
ORIGIN = f"https://{HOST}"
REFERENCE = Path(__file__).with_name("reference")
CACHE = Path(__file__).parents[2] / ".cache" / "reference-app"
KEPT = ("PATH", "HOME", "TMPDIR", "LANG")
CALLBACK = "http://127.0.0.1:5555/callback"
SCOPE = "openid offline"


class MissingError(RuntimeError):
    """Something is not on this machine; the message says what to do."""


@dataclass(frozen=True)
class App:
    """A login and consent app that runs."""

    name: str
    port: int
    pid: int

    def cpu(self) -> float:
        return processes.cpu(self.pid)

    def memory(self) -> processes.Memory:
        return processes.memory(self.pid)


@dataclass(frozen=True)
class Client:
    """An app of a third party, registered at Ory."""

    id: str
    secret: str


@dataclass(frozen=True)
class Ory:
    """A Hydra that runs. *asking* is the client whose users never let it be remembered,
    *remembered* the one that they know: the reference app has one user, so the two must differ.
    """

    public_url: str
    admin_url: str
    asking: Client
    remembered: Client


def _require_parts() -> None:
    """Tell all that is missing at once."""
    lacking = []
    if build.find_hydra() is None and not all(map(shutil.which, ("go", "cc"))):
        lacking.append(f"Ory Hydra: {build.HOW_TO_GET}.")
    if not named_server() and find_postgres() is None:
        lacking.append(
            "PostgreSQL: apt-get install postgresql (its programs are enough), or "
            "BENCH_DATABASE_URL names a server, as its superuser."
        )
    if not shutil.which("node") or not shutil.which("npm"):
        lacking.append("Node.js 18 or newer with npm: https://nodejs.org, or apt-get install npm.")
    if not Path("/proc/self/smaps_rollup").exists():
        lacking.append("Linux: processors and memory are read from /proc.")
    if lacking:
        raise MissingError("This machine lacks\n" + "\n".join(f"- {each}" for each in lacking))


def named_server() -> str | None:
    """A PostgreSQL that runs already."""
    return os.environ.get("BENCH_DATABASE_URL")


@dataclass(frozen=True)
class Programs:
    """What is not part of this project, ready to run."""

    hydra: Path
    reference: Path


def prepare() -> Programs:
    """Build and install what is not there yet; tells what takes long."""
    _require_parts()
    return Programs(build.find_or_build(_say), _install_reference())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _install_reference() -> Path:
    """Ory's app out of the lock file, once for each content of it."""
    lock = (REFERENCE / "package-lock.json").read_bytes()
    target = CACHE / hashlib.sha256(lock).hexdigest()[:16]
    program = target / "node_modules" / "hydra-login-consent-logout" / "lib" / "app.js"
    if program.exists():
        return program
    _say("Installing Ory's reference app with npm. This happens once.")
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(REFERENCE / name, target)
    command = ("npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(target / "node_modules", ignore_errors=True)
        raise MissingError(f"`npm ci` could not install Ory's app:\n{done.stderr}{done.stdout}")
    return program


@contextlib.contextmanager
def postgres(directory: Path) -> Iterator[str]:
    """A server that keeps what it was told as one in production does: its superuser's address."""
    if named := named_server():
        yield named
        return
    initdb = find_postgres()
    if initdb is None:
        raise MissingError("PostgreSQL's programs were not found.")
    directory.mkdir()
    account: dict[str, Any] = {"cwd": directory}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        entry = pwd.getpwnam("postgres")
        shutil.chown(directory, "postgres", "postgres")
        account |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    data, port = directory / "data", free_port()
    made = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
    subprocess.run([initdb, "-D", data, *made], check=True, capture_output=True, **account)
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    options |= {"max_connections": 300, "shared_buffers": "256MB"}
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [initdb.parent / "postgres", "-D", data, *(f"-c{n}={v}" for n, v in options.items())],
            stdout=log, stderr=log, start_new_session=True, **account,
        )  # fmt: skip
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        schema.wait_until_reachable(url, seconds=60)
        yield url
    finally:
        server.send_signal(2)  # SIGINT: end every session, then the server
        server.wait(60)


def new_database(server: str, name: str) -> str:
    """An empty one on *server*."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def hydra(program: Path, server: str, directory: Path) -> Iterator[Ory]:
    """Hydra on PostgreSQL, with two clients registered."""
    rest = new_database(server, "bench_hydra").partition("://")[2]
    settings = HydraSettings(
        bin=program,
        portal_url=ORIGIN,
        log=directory / "hydra.log",
        dsn=f"postgres://{rest}{'&' if '?' in rest else '?'}sslmode=disable&max_conns=30",
        extra={"LOG_LEVEL": "error"},
    )
    with running_hydra(settings):
        clients = [_register(settings, name) for name in ("Asking", "Remembered")]
        yield Ory(settings.public_url, settings.admin_url, *clients)


def _register(settings: HydraSettings, name: str) -> Client:
    command = (
        *(settings.bin, "create", "oauth2-client", "--endpoint", settings.admin_url),
        *("--name", name, "--grant-type", "authorization_code,refresh_token"),
        *("--response-type", "code", "--scope", SCOPE.replace(" ", ",")),
        *("--redirect-uri", CALLBACK, "--token-endpoint-auth-method", "client_secret_post"),
        *("--format", "json"),
    )
    made = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return Client(made["client_id"], made["client_secret"])


@contextlib.contextmanager
def reference_app(program: Path, ory: Ory, directory: Path) -> Iterator[App]:
    """Ory's app, as production runs it."""
    port, log = free_port(), directory / "reference.log"
    environment = _kept() | {
        "NODE_ENV": "production",
        "HYDRA_ADMIN_URL": ory.admin_url,
        "PORT": str(port),
    }
    with running(["node", str(program)], env=environment, log=log, cwd=directory) as process:
        _wait_for_port(port)
        yield App("reference", port, process.pid)


def portal_environment(database: str, ory: Ory, directory: Path, port: int) -> dict[str, str]:
    """Production: an https address, so that cookies are Secure and the log is JSON."""
    return _kept() | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HYDRA_ADMIN_URL": ory.admin_url,
        "HYDRA_PUBLIC_URL": ory.public_url,
        "BASE_URL": ORIGIN,
        "PORT": str(port),
        "DATABASE_URL": database,
        "SECRET_KEY": "only-for-a-portal-on-loopback-0123456789",
        "PORTAL_DATA_DIR": str(directory),
        "PORTAL_TRUSTED_PROXIES": "127.0.0.1",
    }


@contextlib.contextmanager
def portal(database: str, ory: Ory, directory: Path, *, workers: int = 1) -> Iterator[App]:
    """``portal serve`` on a database that is up to date."""
    port, log = free_port(), directory / "portal.log"
    command = [sys.executable, "-m", "portal", "serve", "--workers", str(workers)]
    environment = portal_environment(database, ory, directory, port)
    with running(command, env=environment, log=log, cwd=directory) as process:
        wait_for(f"http://127.0.0.1:{port}/health/ready", process, log=log)
        yield App("portal", port, process.pid)


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def _wait_for_port(port: int, seconds: float = 30) -> None:
    import socket  # noqa: PLC0415

    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise MissingError("Ory's app did not start; see reference.log.") from None
            time.sleep(0.05)
        else:
            return
