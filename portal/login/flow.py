"""The login step: who wants to know, is it already known, and what Ory is told (hydra-contract 2).

Ory's session cookie is the only single sign-on: nothing of the portal's own session is used here,
so ``prompt=login`` and ``max_age`` mean what they say. The paths without a question work without
any cookie. The password is the first step; ``progress`` knows which ones follow.
"""

from typing import Final
from urllib.parse import urlencode

import msgspec

from portal import logs, sessions
from portal.accounts import MAX_EMAIL
from portal.app_requests import AppRequest, opened, unread_app_request
from portal.apps import clean_name
from portal.decisions import AlreadyDecidedError, after_reject, settle, tell
from portal.factors import passkeys
from portal.factors.levels import PASSWORD, insists
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.login import progress as steps
from portal.login.authentication import Authenticated, authenticate, record_success
from portal.login.errand import Errand, open_errand
from portal.login.finishing import (
    Answer,
    BeginSession,
    PortalSignIn,
    tell_accept,
    write_accept,
    write_portal,
)
from portal.login.forms import LoginForm
from portal.login.pages import LoginPage
from portal.login.skip import say_again
from portal.ory.models import ACCESS_DENIED, LOGIN_REQUIRED, LoginRequest, RedirectTo
from portal.page import GoTo, with_challenge
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import User
from portal.throttle import Refused

BEGIN_AGAIN: Final = N_(
    "This sign-in was not finished in time, or was begun in another browser. Please begin again."
)
OTHER_ACCOUNT: Final = N_(
    "The app asks for the account that you used there before. Please sign in with that one."
)


Outcome = LoginPage | RedirectTo | GoTo | PortalSignIn


async def begin(
    challenge: str,
    *,
    visitor: Visitor,
    services: Services,
    from_here: bool = False,
    again: bool = False,
) -> Outcome:
    """Answer Ory's question at once where it can be, else ask who it is.

    *from_here*: a page of the portal led here, so whoever was to register rather signs in.
    *again*: a step was wanted that comes later.
    """
    app = await unread_app_request(challenge, visitor=visitor, services=services)
    if app.request.skip:
        return await say_again(app, visitor=visitor, services=services)
    app = await opened(app, services)
    if "none" in app.parameters.prompt:
        return await services.ory.reject_login(app.request, LOGIN_REQUIRED)
    if app.flow.state == "decided":
        raise AlreadyDecidedError(app.flow.request_url)
    if _shall_register(app, services.settings) and not from_here:
        return GoTo(with_challenge("/register", "login_challenge", challenge))
    await give_up(Errand(app=app), visitor=visitor, services=services)
    logs.step("login.shown", app=clean_name(app.request.client.client_name))
    page = _page(app, services.settings, email=_hint(app.request))
    return msgspec.structs.replace(page, notice=_(BEGIN_AGAIN) if again else None)


