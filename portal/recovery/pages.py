"""What recovery shows."""

from typing import ClassVar
from urllib.parse import urlencode

from portal.page import Page, with_challenge


class RecoverPage(Page, frozen=True, kw_only=True):
    """The question whose password is forgotten."""

    template: ClassVar[str] = "recovery/ask.html"
    purpose: ClassVar[str] = "recover"

    challenge: str | None = None
    email: str = ""
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes."""
        return with_challenge("/recover", "login_challenge", self.challenge)

    @property
    def login_url(self) -> str:
        """The way back to the sign-in."""
        return with_challenge("/login", "login_challenge", self.challenge)


class ResetPage(Page, frozen=True, kw_only=True):
    """The form for a new password."""

    template: ClassVar[str] = "recovery/reset.html"
    purpose: ClassVar[str] = "recovery"

    token: str
    challenge: str | None = None
    email: str = ""
    """Whose account it is; what was typed, where that has to be."""
    asks_for_address: bool = False
    """Another browser asked for the link than this one."""
    min_length: int
    problem: str | None = None
    """What is wrong with the password."""
    address_problem: str | None = None
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; with the token, so that the address bar keeps it."""
        return f"/recover/reset?{urlencode({'token': self.token})}"


class RecoveryEndPage(Page, frozen=True, kw_only=True):
    """What has happened, and the way on."""

    template: ClassVar[str] = "recovery/end.html"

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
