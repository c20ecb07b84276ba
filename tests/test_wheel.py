"""The wheel carries everything that the portal needs outside a checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
BUNDLED = ("templates", "migrations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(directory), str(ROOT)], check=True)
    (found,) = directory.glob("*.whl")
    return found


def files_below(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_every_template_and_migration_is_in_the_wheel(wheel: Path, name: str) -> None:
    prefix = f"portal/_bundled/{name}/"
    with zipfile.ZipFile(wheel) as archive:
        packed = {n.removeprefix(prefix) for n in archive.namelist() if n.startswith(prefix)}
    assert packed == files_below(ROOT / name)


@pytest.mark.slow
def test_every_module_and_static_file_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if n.startswith("portal/")}
    assert {n for n in packed if "/_bundled/" not in n} == {
        f"portal/{name}" for name in files_below(ROOT / "portal")
    }


@pytest.mark.slow
def test_the_wheel_migrates_and_knows_its_templates_away_from_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = (
        "import portal.store.schema as schema, portal.resources as resources\n"
        "schema.upgrade('sqlite:///portal.db')\n"
        "assert schema.at_head('sqlite:///portal.db')\n"
        "assert (resources.resource_dir('templates') / 'login' / 'login.html').is_file()\n"
        "print(resources.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(site))


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    ports = [f"--{name}=0" for name in ("port", "client-port", "public-port", "admin-port")]
    with subprocess.Popen(
        [sys.executable, "-m", "portal", "demo", "--format", "json", *ports],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            told = json.loads(process.stdout.readline() if process.stdout else "")
            with httpx.Client(trust_env=False) as http:
                for page in ("portal", "client", "hydra_public"):
                    assert http.get(told[page]).status_code == 200, page
        finally:
            process.terminate()
    assert process.returncode == 0
    assert list((site / "portal" / "dev").rglob("*.pyc"))  # what ran is what was unpacked
