"""What a person sees of what is kept about them."""

from typing import ClassVar

import msgspec

from portal.claims.standard import ProfileField
from portal.i18n import gettext as _
from portal.page import Page


class LanguageView(msgspec.Struct, frozen=True, kw_only=True):
    """A language to choose."""

    tag: str
    name: str
    """In its own words."""
    lang: str = ""
    """The tag, where it is certainly one."""


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that they may change."""

    field: ProfileField
    value: str = ""
    problem: str | None = None
    languages: tuple[LanguageView, ...] = ()
    """What there is to choose, where it is a language."""

    @property
    def id(self) -> str:
        """Of the control."""
        return self.field.name.replace(".", "-")

    @property
    def hint(self) -> str:
        """What to know before it is filled in."""
        if self.languages:
            return _("For these pages and our mails. Apps that may see your data are told it, too.")
        return self.field.hint


class KnownView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that their organisation keeps and they only see."""

    title: str
    value: str


class ReaderView(msgspec.Struct, frozen=True, kw_only=True):
    """An app that is told something of it."""

    app: str
    permissions: tuple[str, ...]
    """Titles of those that tell it something."""


class ProfilePage(Page, frozen=True, kw_only=True):
    """What is kept about somebody, to be changed where it is theirs to change."""

    template: ClassVar[str] = "profile/profile.html"
    purpose: ClassVar[str] = "account.profile"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = False
    email: str
    email_verified: bool = False
    moving_to: str | None = None
    """What the address is to become, when both mailboxes have agreed."""
    fields: tuple[FieldView, ...]
    known: tuple[KnownView, ...] = ()
    readers: tuple[ReaderView, ...] = ()
    notice: str | None = None
    error: str | None = None
    """Why the form in it was not taken."""

    @property
    def problems(self) -> tuple[tuple[str, str, str], ...]:
        """Which fields are wrong: the id of each, its label, and what is wrong."""
        return tuple(
            (each.id, each.field.label, each.problem) for each in self.fields if each.problem
        )

    @property
    def person(self) -> tuple[FieldView, ...]:
        """What is about them."""
        return tuple(each for each in self.fields if not each.field.name.startswith("address."))

    @property
    def address(self) -> tuple[FieldView, ...]:
        """Where they live."""
        return tuple(each for each in self.fields if each.field.name.startswith("address."))
