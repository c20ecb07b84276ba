"""The static files: unchanged where vendored, readable in both colour schemes, and small."""

import hashlib
import re
from pathlib import Path

import pytest

import portal

STATIC = Path(portal.__file__).parent / "static"
CSS = (STATIC / "portal.css").read_text(encoding="utf-8")
MAX_CSS = 20_000
TEXT_ON = (
    ("text", "page"),
    ("text", "surface"),
    ("text", "sunken"),
    ("text", "accent-soft"),
    ("muted", "page"),
    ("muted", "surface"),
    ("muted", "sunken"),
    ("accent", "page"),
    ("accent", "surface"),
    ("accent", "sunken"),
    ("accent-strong", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("danger", "surface"),
    ("danger", "danger-soft"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
)


def colours(scheme: str) -> dict[str, str]:
    """The custom properties of a scheme; dark overrides light."""
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    block = light if scheme == "light" else light + dark
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT_ON)
def test_text_can_be_read(scheme: str, front: str, back: str) -> None:
    named = colours(scheme)
    assert contrast(named[front], named[back]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edges_of_controls_can_be_seen(scheme: str) -> None:
    named = colours(scheme)
    assert contrast(named["control"], named["surface"]) >= 3


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
