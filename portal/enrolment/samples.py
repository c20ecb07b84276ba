"""Samples of the pages of ``enrolment``, in every state that changes their shape."""

from typing import Final

from portal.enrolment.pages import (
    AddAppPage,
    AddPasskeyPage,
    AskForCodesPage,
    CodesPage,
    RemovePage,
    RenamePage,
)
from portal.factors.changes import NAMELESS
from portal.page import Page
from portal.sample_data import SETUP, STALE

NEW_CODES: Final = tuple(f"{n}k3m-7wq{n}-x0c{n}" for n in range(10))
MY_KEY: Final = "Passkey, Chrome on Linux, 3 Mar 2026"
SAMPLES: Final[dict[str, Page]] = {
    "add-passkey": AddPasskeyPage(options='{"rp":{"name":"Example"}}', suggested=MY_KEY),
    "add-passkey-refused": AddPasskeyPage(
        status=422, options="{}", name="My key", error="This passkey could not be added."
    ),
    "add-app": AddAppPage(setup=SETUP, suggested="Authenticator app on Safari, Mac, 3 Mar 2026"),
    "add-app-wrong": AddAppPage(
        status=422, setup=SETUP, name="Phone", problem="That code is not right."
    ),
    "add-app-refused": AddAppPage(status=403, setup=SETUP, error=STALE),
    "ask-for-codes": AskForCodesPage(left=3),
    "ask-for-codes-one": AskForCodesPage(left=1),
    "ask-for-codes-none": AskForCodesPage(status=403, left=0, error=STALE),
    "codes": CodesPage(
        codes=NEW_CODES,
        heading=("Recovery codes for Example Bank", "Account: ann@example.org", "Made on 1 Jun"),
    ),
    "codes-first": CodesPage(codes=NEW_CODES, added=MY_KEY),
    "rename-factor": RenamePage(kind="passkey", factor_id="kEy", name=MY_KEY, typed=MY_KEY),
    "rename-factor-wrong": RenamePage(
        status=422,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        typed="P" * 65,
        problem="A name has at most 64 characters.",
    ),
    "rename-factor-nameless": RenamePage(
        status=422, kind="totp", factor_id="kEy", name="Phone", typed="", problem=NAMELESS
    ),
    "rename-factor-refused": RenamePage(
        status=403, kind="totp", factor_id="kEy", name="Phone", typed="My phone", error=STALE
    ),
    "remove-factor": RemovePage(
        kind="passkey",
        factor_id="kEy",
        name=MY_KEY,
        left=("With your password and a code from your authenticator app.",),
    ),
    "remove-factor-refused": RemovePage(
        status=403,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        left=("With your password alone. Your recovery codes end, too.",),
        error=STALE,
    ),
    "remove-factor-blocked": RemovePage(
        status=422,
        kind="totp",
        factor_id="kEy",
        name="Phone",
        left=(),
        blocked="This is your last second step, and you cannot sign in here without one.",
    ),
}
