"""What registration shows."""

from typing import ClassVar
from urllib.parse import urlencode

from portal.apps import AppView
from portal.page import Page, with_challenge


class RegisterPage(Page, frozen=True, kw_only=True):
    """The question for which address an account is wanted."""

    template: ClassVar[str] = "registration/ask.html"
    purpose: ClassVar[str] = "register"

    challenge: str | None = None
    app: AppView | None = None
    """Who sent the person here; shown where Ory was asked."""
    email: str = ""
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes."""
        return with_challenge("/register", "login_challenge", self.challenge)

    @property
    def login_url(self) -> str:
        """For those who have an account."""
        return with_challenge("/login", "login_challenge", self.challenge)


class FinishPage(Page, frozen=True, kw_only=True):
    """The form for name and password."""

    template: ClassVar[str] = "registration/finish.html"
    purpose: ClassVar[str] = "registration"

    token: str
    challenge: str | None = None
    site: str
    email: str = ""
    """Where the mail was sent; what was typed, where that has to be."""
    asks_for_address: bool = False
    """Another browser asked for the link than this one."""
    is_admin: bool = False
    name: str = ""
    min_length: int
    problem: str | None = None
    """What is wrong with the password."""
    address_problem: str | None = None
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; with the token, so that the address bar keeps it."""
        return f"/register/finish?{urlencode({'token': self.token})}"


class RegistrationEndPage(Page, frozen=True, kw_only=True):
    """What has happened, and the way on."""

    template: ClassVar[str] = "registration/end.html"

    title: str
    message: str
    advice: str = ""
    app: str | None = None
    start_again: str | None = None
    """The app's request, begun anew; an absolute URL of Ory's."""
    next_url: str = "/login"
    """Where the other button leads, called ``button``."""
    button: str = "Log in"
    is_over: bool = True
    """False: what comes next is in the mailbox, and the button is only for mistakes."""
