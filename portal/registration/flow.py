"""Registration: a mail first, the account after it. Nothing here tells whether one exists."""

import math

from msgspec.structs import replace

from portal import logs
from portal.accounts import (
    InvalidEmailError,
    UserExistsError,
    WeakPasswordError,
    canonical_email,
    registering,
)
from portal.accounts.mailing import WaitError, WrongAddressError, in_words, way_back
from portal.accounts.registering import Offer
from portal.apps import AppView
from portal.decisions import CHALLENGE, challenge_hash, fetch
from portal.links import LinkError
from portal.mail.letters import duration
from portal.ory.authorization import AuthorizationParameters
from portal.page import GoTo, NotThereError, with_challenge
from portal.passwords import PasswordTooLongError
from portal.registration.forms import FinishForm, RegisterForm
from portal.registration.pages import FinishPage, RegisterPage, RegistrationEndPage
from portal.services import Services, Visitor
from portal.store.tables import FlowRecord
from portal.throttle import please_wait


async def ask(
    challenge: str | None, *, visitor: Visitor, services: Services
) -> RegisterPage | GoTo:
    """Ask for the address. An app can send people here itself (``prompt=registration``); where
    nobody can register they log in instead.
    """
    if challenge is None:
        _require_open(services)
        return RegisterPage()
    if not _is_open(services):
        return GoTo(with_challenge("/login", "login_challenge", challenge))
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    record = FlowRecord(
        challenge_hash=challenge_hash(challenge),
        kind="login",
        request_url=request.request_url,
        client_id=request.client.client_id,
        client_name=request.client.client_name,
        created_at=visitor.now,
    )
    async with services.store.writing() as rows:
        await rows.flows.open(record)
    redirect_uri = AuthorizationParameters.of(request.request_url).redirect_uri
    app = AppView.of(request.client, redirect_uri=redirect_uri)
    return RegisterPage(challenge=challenge, app=app)


def ask_again(form: RegisterForm, *, visitor: Visitor, services: Services) -> RegisterPage:
    """The same form with a fresh token, because the old one does not fit."""
    _require_open(services)
    return _again(form, visitor.why_stale, 403)


async def send(
    form: RegisterForm, *, visitor: Visitor, services: Services
) -> RegisterPage | RegistrationEndPage:
    """Mail a link to a new account, or that there is one; the answer is the same."""
    _require_open(services)
    challenge = _usable(form.login_challenge)
    try:
        address = canonical_email(form.email)
    except InvalidEmailError as exc:
        return _again(form, in_words(exc), 422)
    wait = await registering.ask(
        services,
        address,
        challenge_hash=challenge_hash(challenge) if challenge else None,
        visitor=visitor,
    )
    if wait:
        seconds = math.ceil(wait)
        return _again(form, please_wait(seconds), 429, retry_after=seconds)
    logs.step("registration.asked", origin=visitor.origin.address)
    good_for = duration(services.settings.verification_link_for)
    return RegistrationEndPage(
        title="Look into your mailbox",
        message="A mail is on its way. It says how to go on.",
        advice=f"The link in it works once, and for {good_for}. No mail? Look among the unwanted "
        "ones, and whether the address is right.",
        next_url=RegisterPage(challenge=challenge).action,
        button="Try another address",
        is_over=False,
    )


async def look(
    token: str, *, visitor: Visitor, services: Services
) -> FinishPage | RegistrationEndPage:
    """Show the form for name and password. The link is not used up by that."""
    try:
        offer = await registering.look_at(services, token, visitor=visitor)
    except LinkError:
        return _gone(services)
    return _page(offer, token, services, name=offer.name)


async def look_again(
    form: FinishForm, *, visitor: Visitor, services: Services
) -> FinishPage | RegistrationEndPage:
    """The same form with a fresh token, because the old one does not fit."""
    return await _form_again(form, visitor, services, status=403, error=visitor.why_stale)


async def finish(
    form: FinishForm, *, visitor: Visitor, services: Services
) -> FinishPage | RegistrationEndPage:
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
    except WrongAddressError as exc:
        return await _form_again(form, visitor, services, status=422, address_problem=in_words(exc))
    except WaitError as exc:
        seconds = math.ceil(exc.seconds)
        return await _form_again(
            form, visitor, services, status=429, retry_after=seconds, error=please_wait(seconds)
        )
    except (WeakPasswordError, PasswordTooLongError) as exc:
        return await _form_again(form, visitor, services, status=422, problem=in_words(exc))
    logs.step("user.registered", user=user.email)
    back = await way_back(services, offer.link, visitor=visitor)
    return RegistrationEndPage(
        title="Your account is ready",
        message="Log in with your address and the password that you chose.",
        app=back.app if back else None,
        start_again=back.url if back else None,
    )


def _page(
    offer: Offer, token: str, services: Services, *, name: str, typed: str = ""
) -> FinishPage:
    return FinishPage(
        token=token,
        site=services.settings.site_name,
        email=typed[:254] if offer.asks_for_address else offer.link.email,
        asks_for_address=offer.asks_for_address,
        is_admin=offer.is_admin,
        name=name[:255],
        min_length=offer.min_length,
    )


async def _form_again(
    form: FinishForm,
    visitor: Visitor,
    services: Services,
    *,
    status: int,
    error: str | None = None,
    problem: str | None = None,
    address_problem: str | None = None,
    retry_after: int | None = None,
) -> FinishPage | RegistrationEndPage:
    try:
        offer = await registering.look_at(services, form.token, visitor=visitor)
    except LinkError:
        return _gone(services)
    page = _page(offer, form.token, services, name=form.name, typed=form.email)
    return replace(
        page,
        status=status,
        retry_after=retry_after,
        problem=problem,
        address_problem=address_problem,
        error=error,
    )


def _again(
    form: RegisterForm, error: str, status: int, retry_after: int | None = None
) -> RegisterPage:
    return RegisterPage(
        status=status,
        retry_after=retry_after,
        challenge=_usable(form.login_challenge),
        email=form.email[:254],
        error=error,
    )


def _usable(challenge: str | None) -> str | None:
    """A challenge as Ory issues them; anything else leads nowhere."""
    return challenge if challenge and CHALLENGE.fullmatch(challenge) else None


def _is_open(services: Services) -> bool:
    return services.settings.registration and services.settings.has_mail


def _require_open(services: Services) -> None:
    """Where nobody can register, there is no such page."""
    if not _is_open(services):
        raise NotThereError


def _gone(services: Services) -> RegistrationEndPage:
    page = RegistrationEndPage(
        status=410,
        title="This link does not work any more",
        message="It was used, has expired, or was replaced by a newer one.",
        advice="If you have an account already, log in. If you were invited, ask for another "
        "invitation.",
    )
    if not _is_open(services):
        return page
    return replace(page, next_url="/register", button="Ask for a new link")
