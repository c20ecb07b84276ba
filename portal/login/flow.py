"""The login step: who wants to know, is it already known, and what Ory is told (hydra-contract 2).

Ory's session cookie is the only single sign-on: nothing of the portal's own session is used here,
so ``prompt=login`` and ``max_age`` mean what they say. The paths without a question work without
any cookie.
"""

from typing import Final

import msgspec

from portal import logs
from portal.accounts import MAX_EMAIL
from portal.apps import AppView, clean_name
from portal.decisions import (
    AlreadyDecidedError,
    UnusableRequestError,
    after_reject,
    challenge_hash,
    fetch,
    login_session_hash,
    settle,
    tell,
)
from portal.login.authentication import Authenticated, Refused, authenticate, record_success
from portal.login.forms import LoginForm
from portal.login.pages import LoginPage
from portal.login.skip import context_for, say_again
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import (
    ACCESS_DENIED,
    LOGIN_REQUIRED,
    AcceptLogin,
    LoginRequest,
    RedirectTo,
)
from portal.page import GoTo
from portal.revocations import carry_out
from portal.services import Services, Visitor
from portal.store.tables import FlowRecord, LoginSession, User

ACR: Final = "aal1"
AMR: Final = ("pwd",)
"""What a password proves (RFC 8176); recorded per login session and said again on skip."""
OTHER_ACCOUNT: Final = (
    "The app asks for the account that you used there before. Please sign in with that one."
)


Outcome = LoginPage | RedirectTo | GoTo


class PortalSignIn(msgspec.Struct, frozen=True):
    """Somebody proved who they are to the portal itself; the controller starts the session."""

    subject: str
    epoch: int


