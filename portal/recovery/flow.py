"""Recovery: a mail for whoever may have it, and a new password for whoever got it.

Nothing here tells whether an account exists.
"""

from portal import logs
from portal.accounts import MAX_EMAIL, recovery
from portal.accounts.mailing import REFUSALS, WayBack, refused, stale, way_back
from portal.decisions import usable_challenge
from portal.i18n import gettext as _
from portal.links import LinkError
from portal.mail.letters import duration
from portal.page import ResultPage, link_gone, look_into_mailbox
from portal.recovery.forms import RecoverForm, ResetForm
from portal.recovery.pages import RecoverPage, ResetPage
from portal.services import Services, Visitor


def gone() -> ResultPage:
    """What a link to a new password leads to that does not work any more."""
    return link_gone(
        advice=_("Links to a new password work once and for a short while, for your safety."),
        next_url="/recover",
        button=_("Ask for a new link"),
    )


def closed(next_url: str = "/login") -> ResultPage:
    """Where there is no mail nothing of this is offered, and the page says so."""
    return ResultPage(
        status=404,
        title=_("This site cannot mail you a new password"),
        message=_("It sends no mails."),
        advice=_(
            "Ask whoever runs it to give you a new password. If you still know yours, sign in and "
            "change it under Security."
        ),
        next_url=next_url,
        button=_("Back to sign in"),
    )


def sent(typed: str, *, good_for: str, again: str) -> ResultPage:
    """What everybody is told who asked, whether the address *typed* has an account or not."""
    return look_into_mailbox(
        typed,
        message=_("If there is an account with this address, a mail is on its way to it."),
        advice=_(
            "The link in it works once, and for {good_for}. No mail? Look among the unwanted ones, "
            "and check that the address is the one of your account."
        ).format(good_for=good_for),
        again=again,
    )


def done(*, is_first: bool, back: WayBack | None) -> ResultPage:
    """The password is set: the way on."""
    if is_first:
        title, message = _("Your password is set"), _("You can sign in with it now.")
    else:
        title = _("Your new password is set")
        message = _(
            "You were signed out everywhere. Apps that you connected have to ask you again."
        )
    return ResultPage(
        title=title,
        message=message,
        advice=_("If your account asks for a second step, that has stayed as it was."),
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


def ask(challenge: str | None, *, services: Services) -> RecoverPage | ResultPage:
    """Ask for the address; a challenge leads back to the sign-in for an app."""
    return _unless_closed(RecoverPage(challenge=usable_challenge(challenge)), services)


def ask_again(
    form: RecoverForm, *, visitor: Visitor, services: Services
) -> RecoverPage | ResultPage:
    """The same form with a fresh token, because the old one does not fit."""
    return _unless_closed(stale(_as_posted(form), visitor), services)


async def send(
    form: RecoverForm, *, visitor: Visitor, services: Services
) -> RecoverPage | ResultPage:
    """Mail a link, if there is anybody to mail it to; the answer is the same for everybody."""
    page = _as_posted(form)
    if not services.settings.has_mail:
        return _unless_closed(page, services)
    try:
        await recovery.ask(services, form.email, challenge=page.challenge, visitor=visitor)
    except REFUSALS as exc:
        return refused(page, exc)
    logs.step("reset.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.reset_link_for)
    return sent(page.email, good_for=good_for, again=page.action)


async def look(
    token: str, *, visitor: Visitor, services: Services, typed: str = ""
) -> ResetPage | ResultPage:
    """Show the form for a new password. The link is not used up by that."""
    try:
        offer = await recovery.look_at(services, token, visitor=visitor)
    except LinkError:
        return gone()
    return ResetPage(
        token=token,
        email=typed[:MAX_EMAIL] if offer.asks_for_address else offer.user.email,
        asks_for_address=offer.asks_for_address,
        min_length=offer.min_length,
        is_first=offer.is_first and not offer.asks_for_address,
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
        return gone()
    except REFUSALS as exc:
        page = await look(form.token, visitor=visitor, services=services, typed=form.email)
        return refused(page, exc)
    logs.step("password.reset", user=offer.user.email)
    back = await way_back(services, offer.link, visitor=visitor)
    return done(is_first=offer.is_first, back=back)


def _as_posted(form: RecoverForm) -> RecoverPage:
    challenge = usable_challenge(form.login_challenge)
    return RecoverPage(challenge=challenge, email=form.email[:MAX_EMAIL])


def _unless_closed(page: RecoverPage, services: Services) -> RecoverPage | ResultPage:
    return page if services.settings.has_mail else closed(page.login_url)
