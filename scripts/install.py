"""Make a virtual environment that holds exactly what the lock file names, and the portal itself.

Runs before anything is installed, so it uses the standard library only. Copes with a Python that
comes without ensurepip (Debian): then the pip of the Python that runs this script does the work.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def main() -> None:
    """Fill the directory that the command line names."""
    if sys.version_info < OLDEST:
        sys.exit("Python 3.11 or newer is needed: make PY=python3.12 (or another one) chooses it.")
    target = Path(sys.argv[1])
    make_environment(target)
    pip = pip_of(target)
    print(
        f"Installing what requirements-dev.lock names into {target} (a minute or two)", flush=True
    )
    # the lock is complete; asked for dependencies, an old pip looks for newer ones beside it
    lock = str(ROOT / "requirements-dev.lock")
    call([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", lock])
    call([*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def make_environment(target: Path) -> None:
    """Create *target*, without pip where this Python has no ensurepip."""
    with_pip = [sys.executable, "-m", "venv", str(target)]
    if subprocess.run(with_pip, capture_output=True, check=False).returncode:  # noqa: S603 - our own words
        call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(target)])


def pip_of(target: Path) -> list[str]:
    """Choose the environment's own pip, else ours pointed at it."""
    python = target / "bin" / "python"
    if has_pip(str(python)):
        return [str(python), "-m", "pip", "--disable-pip-version-check"]
    if has_pip(sys.executable):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    sys.exit("This Python has no pip. On Debian or Ubuntu: apt-get install python3-venv")


def has_pip(python: str) -> bool:
    """Tell whether *python* can run pip at all."""
    probe = [python, "-c", "import pip"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603


def call(command: list[str]) -> None:
    """Run *command* in the open; its failure is ours."""
    done = subprocess.run(command, check=False)  # noqa: S603 - our own words
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
