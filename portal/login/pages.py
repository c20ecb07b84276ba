"""What the login step shows, and the steps that may follow it."""

from typing import ClassVar, Final, Literal
from urllib.parse import quote

from portal.apps import AppView
from portal.factors.totp import Setup
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import Page, with_challenge

Field = Literal["code", "recovery_code", "password", "passkey"]
REASONS: Final = {
    "/admin": N_("Sign in to manage this site."),
    "/account/apps": N_("Sign in to see the apps that you connected."),
    "/account/security": N_("Sign in to see how your account is protected."),
    "/account/profile": N_("Sign in to see your data."),
    "/account/email": N_("Sign in to see your e-mail address."),
}
SOMETHING: Final = N_("Sign in to go on to your account.")


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
    wants_more: bool = False
    """A password alone is not enough for the app."""
    email: str = ""
    """What was typed, or the app's login hint; kept when the form comes back."""
    remember: bool = False
    may_remember: bool = True
    error: str | None = None
    notice: str | None = None
    """What happened before, where nothing is wrong with this page."""
    confirms: bool = False
    """Somebody is signed in to the portal, and shall prove that it is still them."""
    next_path: str | None = None
    """Where a sign-in to the portal leads; relative to the portal's prefix."""
    recover_url: str | None = None
    register_url: str | None = None
    passkey_options: str | None = None
    """What a browser is asked to prove without a password; ``None``: passkeys cannot be used."""

    @property
    def passkey_action(self) -> str:
        """Where what a passkey proves is sent."""
        return with_challenge("/login/passkey", "login_challenge", self.challenge)

    @property
    def way_back(self) -> str | None:
        """Where somebody was who shall prove that it is still them."""
        if not self.confirms or not self.next_path:
            return None
        return "/".join(self.next_path.partition("?")[0].split("/")[:3])

    @property
    def action(self) -> str:
        """Where the form goes; with the challenge, so that the address bar keeps it."""
        return with_challenge("/login", "login_challenge", self.challenge)

    @property
    def reason(self) -> str:
        """What somebody signs in to the portal for."""
        parts = (self.next_path or "").partition("?")[0].split("/")
        return _(REASONS.get("/".join(parts[:3])) or REASONS.get("/".join(parts[:2]), SOMETHING))

    @property
    def error_at(self) -> Literal["email", "password"]:
        """The field that the error stands beside: the first one that has to be typed again."""
        return "password" if self.email else "email"


class StepPage(Page, frozen=True, kw_only=True):
    """A step after the first one; what every one of them says about the sign-in."""

    ends_at_ory: ClassVar[bool] = True
    purpose: ClassVar[str]
    step: ClassVar[str]

    challenge: str | None = None
    next_path: str | None = None
    app: AppView | None = None
    is_device: bool = False
    account: str | None = None
    """Who signs in, where this browser may be told."""
    switch_url: str | None = None
    """Where another account can sign in, if Ory has to be asked for that; an absolute URL."""
    error: str | None = None

    @property
    def action(self) -> str:
        """Where the form goes; it keeps what the sign-in is for, so that it can be reloaded."""
        return self._path(self.step)

    @property
    def back(self) -> str:
        """The first step, for another account or another password."""
        return self._path("/login")

    def _path(self, to: str) -> str:
        if self.challenge:
            return with_challenge(to, "login_challenge", self.challenge)
        return f"{to}?next={quote(self.next_path)}" if self.next_path else to


class FactorPage(StepPage, frozen=True, kw_only=True):
    """The question for one more thing that proves who somebody is."""

    template: ClassVar[str] = "login/factor.html"
    purpose: ClassVar[str] = "login-factor"
    step: ClassVar[str] = "/login/factor"

    has_totp: bool = False
    passkey_options: str | None = None
    passkey_unusable: bool = False
    """They have one, but it is of no use at this address."""
    codes_left: int = 0
    """Recovery codes; 0: they are not offered."""
    needs_password: bool = False
    """What was proved first has to stand beside a password."""
    error_at: Field = "code"


class EnrolPage(StepPage, frozen=True, kw_only=True):
    """Nobody gets on without a second factor: one is set up here."""

    template: ClassVar[str] = "login/enrol.html"
    purpose: ClassVar[str] = "login-enrol"
    step: ClassVar[str] = "/login/enrol"

    setup: Setup
    passkey_options: str | None = None
    error_at: Literal["totp", "passkey"] = "totp"


class CodesPage(StepPage, frozen=True, kw_only=True):
    """Recovery codes, shown this once; none: they were shown already."""

    template: ClassVar[str] = "login/codes.html"
    purpose: ClassVar[str] = "login-enrol"
    step: ClassVar[str] = "/login/enrol"

    codes: tuple[str, ...] = ()
    heading: tuple[str, ...] = ()
    """What stands above them in a file, line by line."""

    def __repr__(self) -> str:
        """Without the codes, whatever prints it."""
        return "CodesPage()"


class NewPasswordPage(StepPage, frozen=True, kw_only=True):
    """The password is right, but another one has to be chosen."""

    template: ClassVar[str] = "login/new-password.html"
    purpose: ClassVar[str] = "new-password"
    step: ClassVar[str] = "/login/new-password"

    email: str
    min_length: int
    problem: str | None = None
    """What is wrong with the new password; it stands beside the field."""
