"""A real Hydra as a child process, on loopback, with a log file.

The tests and the benchmarks start theirs with it.
"""

import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEMORY = "memory"
LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 60.0


class StartError(RuntimeError):
    """A program did not come up; the message ends with the tail of its log."""


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, kw_only=True)
class HydraSettings:
    """What differs between one Hydra and another. *portal_url* is where it sends browsers."""

    bin: Path
    portal_url: str
    log: Path
    dsn: str = MEMORY
    public_port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    extra: Mapping[str, str] = field(default_factory=dict)
    dev: bool = True
    """False: as in production, its cookies are Secure and SameSite=None."""

    @property
    def public_url(self) -> str:
        return f"http://{LOOPBACK}:{self.public_port}"

    @property
    def admin_url(self) -> str:
        return f"http://{LOOPBACK}:{self.admin_port}"

    def environment(self) -> dict[str, str]:
        """All of Hydra's configuration; the portal's own variables stay outside."""
        kept = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR"}
        }
        return kept | {
            "DSN": self.dsn,
            "SQA_OPT_OUT": "true",
            "SERVE_PUBLIC_HOST": LOOPBACK,
            "SERVE_PUBLIC_PORT": str(self.public_port),
            "SERVE_ADMIN_HOST": LOOPBACK,
            "SERVE_ADMIN_PORT": str(self.admin_port),
            "URLS_SELF_ISSUER": self.public_url,
            "URLS_SELF_PUBLIC": self.public_url,
            "URLS_SELF_ADMIN": self.admin_url,
            "URLS_LOGIN": f"{self.portal_url}/login",
            "URLS_CONSENT": f"{self.portal_url}/consent",
            "URLS_LOGOUT": f"{self.portal_url}/logout",
            "URLS_ERROR": f"{self.portal_url}/error",
            "URLS_POST_LOGOUT_REDIRECT": f"{self.portal_url}/",
            "SECRETS_SYSTEM": "only-for-a-hydra-on-loopback",
            "LOG_LEVEL": "info",
            **self.extra,
        }


@contextlib.contextmanager
def running_hydra(settings: HydraSettings) -> Iterator[HydraSettings]:
    """Migrate where there is a database, serve, wait until ready; ended on leaving."""
    environment = settings.environment()
    if settings.dsn != MEMORY:
        migrate = [str(settings.bin), "migrate", "sql", "-e", "--yes"]
        with settings.log.open("ab") as log:
            subprocess.run(migrate, env=environment, stdout=log, stderr=log, check=True)
    serve = [str(settings.bin), "serve", "all", *(["--dev"] if settings.dev else [])]
    with running(serve, env=environment, log=settings.log) as process:
        for base in (settings.admin_url, settings.public_url):
            wait_for(f"{base}/health/ready", process, log=settings.log)
        yield settings


@contextlib.contextmanager
def running(
    command: list[str],
    *,
    env: Mapping[str, str],
    log: Path | None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own, so that Ctrl-C reaches only who must end things in order.

    Without *log* it writes where we write.
    """
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("ab")) if log else None
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if sink else None,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes], *, seconds: float = 10.0) -> int:
    """Ask it to end, then insist; the exit code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def wait_for(
    url: str,
    process: subprocess.Popen[bytes],
    *,
    log: Path | None,
    seconds: float = SECONDS_TO_START,
) -> None:
    """Until *url* answers 200; gives up at once when *process* has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{process.args!r} ended with {process.returncode}.{tail(log)}")
        if answers(url):
            return
        time.sleep(0.05)
    raise StartError(f"{url} did not answer within {seconds:.0f} s.{tail(log)}")


def answers(url: str) -> bool:
    """Whether *url* says 200 right now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def tail(log: Path | None, lines: int = 15) -> str:
    """The end of a log file, for an error message."""
    if log is None or not log.exists():
        return ""
    return "\n" + "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
