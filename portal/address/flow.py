"""What becomes of an address: confirmed, changed when both mailboxes agree, or left as it is."""

from typing import Final

from msgspec.structs import replace

from portal import logs
from portal.accounts import MAX_EMAIL, UserExistsError, addresses
from portal.accounts.addresses import Confirmed, Move
from portal.accounts.errors import as_sentence
from portal.accounts.mailing import REFUSALS, refused, stale
from portal.accounts.own import ChangedMeanwhileError
from portal.address.forms import AddressForm, VerifyForm
from portal.address.pages import AddressPage, MoveView, VerifyPage
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.links import LEAVE, MOVE, VERIFY, LinkError
from portal.page import GoTo, ResultPage, link_gone
from portal.services import Services, Visitor
from portal.store.tables import User

HERE: Final = "/account/email"
NOTICES: Final = {
    "moving": N_(
        "Two mails are on their way, one to each address. The address changes when you have "
        "followed both links."
    ),
    "sent": N_("A mail is on its way. Follow the link in it."),
    "verified": N_("Your address is confirmed already."),
    "cancelled": N_("Your address stays as it is."),
}
KIND: Final = {VERIFY: "verify", LEAVE: "leave", MOVE: "move"}


async def show(
    user: User, *, notice: str = "", visitor: Visitor, services: Services
) -> AddressPage:
    """The address of *user*, and what is waiting to be done about it."""
    async with services.store.reading() as rows:
        move = await addresses.waiting_move(rows, user, now=visitor.now)
        was_mailed = await addresses.was_asked_to_verify(rows, user, now=visitor.now)
    return AddressPage(
        account=user.email,
        is_admin=user.admin,
        verified=user.email_verified,
        was_mailed=was_mailed,
        can_mail=services.settings.has_mail,
        move=_view(move),
        notice=_(NOTICES[notice]) if notice in NOTICES else None,
    )


async def show_again(
    form: AddressForm, user: User, *, visitor: Visitor, services: Services
) -> AddressPage:
    """The same page with a fresh token, because the old one does not fit."""
    return stale(await _as_posted(form, user, visitor, services), visitor)


async def change(
    form: AddressForm, user: User, *, visitor: Visitor, services: Services
) -> AddressPage | GoTo:
    """Do what was asked; where mails are needed and there are none, the page says so."""
    if form.action != "cancel" and not services.settings.has_mail:
        return replace(await _as_posted(form, user, visitor, services), status=422)
    try:
        notice = await _carry_out(form, user, visitor=visitor, services=services)
    except REFUSALS as exc:
        return refused(await _as_posted(form, user, visitor, services), exc)
    except ChangedMeanwhileError as exc:
        page = await _as_posted(form, user, visitor, services)
        return replace(page, status=409, error=as_sentence(exc))
    return GoTo(f"{HERE}?notice={notice}")


async def _as_posted(
    form: AddressForm, user: User, visitor: Visitor, services: Services
) -> AddressPage:
    page = await show(user, visitor=visitor, services=services)
    return replace(page, email=form.email[:MAX_EMAIL])


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


async def look(
    token: str, *, visitor: Visitor, services: Services, typed: str = ""
) -> VerifyPage | ResultPage:
    """Ask what the link is for. It is not used up by that: scanners of mails open every link."""
    try:
        question = await addresses.look_at(services, token, visitor=visitor)
    except LinkError:
        return gone()
    known = not question.asks_for_address
    return VerifyPage(
        token=token,
        kind=KIND[question.purpose],
        site=services.settings.site_name,
        email=question.link.email if known else typed[:MAX_EMAIL],
        new=str(question.link.detail.get("new", "")) if known else "",
        asks_for_address=question.asks_for_address,
    )


async def look_again(
    form: VerifyForm, *, visitor: Visitor, services: Services
) -> VerifyPage | ResultPage:
    """The same question with a fresh token, because the old one does not fit."""
    page = await look(form.token, visitor=visitor, services=services, typed=form.email)
    return stale(page, visitor)


async def answer(
    form: VerifyForm, *, keep: tuple[str, str] | None, visitor: Visitor, services: Services
) -> VerifyPage | ResultPage:
    """Take the answer. *keep* is the session of this browser, which a change does not end."""
    try:
        if form.action == "reject":
            await addresses.refuse(services, form.token, typed=form.email, visitor=visitor)
            return kept()
        done = await addresses.confirm(
            services, form.token, typed=form.email, keep=keep, visitor=visitor
        )
    except LinkError:
        return gone()
    except UserExistsError as exc:
        return _result(status=409, title=_("Nothing was changed"), message=as_sentence(exc))
    except REFUSALS as exc:
        page = await look(form.token, visitor=visitor, services=services, typed=form.email)
        return refused(page, exc)
    logs.step("address.confirmed", user=done.email)
    return end(done)


def end(done: Confirmed) -> ResultPage:
    """What became of a confirmation, and what is still to do."""
    if done.purpose == VERIFY:
        return _result(title=_("Your address is confirmed"), message=_("Thank you."))
    if done.done and done.kept:
        return _result(
            title=_("Your address is changed"),
            message=_(
                "From now on you sign in with the new one. You were signed out everywhere else."
            ),
        )
    if done.done:
        return ResultPage(
            title=_("Your address is changed"),
            message=_("From now on you sign in with the new one. You were signed out everywhere."),
        )
    if done.purpose == LEAVE:
        return _result(
            title=_("Now the new address"),
            message=_(
                "One of two is done. Follow the link in the mail to the new address, too: until "
                "then nothing changes."
            ),
        )
    return _result(
        title=_("Now the old address"),
        message=_(
            "One of two is done. Follow the link in the mail to the old address, too: until then "
            "nothing changes."
        ),
    )


def gone() -> ResultPage:
    """What a link about an address leads to that does not work any more."""
    return link_gone(
        advice=_("Ask for a new one on the page of your address."),
        next_url=HERE,
        button=_("Your address"),
    )


def kept() -> ResultPage:
    """The old mailbox said no."""
    return ResultPage(
        title=_("Your address stays as it is"),
        message=_("The links in both mails do not work any more."),
        advice=_(
            "If it was not you who asked for the change, somebody is signed in to your account: "
            "change your password now, and sign out everywhere else."
        ),
        next_url="/account/security",
        button=_("Your password, and where you are signed in"),
    )


def _result(*, status: int = 200, title: str, message: str) -> ResultPage:
    return ResultPage(
        status=status, title=title, message=message, next_url=HERE, button=_("Your address")
    )


def _view(move: Move | None) -> MoveView | None:
    if move is None:
        return None
    return MoveView(to=move.to, left=move.left, arrived=move.arrived, expires_at=move.expires_at)
