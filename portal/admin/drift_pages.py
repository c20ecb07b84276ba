"""What an administrator sees of the comparisons with Ory, and of what they found."""

from datetime import datetime
from typing import ClassVar, Final

import msgspec

from portal.page import Page

PATH: Final = "/admin/grants/drift"


class FoundView(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, and what was done about it."""

    person: str | None = None
    """An address, or the subject of somebody who has none here; ``None``: it was about everybody.
    """
    client_id: str
    app_name: str
    what: str
    done: str
    at: datetime | None = None
    permissions: tuple[str, ...] = ()


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison."""

    started_by: str
    started: datetime
    finished: datetime | None = None
    person: str | None = None
    """Whose apps were compared; ``None``: everybody's."""
    runs: bool = False
    state_text: str
    checked: int = 0
    only_looked: bool = False
    counts: tuple[tuple[str, int], ...] = ()
    """What was found, and how often."""
    trouble: str | None = None


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing one person has brought to light just now."""

    person: str
    found: tuple[FoundView, ...] = ()


class DriftPage(Page, frozen=True, kw_only=True):
    """The comparisons, and everything that differed."""

    template: ClassVar[str] = "admin/drift/list.html"
    partial: ClassVar[str | None] = "admin/drift/_runs.html"
    purpose: ClassVar[str] = "admin.drift"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    runs: tuple[RunView, ...] = ()
    every: str | None = None
    """How often everybody is compared by itself; ``None``: never."""
    found: tuple[FoundView, ...] = ()
    next_url: str | None = None
    """The older ones; relative to the portal's prefix."""
    looked_until: datetime | None = None
    person: str = ""
    """As it was typed."""
    result: ResultView | None = None
    error: str | None = None
    person_error: str | None = None
    notice: str | None = None

    @property
    def running(self) -> bool:
        """Whether the numbers will be others in a moment."""
        return any(run.runs for run in self.runs)
