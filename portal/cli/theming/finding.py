"""Something that a theme breaks."""

from collections.abc import Iterable
from typing import Any

import msgspec

from portal.logs import one_line

LONGEST = 300


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One problem, where it shows, and what to do about it."""

    kind: str
    """``template``, ``file``, ``block``, ``contract``, ``policy``, ``markup``, ``escaping`` or
    ``contrast``.
    """
    pages: tuple[str, ...] = ()
    """Samples of pages on which it shows."""
    where: str = ""
    """A file of the theme, with its line where that is known."""
    problem: str
    advice: str

    def row(self) -> dict[str, Any]:
        """Say it as a line of the table."""
        first, *others = self.pages or ("",)
        return {
            "page": f"{first} and {len(others)} more" if others else first,
            "where": self.where,
            "problem": one_line(self.problem, LONGEST),
            "advice": self.advice,
        }


def gathered(findings: Iterable[Finding]) -> list[Finding]:
    """The same problem on many pages is one."""
    pages: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        alone = msgspec.structs.replace(finding, pages=())
        pages.setdefault(alone, {}).update(dict.fromkeys(finding.pages))
    return [msgspec.structs.replace(found, pages=tuple(on)) for found, on in pages.items()]
