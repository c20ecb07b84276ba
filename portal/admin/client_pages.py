"""What an administrator sees of the apps that are registered at Ory."""

from datetime import datetime
from typing import ClassVar, Final

import msgspec

from portal.admin.forms import ClientForm
from portal.admin.search_pages import SearchPage
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page

LABELS: Final = {
    "client_name": N_("Name"),
    "client_id": N_("Client id"),
    "client_uri": N_("Website"),
    "policy_uri": N_("Privacy policy"),
    "tos_uri": N_("Terms of service"),
    "logo_uri": N_("Logo"),
    "redirect_uris": N_("Redirect addresses"),
    "post_logout_redirect_uris": N_("Addresses after signing out"),
    "scope": N_("Permissions"),
    "audience": N_("Audiences"),
    "grant_types": N_("How it gets tokens"),
    "response_types": N_("Response types"),
    "token_endpoint_auth_method": N_("How it proves who it is"),
    "jwks_uri": N_("Address of its public keys"),
    "required_scopes": N_("Needed permissions"),
    "longest_grant": N_("Longest duration of a grant"),
    "owner": N_("Owner"),
    "contacts": N_("Contacts"),
}
"""What the form of an app calls what can be wrong in it."""
_FIRST_BOX: Final = {name: f"{name}-1" for name in ("grant_types", "response_types")}
"""Where to go on in what is no field but several."""


class ClientRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One registered app."""

    client_id: str
    name: str
    public: bool = False
    """It has no secret."""
    skips: bool = False
    """Nobody is asked about it: ``skip_consent``."""
    verified: bool = False
    second_factor: bool = False
    """Nobody gets there without one."""
    hosts: tuple[str, ...] = ()
    """Where answers may go."""
    people: int = 0
    """How many have it connected."""


class ClientsPage(SearchPage, frozen=True, kw_only=True):
    """The apps that are registered at Ory."""

    template: ClassVar[str] = "admin/clients/list.html"
    partial: ClassVar[str | None] = "admin/clients/_rows.html"

    account: str
    is_admin: bool = True
    app: str = ""
    rows: tuple[ClientRowView, ...] = ()
    next_url: str | None = None
    """More of the same search; relative to the portal's prefix."""
    first_url: str | None = None
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
    """How long a grant lasts without a limit of the app's own; ``None``: for as long as
    people choose."""
    created: datetime | None = None
    people: int = 0
    has_secret: bool = True
    error: str | None = None
    problems: tuple[FieldProblem, ...] = ()
    notice: str | None = None

    @property
    def listed_problems(self) -> tuple[tuple[str, str, str], ...]:
        """Which fields are wrong: the id of each, its label, and what is wrong."""
        return tuple(
            (_FIRST_BOX.get(found.field, found.field), self.label(found.field), found.text)
            for found in self.problems
        )

    def label(self, field: str) -> str:
        """What the form calls *field*."""
        return _(LABELS.get(field, field))

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
