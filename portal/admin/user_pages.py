"""What an administrator sees of people."""

from datetime import datetime
from typing import ClassVar

import msgspec

from portal.admin.audit_pages import EventRowView
from portal.admin.client_pages import FieldProblem
from portal.admin.searching import Choice
from portal.page import Page

PURPOSE = "admin.users"


class UserRowView(msgspec.Struct, frozen=True, kw_only=True):
    """One person in the list."""

    subject: str
    email: str
    name: str | None = None
    admin: bool = False
    disabled: bool = False
    unverified: bool = False
    """The address was never confirmed."""
    expired: bool = False
    """A new password was demanded."""
    locked: bool = False
    """Wrong passwords make everybody wait who tries."""
    protected: bool = False
    """Has a second factor."""
    created: datetime


class UsersPage(Page, frozen=True, kw_only=True):
    """Everybody with an account, searched by address, subject, name and state."""

    template: ClassVar[str] = "admin/users/list.html"
    partial: ClassVar[str | None] = "admin/users/_results.html"

    account: str
    is_admin: bool = True
    who: str = ""
    choices: tuple[Choice, ...] = ()
    searched: bool = False
    """Whether the rows are a selection."""
    rows: tuple[UserRowView, ...] = ()
    total_text: str = ""
    next_url: str | None = None
    """The following rows of the same search; relative to the portal's prefix, like the others."""
    first_url: str | None = None
    can_invite: bool = False
    notice: str | None = None


class NewUserPage(Page, frozen=True, kw_only=True):
    """Somebody new, to fill in."""

    template: ClassVar[str] = "admin/users/create.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    email: str = ""
    name: str = ""
    admin: bool = False
    must_change: bool = True
    """The password is for the first sign-in alone."""
    can_invite: bool = False
    """By mail, rather than by a password that is chosen here."""
    min_length: int
    invitation_lasts: str = ""
    error: str | None = None
    problems: tuple[FieldProblem, ...] = ()

    def problem(self, field: str) -> str | None:
        """What is wrong with *field*."""
        return next((found.text for found in self.problems if found.field == field), None)


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation that nobody has followed yet."""

    email: str
    name: str | None = None
    admin: bool = False
    invited_by: str
    sent: datetime
    until: datetime


class InvitationsPage(Page, frozen=True, kw_only=True):
    """Invitations that wait."""

    template: ClassVar[str] = "admin/users/invitations.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    can_invite: bool = True
    rows: tuple[InvitationView, ...] = ()
    more: bool = False
    """There are older ones, too."""
    error: str | None = None
    notice: str | None = None


class FactorView(msgspec.Struct, frozen=True, kw_only=True):
    """One second factor."""

    kind: str
    name: str
    added: datetime
    used: datetime | None = None


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """One place where somebody is signed in."""

    kind: str
    """``portal`` or ``login``."""
    handle: str
    browser: str
    address: str
    since: datetime
    used: datetime
    is_here: bool = False
    """The administrator's own session, in this browser."""
    ending: bool = False
    can_be_ended: bool = True


class FactView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is known about somebody, in words."""

    label: str
    text: str


class PersonPage(Page, frozen=True, kw_only=True):
    """One person: what is known, and what can be done."""

    template: ClassVar[str] = "admin/users/one.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    row: UserRowView
    is_self: bool = False
    changed: datetime
    disabled_at: datetime | None = None
    can_sign_in: bool = True
    """There is a password or a passkey."""
    password_text: str
    password_set: datetime | None = None
    waiting_text: str | None = None
    """That wrong passwords make everybody wait, where they do."""
    factors: tuple[FactorView, ...] = ()
    codes_left: int = 0
    factor_needed: bool = False
    """This person cannot sign in without a second factor."""
    places: tuple[PlaceView, ...] = ()
    apps: int = 0
    """Apps that have access now."""
    profile: tuple[FactView, ...] = ()
    attributes: tuple[FactView, ...] = ()
    has_attributes: bool = False
    """The operator has defined some."""
    events: tuple[EventRowView, ...] = ()
    more_events: bool = False
    acts: tuple[tuple[str, str, bool], ...] = ()
    """What can be done: its name in addresses, its words, whether it takes something away."""
    error: str | None = None
    notice: str | None = None


class GonePage(Page, frozen=True, kw_only=True):
    """Somebody who had an account, as the audit trail knows."""

    template: ClassVar[str] = "admin/users/gone.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    subject: str


class ActPage(Page, frozen=True, kw_only=True):
    """The question before something is done to somebody, with what it means."""

    template: ClassVar[str] = "admin/users/act.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    subject: str
    email: str
    name: str | None = None
    act: str
    title: str
    button: str
    danger: bool = True
    consequences: tuple[str, ...] = ()
    caution: str | None = None
    """What to think of first."""
    refusal: str | None = None
    """Why it cannot be done."""
    error: str | None = None


class AddressPage(Page, frozen=True, kw_only=True):
    """Another address for somebody, with what it means."""

    template: ClassVar[str] = "admin/users/address.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    subject: str
    before: str
    email: str = ""
    consequences: tuple[str, ...] = ()
    error: str | None = None
    problem: str | None = None


class DataFieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be told about somebody, to fill in."""

    id: str
    label: str
    value: str = ""
    kind: str = "text"
    """``text``, ``lines`` or ``choice``."""
    options: tuple[tuple[str, str], ...] = ()
    hint: str | None = None
    problem: str | None = None


class DataPage(Page, frozen=True, kw_only=True):
    """What apps may be told about somebody, to change."""

    template: ClassVar[str] = "admin/users/data.html"
    purpose: ClassVar[str] = PURPOSE
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = True
    subject: str
    email: str
    profile: tuple[DataFieldView, ...] = ()
    attributes: tuple[DataFieldView, ...] = ()
    seen: str = ""
    """What the form was made from."""
    error: str | None = None

    @property
    def problems(self) -> tuple[tuple[str, str, str], ...]:
        """Which fields are wrong: the id of each, its label, and what is wrong."""
        fields = self.attributes + self.profile
        return tuple((each.id, each.label, each.problem) for each in fields if each.problem)
