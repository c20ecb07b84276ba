"""Samples of the pages of ``login``, in every state that changes their shape."""

from typing import Any, Final

from portal.login.flow import BEGIN_AGAIN
from portal.login.pages import CodesPage, EnrolPage, FactorPage, LoginPage, NewPasswordPage
from portal.page import Page
from portal.sample_data import (
    AGAIN,
    BARE,
    CHALLENGE,
    JUNE,
    SETUP,
    counted,
    long_named,
    photos,
    wait,
    words,
)
from portal.writing import day

OPTIONS: Final = '{"rpId":"login.example.org","challenge":"","allowCredentials":[]}'
PORTAL: Final[dict[str, Any]] = {"next_path": "/account/apps", "account": "ann@example.org"}


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    app: dict[str, Any] = {
        "challenge": CHALLENGE,
        "app": photos(),
        "account": "ann@example.org",
    }
    not_right: dict[str, Any] = {
        "status": 401,
        "error": words("This code is not right, or was used already. Please type the next one."),
    }
    return {
        "login": LoginPage(challenge=CHALLENGE, app=photos()),
        "login-hint": LoginPage(
            challenge=CHALLENGE, app=long_named(), email="ann@example.org", remember=True
        ),
        "login-refused": LoginPage(
            status=401,
            challenge=CHALLENGE,
            app=photos(),
            email="ann@example.org",
            remember=True,
            error=words("The e-mail address or the password is not right."),
        ),
        "login-no-email": LoginPage(
            status=422,
            challenge=CHALLENGE,
            app=BARE,
            error=words("This is not a valid e-mail address."),
        ),
        "login-device": LoginPage(challenge=CHALLENGE, app=photos(), is_device=True),
        "login-admin": LoginPage(next_path="/admin/grants", may_remember=False),
        "login-portal": LoginPage(next_path="/account/apps", may_remember=False),
        "login-again": LoginPage(
            next_path="/admin/grants/revoke-all",
            may_remember=False,
            email="ann@example.org",
            confirms=True,
        ),
        "login-everything": LoginPage(
            challenge=CHALLENGE,
            app=photos(),
            recover_url=f"/recover?login_challenge={CHALLENGE}",
            register_url=f"/register?login_challenge={CHALLENGE}",
            passkey_options=OPTIONS,
        ),
        "login-recent": LoginPage(
            next_path="/account/security/password",
            email="ann@example.org",
            confirms=True,
            may_remember=False,
            recover_url="/recover",
            passkey_options=OPTIONS,
        ),
        "login-waiting": LoginPage(
            challenge=CHALLENGE,
            app=photos(),
            status=429,
            retry_after=60,
            email="ann@example.org",
            error=counted(
                "Too many attempts. Please try again in {count} minute.",
                "Too many attempts. Please try again in {count} minutes.",
                1,
            ),
            recover_url=f"/recover?login_challenge={CHALLENGE}",
        ),
        "login-waiting-no-mail": LoginPage(
            status=429, retry_after=60, email="ann@example.org", error=wait()
        ),
        "login-once-more": LoginPage(challenge=CHALLENGE, app=photos(), notice=words(BEGIN_AGAIN)),
        "factor": FactorPage(**app, has_totp=True, passkey_options=OPTIONS, codes_left=8),
        "factor-portal": FactorPage(**PORTAL, has_totp=True, codes_left=1),
        "factor-passkey": FactorPage(**app, passkey_options=OPTIONS),
        "factor-unusable": FactorPage(**PORTAL, passkey_unusable=True, codes_left=10),
        "factor-wrong": FactorPage(**app, **not_right, has_totp=True, codes_left=8),
        "factor-wrong-recovery": FactorPage(
            **app, **not_right, has_totp=True, codes_left=8, error_at="recovery_code"
        ),
        "factor-wrong-passkey": FactorPage(
            **app, **not_right, passkey_options=OPTIONS, error_at="passkey"
        ),
        "factor-waiting": FactorPage(
            **PORTAL, status=429, retry_after=60, error=wait(), has_totp=True
        ),
        "factor-waiting-passkey": FactorPage(
            **app,
            status=429,
            retry_after=60,
            error=wait(),
            has_totp=True,
            passkey_options=OPTIONS,
        ),
        "factor-password": FactorPage(**app, passkey_options=OPTIONS, needs_password=True),
        "factor-password-wrong": FactorPage(
            **app,
            status=401,
            error=words("The password is not right."),
            error_at="password",
            passkey_options=OPTIONS,
            needs_password=True,
        ),
        "factor-step-up": FactorPage(
            challenge=CHALLENGE, app=photos(), switch_url=AGAIN, has_totp=True, codes_left=3
        ),
        "factor-device": FactorPage(**app, is_device=True, has_totp=True),
        "enrol": EnrolPage(**app, setup=SETUP, passkey_options=OPTIONS),
        "enrol-portal": EnrolPage(**PORTAL, setup=SETUP),
        "enrol-wrong": EnrolPage(**app, **not_right, setup=SETUP, passkey_options=OPTIONS),
        "enrol-wrong-passkey": EnrolPage(
            **app, **not_right, setup=SETUP, passkey_options=OPTIONS, error_at="passkey"
        ),
        "sign-in-codes": CodesPage(
            **app,
            codes=tuple(f"{n}k3m-7wq{n}-x0c{n}" for n in range(10)),
            heading=(
                words("Recovery codes for {site}", site="Example Bank"),
                words("Account: {account}", account="ann@example.org"),
                words("Made on {day}. Older ones do not work any more.", day=day(JUNE)),
            ),
        ),
        "sign-in-codes-shown": CodesPage(**PORTAL),
        "expired-password": NewPasswordPage(**app, email="ann@example.org", min_length=15),
        "expired-password-weak": NewPasswordPage(
            **PORTAL,
            status=422,
            problem=counted(
                "The password needs at least {count} character.",
                "The password needs at least {count} characters.",
                15,
            ),
            email="ann@example.org",
            min_length=8,
        ),
    }
