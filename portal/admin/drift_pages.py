"""What an administrator sees of the comparisons with Ory, and of what they found."""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

import msgspec

from portal.grants import span_in_words
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page
from portal.reconciliation.drift import ABANDONED, DELETED, IMPORTED, REVIVED, REVOKED, WIDENED
from portal.reconciliation.runs import UNREAD

PATH: Final = "/admin/grants/drift"
RunState = Literal["comparing", "waiting", "done", "stopped"]
RUN_STATES: Final[dict[RunState, str]] = {
    "comparing": N_("Comparing…"),
    "waiting": N_("Waiting for Ory"),
    "done": N_("Done"),
    "stopped": N_("Stopped"),
}
WHAT: Final = {
    REVOKED: N_("Removed at Ory"),
    ABANDONED: N_("Never completed"),
    DELETED: N_("App deleted at Ory"),
    IMPORTED: N_("Allowed somewhere else"),
    REVIVED: N_("Removed here, but alive at Ory"),
    WIDENED: N_("More permissions at Ory"),
    UNREAD: N_("Could not be read"),
}
DID: Final = {
    REVOKED: N_("Marked as removed. The person is asked the next time."),
    ABANDONED: N_("Ended: Ory has never listed it, so the browser has not come back with it."),
    DELETED: N_("Ended for everybody."),
    IMPORTED: N_(
        "Added here, so that it is seen and can be removed. Nothing is given without asking."
    ),
    REVIVED: N_("Removed at Ory again."),
    WIDENED: N_("Shown with all of its permissions. The new ones are not given without asking."),
}


class FoundView(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, and what was done about it."""

    person: str | None = None
    """An address, or the subject of somebody who has none here; ``None``: it was about everybody.
    """
    client_id: str
    app_name: str
    kind: str
    """One of :data:`DID`."""
    at: datetime | None = None
    permissions: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What differed."""
        return _(WHAT.get(self.kind, self.kind))

    @property
    def done(self) -> str:
        """What was done about it."""
        return _(DID.get(self.kind, self.kind))


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison."""

    started_by: str
    started: datetime
    finished: datetime | None = None
    person: str | None = None
    """Whose apps were compared; ``None``: everybody's."""
    state: RunState
    checked: int = 0
    only_looked: bool = False
    found: tuple[tuple[str, int], ...] = ()
    """Of which kind, and how often."""
    trouble: str | None = None

    @property
    def runs(self) -> bool:
        """Whether it goes on."""
        return self.state in ("comparing", "waiting")

    @property
    def state_text(self) -> str:
        """Its state in words."""
        return _(RUN_STATES.get(self.state, self.state))

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """What was found, in words, and how often."""
        return tuple((_(WHAT.get(kind, kind)), count) for kind, count in self.found)


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
    every: timedelta | None = None
    """How long after the last one everybody is compared by itself; ``None``: never."""
    found: tuple[FoundView, ...] = ()
    next_url: str | None = None
    """The older ones; relative to the portal's prefix."""
    looked_until: datetime | None = None
    person: str = ""
    """As it was typed."""
    result: ResultView | None = None
    told: str | None = None
    """The stage that whoever asks again has been told of."""
    error: str | None = None
    person_error: str | None = None
    notice: str | None = None

    @property
    def every_text(self) -> str:
        """The same in words."""
        return span_in_words(self.every) if self.every else ""

    @property
    def daily(self) -> bool:
        """Whether it is once a day."""
        return self.every == timedelta(days=1)

    @property
    def newest(self) -> RunView:
        """The one that was started last; there is one where :attr:`has_news` says so."""
        return self.runs[0]

    @property
    def stage(self) -> str:
        """How far it is, as roughly as somebody wants to listen to it."""
        return f"{self.newest.state}-{self.newest.checked.bit_length()}"

    @property
    def has_news(self) -> bool:
        """Whether there is something to say aloud; not every number that changes is."""
        return self.told is not None and bool(self.runs) and self.told != self.stage

    @property
    def running(self) -> bool:
        """Whether the numbers will be others in a moment."""
        return any(run.runs for run in self.runs)
