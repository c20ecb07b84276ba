"""What the logout step shows."""

from typing import ClassVar

from portal.apps import AppView
from portal.page import Page, with_challenge


class LogoutPage(Page, frozen=True, kw_only=True):
    """The question whether to sign out; without a challenge it is about the portal alone."""

    template: ClassVar[str] = "logout/confirm.html"
    ends_at_ory: ClassVar[bool] = True
    purpose: ClassVar[str] = "logout"

    challenge: str | None = None
    app: AppView | None = None
    account: str | None = None
    error: str | None = None
    """Why the same form came back."""

    @property
    def action(self) -> str:
        """Where the form goes; with the challenge, so that the address bar keeps it."""
        return with_challenge("/logout", "logout_challenge", self.challenge)


class DonePage(Page, frozen=True, kw_only=True):
    """What happened, where no app is waiting for the browser."""

    template: ClassVar[str] = "logout/done.html"

    title: str
    message: str
    app: AppView | None = None
