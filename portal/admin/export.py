"""Files to take along: CSV that no spreadsheet carries out, or JSON lines; piece by piece."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final, Literal, cast

import msgspec

from portal.i18n import N_
from portal.web.inputs import HostileInputError

Format = Literal["csv", "jsonl"]
MEDIA_TYPES: Final = {"csv": "text/csv", "jsonl": "application/jsonl"}
EXECUTED: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula; a name or an address may begin with it."""
INCOMPLETE: Final = N_(
    "More people or apps fit these words than are searched for, so the file would be incomplete. "
    "Go back and type more of the address, or the exact id of the app."
)
"""Why there is no file."""


def read_format(text: str) -> Format:
    """One that there is."""
    if text not in MEDIA_TYPES:
        raise HostileInputError(N_("There is no such format. Choose csv or jsonl."))
    return cast("Format", text)


def attachment(name: str) -> dict[str, str]:
    """The header that makes a browser save a file."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def head_of(kind: type[msgspec.Struct], format_: Format) -> bytes:
    """What comes before the first line."""
    return _csv([kind.__struct_fields__]) if format_ == "csv" else b""


def lines_of(found: Iterable[msgspec.Struct], format_: Format) -> bytes:
    """One line for each."""
    if format_ == "csv":
        return _csv([_cell(value) for value in msgspec.to_builtins(one).values()] for one in found)
    return msgspec.json.Encoder(order="sorted").encode_lines(found)


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="sorted").decode()
    text = " ".join(value) if isinstance(value, list) else str(value or "")
    return f"'{text}" if text.startswith(EXECUTED) else text
