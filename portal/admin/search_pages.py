"""What the pages with a search have in common."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page

NOT_SEARCHED: Final = N_("Nothing was searched for.")
WRONG: Final = N_("This cannot be searched for. Correct what is marked, then search again.")


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things that are searched for."""

    label: str
    text: str
    url: str
    """The same search without it; relative to the portal's prefix."""


class SearchPage(Page, frozen=True, kw_only=True):
    """A list and the form to search it by."""

    chips: tuple[Chip, ...] = ()
    """What is searched for, to read and to take away."""
    error: str | None = None
    """Why nothing was searched for."""
    problems: tuple[tuple[str, str, str], ...] = ()
    """Which fields are to blame: the id of each, its label, and what is wrong."""

    def problem(self, field: str) -> str | None:
        """What is wrong with *field*."""
        return next((words for name, _, words in self.problems if name == field), None)


def what_is_wrong(found: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Any]:
    """The members of a :class:`SearchPage` that say why nothing was searched for: *found* is what
    is wrong, by field. A position is in no field.
    """
    fields = tuple(
        (name, _(labels[name]), _(words)) for name, words in found.items() if name in labels
    )
    return {
        "status": 400,
        "error": _(WRONG) if fields else " ".join(map(_, found.values())),
        "problems": fields,
        "total_text": _(NOT_SEARCHED),
    }
