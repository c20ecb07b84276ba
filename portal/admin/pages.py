"""What an administrator sees of everybody's connected apps."""

from datetime import datetime
from typing import ClassVar, Final, Literal

import msgspec

from portal.page import Page

State = Literal["active", "expired", "pending", "revoked"]
STATES: Final[dict[State, str]] = {
    "active": "Active",
    "expired": "Expired",
    "pending": "Removal under way",
    "revoked": "Removed",
}
"""What has become of a grant, in the words on screen."""
SEARCHED_STATES: Final = (
    ("", "Any"),
    *((state, words) for state, words in STATES.items() if state != "expired"),
)
"""What the search offers; the store finds what has expired among the active ones."""


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
    remembered: bool = False
    state: State = "active"
    state_text: str = STATES["active"]


class GrantsPage(Page, frozen=True, kw_only=True):
    """All grants, searched by user, client, scope and state."""

    template: ClassVar[str] = "admin/grants/search.html"
    partial: ClassVar[str | None] = "admin/grants/_results.html"
    purpose: ClassVar[str] = "admin.revoke"
    challenge: ClassVar[str | None] = None
    states: ClassVar[tuple[tuple[str, str], ...]] = SEARCHED_STATES

    account: str
    is_admin: bool = True
    user: str = ""
    client: str = ""
    scope: str = ""
    state: str = ""
    rows: tuple[GrantRowView, ...] = ()
    next_url: str | None = None
    """The older rows of the same search; relative to the portal's prefix."""
    total_text: str = ""
    notice: str | None = None

    @property
    def searched(self) -> bool:
        """Whether the rows are a selection."""
        return bool(self.user or self.client or self.scope or self.state)


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
    error: str | None = None
    """Why the same form came back."""
