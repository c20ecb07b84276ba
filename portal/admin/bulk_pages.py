"""What an administrator sees of removing everything that a search found."""

from datetime import datetime
from typing import ClassVar, Final, Literal

import msgspec

from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page

PATH: Final = "/admin/grants/revoke-all"
JOBS: Final = "/admin/grants/jobs"
JobState = Literal["removing", "waiting", "done", "stopped"]
JOB_STATES: Final[dict[JobState, str]] = {
    "removing": N_("Removing…"),
    "waiting": N_("Waiting for Ory"),
    "done": N_("Done"),
    "stopped": N_("Stopped"),
}
"""How far a job is, in the words on screen."""


class WordView(msgspec.Struct, frozen=True, kw_only=True):
    """One of the words that were searched for."""

    name: str
    label: str
    value: str
    """As it was typed or chosen."""
    text: str


class RevokeAllPage(Page, frozen=True, kw_only=True):
    """The question whether to remove everything that a search found, or why that cannot be."""

    template: ClassVar[str] = "admin/bulk/ask.html"
    purpose: ClassVar[str] = "admin.revoke-all"
    challenge: ClassVar[str | None] = None

    words: tuple[WordView, ...] = ()
    consequence: str = ""
    """What will happen, in numbers."""
    expected: int = 0
    """How many were counted for ``consequence``; goes back with the form."""
    refusal: str | None = None
    """Why nothing can be removed; there is no form then."""
    error: str | None = None
    """Why the same form came back."""
    back_url: str = "/admin/grants"


class StuckView(msgspec.Struct, frozen=True, kw_only=True):
    """A removal that Ory could not be told yet."""

    person: str
    app_name: str
    trouble: str
    attempts: int
    due: datetime


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and how far it is."""

    id: str
    state: JobState
    words: tuple[WordView, ...] = ()
    started_by: str
    started: datetime
    finished: datetime | None = None
    """When nothing was left to revoke here, or somebody stopped it."""
    matched: int = 0
    """How many were counted before."""
    revoked: int = 0
    confirmed: int = 0
    """Of those, how many Ory has deleted."""

    @property
    def state_text(self) -> str:
        """Its state in words."""
        return _(JOB_STATES.get(self.state, self.state))

    @property
    def waiting(self) -> int:
        """How many Ory has yet to delete."""
        return self.revoked - self.confirmed

    @property
    def runs(self) -> bool:
        """Whether somebody can stop it."""
        return self.state == "removing"

    @property
    def changes(self) -> bool:
        """Whether the numbers will be others in a moment."""
        return self.runs or self.waiting > 0

    @property
    def goal(self) -> int:
        """What there is to do, as far as it is known."""
        return max(self.matched, self.revoked, 1) if self.runs else max(self.revoked, 1)

    @property
    def stage(self) -> str:
        """How far it is, as roughly as somebody wants to listen to it."""
        return f"{self.state}-{10 * self.reached // self.goal}"

    @property
    def reached(self) -> int:
        """What of that is done."""
        return self.confirmed if self.revoked or self.runs else self.goal


class JobPage(Page, frozen=True, kw_only=True):
    """One job."""

    template: ClassVar[str] = "admin/bulk/job.html"
    partial: ClassVar[str | None] = "admin/bulk/_progress.html"
    purpose: ClassVar[str] = "admin.revoke-all"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    job: JobView
    stuck: tuple[StuckView, ...] = ()
    stuck_count: int = 0
    """All of them, where only some are listed."""
    told: str | None = None
    """The stage that whoever asks again has been told of."""
    error: str | None = None

    @property
    def has_news(self) -> bool:
        """Whether there is something to say aloud; not every number that changes is."""
        return self.told is not None and self.told != self.job.stage


class JobsPage(Page, frozen=True, kw_only=True):
    """All jobs, the newest first."""

    template: ClassVar[str] = "admin/bulk/list.html"

    account: str
    is_admin: bool = True
    jobs: tuple[JobView, ...] = ()
    next_url: str | None = None
    """The older ones; relative to the portal's prefix."""
