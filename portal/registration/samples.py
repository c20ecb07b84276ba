"""Samples of the pages of ``registration``, in every state that changes their shape."""

from portal.accounts.mailing import WayBack
from portal.page import Page
from portal.registration import flow
from portal.registration.pages import FinishPage, RegisterPage
from portal.sample_data import (
    AGAIN,
    ANN,
    CHALLENGE,
    NOBODY,
    NOT_IT,
    TOKEN,
    photos,
    short,
    stale,
    wait,
    words,
)


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "register": RegisterPage(challenge=CHALLENGE, app=photos()),
        "register-refused": RegisterPage(status=422, email="ann", problem=words(NOBODY)),
        "register-sent": flow.sent(ANN, good_for="30 minutes", again="/register"),
        "register-closed": flow.closed(),
        "register-gone": flow.gone(registration=True),
        "register-gone-invited": flow.gone(registration=False),
        "register-throttled": RegisterPage(status=429, email=ANN, error=wait(), retry_after=540),
        "register-done": flow.done(WayBack("Photo Printer", AGAIN)),
        "register-done-here": flow.done(None),
        "finish": FinishPage(token=TOKEN, site="Example Bank", email=ANN, min_length=15),
        "finish-admin": FinishPage(
            token=TOKEN, site="Example Bank", email=ANN, name="Ann", is_admin=True, min_length=8
        ),
        "finish-elsewhere": FinishPage(
            token=TOKEN, site="Example Bank", asks_for_address=True, min_length=15
        ),
        "finish-refused": FinishPage(
            status=422,
            token=TOKEN,
            site="Example Bank",
            asks_for_address=True,
            email="anna@example.org",
            name="Ann",
            min_length=15,
            problem=short(),
            address_problem=words(NOT_IT),
        ),
        "finish-stale": FinishPage(
            status=403, token=TOKEN, site="Example Bank", email=ANN, min_length=15, error=stale()
        ),
    }
