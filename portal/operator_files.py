"""Reading the operator's TOML files: every problem is found, and said with its place; words may
stand in several languages.
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

DEFAULT_LANGUAGE: Final = "en"
MAX_BYTES: Final = 1_000_000
T = TypeVar("T")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


class OperatorFileError(Exception):
    """Files that cannot be used: all of :attr:`problems`, each in words with its place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Words(msgspec.Struct, frozen=True):
    """One text, in as many languages as the operator wrote it."""

    by_language: Mapping[str, str]

    def best(self, language: str | None = None) -> str:
        """Find the text for *language*, a BCP 47 tag: of it, of what it narrows, of another of its
        kind, else of English (RFC 4647, 3.4).
        """
        texts = {tag.lower(): text for tag, text in self.by_language.items()}
        wanted = (language or "").lower().replace("_", "-")
        while wanted:
            if wanted in texts:
                return texts[wanted]
            kin = [tag for tag in texts if tag.startswith(f"{wanted}-")]
            if kin:
                return texts[kin[0]]
            wanted = wanted.rpartition("-")[0]
        return texts.get(DEFAULT_LANGUAGE) or next(iter(texts.values()))


def words(text: str) -> Words:
    """Words in English alone."""
    return Words({DEFAULT_LANGUAGE: text})


def read_entries(
    path: Path, read: Callable[[str, "Table"], T | None], *, error: type[OperatorFileError]
) -> dict[str, T]:
    """Read a file that is a table for each thing, each by *read*, which notes in the table what is
    wrong with it; all of that is raised together, as *error*.
    """
    problems: list[str] = []
    try:
        tables = _tables(path)
    except OperatorFileError as exc:
        raise error(exc.problems) from exc
    found = {
        name: read(name, Table(path, name or '""', table, problems))
        for name, table in tables.items()
    }
    if problems:
        raise error(problems)
    return {name: entry for name, entry in found.items() if entry is not None}


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise OperatorFileError([f"{path}: is larger than {MAX_BYTES:,} bytes"])
        tables = tomllib.loads(content.decode())
    except OSError as exc:
        raise OperatorFileError([f"{path}: cannot be read: {exc.strerror}"]) from exc
    except UnicodeDecodeError as exc:
        raise OperatorFileError([f"{path}: is not a text in UTF-8"]) from exc
    except (ValueError, RecursionError) as exc:
        raise OperatorFileError([f"{path}: is not TOML: {exc}"]) from exc
    stray = [name for name, table in tables.items() if not isinstance(table, dict)]
    if stray:
        raise OperatorFileError(
            f"{path}: {name}: must be a table, as [{_key(name)}]" for name in stray
        )
    return tables


class Table:
    """One table of a file; what is wrong with it is gathered in *problems*."""

    def __init__(
        self, path: Path, name: str, table: Mapping[str, Any], problems: list[str]
    ) -> None:
        self._path, self._name, self._table, self._problems = path, name, table, problems

    def problem(self, text: str, key: str = "") -> None:
        """Note what is wrong: with *key*, or with the table."""
        place = f"{self._name}: {key}" if key else self._name
        self._problems.append(f"{self._path}: {place}: {text}")

    def only(self, known: Collection[str]) -> None:
        """Note keys that mean nothing: they are usually misspelt."""
        for key in self._table:
            if key not in known:
                self.problem(f"is unknown; a table may hold {', '.join(known)}", key)

    def words(self, key: str, *, longest: int, default: Words | None = None) -> Words | None:
        """Read a text, or a table of texts by language with an English one; without *default* it
        has to be there.
        """
        value = self._table.get(key)
        if value is None:
            if default is None:
                self.problem("is missing", key)
            return default
        texts = {DEFAULT_LANGUAGE: value} if isinstance(value, str) else value
        if not isinstance(texts, dict) or not texts:
            self.problem('must be a text, or texts by language as { en = "…", de = "…" }', key)
            return default
        fine = [
            self._is_text(text, key if texts is not value else f"{key}.{language}", longest)
            & self._is_language(language, f"{key}.{language}")
            for language, text in texts.items()
        ]
        if len({str(language).lower() for language in texts}) < len(texts):
            self.problem("names a language twice", key)
        if DEFAULT_LANGUAGE not in {language.lower() for language in texts}:
            self.problem(f"needs a text in English ({DEFAULT_LANGUAGE})", key)
        return Words(texts) if all(fine) else default

    def flag(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            self.problem("must be true or false", key)
            return default
        return value

    def whole(self, key: str, *, low: int, high: int) -> int | None:
        """Read a whole number, where there is one."""
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.problem(f"must be a whole number from {low} to {high:,}", key)
            return None
        return value

    def texts(self, key: str, *, longest: int = 255) -> tuple[str, ...] | None:
        """Read a list of different texts, where there is one."""
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.problem('must be a list of texts, as ["one", "two"]', key)
            return None
        fine = [self._is_text(item, key, longest) for item in value]
        repeated = sorted({item for item in value if value.count(item) > 1})
        if repeated:
            self.problem(f"names {', '.join(repeated)} twice", key)
        return tuple(value) if all(fine) and not repeated else None

    def text(self, key: str, *, longest: int) -> str | None:
        """Read a text, where there is one."""
        value = self._table.get(key)
        if value is None:
            return None
        return value if self._is_text(value, key, longest) else None

    def has(self, key: str) -> bool:
        """Whether *key* is there at all."""
        return key in self._table

    def get(self, key: str) -> Any:
        """Give what is there as it is."""
        return self._table.get(key)

    def _is_text(self, value: object, key: str, longest: int) -> bool:
        if not isinstance(value, str):
            self.problem("must be a text", key)
        elif not value.strip():
            self.problem("is empty", key)
        elif not value.isprintable():
            self.problem("holds characters that cannot be seen", key)
        elif len(value) > longest:
            self.problem(f"has more than {longest} characters", key)
        else:
            return True
        return False

    def _is_language(self, tag: str, key: str) -> bool:
        if _LANGUAGE.fullmatch(tag):
            return True
        self.problem("must be a language tag such as en, de or pt-BR", key)
        return False


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name, re.ASCII) else f'"{name}"'
