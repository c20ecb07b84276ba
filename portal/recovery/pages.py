"""What recovery shows."""

from typing import ClassVar

from portal.page import LinkPage, MailPage


class RecoverPage(MailPage, frozen=True, kw_only=True):
    """The question whose password is forgotten."""

    template: ClassVar[str] = "recovery/ask.html"
    path: ClassVar[str] = "/recover"
    purpose: ClassVar[str] = "recover"


class ResetPage(LinkPage, frozen=True, kw_only=True):
    """The form for a new password."""

    template: ClassVar[str] = "recovery/reset.html"
    path: ClassVar[str] = "/recover/reset"
    purpose: ClassVar[str] = "recovery"

    min_length: int
    is_first: bool = False
    """There is no password to be replaced; told only to whoever is known to read the mailbox."""
    problem: str | None = None
    """What is wrong with the password."""
