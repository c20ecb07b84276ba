"""What registration shows."""

from typing import ClassVar

from portal.apps import AppView
from portal.page import LinkPage, MailPage


class RegisterPage(MailPage, frozen=True, kw_only=True):
    """The question for which address an account is wanted."""

    template: ClassVar[str] = "registration/ask.html"
    path: ClassVar[str] = "/register"
    purpose: ClassVar[str] = "register"

    app: AppView | None = None
    """Who sent the person here; shown where Ory was asked."""


class FinishPage(LinkPage, frozen=True, kw_only=True):
    """The form for name and password."""

    template: ClassVar[str] = "registration/finish.html"
    path: ClassVar[str] = "/register/finish"
    purpose: ClassVar[str] = "registration"

    site: str
    is_admin: bool = False
    name: str = ""
    min_length: int
    problem: str | None = None
    """What is wrong with the password."""
