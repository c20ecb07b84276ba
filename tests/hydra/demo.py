"""``make demo``: a real Hydra, the portal, a client, and one page that says where to click.

Everything is made by commands that anybody can type: ``hydra`` and ``portal``. Files are in
``.cache/demo`` and are made anew each time. Ctrl-C ends it all.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType

from tests.hydra import build
from tests.hydra.server import (
    LOOPBACK,
    HydraSettings,
    StartError,
    running,
    running_hydra,
    wait_for,
)

DIRECTORY = build.CACHE.parent / "demo"
CLIENT_LOG = DIRECTORY / "client.log"
PORTAL = (sys.executable, "-m", "portal")
PORTS = {"portal": 3000, "Hydra, public": 4444, "Hydra, admin": 4445, "client": 5555}
PORTAL_URL = f"http://localhost:{PORTS['portal']}"
CLIENT_URL = f"http://{LOOPBACK}:{PORTS['client']}"
SCOPE = "openid,offline"

CARD = """
  Everything runs. Try it:

    1. open        {client}
       and click   Authorize application
    2. sign in as  {user.email}
       password    {user.password}
    3. tick at least one permission, then Allow

  The portal       {portal}
  your apps        {portal}/account/apps
       (has a sign-in of its own; log out before you go on as the administrator)
  all grants       {portal}/admin/grants
       sign in as  {admin.email}
       password    {admin.password}

  Logs of Hydra and the client: {logs}
  Ctrl-C ends it all. The live log of the portal follows.
"""


class DemoError(RuntimeError):
    """The demo cannot run here; the message is one line for the person at the terminal."""


@dataclass(frozen=True)
class Account:
    """Who can sign in, and how."""

    email: str
    password: str


def main() -> int:
    """Run until Ctrl-C; a reason not to run is one readable line."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        run()
    except (DemoError, StartError, build.HydraMissingError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe demo has ended.")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End the demo in order, also when a supervisor sends SIGTERM."""
    raise KeyboardInterrupt


def run() -> None:
    """Start the parts in the order in which they need each other; they end in reverse."""
    refuse_taken_ports()
    binary = build.find_or_build(say)
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    hydra = HydraSettings(
        bin=binary,
        portal_url=PORTAL_URL,
        log=DIRECTORY / "hydra.log",
        public_port=PORTS["Hydra, public"],
        admin_port=PORTS["Hydra, admin"],
    )
    environment = portal_environment(hydra)
    with contextlib.ExitStack() as stack:
        say("Starting Hydra")
        stack.enter_context(running_hydra(hydra))
        say("Preparing the portal's database")
        portal("db", "upgrade", env=environment)
        user = create_user("ann@example.org", env=environment)
        admin = create_user("admin@example.org", "--admin", env=environment)
        say("Starting the client and the portal")
        stack.enter_context(
            running(client_command(hydra, environment), env=os.environ, log=CLIENT_LOG)
        )
        serve = [*PORTAL, "serve"]
        process = stack.enter_context(running(serve, env=environment, log=None, cwd=DIRECTORY))
        wait_for(f"{PORTAL_URL}/health/ready", process, log=None)
        card = CARD.format(
            client=CLIENT_URL, portal=PORTAL_URL, user=user, admin=admin, logs=DIRECTORY
        )
        print(card, flush=True)
        raise DemoError(f"The portal has ended by itself, with {process.wait()}.")


def refuse_taken_ports() -> None:
    """Say which port is in use before anything is started."""
    for name, port in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise DemoError(
                    f"Port {port} ({name}) is in use: end the program that listens there, "
                    f"then try again. `lsof -i :{port}` tells which it is."
                ) from error


def portal_environment(hydra: HydraSettings) -> dict[str, str]:
    """Settings of the demo alone; what is set for another portal must not leak in."""
    kept = {n: v for n, v in os.environ.items() if n in {"PATH", "HOME", "LANG", "TERM", "TMPDIR"}}
    return kept | {
        "HYDRA_ADMIN_URL": hydra.admin_url,
        "HYDRA_PUBLIC_URL": hydra.public_url,
        "BASE_URL": PORTAL_URL,
        "PORT": str(PORTS["portal"]),
        "DATABASE_URL": f"sqlite:///{DIRECTORY / 'portal.db'}",
        "PORTAL_DATA_DIR": str(DIRECTORY),
        "PORTAL_LOG_FORMAT": "console",
    }


def portal(*arguments: str, env: Mapping[str, str], stdin: str = "") -> str:
    """What ``portal …`` prints; runs where no ``.env`` of somebody's own can be read."""
    done = subprocess.run(
        [*PORTAL, *arguments],
        env=dict(env),
        cwd=DIRECTORY,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"portal {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def create_user(email: str, *options: str, env: Mapping[str, str]) -> Account:
    """An account with a password that nobody else knows."""
    account = Account(email, "-".join(secrets.token_hex(2) for _ in range(4)))
    arguments = ("users", "create", email, "--password-stdin", *options)
    portal(*arguments, env=env, stdin=f"{account.password}\n")
    return account


def client_command(hydra: HydraSettings, env: Mapping[str, str]) -> list[str]:
    """Register the tutorial's client; the command that runs it as a local web page."""
    registered = portal(
        *("clients", "create", "--format", "json", "--name", "Tutorial app"),
        *("--grant-type", "authorization_code,refresh_token", "--response-type", "code,id_token"),
        *("--scope", SCOPE, "--redirect-uri", f"{CLIENT_URL}/callback"),
        env=env,
    )
    client = json.loads(registered)
    return [
        *(str(hydra.bin), "perform", "authorization-code", "--endpoint", hydra.public_url),
        *("--client-id", client["client_id"], "--client-secret", client["client_secret"]),
        *("--port", str(PORTS["client"]), "--scope", SCOPE, "--no-open", "--no-shutdown"),
    ]


def say(text: str) -> None:
    """Tell what is going on."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