async def decide(form: LoginForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Sign in or cancel. A wrong password is a page with everything kept but the password."""
    if form.action == "accept":
        services.passwords.require_room()  # before Ory is asked, and anything is looked up
    app = await unread_app_request(form.login_challenge, visitor=visitor, services=services)
    if app.request.skip:  # no form of ours belongs to it
        return await say_again(app, visitor=visitor, services=services)
    if form.action == "reject":
        return await reject(app, visitor=visitor, services=services)
    who = await authenticate(form.email, form.password, visitor=visitor, services=services)
    if isinstance(who, Refused):
        return _again(app, form, who, services.settings)
    if is_other_account(app.request, who.user):
        async with services.store.writing() as rows:
            await record_success(rows, who, visitor=visitor)
        return _again(app, form, Refused(_(OTHER_ACCOUNT), 422), services.settings)
    return await _after_password(Errand(app=app), who, form, visitor=visitor, services=services)


async def give_up(errand: Errand, *, visitor: Visitor, services: Services) -> None:
    """Whoever comes to the first step again has given the others up, and leaves nothing half done
    to whoever comes to the browser next.
    """
    if visitor.browser_hash is None:
        return
    async with services.store.reading() as rows:
        if await rows.sign_ins.find(steps.key_of(errand, visitor)) is None:
            return
    async with services.store.writing() as rows:
        await sessions.give_up(rows, visitor, errand.challenge)


async def ask_again(
    form: LoginForm, *, visitor: Visitor, services: Services, known_as: str | None = None
) -> LoginPage:
    """The same form with a fresh token, because the old one does not fit; nothing is decided."""
    refused = Refused(visitor.why_stale, 403)
    return await show_again(form, refused, visitor=visitor, services=services, known_as=known_as)


async def show_again(
    form: LoginForm,
    refused: Refused,
    *,
    visitor: Visitor,
    services: Services,
    known_as: str | None = None,
) -> LoginPage:
    """The form as it was posted, but for the password, with what speaks against it."""
    errand = await open_errand(form.login_challenge, form.next, visitor=visitor, services=services)
    if errand.app is None:
        return portal_page(
            form.next, settings=services.settings, form=form, refused=refused, known_as=known_as
        )
    return _again(errand.app, form, refused, services.settings)


def portal_page(
    next_path: str,
    *,
    settings: Settings,
    form: LoginForm | None = None,
    refused: Refused | None = None,
    known_as: str | None = None,
    again: bool = False,
) -> LoginPage:
    """The form of the portal's own sign-in; *known_as* is who is signed in already."""
    return LoginPage(
        notice=_(BEGIN_AGAIN) if again else None,
        next_path=next_path,
        email=form.email[:MAX_EMAIL] if form else known_as or "",
        confirms=known_as is not None,
        may_remember=False,
        error=refused.error if refused else None,
        status=refused.status if refused else 200,
        retry_after=refused.retry_after if refused else None,
        recover_url="/recover" if settings.has_mail else None,
        register_url="/register" if settings.registration and known_as is None else None,
        passkey_options=_passkey_options(settings),
    )


async def sign_in_to_portal(
    form: LoginForm,
    *,
    visitor: Visitor,
    services: Services,
    begin_session: BeginSession,
    known_as: str | None = None,
) -> Outcome:
    """Sign in to ``/account`` and ``/admin``; apps are not concerned. Where nothing is missing,
    *begin_session* is called in the unit that says so.
    """
    who = await authenticate(form.email, form.password, visitor=visitor, services=services)
    if isinstance(who, Refused):
        return portal_page(
            form.next, settings=services.settings, form=form, refused=who, known_as=known_as
        )
    return await _after_password(
        Errand(next_path=form.next),
        who,
        form,
        visitor=visitor,
        services=services,
        begin_session=begin_session,
    )


async def reject(app: AppRequest, *, visitor: Visitor, services: Services) -> RedirectTo | GoTo:
    """Nobody signs in: the app is told so."""
    async with services.store.writing() as rows:
        settled = await settle(
            rows, app.flow, decision="reject", answer={}, visitor=visitor, may_be_first=True
        )
        await sessions.give_up(rows, visitor, app.challenge)
        if settled.is_new:
            await rows.audit.add(
                "login.rejected",
                at=visitor.now,
                actor=None,
                client_id=app.request.client.client_id,
                detail={"decision_id": settled.decision_id},
                origin=visitor.origin,
            )
    settled.check()
    logs.step("login.rejected", app=clean_name(app.request.client.client_name))
    redirect = await tell(
        app.flow, lambda: services.ory.reject_login(app.request, ACCESS_DENIED), services.store
    )
    return after_reject(redirect, app.parameters)


def is_other_account(request: LoginRequest, user: User) -> bool:
    """Whether ``id_token_hint`` names somebody else; Ory would refuse it and end the session
    (hydra-contract 2.3).

    A pairwise client's hint holds another identifier than the subject, so there it says nothing.
    """
    if request.client.subject_type == "pairwise":
        return False
    hinted = request.oidc_context.id_token_hint_claims.get("sub")
    return bool(hinted) and hinted != user.subject


async def _after_password(
    errand: Errand,
    who: Authenticated,
    form: LoginForm,
    *,
    visitor: Visitor,
    services: Services,
    begin_session: BeginSession | None = None,
) -> Outcome:
    """The password is right. What else is needed is seen in the unit that decides, or remembers
    for the next step that it is.
    """
    app = errand.app

    async def write(rows: Rows) -> GoTo | PortalSignIn | Answer:
        progress = await steps.begin(
            rows,
            errand,
            who.user,
            (PASSWORD,),
            remember=form.remember,
            visitor=visitor,
            services=services,
        )
        if progress.step is not None:
            await record_success(rows, who, visitor=visitor)
            await steps.keep(rows, progress, visitor=visitor)
            return GoTo(errand.path(f"/login/{progress.step}"))
        if app is None:
            assert begin_session is not None  # noqa: S101 - signing in to the portal begins one
            await record_success(rows, who, visitor=visitor)
            return await write_portal(rows, progress, visitor=visitor, begin_session=begin_session)
        answer = await write_accept(rows, app, progress, visitor=visitor, services=services)
        await record_success(rows, who, visitor=visitor)
        return answer

    written = await services.store.at_once(write)
    if isinstance(written, Answer):
        return await tell_accept(written, services)
    return written


def _page(app: AppRequest, settings: Settings, *, email: str) -> LoginPage:
    at = urlencode({"login_challenge": app.challenge})
    return LoginPage(
        challenge=app.challenge,
        app=app.view(),
        email=email,
        is_device=app.parameters.is_device,
        wants_more=insists(app.acr_values),
        recover_url=f"/recover?{at}" if settings.has_mail else None,
        register_url=f"/register?{at}" if settings.registration else None,
        passkey_options=_passkey_options(settings),
    )


def _again(app: AppRequest, form: LoginForm, refused: Refused, settings: Settings) -> LoginPage:
    """The form as it was posted, but for the password."""
    return msgspec.structs.replace(
        _page(app, settings, email=form.email[:MAX_EMAIL]),
        remember=form.remember,
        error=refused.error,
        status=refused.status,
        retry_after=refused.retry_after,
    )


def _shall_register(app: AppRequest, settings: Settings) -> bool:
    """The app asks for a new account (Initiating User Registration via OpenID Connect, 1)."""
    return settings.registration and "registration" in app.parameters.prompt


def _passkey_options(settings: Settings) -> str | None:
    return passkeys.request_options(settings=settings) if passkeys.offered(settings) else None


def _hint(request: LoginRequest) -> str:
    """The app's ``login_hint``: untrusted text, good for filling in a field."""
    return clean_name(request.oidc_context.login_hint)[:MAX_EMAIL]