async def begin(challenge: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Answer Ory's question at once where it can be, else ask who it is."""
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    parameters = _usable(request)
    flow = await _opened(request, challenge, visitor, services)
    if request.skip:
        return await say_again(request, flow, parameters, visitor=visitor, services=services)
    if "none" in parameters.prompt:
        return await services.ory.reject_login(request, LOGIN_REQUIRED)
    if flow.state == "decided":
        raise AlreadyDecidedError(flow.request_url)
    logs.step("login.shown", app=clean_name(request.client.client_name))
    return _page(request, challenge, parameters, email=_hint(request))


async def decide(form: LoginForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Sign in or cancel. A wrong password is a page with everything kept but the password."""
    challenge = form.login_challenge
    request = await fetch(services.ory.get_login_request, challenge, services.store)
    parameters = _usable(request)
    flow = await _opened(request, challenge, visitor, services)
    if request.skip:  # no form of ours belongs to it
        return await say_again(request, flow, parameters, visitor=visitor, services=services)
    if form.action == "reject":
        redirect = await _reject(request, flow, visitor=visitor, services=services)
        return after_reject(redirect, parameters)
    who = await authenticate(form.email, form.password, visitor=visitor, services=services)
    if isinstance(who, Refused):
        return _again(request, form, parameters, who)
    if _other_account(request, who.user):
        async with services.store.writing() as rows:
            await record_success(rows, who, visitor=visitor)
        return _again(request, form, parameters, Refused(OTHER_ACCOUNT, 422))
    return await _accept(request, flow, who, form, visitor=visitor, services=services)


async def ask_again(form: LoginForm, *, visitor: Visitor, services: Services) -> LoginPage:
    """The same form with a fresh token, because the old one does not fit; nothing is decided."""
    refused = Refused(visitor.why_stale, 403)
    if not form.login_challenge:
        return portal_page(form.next, form=form, refused=refused)
    request = await fetch(services.ory.get_login_request, form.login_challenge, services.store)
    return _again(request, form, _usable(request), refused)


def portal_page(
    next_path: str,
    *,
    form: LoginForm | None = None,
    refused: Refused | None = None,
    known_as: str | None = None,
) -> LoginPage:
    """The form of the portal's own sign-in; *known_as* is who is signed in already."""
    return LoginPage(
        next_path=next_path,
        email=form.email[:MAX_EMAIL] if form else known_as or "",
        confirms=known_as is not None,
        may_remember=False,
        error=refused.error if refused else None,
        status=refused.status if refused else 200,
        retry_after=refused.retry_after if refused else None,
    )


async def sign_in_to_portal(
    form: LoginForm, *, visitor: Visitor, services: Services
) -> LoginPage | PortalSignIn:
    """Sign in to ``/account`` and ``/admin``; apps are not concerned."""
    who = await authenticate(form.email, form.password, visitor=visitor, services=services)
    if isinstance(who, Refused):
        return portal_page(form.next, form=form, refused=who)
    async with services.store.writing() as rows:
        await record_success(rows, who, visitor=visitor)
        await rows.audit.add(
            "portal.signed_in",
            at=visitor.now,
            actor=who.user.subject,
            subject=who.user.subject,
            origin=visitor.origin,
        )
    logs.step("portal.signed_in", user=who.user.email)
    return PortalSignIn(who.user.subject, who.user.epoch)


async def _accept(
    request: LoginRequest,
    flow: FlowRecord,
    who: Authenticated,
    form: LoginForm,
    *,
    visitor: Visitor,
    services: Services,
) -> RedirectTo:
    user = who.user
    flow.subject = user.subject
    async with services.store.writing() as rows:
        settled = await settle(
            rows, flow, decision="accept", answer={"remember": form.remember}, visitor=visitor
        )
        await record_success(rows, who, visitor=visitor)
        pending = await rows.revocations.pending_for(user.subject, request.client.client_id)
        if settled.is_new:
            await rows.login_sessions.save(_session(request, user, form, visitor))
            await rows.audit.add(
                "login.succeeded",
                at=visitor.now,
                actor=user.subject,
                subject=user.subject,
                client_id=request.client.client_id,
                detail={"decision_id": settled.decision_id, "amr": list(AMR)},
                origin=visitor.origin,
            )
    settled.check()
    logs.step("login.succeeded", app=clean_name(request.client.client_name), user=user.email)
    accept = AcceptLogin(
        subject=user.subject,
        remember=form.remember,
        remember_for=services.settings.remember_login_for if form.remember else 0,
        acr=ACR,
        amr=AMR,
        context=context_for(user, settled.decision_id),
    )

    async def call() -> RedirectTo:
        for revocation in pending:  # a late deletion would end the session that begins now
            if revocation.end_logins:
                await carry_out(revocation, services)
        return await services.ory.accept_login(request, accept)

    return await tell(flow, call, services.store)


async def _reject(
    request: LoginRequest, flow: FlowRecord, *, visitor: Visitor, services: Services
) -> RedirectTo:
    async with services.store.writing() as rows:
        settled = await settle(rows, flow, decision="reject", answer={}, visitor=visitor)
        if settled.is_new:
            await rows.audit.add(
                "login.rejected",
                at=visitor.now,
                actor=None,
                client_id=request.client.client_id,
                origin=visitor.origin,
            )
    settled.check()
    logs.step("login.rejected", app=clean_name(request.client.client_name))
    return await tell(
        flow, lambda: services.ory.reject_login(request, ACCESS_DENIED), services.store
    )


def _usable(request: LoginRequest) -> AuthorizationParameters:
    parameters = AuthorizationParameters.of(request.request_url)
    if not parameters.has_query and not parameters.is_device:
        raise UnusableRequestError
    return parameters


async def _opened(
    request: LoginRequest, challenge: str, visitor: Visitor, services: Services
) -> FlowRecord:
    """The challenge's row, written at its first sight: it knows the way to start again."""
    async with services.store.writing() as rows:
        return await rows.flows.open(
            FlowRecord(
                challenge_hash=challenge_hash(challenge),
                kind="login",
                request_url=request.request_url,
                client_id=request.client.client_id,
                client_name=clean_name(request.client.client_name),
                state="open",
                created_at=visitor.now,
            )
        )


def _page(
    request: LoginRequest, challenge: str, parameters: AuthorizationParameters, *, email: str
) -> LoginPage:
    app = AppView.of(request.client, redirect_uri=parameters.redirect_uri)
    return LoginPage(challenge=challenge, app=app, email=email, is_device=parameters.is_device)


def _again(
    request: LoginRequest, form: LoginForm, parameters: AuthorizationParameters, refused: Refused
) -> LoginPage:
    """The form as it was posted, but for the password."""
    page = _page(request, form.login_challenge, parameters, email=form.email[:MAX_EMAIL])
    return msgspec.structs.replace(
        page,
        remember=form.remember,
        error=refused.error,
        status=refused.status,
        retry_after=refused.retry_after,
    )


def _hint(request: LoginRequest) -> str:
    """The app's ``login_hint``: untrusted text, good for filling in a field."""
    return clean_name(request.oidc_context.login_hint)[:MAX_EMAIL]


def _other_account(request: LoginRequest, user: User) -> bool:
    """Whether ``id_token_hint`` names somebody else; Ory would refuse it and end the session
    (hydra-contract 2.3).

    A pairwise client's hint holds another identifier than the subject, so there it says nothing.
    """
    if request.client.subject_type == "pairwise":
        return False
    hinted = request.oidc_context.id_token_hint_claims.get("sub")
    return bool(hinted) and hinted != user.subject


def _session(request: LoginRequest, user: User, form: LoginForm, visitor: Visitor) -> LoginSession:
    return LoginSession(
        session_id_hash=login_session_hash(request.session_id),
        subject=user.subject,
        acr=ACR,
        amr=list(AMR),
        authenticated_at=visitor.now,
        epoch=user.epoch,
        remembered=form.remember,
        browser_hash=visitor.browser_hash,
        address=visitor.origin.address,
        user_agent=visitor.origin.user_agent,
        last_used_at=visitor.now,
    )
