"""Registration: a mail first, the account after it. Nothing here tells whether one exists."""

from portal import logs
from portal.accounts import MAX_EMAIL, MAX_NAME, UserExistsError, registering
from portal.accounts.mailing import REFUSALS, WayBack, refused, stale, way_back
from portal.app_requests import open_app_request
from portal.decisions import usable_challenge
from portal.i18n import gettext as _
from portal.links import LinkError
from portal.mail.letters import duration
from portal.page import GoTo, ResultPage, link_gone, look_into_mailbox, with_challenge
from portal.registration.forms import FinishForm, RegisterForm
from portal.registration.pages import FinishPage, RegisterPage
from portal.services import Services, Visitor


def closed() -> ResultPage:
    """Where nobody can register, the page says so."""
    return ResultPage(
        status=404,
        title=_("You cannot make an account here yourself"),
        message=_("Accounts are made by whoever runs this site."),
        advice=_(
            "Were you invited? Then follow the link in that mail. If not, ask whoever runs this "
            "site for an account."
        ),
    )


def gone(*, registration: bool) -> ResultPage:
    """What a link to a new account leads to that does not work any more."""
    advice = _(
        "If you have an account already, sign in. If you were invited, ask for another invitation."
    )
    if not registration:
        return link_gone(advice=advice)
    return link_gone(advice=advice, next_url="/register", button=_("Ask for a new link"))


def sent(typed: str, *, good_for: str, again: str) -> ResultPage:
    """What everybody is told who asked, whether the address *typed* has an account or not."""
    return look_into_mailbox(
        typed,
        message=_("A mail is on its way. It says how to go on."),
        advice=_(
            "The link in it works once, and for {good_for}. No mail? Look among the unwanted ones, "
            "and check that the address is right."
        ).format(good_for=good_for),
        again=again,
    )


def done(back: WayBack | None) -> ResultPage:
    """The account is made: the way on."""
    return ResultPage(
        title=_("Your account is ready"),
        message=_("Sign in with your address and the password that you chose."),
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


async def ask(
    challenge: str | None, *, visitor: Visitor, services: Services
) -> RegisterPage | ResultPage | GoTo:
    """Ask for the address. An app can send people here itself (``prompt=registration``); where
    nobody can register they sign in instead, and so does who is signed in already.
    """
    if challenge is None:
        return RegisterPage() if services.settings.registration else closed()
    to_login = GoTo(with_challenge("/login", "login_challenge", challenge))
    if not services.settings.registration:
        return to_login
    app = await open_app_request(challenge, visitor=visitor, services=services)
    if app.request.skip:  # Ory knows the browser, and is answered there without a question
        return to_login
    return RegisterPage(challenge=challenge, app=app.view())


def ask_again(
    form: RegisterForm, *, visitor: Visitor, services: Services
) -> RegisterPage | ResultPage:
    """The same form with a fresh token, because the old one does not fit."""
    if not services.settings.registration:
        return closed()
    return stale(_as_posted(form), visitor)


async def send(
    form: RegisterForm, *, visitor: Visitor, services: Services
) -> RegisterPage | ResultPage:
    """Mail a link to a new account, or that there is one; the answer is the same."""
    if not services.settings.registration:
        return closed()
    page = _as_posted(form)
    try:
        await registering.ask(services, form.email, challenge=page.challenge, visitor=visitor)
    except REFUSALS as exc:
        return refused(page, exc)
    logs.step("registration.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.verification_link_for)
    return sent(page.email, good_for=good_for, again=page.action)


async def look(token: str, *, visitor: Visitor, services: Services) -> FinishPage | ResultPage:
    """Show the form for name and password. The link is not used up by that."""
    return await _look(token, visitor, services)


async def look_again(
    form: FinishForm, *, visitor: Visitor, services: Services
) -> FinishPage | ResultPage:
    """The same form with a fresh token, because the old one does not fit."""
    return stale(await _look(form.token, visitor, services, form), visitor)


async def finish(
    form: FinishForm, *, visitor: Visitor, services: Services
) -> FinishPage | ResultPage:
    """Make the account, or say what is wrong with the form: that uses nothing up."""
    try:
        offer, user = await registering.finish(
            services,
            form.token,
            typed=form.email,
            name=form.name,
            password=form.password,
            visitor=visitor,
        )
    except (LinkError, UserExistsError):
        return gone(registration=services.settings.registration)
    except REFUSALS as exc:
        return refused(await _look(form.token, visitor, services, form), exc)
    logs.step("user.registered", user=user.email)
    return done(await way_back(services, offer.link, visitor=visitor))


async def _look(
    token: str, visitor: Visitor, services: Services, posted: FinishForm | None = None
) -> FinishPage | ResultPage:
    try:
        offer = await registering.look_at(services, token, visitor=visitor)
    except LinkError:
        return gone(registration=services.settings.registration)
    typed = posted.email if posted else ""
    return FinishPage(
        token=token,
        site=services.settings.site_name,
        email=typed[:MAX_EMAIL] if offer.asks_for_address else offer.link.email,
        asks_for_address=offer.asks_for_address,
        is_admin=offer.is_admin,
        name=(posted.name if posted else offer.name)[:MAX_NAME],
        min_length=offer.min_length,
    )


def _as_posted(form: RegisterForm) -> RegisterPage:
    challenge = usable_challenge(form.login_challenge)
    return RegisterPage(challenge=challenge, email=form.email[:MAX_EMAIL])
