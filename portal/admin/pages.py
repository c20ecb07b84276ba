"""What an administrator sees: everybody's connected apps, and the apps that are registered."""

from datetime import datetime
from typing import ClassVar, Final, Literal

import msgspec

from portal.admin.forms import ClientForm
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
    verified: bool = False
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


class ClientRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One registered app."""

    client_id: str
    name: str
    public: bool = False
    """It has no secret."""
    skips: bool = False
    """Nobody is asked about it: ``skip_consent``."""
    verified: bool = False
    hosts: tuple[str, ...] = ()
    """Where answers may go."""
    people: int = 0
    """How many have it connected."""


class ClientsPage(Page, frozen=True, kw_only=True):
    """The apps that are registered at Ory."""

    template: ClassVar[str] = "admin/clients/list.html"
    partial: ClassVar[str | None] = "admin/clients/_rows.html"

    account: str
    is_admin: bool = True
    app: str = ""
    rows: tuple[ClientRowView, ...] = ()
    next_url: str | None = None
    """More of the same search; relative to the portal's prefix."""
    total_text: str = ""
    bound_text: str | None = None
    """That there are more apps than were looked at, where there are."""
    notice: str | None = None


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One of several values that can be chosen."""

    value: str
    text: str
    chosen: bool = False


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field."""

    field: str
    text: str


class ClientPage(Page, frozen=True, kw_only=True):
    """An app's registration and policy, to fill in or to change."""

    template: ClassVar[str] = "admin/clients/edit.html"
    purpose: ClassVar[str] = "admin.clients"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    is_new: bool = False
    form: ClientForm
    seen: str = ""
    """Goes back with the form, to notice what others changed meanwhile."""
    app_name: str = ""
    grant_types: tuple[Box, ...] = ()
    response_types: tuple[Box, ...] = ()
    auth_methods: tuple[Box, ...] = ()
    usual_duration: str | None = None
    """How long a grant lasts without a limit of the app's own; ``None``: until it is removed."""
    created: datetime | None = None
    people: int = 0
    has_secret: bool = True
    error: str | None = None
    problems: tuple[FieldProblem, ...] = ()
    notice: str | None = None

    def problem(self, field: str) -> str | None:
        """What is wrong with *field*."""
        return next((found.text for found in self.problems if found.field == field), None)


class ClientSecretPage(Page, frozen=True, kw_only=True):
    """An app's secret, this once."""

    template: ClassVar[str] = "admin/clients/created.html"

    client_id: str
    app_name: str
    secret: str | None = None
    """``None``: a public app, which has none."""
    is_new: bool = True
    """The app is new; else only its secret is."""


class DeleteClientPage(Page, frozen=True, kw_only=True):
    """The question whether to delete an app."""

    template: ClassVar[str] = "admin/clients/delete.html"
    purpose: ClassVar[str] = "admin.clients"
    challenge: ClassVar[str | None] = None

    client_id: str
    app_name: str
    people: int = 0
    known: bool = True
    """Ory knows it; else only what people gave to it is left here."""
    error: str | None = None


class NewSecretPage(Page, frozen=True, kw_only=True):
    """The question whether to replace an app's secret."""

    template: ClassVar[str] = "admin/clients/secret.html"
    purpose: ClassVar[str] = "admin.clients"
    challenge: ClassVar[str | None] = None

    client_id: str
    app_name: str
    error: str | None = None
