"""Samples of the pages of ``address``, in every state that changes their shape."""

from portal.accounts.addresses import Confirmed
from portal.address import flow
from portal.address.pages import AddressPage, MoveView, VerifyPage
from portal.links import LEAVE, MOVE, VERIFY
from portal.page import Page
from portal.sample_data import ANN, JUNE, NOBODY, NOT_IT, TOKEN, stale, words


def samples() -> dict[str, Page]:
    """Every state, in the language that is spoken now."""
    return {
        "address": AddressPage(account=ANN),
        "address-unconfirmed": AddressPage(
            account=ANN,
            is_admin=True,
            verified=False,
            notice=words("A mail is on its way. Follow the link in it."),
        ),
        "address-mailed": AddressPage(
            account=ANN,
            verified=False,
            was_mailed=True,
            notice=words("A mail is on its way. Follow the link in it."),
        ),
        "address-moving": AddressPage(
            account=ANN,
            move=MoveView(to="anna@example.org", left=False, arrived=True, expires_at=JUNE),
        ),
        "address-left": AddressPage(
            account=ANN,
            move=MoveView(to="anna@example.org", left=True, arrived=False, expires_at=JUNE),
        ),
        "address-refused": AddressPage(
            status=422, account=ANN, email="anna", problem=words(NOBODY)
        ),
        "address-stale": AddressPage(
            status=403, account=ANN, email="anna@example.org", error=stale()
        ),
        "verify-stale": VerifyPage(
            status=403, token=TOKEN, kind="leave", site="Example Bank", email=ANN, error=stale()
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
            address_problem=words(NOT_IT),
        ),
        "verify-no": flow.kept(),
        "verify-gone": flow.gone(),
        "verify-left": flow.end(Confirmed(purpose=LEAVE, email=ANN, done=False)),
        "verify-arrived": flow.end(Confirmed(purpose=MOVE, email=ANN, done=False)),
        "verify-moved": flow.end(Confirmed(purpose=MOVE, email=ANN, done=True, kept=True)),
        "verify-moved-elsewhere": flow.end(Confirmed(purpose=MOVE, email=ANN, done=True)),
        "verify-done": flow.end(Confirmed(purpose=VERIFY, email=ANN, done=True)),
    }
