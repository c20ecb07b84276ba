"""The static files: unchanged where vendored, and small."""

import hashlib
import re
from pathlib import Path

import pytest

import portal

STATIC = Path(portal.__file__).parent / "static"
CSS = (STATIC / "portal.css").read_text(encoding="utf-8")
MAX_CSS = 20_000


def test_vendored_files_are_what_their_authors_published() -> None:
    table = (STATIC / "VENDORED.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE))
    found = {path.name for path in STATIC.glob("*.min.js")}
    assert found == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_the_stylesheet_is_small_and_fetches_nothing() -> None:
    assert len(CSS.encode()) <= MAX_CSS
    assert not re.search(r"url\(|@import|@font-face", CSS)


@pytest.mark.parametrize("name", ["portal.js", "passkeys.js", "codes.js"])
def test_the_script_evaluates_nothing(name: str) -> None:
    script = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"\beval\b|innerHTML|new Function|document\.write|fetch\(", script)
