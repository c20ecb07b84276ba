"""What the login step shows."""

from typing import ClassVar, Literal

from portal.apps import AppView
from portal.page import Page, with_challenge


class LoginPage(Page, frozen=True, kw_only=True):
    """The question who somebody is; without a challenge it is asked for the portal itself."""

    template: ClassVar[str] = "login/login.html"
    partial: ClassVar[str | None] = "login/_form.html"
    target: ClassVar[str | None] = "#login-form"
    ends_at_ory: ClassVar[bool] = True
    purpose: ClassVar[str] = "login"

    challenge: str | None = None
    app: AppView | None = None
    """``None``: nobody but the portal asks."""
    is_device: bool = False
    """The app runs on another device, where a code was shown."""
    email: str = ""
    """What was typed, or the app's login hint; kept when the form comes back."""
    remember: bool = False
    may_remember: bool = True
    error: str | None = None
    confirms: bool = False
    """Somebody is signed in to the portal, and shall prove that it is still them."""
    next_path: str | None = None
    """Where a sign-in to the portal leads; relative to the portal's prefix."""

    @property
    def action(self) -> str:
        """Where the form goes; with the challenge, so that the address bar keeps it."""
        return with_challenge("/login", "login_challenge", self.challenge)

    @property
    def for_admin(self) -> bool:
        """Whether it is the administrators' pages that somebody wants to see."""
        return (self.next_path or "").partition("?")[0].split("/")[:2] == ["", "admin"]

    @property
    def error_at(self) -> Literal["email", "password"]:
        """The field that the error stands beside: the first one that has to be typed again."""
        return "password" if self.email else "email"
