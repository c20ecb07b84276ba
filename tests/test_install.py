"""``make install`` and ``make demo`` on machines that lack something: one line says what to do."""

import ast
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "install.py"
LACKING = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name in {names}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Lacking())
"""


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_without(tmp_path: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """Run the script by a Python that has no module of these *names*."""
    (tmp_path / "sitecustomize.py").write_text(LACKING.format(names=names))
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "environment"), "requirements.lock"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pythons_that_are_too_old_can_read_the_script_up_to_where_it_says_so() -> None:
    text = SCRIPT.read_text()
    ast.parse(text, feature_version=(3, 6))
    assert text.index("sys.exit(") < text.index("\ndef ")  # before annotations are looked at


def test_a_python_that_is_too_old_is_told_which_one_to_use(monkeypatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 9, 18))
    with pytest.raises(SystemExit, match=r"3\.11 or newer.* 3\.9\..*make PY=python3\.12"):
        exec(compile(SCRIPT.read_text(), str(SCRIPT), "exec"), {"__name__": "old"})  # noqa: S102 - ours


@pytest.mark.parametrize(
    ("names", "words"),
    [(("venv",), "no venv module"), (("pip", "ensurepip"), "no pip")],
)
def test_what_is_missing_is_told_in_one_line(tmp_path: Path, names, words) -> None:
    done = run_without(tmp_path, *names)
    assert done.returncode == 1
    assert words in done.stderr
    assert "apt-get install python3-venv" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("printed", "what", "words"),
    [
        ("Collecting litestar==2", (), "could not be downloaded: check the network (or proxy)"),
        ("Installing collected packages: litestar", (), ""),
        ("Obtaining file:///portal", ("--editable", "."), ""),
    ],
)
def test_packages_that_cannot_be_fetched_are_told_from_those_that_cannot_be_unpacked(
    install, capsys, printed, what, words
) -> None:
    pip = [sys.executable, "-c", f"print({printed!r}); raise SystemExit(2)"]
    with pytest.raises(SystemExit) as ended:
        install.install(pip, 3, *what)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == (1 if words else 0)


def test_a_python_without_the_packages_is_told_in_one_line_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LACKING.format(names=("rich_click",)))
    done = subprocess.run(
        [sys.executable, "-m", "portal", "--version"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("portal: The portal's packages are missing (rich_click): ")
    assert "make install" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_builds_the_portal_comes_with_hashes_and_with_all_that_it_needs(install) -> None:
    text = install.builder()
    found = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    needed = {
        re.split(r"[ <>=;!~]", line, maxsplit=1)[0].lower()
        for line in importlib.metadata.requires("hatchling") or ()
        if "python_version <" not in line
    }
    assert {"hatchling", *needed} <= set(found)
    assert text.count("--hash=sha256:") >= len(found)


def test_the_smaller_lock_is_part_of_the_larger_one() -> None:
    """So both can go into one environment, in any order."""
    pinned = re.compile(r"^([\w.-]+)(?:\[.*\])?==([^\s;]+)", re.MULTILINE)
    smaller = set(pinned.findall((ROOT / "requirements.lock").read_text()))
    larger = set(pinned.findall((ROOT / "requirements-dev.lock").read_text()))
    assert smaller <= larger
