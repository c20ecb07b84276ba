"""The sign-in that Ory remembers: said again without asking, unless the account says otherwise.

Nothing here needs a cookie of ours: with ``prompt=none`` it runs in a frame that has none.
"""

from typing import Any

from portal import logs
from portal.apps import clean_name
from portal.decisions import after_reject, login_session_hash, new_decision_id, with_sign_in
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import (
    ACCESS_DENIED,
    LOGIN_REQUIRED,
    AcceptLogin,
    LoginRequest,
    RedirectTo,
)
from portal.page import GoTo
from portal.services import Services, Visitor
from portal.store.tables import FlowRecord, User


async def say_again(
    request: LoginRequest,
    flow: FlowRecord,
    parameters: AuthorizationParameters,
    *,
    visitor: Visitor,
    services: Services,
) -> RedirectTo | GoTo:
    """Ory knows the browser: say the same again, unless the account says otherwise."""
    known_as = login_session_hash(request.session_id)
    async with services.store.reading() as rows:
        user = await rows.users.find(request.subject)
        session = await rows.login_sessions.find(known_as)
        pending = await rows.revocations.pending_for(request.subject, request.client.client_id)
    if user is None or user.disabled_at is not None:
        return await _turn_away(request, parameters, services)
    outdated = session is not None and session.epoch != user.epoch
    if outdated or any(revocation.end_logins for revocation in pending):
        return await _sign_in_anew(request, parameters, services)
    decision_id = new_decision_id()
    async with services.store.writing() as rows:
        await rows.flows.record_automatic(
            flow.challenge_hash,
            decision="accept",
            decision_id=decision_id,
            subject=user.subject,
            answer={},
            at=visitor.now,
        )
        await rows.login_sessions.touch(known_as, visitor.now)
    logs.step("login.skipped", app=clean_name(request.client.client_name), user=user.email)
    return await services.ory.accept_login(
        request,
        AcceptLogin(
            subject=user.subject,
            remember=True,
            remember_for=services.settings.remember_login_for,
            acr=session.acr if session else "",
            amr=tuple(session.amr) if session else (),
            context=context_for(user, decision_id),
        ),
    )


async def _turn_away(
    request: LoginRequest, parameters: AuthorizationParameters, services: Services
) -> RedirectTo | GoTo:
    """The account is gone or disabled: a reject alone would leave Ory's session alive."""
    await services.ory.end_login_sessions(request.subject)
    logs.step("login.rejected", reason="disabled", app=clean_name(request.client.client_name))
    silent = "none" in parameters.prompt
    reject = LOGIN_REQUIRED if silent else ACCESS_DENIED
    return after_reject(await services.ory.reject_login(request, reject), parameters)


async def _sign_in_anew(
    request: LoginRequest, parameters: AuthorizationParameters, services: Services
) -> RedirectTo:
    """The session is older than the account's last reset: it ends, and the app's request begins
    again.
    """
    await services.ory.end_login_sessions(request.subject)
    if "none" in parameters.prompt:
        return await services.ory.reject_login(request, LOGIN_REQUIRED)
    return RedirectTo(redirect_to=with_sign_in(request.request_url))


def context_for(user: User, decision_id: str) -> dict[str, Any]:
    """What Ory hands back at the consent step: small, because it travels inside addresses."""
    return {"epoch": user.epoch, "decision_id": decision_id}
