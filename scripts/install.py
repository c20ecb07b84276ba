"""Make a virtual environment that holds exactly what a lock file names, and the portal itself.

Runs before anything is installed, so it uses the standard library only. Copes with a Python that
comes without ensurepip (Debian): then the pip of the Python that runs this script does the work.
A larger lock may follow a smaller one into the same environment.
"""

import re
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

OLDEST = (3, 11)
if sys.version_info < OLDEST:  # before anything that an older one cannot read
    sys.exit(
        "Python 3.11 or newer is needed; this one is {}.{}. "
        "make PY=python3.12 (or another one) chooses it.".format(*sys.version_info)
    )

ROOT = Path(__file__).resolve().parent.parent
DEVELOPMENT = ROOT / "requirements-dev.lock"
BUILDER = "hatchling"
PACKAGE = re.compile(r"^(?=[\w.-]+(?:\[[\w,-]+\])?==)", re.MULTILINE)
NOT_FETCHED = (
    "The packages could not be downloaded: check the network (or proxy) and run it again. "
    "What pip says is above."
)
HOW_TO_GET = "On Debian or Ubuntu: apt-get install python3-venv"


def main() -> None:
    """Fill the directory that the command line names, as the lock that it names says."""
    target, lock = Path(sys.argv[1]), ROOT / sys.argv[2]
    make_environment(target)
    pip = pip_of(target)
    named = lock.read_text()
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory) / "wanted.txt"
        wanted.write_text(named if f"\n{BUILDER}==" in named else named + builder())
        count = len(PACKAGE.findall(wanted.read_text()))
        say(f"Installing {count} packages into {target}: {lock.name} names them and their hashes.")
        # the lock is complete; asked for dependencies, an old pip looks for newer ones beside it
        install(pip, count, "--no-deps", "--require-hashes", "-r", str(wanted))
    install(pip, 1, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    say(f"{target} is ready.")


def make_environment(target: Path) -> None:
    """Create *target* unless it is usable, without pip where this Python has no ensurepip."""
    if is_recent(target / "bin" / "python"):
        return
    try:
        import_module("venv")
    except ImportError:
        sys.exit(f"This Python has no venv module. {HOW_TO_GET}")
    with_pip = [sys.executable, "-m", "venv", str(target)]
    if subprocess.run(with_pip, capture_output=True, check=False).returncode:  # noqa: S603 - our own words
        without = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(target)]
        call(without)


def call(command: list[str]) -> None:
    """Run *command* in the open; its failure is ours."""
    done = subprocess.run(command, check=False)  # noqa: S603 - our own words
    if done.returncode:
        sys.exit(done.returncode)


def is_recent(python: Path) -> bool:
    """Tell whether *python* is there, runs, and is new enough."""
    probe = [str(python), "-c", f"import sys; sys.exit(sys.version_info < {OLDEST})"]
    return python.exists() and not subprocess.run(probe, check=False).returncode  # noqa: S603


def pip_of(target: Path) -> list[str]:
    """Choose the environment's own pip, else ours pointed at it."""
    python = target / "bin" / "python"
    if has_pip(str(python)):
        return [str(python), "-m", "pip", "--disable-pip-version-check"]
    if has_pip(sys.executable):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    sys.exit(f"This Python has no pip. {HOW_TO_GET}")


def has_pip(python: str) -> bool:
    """Tell whether *python* can run pip at all."""
    probe = [python, "-c", "import pip"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603


def builder() -> str:
    """Name what builds the portal's own package, and what that needs, as the larger lock has it."""
    blocks = PACKAGE.split(DEVELOPMENT.read_text())
    return "\n" + "".join(
        block
        for block in blocks
        if block.startswith(f"{BUILDER}==") or re.search(rf"#\s+(?:via )?{BUILDER}$", block, re.M)
    )


def install(pip: list[str], count: int, *what: str) -> None:
    """Run pip, and tell at a terminal how far it is; its failure is ours."""
    command = [*pip, "install", "--no-input", "--progress-bar", "off", *what]
    found, fetched = 0, "--editable" in what  # the portal itself is here
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own words
        for line in process.stdout or ():
            if line.startswith("Collecting "):
                found += 1
                progress(f"{found} of {count}: {line.split()[1]}")
            elif line.startswith("Installing collected"):
                fetched = True
                progress("unpacking")
    progress("")
    if process.returncode:
        if not fetched:
            print(NOT_FETCHED, file=sys.stderr)
        sys.exit(process.returncode)


def say(text: str) -> None:
    """Tell what is going on."""
    print(text, flush=True)


def progress(text: str) -> None:
    """Tell it in one line that is written over, where there is a line."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K  {text}" if text else "\r\x1b[K", end="", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next make goes on from here.")
