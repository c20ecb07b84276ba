"""Files of people, row by row in little memory: CSV and JSON lines, whatever state they are in.

A row that cannot be read is told with its line, and the next one is read: nothing that a line holds
can swallow the rest of the file.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Self

import msgspec

Form = Literal["csv", "jsonl"]
MAX_LINE: Final = 1_048_576
"""Bytes of one row; nobody's has as many."""
MAX_LINES: Final = 100
"""So many lines may one quoted cell run over, before its quotation mark counts as never closed."""
DELIMITERS: Final = (",", ";", "\t", "|")
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_CHUNK: Final = 65_536


class FileError(Exception):
    """A file that cannot be read at all; the message says why."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row: its fields, or why there are none; and where it stands, to be copied as it is."""

    line: int
    start: int
    length: int
    fields: dict[str, Any] | None = None
    problem: str = ""


class _Line(msgspec.Struct, frozen=True):
    number: int
    start: int
    length: int
    content: bytes | None
    """``None``: too long to be looked at."""

    @property
    def end(self) -> int:
        return self.start + self.length


class PeopleFile:
    """A file that is open: iterate over it for its records."""

    def __init__(self, path: Path, form: Form, delimiter: str | None = None) -> None:
        self.form, self.size = form, path.stat().st_size
        self.header: tuple[int, int] | None = None
        """Where the header stands, start and length, in a form that has one."""
        self.columns: tuple[str, ...] = ()
        self.delimiter = delimiter
        self._path, self._file = path, path.open("rb")
        self._number = 0
        self._back: list[_Line] = []
        start = self._file.read(3)
        if start.startswith(_UTF16):
            self._file.close()
            raise FileError(f"{path} is UTF-16 text; save it as UTF-8")
        self._file.seek(len(_BOM) if start == _BOM else 0)
        try:
            if form == "csv":
                self._read_header()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Record]:
        read = self._csv_record if self.form == "csv" else self._json_record
        while (line := self._next_line()) is not None:
            if line.content is not None and not line.content.strip():
                continue
            yield read(line)

    def _next_line(self) -> _Line | None:
        if self._back:
            return self._back.pop()
        start = self._file.tell()
        content = self._file.readline(MAX_LINE + 1)
        if not content:
            return None
        self._number += 1
        if len(content) <= MAX_LINE:
            return _Line(self._number, start, len(content), content)
        while content and not content.endswith(b"\n"):
            content = self._file.readline(_CHUNK)
        return _Line(self._number, start, self._file.tell() - start, None)

    # CSV

    def _read_header(self) -> None:
        line = self._next_line()
        while line is not None and line.content is not None and not line.content.strip():
            line = self._next_line()
        if line is None:
            raise FileError(f"{self._path} is empty")
        text, problem = _decoded(line)
        if text is None:
            raise FileError(f"{self._path}, line {line.number}: {problem}")
        self.delimiter = self.delimiter or _sniffed(text)
        try:
            (cells,) = csv.reader([text], delimiter=self.delimiter, strict=True)
        except (csv.Error, ValueError):
            raise FileError(
                f"{self._path}, line {line.number}: the header cannot be read; "
                "it names the columns in one line"
            ) from None
        self.header = (line.start, line.length)
        self.columns = tuple(cell.strip() for cell in cells)

    def _csv_record(self, first: _Line) -> Record:
        """Let the csv module ask for as many lines as a row has; a row that cannot be ended is one
        line, and those that followed are looked at again.
        """
        taken: list[_Line] = []
        feed = self._feed(first, taken)
        delimiter = self.delimiter or ","
        try:
            cells: Sequence[str] = next(csv.reader(feed, delimiter=delimiter, strict=True))
        except _LineError as exc:
            return self._bad(first, taken, str(exc))
        except (csv.Error, StopIteration) as exc:
            return self._bad(first, taken, _in_words(exc))
        if len(cells) != len(self.columns):
            words = f"has {len(cells)} cells, and the header {len(self.columns)}"
            return self._bad(first, taken, words)
        fields = dict(zip(self.columns, cells, strict=True))
        return Record(line=first.number, start=first.start, length=_length(taken), fields=fields)

    def _feed(self, first: _Line, taken: list[_Line]) -> Iterator[str]:
        line: _Line | None = first
        size = 0
        while line is not None:
            taken.append(line)
            text, problem = _decoded(line)
            if text is None:
                raise _LineError(problem)
            size += line.length
            if size > MAX_LINE or len(taken) > MAX_LINES:
                raise _LineError("a quotation mark is not closed")
            yield text
            line = self._next_line()

    def _bad(self, first: _Line, taken: list[_Line], problem: str) -> Record:
        """A problem with *first*. What was read beyond it is given back."""
        self._back += reversed([line for line in taken if line.number > first.number])
        return Record(line=first.number, start=first.start, length=first.length, problem=problem)

    # JSON lines

    def _json_record(self, line: _Line) -> Record:
        text, problem = _decoded(line)
        fields: dict[str, Any] | None = None
        if text is not None:
            fields, problem = _object_of(text)
        return Record(
            line=line.number,
            start=line.start,
            length=line.length,
            fields=fields,
            problem=problem,
        )


