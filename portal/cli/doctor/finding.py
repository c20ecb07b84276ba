"""What a check says: how it is, what was found, what to do."""

from typing import Any, Final, Literal

import msgspec

from portal.logs import one_line

Status = Literal["ok", "warning", "failed", "skipped"]
LONGEST: Final = 1_500
"""Answers are hostile input; nobody reads more of them than this."""


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one check."""

    status: Status
    found: str
    advice: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict with the check's number and name."""

    number: int
    name: str
    status: Status
    found: str
    advice: str

    def document(self) -> dict[str, Any]:
        """Say it as ``--format json`` does."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document


class SkippedError(Exception):
    """Why a check cannot be made; an earlier one has usually said what to do."""


def ok(found: str) -> Verdict:
    """Nothing to do."""
    return Verdict("ok", one_line(found, LONGEST))


def warning(found: str, advice: str) -> Verdict:
    """It works, and deserves a look."""
    return Verdict("warning", one_line(found, LONGEST), one_line(advice, LONGEST))


def failed(found: str, advice: str) -> Verdict:
    """Somebody will be stopped by this."""
    return Verdict("failed", one_line(found, LONGEST), one_line(advice, LONGEST))
