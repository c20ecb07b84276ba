"""Recovery: a mail for whoever may have it, and a new password for whoever got it.

Nothing here tells whether an account exists.
"""

from typing import Final

from msgspec.structs import replace

from portal import logs
from portal.accounts import MAX_EMAIL, recovery
from portal.accounts.mailing import REFUSALS, refused, stale, way_back
from portal.decisions import usable_challenge
from portal.links import LinkError
from portal.mail.letters import duration
from portal.page import LINK_GONE, NotThereError, ResultPage
from portal.recovery.forms import RecoverForm, ResetForm
from portal.recovery.pages import RecoverPage, ResetPage
from portal.services import Services, Visitor

GONE: Final = replace(
    LINK_GONE,
    advice="Links to a new password work once and for a short while, for your safety.",
    next_url="/recover",
    button="Ask for a new link",
)


def ask(challenge: str | None, *, services: Services) -> RecoverPage:
    """Ask for the address; a challenge leads back to the sign-in for an app."""
    _require_mail(services)
    return RecoverPage(challenge=usable_challenge(challenge))


def ask_again(form: RecoverForm, *, visitor: Visitor, services: Services) -> RecoverPage:
    """The same form with a fresh token, because the old one does not fit."""
    _require_mail(services)
    return stale(_as_posted(form), visitor)


async def send(
    form: RecoverForm, *, visitor: Visitor, services: Services
) -> RecoverPage | ResultPage:
    """Mail a link, if there is anybody to mail it to; the answer is the same for everybody."""
    _require_mail(services)
    page = _as_posted(form)
    try:
        await recovery.ask(services, form.email, challenge=page.challenge, visitor=visitor)
    except REFUSALS as exc:
        return refused(page, exc)
    logs.step("reset.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.reset_link_for)
    return ResultPage(
        title="Look into your mailbox",
        message="If there is an account with this address, a mail is on its way to it.",
        advice=f"The link in it works once, and for {good_for}. No mail? Look among the unwanted "
        "ones, and whether the address is the one of your account.",
        next_url=page.action,
        button="Try another address",
        is_over=False,
    )


async def look(
    token: str, *, visitor: Visitor, services: Services, typed: str = ""
) -> ResetPage | ResultPage:
    """Show the form for a new password. The link is not used up by that."""
    try:
        offer = await recovery.look_at(services, token, visitor=visitor)
    except LinkError:
        return GONE
    return ResetPage(
        token=token,
        email=typed[:MAX_EMAIL] if offer.asks_for_address else offer.user.email,
        asks_for_address=offer.asks_for_address,
        min_length=offer.min_length,
    )


async def look_again(
    form: ResetForm, *, visitor: Visitor, services: Services
) -> ResetPage | ResultPage:
    """The same form with a fresh token, because the old one does not fit."""
    page = await look(form.token, visitor=visitor, services=services, typed=form.email)
    return stale(page, visitor)


async def reset(form: ResetForm, *, visitor: Visitor, services: Services) -> ResetPage | ResultPage:
    """Set the new password, or say what is wrong with it: that uses nothing up."""
    try:
        offer = await recovery.reset(
            services, form.token, typed=form.email, password=form.password, visitor=visitor
        )
    except LinkError:
        return GONE
    except REFUSALS as exc:
        page = await look(form.token, visitor=visitor, services=services, typed=form.email)
        return refused(page, exc)
    logs.step("password.reset", user=offer.user.email)
    back = await way_back(services, offer.link, visitor=visitor)
    return ResultPage(
        title="Your new password is set",
        message="You were signed out everywhere. Apps that you connected have to ask you again.",
        advice="If your account asks for a second step, that has stayed as it was.",
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


def _as_posted(form: RecoverForm) -> RecoverPage:
    challenge = usable_challenge(form.login_challenge)
    return RecoverPage(challenge=challenge, email=form.email[:MAX_EMAIL])


def _require_mail(services: Services) -> None:
    """Without mail nothing of this is offered."""
    if not services.settings.has_mail:
        raise NotThereError
