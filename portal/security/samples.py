"""Samples of the pages of ``security``, in every state that changes their shape."""

from typing import Final

from portal.page import Page
from portal.sample_data import JUNE, LONG_NAME, MARCH, counted, stale, words
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

PASSKEY: Final = FactorView(kind="passkey", id="kEy", name="My laptop", added=MARCH, last_used=JUNE)
AUTHENTICATOR: Final = FactorView(kind="totp", id="t0tp", name="Phone", added=MARCH)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    places = (
        Place(
            kind="portal",
            handle="a" * 64,
            browser=words("{browser} on {system}", browser="Chrome", system="Windows"),
            address="203.0.113.7",
            since=MARCH,
            last_used=JUNE,
            is_here=True,
        ),
        Place(
            kind="login",
            handle="b" * 64,
            browser=words("{browser} on {system}", browser="Safari", system=words("an iPhone")),
            address="2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
            since=MARCH,
            last_used=JUNE,
        ),
        Place(
            kind="login",
            handle="c" * 64,
            browser=words("An unknown browser"),
            address="",
            since=MARCH,
            last_used=MARCH,
            remembered=False,
        ),
        Place(
            kind="login",
            handle="d" * 64,
            browser=words("{browser} on {system}", browser="Firefox", system="Linux"),
            address="198.51.100.77",
            since=MARCH,
            last_used=MARCH,
            ending=True,
        ),
    )
    activity = (
        ActivityView(
            at=JUNE,
            words=words("Signed in to “{app}”", app="Photo Printer"),
            address="203.0.113.7",
            browser=words("{browser} on {system}", browser="Chrome", system="Windows"),
        ),
        ActivityView(
            at=MARCH,
            words=words("Somebody gave a wrong password"),
            warns=True,
            address="198.51.100.77",
        ),
        ActivityView(
            at=MARCH, words=words("A new password was demanded"), by=words("By an administrator")
        ),
    )
    return {
        "security": SecurityPage(
            account="ann@example.org",
            email="ann@example.org",
            email_verified=True,
            password_set=MARCH,
            passkeys=(PASSKEY,),
            apps=(AUTHENTICATOR,),
            codes_left=1,
            places=places,
            activity=activity,
            more_activity=True,
            notice=words(NOTICES["elsewhere"]),
        ),
        "security-bare": SecurityPage(
            account="ann@example.org",
            email="ann@example.org",
            offers_passkeys=False,
            places=places[:1],
        ),
        "security-lacking": SecurityPage(
            status=403,
            account="admin@example.org",
            is_admin=True,
            email="admin@example.org",
            needs_second_factor=True,
            places=places[:2],
            error=stale(),
        ),
        "security-moving": SecurityPage(
            account="ann@example.org",
            email="ann@example.org",
            email_verified=True,
            moving_to="anna@example.org",
            places=places[:1],
        ),
        "security-no-password": SecurityPage(
            account="ann@example.org",
            email="ann@example.org",
            has_password=False,
            passkeys=(PASSKEY,),
            places=places[:1],
        ),
        "activity": ActivityPage(
            account="ann@example.org",
            activity=activity,
            next_url="/account/security/activity?after=0192f0a0",
        ),
        "activity-over": ActivityPage(account="ann@example.org", is_admin=True, is_first=False),
        "activity-none": ActivityPage(account="ann@example.org"),
        "own-password": PasswordPage(email="ann@example.org", min_length=15),
        "own-password-wrong": PasswordPage(
            status=422,
            email="ann@example.org",
            min_length=15,
            current_problem=words(ASK_FOR_CURRENT),
        ),
        "own-password-weak": PasswordPage(
            status=422,
            email="ann@example.org",
            min_length=15,
            problem=counted(
                "The password needs at least {count} character.",
                "The password needs at least {count} characters.",
                15,
            ),
        ),
        "own-password-first": PasswordPage(
            status=403, email="ann@example.org", has_password=False, min_length=8, error=stale()
        ),
        "delete-account": DeletePage(
            email="ann@example.org",
            app_names=("Photo Printer", LONG_NAME),
            app_count=7,
            sign_in_count=4,
            factor_count=1,
            kept_for=counted("for about {count} day", "for about {count} days", 730),
        ),
        "delete-account-bare": DeletePage(
            status=403,
            email="ann@example.org",
            kept_for=counted("for {count} day", "for {count} days", 30),
            error=stale(),
        ),
        "delete-account-mistyped": DeletePage(
            status=422,
            email="ann@example.org",
            typed="bob@example.org",
            app_names=("Photo Printer",),
            app_count=1,
            sign_in_count=1,
            factor_count=2,
            kept_for=counted("for {count} day", "for {count} days", 30),
            problem=words(MISTYPED),
        ),
        "delete-account-last-admin": DeletePage(
            email="admin@example.org",
            kept_for=counted("for {count} day", "for {count} days", 30),
            refusal=words(LAST_ADMIN),
        ),
        "goodbye": GoodbyePage(),
    }
