"""What becomes of an address: confirmed, changed when both mailboxes agree, or left as it is."""

import math
from typing import Final

from msgspec.structs import replace

from portal import logs
from portal.accounts import InvalidEmailError, UserExistsError, addresses
from portal.accounts.addresses import Confirmed, Move, SameAddressError
from portal.accounts.mailing import WaitError, WrongAddressError, in_words
from portal.address.forms import AddressForm, VerifyForm
from portal.address.pages import AddressEndPage, AddressPage, MoveView, VerifyPage
from portal.links import LEAVE, MOVE, VERIFY, LinkError
from portal.page import GoTo
from portal.services import Services, Visitor
from portal.store.tables import User
from portal.throttle import please_wait

HERE: Final = "/account/email"
NOTICES: Final = {
    "moving": "Two mails are on their way, one to each address. The address changes when you have "
    "followed both links.",
    "sent": "A mail is on its way. Follow the link in it.",
    "verified": "Your address is confirmed already.",
    "cancelled": "Your address stays as it is.",
}
KIND: Final = {VERIFY: "verify", LEAVE: "leave", MOVE: "move"}


async def show(
    user: User, *, notice: str = "", visitor: Visitor, services: Services
) -> AddressPage:
    """The address of *user*, and what is waiting to be done about it."""
    async with services.store.reading() as rows:
        move = await addresses.waiting_move(rows, user, now=visitor.now)
    return AddressPage(
        account=user.email,
        is_admin=user.admin,
        verified=user.email_verified,
        can_mail=services.settings.has_mail,
        move=_view(move),
        notice=NOTICES.get(notice),
    )


async def show_again(
    form: AddressForm, user: User, *, visitor: Visitor, services: Services
) -> AddressPage:
    """The same page with a fresh token, because the old one does not fit."""
    page = await show(user, visitor=visitor, services=services)
    return replace(page, status=403, error=visitor.why_stale, email=form.email[:254])


async def change(
    form: AddressForm, user: User, *, visitor: Visitor, services: Services
) -> AddressPage | GoTo:
    """Do what was asked; where mails are needed and there are none, the page says so."""
    if form.action != "cancel" and not services.settings.has_mail:
        return replace(await show(user, visitor=visitor, services=services), status=422)
    try:
        notice = await _carry_out(form, user, visitor=visitor, services=services)
    except (InvalidEmailError, SameAddressError) as exc:
        page = await show(user, visitor=visitor, services=services)
        return replace(page, status=422, problem=in_words(exc), email=form.email[:254])
    except WaitError as exc:
        seconds = math.ceil(exc.seconds)
        page = await show(user, visitor=visitor, services=services)
        words = please_wait(seconds)
        return replace(page, status=429, retry_after=seconds, error=words, email=form.email[:254])
    return GoTo(f"{HERE}?notice={notice}")


async def _carry_out(form: AddressForm, user: User, *, visitor: Visitor, services: Services) -> str:
    """Which of the notices says what was done."""
    if form.action == "cancel":
        await addresses.cancel_move(services, user, visitor=visitor)
        return "cancelled"
    if form.action == "verify":
        if user.email_verified:
            return "verified"
        await addresses.ask_to_verify(services, user, visitor=visitor)
        return "sent"
    await addresses.ask_to_move(services, user, form.email, visitor=visitor)
    logs.step("address.change_asked", user=user.email)
    return "moving"


async def look(token: str, *, visitor: Visitor, services: Services) -> VerifyPage | AddressEndPage:
    """Ask what the link is for. It is not used up by that: scanners of mails open every link."""
    try:
        question = await addresses.look_at(services, token, visitor=visitor)
    except LinkError:
        return GONE
    known = not question.asks_for_address
    return VerifyPage(
        token=token,
        kind=KIND[question.purpose],
        site=services.settings.site_name,
        email=question.link.email if known else "",
        new=str(question.link.detail.get("new", "")) if known else "",
        asks_for_address=question.asks_for_address,
    )


async def look_again(
    form: VerifyForm, *, visitor: Visitor, services: Services
) -> VerifyPage | AddressEndPage:
    """The same question with a fresh token, because the old one does not fit."""
    return await _again(form, visitor, services, status=403, error=visitor.why_stale)


async def answer(
    form: VerifyForm, *, keep: tuple[str, str] | None, visitor: Visitor, services: Services
) -> VerifyPage | AddressEndPage:
    """Take the answer. *keep* is the session of this browser, which a change does not end."""
    try:
        if form.action == "reject":
            await addresses.refuse(services, form.token, typed=form.email, visitor=visitor)
            return REFUSED
        done = await addresses.confirm(
            services, form.token, typed=form.email, keep=keep, visitor=visitor
        )
    except LinkError:
        return GONE
    except UserExistsError as exc:
        return AddressEndPage(status=409, title="Nothing was changed", message=in_words(exc))
    except WrongAddressError as exc:
        return await _again(form, visitor, services, status=422, address_problem=in_words(exc))
    except WaitError as exc:
        seconds = math.ceil(exc.seconds)
        return await _again(
            form, visitor, services, status=429, retry_after=seconds, error=please_wait(seconds)
        )
    logs.step("address.confirmed", user=done.email)
    return _end(done)


async def _again(
    form: VerifyForm,
    visitor: Visitor,
    services: Services,
    *,
    status: int,
    error: str | None = None,
    address_problem: str | None = None,
    retry_after: int | None = None,
) -> VerifyPage | AddressEndPage:
    page = await look(form.token, visitor=visitor, services=services)
    if not isinstance(page, VerifyPage):
        return page
    return replace(
        page,
        status=status,
        retry_after=retry_after,
        email=form.email[:254] if page.asks_for_address else page.email,
        address_problem=address_problem,
        error=error,
    )


def _end(done: Confirmed) -> AddressEndPage:
    if done.purpose == VERIFY:
        return AddressEndPage(title="Your address is confirmed", message="Thank you.")
    if done.done:
        return AddressEndPage(
            title="Your address is changed",
            message="From now on you log in with the new one. You were signed out everywhere else.",
        )
    missing = "new" if done.purpose == LEAVE else "old"
    return AddressEndPage(
        title=f"Now the {missing} address",
        message=f"One of two is done. Follow the link in the mail to the {missing} address, too: "
        "until then nothing changes.",
    )


def _view(move: Move | None) -> MoveView | None:
    if move is None:
        return None
    return MoveView(to=move.to, left=move.left, arrived=move.arrived, expires_at=move.expires_at)


GONE = AddressEndPage(
    status=410,
    title="This link does not work any more",
    message="It was used, has expired, or was replaced by a newer one.",
    advice="Ask for a new one on the page of your address.",
)
REFUSED = AddressEndPage(
    title="Your address stays as it is",
    message="The links in both mails do not work any more.",
    advice="If it was not you who asked for the change, somebody is signed in to your account: "
    "change your password now, and sign out everywhere else.",
    next_url="/account/security",
    button="Your password, and where you are signed in",
)
