"""The portal as its operators run it: the command, with a database and a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hydra.server import running, wait_for
from tests.real.hydra import RealHydra

COMMAND = (sys.executable, "-m", "portal")
KEPT = {"PATH", "HOME", "TMPDIR", "LANG"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account."""

    email: str
    password: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class RealPortal:
    """A portal that can be started; *admin_url* is Hydra's, or that of a proxy in front of it."""

    hydra: RealHydra
    admin_url: str
    port: int
    database_url: str
    directory: Path
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        """On ``localhost``; Hydra and the apps are on 127.0.0.1: another site, as in real life."""
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "portal.log"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        return kept | {
            "HYDRA_ADMIN_URL": self.admin_url,
            "HYDRA_PUBLIC_URL": self.hydra.public_url,
            "BASE_URL": self.url,
            "PORT": str(self.port),
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": "0123456789abcdef0123456789abcdef-for-tests",
            "PORTAL_DATA_DIR": str(self.directory),
            "PYTHONWARNINGS": "ignore",
            **self.settings,
        }

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """What ``portal …`` prints; its failure fails the test with its words."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=self.environment(),
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"portal {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def create_user(self, email: str, *options: str) -> Person:
        """Make an account. The subject is chosen here, so that tests can ask Hydra about it."""
        password = f"correct horse of {email}"
        subject = f"subject-of-{email}"
        arguments = ("users", "create", email, "--subject", subject, "--password-stdin", *options)
        self.cli(*arguments, stdin=f"{password}\n")
        return Person(email=email, password=password, subject=subject)

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Migrate, serve, wait until ready."""
        self.cli("db", "upgrade")
        with running(
            [*COMMAND, "serve"], env=self.environment(), log=self.log, cwd=self.directory
        ) as process:
            wait_for(f"{self.url}/health/ready", process, log=self.log)
            yield process
