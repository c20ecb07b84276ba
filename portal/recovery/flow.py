"""Recovery: a mail for whoever may have it, and a new password for whoever got it.

Nothing here tells whether an account exists.
"""

import math

from portal import logs
from portal.accounts import InvalidEmailError, WeakPasswordError, canonical_email, recovery
from portal.accounts.mailing import WaitError, WrongAddressError, in_words, way_back
from portal.accounts.recovery import Offer
from portal.decisions import CHALLENGE, challenge_hash
from portal.links import LinkError
from portal.mail.letters import duration
from portal.page import NotThereError
from portal.passwords import PasswordTooLongError
from portal.recovery.forms import RecoverForm, ResetForm
from portal.recovery.pages import RecoverPage, RecoveryEndPage, ResetPage
from portal.services import Services, Visitor
from portal.throttle import please_wait


def ask(challenge: str | None, *, services: Services) -> RecoverPage:
    """Ask for the address; a challenge leads back to the sign-in for an app."""
    _require_mail(services)
    return RecoverPage(challenge=_usable(challenge))


def ask_again(form: RecoverForm, *, visitor: Visitor, services: Services) -> RecoverPage:
    """The same form with a fresh token, because the old one does not fit."""
    _require_mail(services)
    return _again(form, visitor.why_stale, 403)


async def send(
    form: RecoverForm, *, visitor: Visitor, services: Services
) -> RecoverPage | RecoveryEndPage:
    """Mail a link, if there is anybody to mail it to; the answer is the same for everybody."""
    _require_mail(services)
    challenge = _usable(form.login_challenge)
    try:
        address = canonical_email(form.email)
    except InvalidEmailError as exc:
        return _again(form, in_words(exc), 422)
    wait = await recovery.ask(
        services,
        address,
        challenge_hash=challenge_hash(challenge) if challenge else None,
        visitor=visitor,
    )
    if wait:
        seconds = math.ceil(wait)
        return _again(form, please_wait(seconds), 429, retry_after=seconds)
    logs.step("reset.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.reset_link_for)
    return RecoveryEndPage(
        title="Look into your mailbox",
        message="If there is an account with this address, a mail is on its way to it.",
        advice=f"The link in it works once, and for {good_for}. No mail? Look among the unwanted "
        "ones, and whether the address is the one of your account.",
        next_url=RecoverPage(challenge=challenge).action,
        button="Try another address",
        is_over=False,
    )


async def look(token: str, *, visitor: Visitor, services: Services) -> ResetPage | RecoveryEndPage:
    """Show the form for a new password. The link is not used up by that."""
    try:
        offer = await recovery.look_at(services, token, visitor=visitor)
    except LinkError:
        return GONE
    return _page(offer, token)


async def look_again(
    form: ResetForm, *, visitor: Visitor, services: Services
) -> ResetPage | RecoveryEndPage:
    """The same form with a fresh token, because the old one does not fit."""
    return await _form_again(form, visitor, services, status=403, error=visitor.why_stale)


async def reset(
    form: ResetForm, *, visitor: Visitor, services: Services
) -> ResetPage | RecoveryEndPage:
    """Set the new password, or say what is wrong with it: that uses nothing up."""
    try:
        offer = await recovery.reset(
            services, form.token, typed=form.email, password=form.password, visitor=visitor
        )
    except LinkError:
        return GONE
    except WrongAddressError as exc:
        return await _form_again(form, visitor, services, status=422, address_problem=in_words(exc))
    except WaitError as exc:
        seconds = math.ceil(exc.seconds)
        return await _form_again(
            form, visitor, services, status=429, retry_after=seconds, error=please_wait(seconds)
        )
    except (WeakPasswordError, PasswordTooLongError) as exc:
        return await _form_again(form, visitor, services, status=422, problem=in_words(exc))
    logs.step("password.reset", user=offer.user.email)
    back = await way_back(services, offer.link, visitor=visitor)
    return RecoveryEndPage(
        title="Your new password is set",
        message="You were signed out everywhere. Apps that you connected have to ask you again.",
        advice="If your account asks for a second step, that has stayed as it was.",
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


def _page(offer: Offer, token: str) -> ResetPage:
    return ResetPage(
        token=token,
        email="" if offer.asks_for_address else offer.user.email,
        asks_for_address=offer.asks_for_address,
        min_length=offer.min_length,
    )


async def _form_again(
    form: ResetForm,
    visitor: Visitor,
    services: Services,
    *,
    status: int,
    error: str | None = None,
    problem: str | None = None,
    address_problem: str | None = None,
    retry_after: int | None = None,
) -> ResetPage | RecoveryEndPage:
    try:
        offer = await recovery.look_at(services, form.token, visitor=visitor)
    except LinkError:
        return GONE
    return ResetPage(
        status=status,
        retry_after=retry_after,
        token=form.token,
        email=form.email[:254] if offer.asks_for_address else offer.user.email,
        asks_for_address=offer.asks_for_address,
        min_length=offer.min_length,
        problem=problem,
        address_problem=address_problem,
        error=error,
    )


def _again(
    form: RecoverForm, error: str, status: int, retry_after: int | None = None
) -> RecoverPage:
    return RecoverPage(
        status=status,
        retry_after=retry_after,
        challenge=_usable(form.login_challenge),
        email=form.email[:254],
        error=error,
    )


def _usable(challenge: str | None) -> str | None:
    """A challenge as Ory issues them; anything else leads nowhere."""
    return challenge if challenge and CHALLENGE.fullmatch(challenge) else None


def _require_mail(services: Services) -> None:
    """Without mail nothing of this is offered."""
    if not services.settings.has_mail:
        raise NotThereError


GONE = RecoveryEndPage(
    status=410,
    title="This link does not work any more",
    message="It was used, has expired, or was replaced by a newer one.",
    advice="Links to a new password work once and for a short while, for your safety.",
    next_url="/recover",
    button="Ask for a new link",
)
