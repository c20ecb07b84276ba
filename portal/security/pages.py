"""What a person sees of how their account is protected and used."""

from datetime import datetime
from typing import ClassVar

import msgspec

from portal.page import Page
from portal.sessions import Place


class FactorView(msgspec.Struct, frozen=True, kw_only=True):
    """One passkey or authenticator app."""

    kind: str
    """As the pages that rename and remove one call it: ``passkey`` or ``totp``."""
    id: str
    name: str
    added: datetime
    last_used: datetime | None = None


class ActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the account, in words for its person."""

    at: datetime
    words: str
    by: str = ""
    """Who did it, if not the person: "By an administrator"."""
    warns: bool = False
    """Somebody else may have tried."""
    address: str = ""
    browser: str = ""


class SecurityPage(Page, frozen=True, kw_only=True):
    """How somebody signs in, where they are signed in, and what happened lately."""

    template: ClassVar[str] = "security/security.html"
    purpose: ClassVar[str] = "account.security"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = False
    email: str
    email_verified: bool = False
    moving_to: str | None = None
    """What the address is to become, when both mailboxes have agreed."""
    has_password: bool = True
    password_set: datetime | None = None
    passkeys: tuple[FactorView, ...] = ()
    apps: tuple[FactorView, ...] = ()
    """Authenticator apps."""
    codes_left: int = 0
    offers_passkeys: bool = True
    needs_second_factor: bool = False
    """The operator demands one, and there is none yet."""
    places: tuple[Place, ...] = ()
    activity: tuple[ActivityView, ...] = ()
    more_activity: bool = False
    notice: str | None = None
    error: str | None = None
    """Why a form in it was not taken."""

    @property
    def has_second_factor(self) -> bool:
        """Whether a stolen password alone is of no use."""
        return bool(self.passkeys or self.apps)


class ActivityPage(Page, frozen=True, kw_only=True):
    """Everything that happened to the account, page by page."""

    template: ClassVar[str] = "security/activity.html"
    challenge: ClassVar[str | None] = None

    account: str
    is_admin: bool = False
    activity: tuple[ActivityView, ...] = ()
    next_url: str | None = None
    is_first: bool = True


class PasswordPage(Page, frozen=True, kw_only=True):
    """The form for another password, or for a first one."""

    template: ClassVar[str] = "security/password.html"
    purpose: ClassVar[str] = "account.password"
    challenge: ClassVar[str | None] = None

    email: str
    has_password: bool = True
    min_length: int
    current_problem: str | None = None
    problem: str | None = None
    """What is wrong with the new one."""
    error: str | None = None
    """Why the same form came back."""


class DeletePage(Page, frozen=True, kw_only=True):
    """The question whether to delete the account, and what that means."""

    template: ClassVar[str] = "security/delete.html"
    purpose: ClassVar[str] = "account.delete"
    challenge: ClassVar[str | None] = None

    email: str
    typed: str = ""
    app_names: tuple[str, ...] = ()
    """Those that are connected, some of them by name."""
    app_count: int = 0
    sign_in_count: int = 0
    factor_count: int = 0
    kept_for: str = ""
    """How long the audit trail is kept: "about 2 years"."""
    refusal: str | None = None
    """Why this account cannot be deleted; then there is no form."""
    problem: str | None = None
    """What is wrong with the address that was typed."""
    error: str | None = None


class GoodbyePage(Page, frozen=True, kw_only=True):
    """What somebody reads whose account is gone."""

    template: ClassVar[str] = "security/goodbye.html"
