"""What a person sees of what is kept about them."""

from typing import ClassVar

import msgspec

from portal.claims.standard import ProfileField
from portal.page import Page


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that they may change."""

    field: ProfileField
    value: str = ""
    problem: str | None = None

    @property
    def id(self) -> str:
        """Of the control."""
        return self.field.name.replace(".", "-")


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
    fields: tuple[FieldView, ...]
    known: tuple[KnownView, ...] = ()
    readers: tuple[ReaderView, ...] = ()
    notice: str | None = None
    error: str | None = None
    """Why the form in it was not taken."""

    @property
    def person(self) -> tuple[FieldView, ...]:
        """What is about them."""
        return tuple(each for each in self.fields if not each.field.name.startswith("address."))

    @property
    def address(self) -> tuple[FieldView, ...]:
        """Where they live."""
        return tuple(each for each in self.fields if each.field.name.startswith("address."))
