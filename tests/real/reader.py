"""Somebody who follows the README: types its commands in a directory, and reads what they print."""

import contextlib
import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hydra.server import running, wait_for
from tests.real.portal import COMMAND, KEPT


@dataclass(frozen=True, kw_only=True)
class Reader:
    """*variables* are what they have exported; nothing else of ours is set."""

    directory: Path
    variables: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        return kept | {"PYTHONWARNINGS": "ignore"} | dict(self.variables)

    def tries(self, command: str, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Type a command that may fail."""
        return subprocess.run(
            arguments(command),
            env=self.environment,
            cwd=self.directory,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def types(self, command: str, *, stdin: str = "") -> str:
        """Type a command that works; what it prints."""
        done = self.tries(command, stdin=stdin)
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout

    def log_of(self, command: str) -> Path:
        """What a command prints that was left running."""
        return self.directory / f"{hashlib.sha256(command.encode()).hexdigest()[:12]}.log"

    @contextlib.contextmanager
    def leaves(self, command: str, *, until: str) -> Iterator[subprocess.Popen[bytes]]:
        """Leave a command running, from when *until* answers."""
        log = self.log_of(command)
        with running(
            arguments(command), env=self.environment, log=log, cwd=self.directory
        ) as process:
            wait_for(until, process, log=log)
            yield process

    @contextlib.contextmanager
    def runs(self, command: str, *, until: str) -> Iterator[Path]:
        """The same; at the end it must still run, and end in order."""
        with self.leaves(command, until=until) as process:
            yield self.log_of(command)
            assert process.poll() is None, self.log_of(command).read_text()
        assert process.returncode == 0, self.log_of(command).read_text()


def arguments(command: str) -> list[str]:
    """As a shell takes them apart; ``portal`` is the one that is tested."""
    program, *rest = shlex.split(command)
    assert program == "portal", command
    return [*COMMAND, *rest]
