"""Registration: a mail first, the account after it. Nothing here tells whether one exists."""

from msgspec.structs import replace

from portal import logs
from portal.accounts import MAX_EMAIL, MAX_NAME, UserExistsError, registering
from portal.accounts.mailing import REFUSALS, refused, stale, way_back
from portal.app_requests import open_app_request
from portal.decisions import usable_challenge
from portal.links import LinkError
from portal.mail.letters import duration
from portal.page import LINK_GONE, GoTo, NotThereError, ResultPage, with_challenge
from portal.registration.forms import FinishForm, RegisterForm
from portal.registration.pages import FinishPage, RegisterPage
from portal.services import Services, Visitor


async def ask(
    challenge: str | None, *, visitor: Visitor, services: Services
) -> RegisterPage | GoTo:
    """Ask for the address. An app can send people here itself (``prompt=registration``); where
    nobody can register they log in instead, and so does who is signed in already.
    """
    if challenge is None:
        _require_open(services)
        return RegisterPage()
    to_login = GoTo(with_challenge("/login", "login_challenge", challenge))
    if not services.settings.registration:
        return to_login
    app = await open_app_request(challenge, visitor=visitor, services=services)
    if app.request.skip:  # Ory knows the browser, and is answered there without a question
        return to_login
    return RegisterPage(challenge=challenge, app=app.view())


def ask_again(form: RegisterForm, *, visitor: Visitor, services: Services) -> RegisterPage:
    """The same form with a fresh token, because the old one does not fit."""
    _require_open(services)
    return stale(_as_posted(form), visitor)


async def send(
    form: RegisterForm, *, visitor: Visitor, services: Services
) -> RegisterPage | ResultPage:
    """Mail a link to a new account, or that there is one; the answer is the same."""
    _require_open(services)
    page = _as_posted(form)
    try:
        await registering.ask(services, form.email, challenge=page.challenge, visitor=visitor)
    except REFUSALS as exc:
        return refused(page, exc)
    logs.step("registration.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.verification_link_for)
    return ResultPage(
        title="Look into your mailbox",
        message="A mail is on its way. It says how to go on.",
        advice=f"The link in it works once, and for {good_for}. No mail? Look among the unwanted "
        "ones, and whether the address is right.",
        next_url=page.action,
        button="Try another address",
        is_over=False,
    )


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
        return _gone(services)
    except REFUSALS as exc:
        return refused(await _look(form.token, visitor, services, form), exc)
    logs.step("user.registered", user=user.email)
    back = await way_back(services, offer.link, visitor=visitor)
    return ResultPage(
        title="Your account is ready",
        message="Log in with your address and the password that you chose.",
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


async def _look(
    token: str, visitor: Visitor, services: Services, posted: FinishForm | None = None
) -> FinishPage | ResultPage:
    try:
        offer = await registering.look_at(services, token, visitor=visitor)
    except LinkError:
        return _gone(services)
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


def _require_open(services: Services) -> None:
    """Where nobody can register, there is no such page."""
    if not services.settings.registration:
        raise NotThereError


def _gone(services: Services) -> ResultPage:
    page = replace(
        LINK_GONE,
        advice="If you have an account already, log in. If you were invited, ask for another "
        "invitation.",
    )
    if not services.settings.registration:
        return page
    return replace(page, next_url="/register", button="Ask for a new link")
