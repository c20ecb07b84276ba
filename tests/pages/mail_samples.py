"""Samples of the pages about forgotten passwords, new accounts and addresses."""

from datetime import UTC, datetime
from typing import Final

from portal.address.flow import REFUSED
from portal.address.pages import AddressPage, MoveView, VerifyPage
from portal.apps import AppView
from portal.page import Page, ResultPage
from portal.recovery.flow import GONE
from portal.recovery.pages import RecoverPage, ResetPage
from portal.registration.pages import FinishPage, RegisterPage

TOKEN: Final = "dG9rZW4tb2YtYS1saW5rLWZvci10ZXN0cy1hbG9uZS0x"
CHALLENGE: Final = "Zm9vYmFyYmF6" * 12
JUNE: Final = datetime(2026, 6, 1, 18, 5, tzinfo=UTC)
STALE: Final = "This form was open for too long. Please try again."
WAIT: Final = "Too many attempts. Please try again in 9 minutes."
NOT_IT: Final = "This is not the address that the mail was sent to."
SHORT: Final = "The password needs at least 15 characters."
NOBODY: Final = "This is not a valid e-mail address."
ANN: Final = "ann@example.org"
PHOTOS: Final = AppView(client_id="photos", name="Photo Printer", initials="PP")
AGAIN: Final = "https://ory.example.org/oauth2/auth?client_id=photos&prompt=login"

SAMPLES: Final[dict[str, Page]] = {
    "recover": RecoverPage(challenge=CHALLENGE),
    "recover-refused": RecoverPage(status=422, email="ann", problem=NOBODY),
    "recover-throttled": RecoverPage(status=429, email=ANN, error=WAIT, retry_after=540),
    "recover-sent": ResultPage(
        title="Look into your mailbox",
        message="If there is an account with this address, a mail is on its way to it.",
        advice="The link in it works once, and for 30 minutes.",
        next_url="/recover",
        button="Try another address",
        is_over=False,
    ),
    "recover-gone": GONE,
    "reset": ResetPage(token=TOKEN, email=ANN, min_length=15),
    "reset-elsewhere": ResetPage(token=TOKEN, asks_for_address=True, min_length=8),
    "reset-other-address": ResetPage(
        status=422,
        token=TOKEN,
        asks_for_address=True,
        email="anna@example.org",
        min_length=15,
        address_problem=NOT_IT,
    ),
    "reset-refused": ResetPage(status=422, token=TOKEN, email=ANN, min_length=15, problem=SHORT),
    "reset-stale": ResetPage(status=403, token=TOKEN, email=ANN, min_length=15, error=STALE),
    "reset-done": ResultPage(
        title="Your new password is set",
        message="You were signed out everywhere.",
        app="Photo Printer",
        start_again=AGAIN,
    ),
    "register": RegisterPage(challenge=CHALLENGE, app=PHOTOS),
    "register-refused": RegisterPage(status=422, email="ann", problem=NOBODY),
    "register-sent": ResultPage(
        title="Look into your mailbox",
        message="A mail is on its way. It says how to go on.",
        next_url="/register",
        button="Try another address",
        is_over=False,
    ),
    "register-done": ResultPage(
        title="Your account is ready", message="Log in.", app="Photo Printer", start_again=AGAIN
    ),
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
        problem=SHORT,
        address_problem=NOT_IT,
    ),
    "address": AddressPage(account=ANN),
    "address-unconfirmed": AddressPage(
        account=ANN, is_admin=True, verified=False, notice="A mail is on its way."
    ),
    "address-moving": AddressPage(
        account=ANN,
        move=MoveView(to="anna@example.org", left=False, arrived=True, expires_at=JUNE),
    ),
    "address-left": AddressPage(
        account=ANN,
        move=MoveView(to="anna@example.org", left=True, arrived=False, expires_at=JUNE),
    ),
    "address-refused": AddressPage(status=422, account=ANN, email="anna", problem=NOBODY),
    "address-stale": AddressPage(status=403, account=ANN, email="anna@example.org", error=STALE),
    "verify-stale": VerifyPage(
        status=403, token=TOKEN, kind="leave", site="Example Bank", email=ANN, error=STALE
    ),
    "finish-stale": FinishPage(
        status=403, token=TOKEN, site="Example Bank", email=ANN, min_length=15, error=STALE
    ),
    "address-no-mail": AddressPage(account=ANN, can_mail=False),
    "verify": VerifyPage(token=TOKEN, kind="verify", site="Example Bank", email=ANN),
    "verify-leave": VerifyPage(
        token=TOKEN, kind="leave", site="Example Bank", email=ANN, new="anna@example.org"
    ),
    "verify-leave-elsewhere": VerifyPage(
        token=TOKEN, kind="leave", site="Example Bank", asks_for_address=True
    ),
    "verify-move": VerifyPage(
        token=TOKEN, kind="move", site="Example Bank", email="anna@example.org"
    ),
    "verify-refused": VerifyPage(
        status=422,
        token=TOKEN,
        kind="move",
        site="Example Bank",
        asks_for_address=True,
        email="bob@example.org",
        address_problem=NOT_IT,
    ),
    "verify-no": REFUSED,
    "verify-done": ResultPage(title="Your address is confirmed", message="Thank you."),
}