class _LineError(Exception):
    """Why the line cannot be part of a row."""


class Rest:
    """The rows that were not taken, as they stand in the file, for somebody to correct. The file is
    made with the first of them.
    """

    def __init__(self, source: Path, header: tuple[int, int] | None, target: Path) -> None:
        self._source, self._header, self._target = source, header, target
        self._opened: tuple[BinaryIO, BinaryIO] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._opened or ():
            file.close()

    def add(self, record: Record) -> None:
        """Copy a row."""
        if self._opened is None:
            self._target.unlink(missing_ok=True)
            self._target.touch(mode=0o600, exist_ok=False)  # it may hold hashes of passwords
            self._opened = self._source.open("rb"), self._target.open("wb")
            if self._header is not None:
                self._copy(*self._header)
        self._copy(record.start, record.length)

    def _copy(self, start: int, length: int) -> None:
        if self._opened is None:
            return
        source, target = self._opened
        source.seek(start)
        last = b""
        while length and (chunk := source.read(min(length, _CHUNK))):
            target.write(chunk)
            length, last = length - len(chunk), chunk
        if not last.endswith(b"\n"):
            target.write(b"\n")


def form_of(path: Path) -> Form:
    """Tell the form from the name."""
    return "jsonl" if path.suffix.lower() in {".jsonl", ".ndjson", ".json"} else "csv"


def _decoded(line: _Line) -> tuple[str | None, str]:
    if line.content is None:
        return None, f"is longer than {MAX_LINE:,} bytes"
    if b"\x00" in line.content:
        return None, "holds a NUL character"
    try:
        return line.content.decode(), ""
    except UnicodeDecodeError as exc:
        return None, f"is not UTF-8 text from byte {exc.start + 1} on"


def _in_words(exc: Exception) -> str:
    """What the csv module means, whose words are for programmers."""
    if isinstance(exc, StopIteration):
        return "is empty"
    if "field limit" in str(exc):
        return f"has a cell of more than {csv.field_size_limit():,} characters"
    if "new-line" in str(exc):
        return "has a carriage return in the middle"
    return "a quotation mark is not closed, or stands in the middle of a cell"


def _sniffed(header: str) -> str:
    """Choose what stands most often between the names of the columns."""
    bare = header.replace('""', "")
    outside = "".join(bare.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _object_of(text: str) -> tuple[dict[str, Any] | None, str]:
    """Read one line of JSON; an object in which a name stands twice is none."""
    try:
        found = json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant)
    except _LineError as exc:
        return None, str(exc)
    except (ValueError, RecursionError):
        if text.strip() in {"[", "{"}:
            return None, "is the beginning of one large document; each person needs a line: jq -c"
        return None, "is not JSON"
    if isinstance(found, list):
        return None, "is a list; each person needs a line of their own: jq -c '.[]'"
    if not isinstance(found, dict):
        return None, "is not a JSON object"
    return found, ""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _LineError(f"says {twice[:60]} twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise _LineError(f"holds {name}, which is not JSON")


def _length(taken: Sequence[_Line]) -> int:
    return taken[-1].end - taken[0].start
