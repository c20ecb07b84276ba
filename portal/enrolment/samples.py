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
from portal.sample_data import JUNE, SETUP, stale, words
from portal.writing import day

NEW_CODES: Final = tuple(f"{n}k3m-7wq{n}-x0c{n}" for n in range(10))
MY_KEY: Final = "Passkey, Chrome on Linux, 3 Mar 2026"


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "add-passkey": AddPasskeyPage(options='{"rp":{"name":"Example"}}', suggested=MY_KEY),
        "add-passkey-refused": AddPasskeyPage(
            status=422,
            options="{}",
            name="My key",
            error=words("This passkey could not be added. Please try again."),
        ),
        "add-app": AddAppPage(
            setup=SETUP, suggested="Authenticator app on Safari, Mac, 3 Mar 2026"
        ),
        "add-app-wrong": AddAppPage(
            status=422,
            setup=SETUP,
            name="Phone",
            problem=words(
                "That code is not right. Type the one that the app shows now; if it "
                "stays wrong, set the clock of your phone to the automatic time."
            ),
        ),
        "add-app-refused": AddAppPage(status=403, setup=SETUP, error=stale()),
        "ask-for-codes": AskForCodesPage(left=3),
        "ask-for-codes-one": AskForCodesPage(left=1),
        "ask-for-codes-none": AskForCodesPage(status=403, left=0, error=stale()),
        "codes": CodesPage(
            codes=NEW_CODES,
            heading=(
                words("Recovery codes for {site}", site="Example Bank"),
                words("Account: {account}", account="ann@example.org"),
                words("Made on {day}. Older ones do not work any more.", day=day(JUNE)),
            ),
        ),
        "codes-first": CodesPage(codes=NEW_CODES, added=MY_KEY),
        "rename-factor": RenamePage(kind="passkey", factor_id="kEy", name=MY_KEY, typed=MY_KEY),
        "rename-factor-wrong": RenamePage(
            status=422,
            kind="totp",
            factor_id="kEy",
            name="Phone",
            typed="P" * 65,
            problem=words("A name has at most {count} characters.", count=64),
        ),
        "rename-factor-nameless": RenamePage(
            status=422,
            kind="totp",
            factor_id="kEy",
            name="Phone",
            typed="",
            problem=words(NAMELESS),
        ),
        "rename-factor-refused": RenamePage(
            status=403, kind="totp", factor_id="kEy", name="Phone", typed="My phone", error=stale()
        ),
        "remove-factor": RemovePage(
            kind="passkey",
            factor_id="kEy",
            name=MY_KEY,
            left=(words("With your password and a code from your authenticator app."),),
        ),
        "remove-factor-refused": RemovePage(
            status=403,
            kind="totp",
            factor_id="kEy",
            name="Phone",
            left=(words("With your password alone. Your recovery codes end, too."),),
            error=stale(),
        ),
        "remove-factor-blocked": RemovePage(
            status=422,
            kind="totp",
            factor_id="kEy",
            name="Phone",
            left=(),
            blocked=words(
                "This is your last second step, and you cannot sign in here without "
                "one. Add another one first, then remove this one."
            ),
        ),
    }
