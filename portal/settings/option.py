"""What a setting is: its variables, its reader, its documentation; and how all are read at once."""

from collections.abc import Callable, Mapping
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_FILE_BYTES: Final = 65_536


class Secret:
    """A text that shows itself only to those who ask with :meth:`reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself: to a header or a signature, never to a message."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))


class Pepper(msgspec.Struct, frozen=True):
    """A secret that is mixed into passwords; a hash says by its ``name`` which one it needs."""

    name: str
    key: Secret


class SettingsError(Exception):
    """The environment cannot be used: every problem is in the message, no secret is."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Option(msgspec.Struct, frozen=True):
    """What is known about one setting besides its type and its default."""

    read: Callable[[str], Any]
    about: str
    """What it does, for the person who runs the portal."""
    names: tuple[str, ...] = ()
    """The variable and its aliases; without any it is ``PORTAL_`` and the field's name."""
    default: str = ""
    """The default in words, where the bare value would not say it."""
    example: str = ""
    """A usual value, for whoever has forgotten to set it."""
    secret: bool = False
    """May also be read from the file named by ``<NAME>_FILE``."""
    section: str = ""
    """Opens a section of the documentation."""


class Found(msgspec.Struct, frozen=True):
    """The text of a setting, the variable it came from and, for a secret in a file, the file."""

    name: str
    text: str
    file: Path | None = None


def find(option: Option, env: Mapping[str, str]) -> Found | None:
    """Find the first of the option's variables that is set; an empty one is not."""
    for name in option.names:
        text = env.get(name, "").strip()
        file = env.get(f"{name}_FILE", "").strip() if option.secret else ""
        if text and file:
            raise ValueError(f"{name}: set {name} or {name}_FILE, not both")
        if text:
            return Found(name, text)
        if file:
            return Found(f"{name}_FILE", _text_of(f"{name}_FILE", Path(file)), Path(file))
    return None


def _text_of(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        text = content.decode().strip()
    except OSError as exc:
        raise ValueError(f"{name}: cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ValueError(f"{name}: {path} is not a text file") from exc
    if not text or len(content) > MAX_FILE_BYTES:
        raise ValueError(f"{name}: {path} is {'too large' if text else 'empty'}")
    return text


def read_all(
    options: Mapping[str, Option], env: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Read every option that is set; a problem with one does not hide the next."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field, option in options.items():
        try:
            found = find(option, env)
        except ValueError as exc:
            problems.append(str(exc))
            continue
        if found is None:
            continue
        try:
            values[field] = option.read(found.text)
        except ValueError as exc:
            problems.append(f"{found.name}: {exc}")
    return values, problems
