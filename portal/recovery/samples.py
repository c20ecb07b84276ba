"""Samples of the pages of ``recovery``, in every state that changes their shape."""

from portal.accounts.mailing import WayBack
from portal.page import Page
from portal.recovery import flow
from portal.recovery.pages import RecoverPage, ResetPage
from portal.sample_data import (
    AGAIN,
    ANN,
    CHALLENGE,
    NOBODY,
    NOT_IT,
    TOKEN,
    short,
    stale,
    wait,
    words,
)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "recover": RecoverPage(challenge=CHALLENGE),
        "recover-refused": RecoverPage(status=422, email="ann", problem=words(NOBODY)),
        "recover-throttled": RecoverPage(status=429, email=ANN, error=wait(), retry_after=540),
        "recover-sent": flow.sent(ANN, good_for="30 minutes", again="/recover"),
        "recover-gone": flow.gone(),
        "recover-closed": flow.closed(),
        "reset": ResetPage(token=TOKEN, email=ANN, min_length=15),
        "reset-first": ResetPage(token=TOKEN, email=ANN, min_length=15, is_first=True),
        "reset-elsewhere": ResetPage(token=TOKEN, asks_for_address=True, min_length=8),
        "reset-other-address": ResetPage(
            status=422,
            token=TOKEN,
            asks_for_address=True,
            email="anna@example.org",
            min_length=15,
            address_problem=words(NOT_IT),
        ),
        "reset-refused": ResetPage(
            status=422, token=TOKEN, email=ANN, min_length=15, problem=short()
        ),
        "reset-stale": ResetPage(status=403, token=TOKEN, email=ANN, min_length=15, error=stale()),
        "reset-done": flow.done(is_first=False, back=WayBack("Photo Printer", AGAIN)),
        "reset-first-done": flow.done(is_first=True, back=None),
    }
