"""What an administrator sees of everybody's connected apps."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final
from urllib.parse import urlencode

import msgspec

from portal.admin.audit_pages import EventRowView
from portal.admin.search_pages import SearchPage
from portal.admin.searching import Choice
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page
from portal.store.grant_index import Order
from portal.store.grants import LIVING
from portal.store.tables import GrantState

STATES: Final[dict[GrantState, str]] = {
    "active": N_("Active"),
    "expired": N_("Expired"),
    "pending": N_("Removal under way"),
    "revoked": N_("Removed"),
    "at_ory": N_("Removed at Ory"),
}
"""What has become of a grant, in the words on screen."""
ALLOWED: Final = (
    ("", N_("At any time")),
    ("1d", N_("In the last day")),
    ("7d", N_("In the last 7 days")),
    ("30d", N_("In the last 30 days")),
    ("before-30d", N_("More than 30 days ago")),
    ("before-90d", N_("More than 90 days ago")),
    ("before-365d", N_("More than a year ago")),
)
USED: Final = (
    ("", N_("At any time")),
    ("1d", N_("In the last day")),
    ("7d", N_("In the last 7 days")),
    ("30d", N_("In the last 30 days")),
    ("before-30d", N_("Not for 30 days")),
    ("before-90d", N_("Not for 90 days")),
    ("before-365d", N_("Not for a year")),
)
LABELS: Final = {
    "user": N_("Person"),
    "client": N_("App"),
    "scope": N_("Permission"),
    "state": N_("State"),
    "allowed": N_("Allowed"),
    "used": N_("Last used"),
}
"""What narrows a search, as the form calls it."""
ORDER_LABEL: Final = N_("Order")
ORDER_WORDS: Final[dict[Order, str]] = {
    "newest": N_("Newest first"),
    "oldest": N_("Oldest first"),
    "used": N_("Last used first"),
    "unused": N_("Longest unused first"),
}


class GrantRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One grant among everybody's."""

    subject: str
    email: str | None = None
    """``None``: nobody in the store has this subject."""
    client_id: str
    app_name: str
    permissions: tuple[str, ...] = ()
    """Scopes by their own names: an administrator compares them with the client's registration."""
    since: datetime
    last_used: datetime
    expires: datetime | None = None
    """Until when it is, or was, remembered."""
    remembered: bool = False
    ended: datetime | None = None
    verified: bool = False
    state: GrantState = "active"

    @property
    def state_text(self) -> str:
        """Its state in words."""
        return _(STATES.get(self.state, self.state))

    @property
    def living(self) -> bool:
        """Whether there is something to remove."""
        return self.state in LIVING


class GrantsPage(SearchPage, frozen=True, kw_only=True):
    """All grants, searched by user, client, scope, state and age."""

    template: ClassVar[str] = "admin/grants/search.html"
    partial: ClassVar[str | None] = "admin/grants/_results.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    user: str = ""
    client: str = ""
    scope: str = ""
    choices: tuple[Choice, ...] = ()
    searched: bool = False
    """Whether the rows are a selection."""
    rows: tuple[GrantRowView, ...] = ()
    total_text: str = ""
    cautions: tuple[str, ...] = ()
    """What the results leave out."""
    next_url: str | None = None
    """The following rows of the same search; relative to the portal's prefix, like the others."""
    next_text: str = ""
    first_url: str | None = None
    export_urls: tuple[tuple[str, str], ...] = ()
    """Addresses, and what they read."""
    remove_all_url: str | None = None
    back: str = ""
    """This search as a query, to return to."""
    notice: str | None = None

    def about(self, row: GrantRowView) -> str:
        """The query of the pages about *row*."""
        return about(row.subject, row.client_id, self.back)


class RemovalView(msgspec.Struct, frozen=True, kw_only=True):
    """A removal that Ory has yet to confirm."""

    attempts: int
    due: datetime
    trouble: str | None = None
    """Why the last attempt did not work."""
    undo_until: datetime | None = None


class OneGrantPage(Page, frozen=True, kw_only=True):
    """All that is known of one grant."""

    template: ClassVar[str] = "admin/grants/one.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    row: GrantRowView
    audience: tuple[str, ...] = ()
    remembered_permissions: tuple[str, ...] = ()
    remembered_audience: tuple[str, ...] = ()
    decision_id: str
    origin: tuple[str, str] | None = None
    """Address and browser it was allowed from; ``None``: not recorded any more."""
    reason: str | None = None
    """Why it ended, in words."""
    confirmed: datetime | None = None
    """When Ory confirmed the removal."""
    removals: tuple[RemovalView, ...] = ()
    events: tuple[EventRowView, ...] = ()
    more_events: bool = False
    back: str = ""

    @property
    def about(self) -> str:
        """The query of the other pages about it."""
        return about(self.row.subject, self.row.client_id, self.back)


class OrySessionView(msgspec.Struct, frozen=True, kw_only=True):
    """One consent as Ory lists it."""

    handled_at: datetime | None = None
    permissions: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    remembered: bool = False
    decision_id: str | None = None
    """``None``: it was not decided here."""


class AtOryPage(Page, frozen=True, kw_only=True):
    """What Ory lists of one grant: asked for on its own, because Ory may be slow or away."""

    template: ClassVar[str] = "admin/grants/at_ory.html"
    partial: ClassVar[str | None] = "admin/grants/_at_ory.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    subject: str
    client_id: str
    app_name: str
    sessions: tuple[OrySessionView, ...] = ()
    trouble: str | None = None
    """Why nothing can be said."""
    back: str = ""

    @property
    def about(self) -> str:
        """The query of the other pages about it."""
        return about(self.subject, self.client_id, self.back)


class RevokePage(Page, frozen=True, kw_only=True):
    """The question whether to take an app's access to one person away."""

    template: ClassVar[str] = "admin/grants/revoke.html"
    purpose: ClassVar[str] = "admin.revoke"
    challenge: ClassVar[str | None] = None

    subject: str
    email: str | None = None
    client_id: str
    app_name: str
    permissions: tuple[str, ...] = ()
    back: str = ""
    """The search to return to."""
    back_url: str = "/admin/grants"
    error: str | None = None
    """Why the same form came back."""


def term_in_words(name: str, value: str) -> str:
    """What was chosen of a list, as it reads there; what was typed stays."""
    choices: dict[str, Mapping[str, str]] = {
        "state": {str(state): words for state, words in STATES.items()},
        "allowed": dict(ALLOWED),
        "used": dict(USED),
    }
    words = choices.get(name, {}).get(value)
    return value if words is None else _(words)


def about(subject: str, client_id: str, back: str) -> str:
    """The query that names a grant, and the search that it was found by."""
    named = {"subject": subject, "client_id": client_id}
    return urlencode(named | {"back": back} if back else named)
