"""Samples of the pages of ``security``, in every state that changes their shape."""

from typing import Final

from portal.page import Page
from portal.sample_data import JUNE, LONG, MARCH, STALE
from portal.security.flow import ASK_FOR_CURRENT, LAST_ADMIN, MISTYPED, NOTICES
from portal.security.pages import (
    ActivityPage,
    ActivityView,
    DeletePage,
    FactorView,
    GoodbyePage,
    PasswordPage,
    SecurityPage,
)
from portal.sessions import Place

PLACES: Final = (
    Place(
        kind="portal",
        handle="a" * 64,
        browser="Chrome on Windows",
        address="203.0.113.7",
        since=MARCH,
        last_used=JUNE,
        is_here=True,
    ),
    Place(
        kind="login",
        handle="b" * 64,
        browser="Safari on an iPhone",
        address="2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
        since=MARCH,
        last_used=JUNE,
    ),
    Place(
        kind="login",
        handle="c" * 64,
        browser="An unknown browser",
        address="",
        since=MARCH,
        last_used=MARCH,
        remembered=False,
    ),
    Place(
        kind="login",
        handle="d" * 64,
        browser="Firefox on Linux",
        address="198.51.100.77",
        since=MARCH,
        last_used=MARCH,
        ending=True,
    ),
)
ACTIVITY: Final = (
    ActivityView(
        at=JUNE,
        words="Signed in to “Photo Printer”",
        address="203.0.113.7",
        browser="Chrome on Windows",
    ),
    ActivityView(
        at=MARCH, words="Somebody gave a wrong password", warns=True, address="198.51.100.77"
    ),
    ActivityView(at=MARCH, words="A new password was demanded", by="By an administrator"),
)
PASSKEY: Final = FactorView(kind="passkey", id="kEy", name="My laptop", added=MARCH, last_used=JUNE)
AUTHENTICATOR: Final = FactorView(kind="totp", id="t0tp", name="Phone", added=MARCH)
SAMPLES: Final[dict[str, Page]] = {
    "security": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        email_verified=True,
        password_set=MARCH,
        passkeys=(PASSKEY,),
        apps=(AUTHENTICATOR,),
        codes_left=1,
        places=PLACES,
        activity=ACTIVITY,
        more_activity=True,
        notice=NOTICES["elsewhere"],
    ),
    "security-bare": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        offers_passkeys=False,
        places=PLACES[:1],
    ),
    "security-lacking": SecurityPage(
        status=403,
        account="admin@example.org",
        is_admin=True,
        email="admin@example.org",
        needs_second_factor=True,
        places=PLACES[:2],
        error=STALE,
    ),
    "security-moving": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        email_verified=True,
        moving_to="anna@example.org",
        places=PLACES[:1],
    ),
    "security-no-password": SecurityPage(
        account="ann@example.org",
        email="ann@example.org",
        has_password=False,
        passkeys=(PASSKEY,),
        places=PLACES[:1],
    ),
    "activity": ActivityPage(
        account="ann@example.org",
        activity=ACTIVITY,
        next_url="/account/security/activity?after=0192f0a0",
    ),
    "activity-over": ActivityPage(account="ann@example.org", is_admin=True, is_first=False),
    "activity-none": ActivityPage(account="ann@example.org"),
    "own-password": PasswordPage(email="ann@example.org", min_length=15),
    "own-password-wrong": PasswordPage(
        status=422, email="ann@example.org", min_length=15, current_problem=ASK_FOR_CURRENT
    ),
    "own-password-weak": PasswordPage(
        status=422, email="ann@example.org", min_length=15, problem="The password is too short."
    ),
    "own-password-first": PasswordPage(
        status=403, email="ann@example.org", has_password=False, min_length=8, error=STALE
    ),
    "delete-account": DeletePage(
        email="ann@example.org",
        app_names=("Photo Printer", LONG.name),
        app_count=7,
        sign_in_count=4,
        factor_count=1,
        kept_for="for about 2 years",
    ),
    "delete-account-bare": DeletePage(
        status=403, email="ann@example.org", kept_for="for 30 days", error=STALE
    ),
    "delete-account-mistyped": DeletePage(
        status=422,
        email="ann@example.org",
        typed="bob@example.org",
        app_names=("Photo Printer",),
        app_count=1,
        sign_in_count=1,
        factor_count=2,
        kept_for="for 30 days",
        problem=MISTYPED,
    ),
    "delete-account-last-admin": DeletePage(
        email="admin@example.org", kept_for="for 30 days", refusal=LAST_ADMIN
    ),
    "goodbye": GoodbyePage(),
}
