"""Samples of the pages of ``login``, in every state that changes their shape."""

from typing import Any, Final

from portal.login.flow import BEGIN_AGAIN
from portal.login.pages import CodesPage, EnrolPage, FactorPage, LoginPage, NewPasswordPage
from portal.page import Page
from portal.sample_data import AGAIN, BARE, CHALLENGE, LONG, PHOTOS, SETUP

OPTIONS: Final = '{"rpId":"login.example.org","challenge":"","allowCredentials":[]}'
APP: Final[dict[str, Any]] = {
    "challenge": CHALLENGE,
    "app": PHOTOS,
    "account": "ann@example.org",
}
PORTAL: Final[dict[str, Any]] = {"next_path": "/account/apps", "account": "ann@example.org"}
NOT_RIGHT: Final[dict[str, Any]] = {"status": 401, "error": "This code is not right."}
SAMPLES: Final[dict[str, Page]] = {
    "login": LoginPage(challenge=CHALLENGE, app=PHOTOS),
    "login-hint": LoginPage(challenge=CHALLENGE, app=LONG, email="ann@example.org", remember=True),
    "login-refused": LoginPage(
        status=401,
        challenge=CHALLENGE,
        app=PHOTOS,
        email="ann@example.org",
        remember=True,
        error="This e-mail and password do not fit together. Check both, then try again.",
    ),
    "login-no-email": LoginPage(
        status=422, challenge=CHALLENGE, app=BARE, error="Enter your e-mail address."
    ),
    "login-device": LoginPage(challenge=CHALLENGE, app=PHOTOS, is_device=True),
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
        app=PHOTOS,
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
        app=PHOTOS,
        status=429,
        retry_after=60,
        email="ann@example.org",
        error="Too many attempts. Please try again in 1 minute.",
        recover_url=f"/recover?login_challenge={CHALLENGE}",
    ),
    "login-waiting-no-mail": LoginPage(
        status=429, retry_after=60, email="ann@example.org", error="Too many attempts."
    ),
    "login-once-more": LoginPage(challenge=CHALLENGE, app=PHOTOS, notice=BEGIN_AGAIN),
    "factor": FactorPage(**APP, has_totp=True, passkey_options=OPTIONS, codes_left=8),
    "factor-portal": FactorPage(**PORTAL, has_totp=True, codes_left=1),
    "factor-passkey": FactorPage(**APP, passkey_options=OPTIONS),
    "factor-unusable": FactorPage(**PORTAL, passkey_unusable=True, codes_left=10),
    "factor-wrong": FactorPage(**APP, **NOT_RIGHT, has_totp=True, codes_left=8),
    "factor-wrong-recovery": FactorPage(
        **APP, **NOT_RIGHT, has_totp=True, codes_left=8, error_at="recovery_code"
    ),
    "factor-wrong-passkey": FactorPage(
        **APP, **NOT_RIGHT, passkey_options=OPTIONS, error_at="passkey"
    ),
    "factor-waiting": FactorPage(
        **PORTAL, status=429, retry_after=60, error="Too many attempts.", has_totp=True
    ),
    "factor-waiting-passkey": FactorPage(
        **APP,
        status=429,
        retry_after=60,
        error="Too many attempts.",
        has_totp=True,
        passkey_options=OPTIONS,
    ),
    "factor-password": FactorPage(**APP, passkey_options=OPTIONS, needs_password=True),
    "factor-password-wrong": FactorPage(
        **APP,
        status=401,
        error="The password is not right.",
        error_at="password",
        passkey_options=OPTIONS,
        needs_password=True,
    ),
    "factor-step-up": FactorPage(
        challenge=CHALLENGE, app=PHOTOS, switch_url=AGAIN, has_totp=True, codes_left=3
    ),
    "factor-device": FactorPage(**APP, is_device=True, has_totp=True),
    "enrol": EnrolPage(**APP, setup=SETUP, passkey_options=OPTIONS),
    "enrol-portal": EnrolPage(**PORTAL, setup=SETUP),
    "enrol-wrong": EnrolPage(**APP, **NOT_RIGHT, setup=SETUP, passkey_options=OPTIONS),
    "enrol-wrong-passkey": EnrolPage(
        **APP, **NOT_RIGHT, setup=SETUP, passkey_options=OPTIONS, error_at="passkey"
    ),
    "sign-in-codes": CodesPage(
        **APP,
        codes=tuple(f"{n}k3m-7wq{n}-x0c{n}" for n in range(10)),
        heading=("Recovery codes for Example Bank", "Account: ann@example.org", "Made on 1 Jun"),
    ),
    "sign-in-codes-shown": CodesPage(**PORTAL),
    "expired-password": NewPasswordPage(**APP, email="ann@example.org", min_length=15),
    "expired-password-weak": NewPasswordPage(
        **PORTAL,
        status=422,
        problem="The password is too short.",
        email="ann@example.org",
        min_length=8,
    ),
}
