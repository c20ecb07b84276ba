"""Where the real Hydra is, and how it gets there: ``HYDRA_BIN``, else built once into ``.cache/``.

Standard library only. ``python -m tests.hydra.build`` shows its progress and prints the path.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MODULE = Path(__file__).resolve().parent
CACHE = MODULE.parent.parent / ".cache" / "hydra"
TAGS = "sqlite,sqlite_omit_load_extension"
HOW_TO_GET = (
    "`make hydra` builds it (Go 1.24 or newer and a C compiler; minutes, once), "
    "or HYDRA_BIN names a binary"
)
SECONDS_BETWEEN_LINES = 5.0

Say = Callable[[str], None]


class HydraMissingError(RuntimeError):
    """There is no Hydra and it cannot be built; the message says what to do."""


def find_hydra() -> Path | None:
    """The binary that ``HYDRA_BIN`` names, or that was built from this module; never builds."""
    named = os.environ.get("HYDRA_BIN")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    built = built_path()
    return built if built.exists() else None


def built_path() -> Path:
    """Where a build of the present module goes: another ``go.sum`` is another Hydra."""
    said = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go"))
    return CACHE / hashlib.sha256(said).hexdigest()[:16] / "hydra"


def find_or_build(say: Say) -> Path:
    """The binary; builds it where nobody named one."""
    found = find_hydra()
    if found:
        return found
    if os.environ.get("HYDRA_BIN"):
        raise HydraMissingError(
            f"HYDRA_BIN={os.environ['HYDRA_BIN']} is no program that can be run."
        )
    lacking = [tool for tool in ("go", "cc") if not shutil.which(tool)]
    if lacking:
        raise HydraMissingError(f"No Hydra here, and no {' and no '.join(lacking)}: {HOW_TO_GET}.")
    return _build(built_path(), say)


def _build(target: Path, say: Say) -> Path:
    """Download, compile, link; a half-built binary never gets the name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    say("Building Ory Hydra from its Go module. This takes minutes, and happens once.")
    packages = _count(_run(["go", "list", "-deps", "-tags", TAGS, "."]), say, "modules downloaded")
    say(f"compiling {packages} packages (those that Go has cached are not counted again)")
    unfinished = target.with_name(f"hydra.{os.getpid()}")
    build = ["go", "build", "-v", "-tags", TAGS, "-o", str(unfinished), "."]
    _count(_run(build), say, f"of {packages} packages compiled")
    unfinished.replace(target)
    say(f"Hydra is built: {target}")
    return target


def _run(command: list[str]) -> Iterator[str]:
    """The lines that *command* prints, as they come; raises when it fails."""
    environment = os.environ | {"CGO_ENABLED": "1"}
    process = subprocess.Popen(
        command,
        cwd=MODULE,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    tail: list[str] = []
    with process:
        for line in process.stdout or ():
            tail = [*tail[-20:], line.rstrip()]
            yield line.rstrip()
    if process.returncode:
        raise HydraMissingError("\n".join([*tail, f"`{' '.join(command[:2])}` failed."]))


def _count(lines: Iterator[str], say: Say, what: str) -> int:
    """Count packages and downloads, telling now and then how far it is; the number of packages."""
    packages, downloads, told = 0, 0, time.monotonic()
    for line in lines:
        if line.startswith("go: "):
            downloads += 1
        else:
            packages += 1
        if time.monotonic() - told > SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            say(f"  {downloads if what.startswith('modules') else packages} {what}")
    return packages


def main(arguments: list[str]) -> int:
    """Print the path; with ``--optional`` a machine that cannot build is no failure."""
    try:
        print(find_or_build(lambda text: print(text, file=sys.stderr, flush=True)))
    except HydraMissingError as missing:
        print(missing, file=sys.stderr)
        return 0 if "--optional" in arguments else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
