"""The sign-in that Ory remembers: said again without asking, unless the account says otherwise, or
more has to be proved than it has.

Nothing here needs a cookie of ours: with ``prompt=none`` it runs in a frame that has none.
"""

from portal import logs
from portal.app_requests import AppRequest
from portal.apps import clean_name
from portal.decisions import after_reject, login_session_hash, new_decision_id, with_sign_in
from portal.factors.levels import AAL1, satisfies
from portal.login.errand import Errand
from portal.login.finishing import context_for
from portal.login.progress import is_void, needs_new_password, required_level
from portal.ory.authorization import AuthorizationParameters
from portal.ory.models import ACCESS_DENIED, LOGIN_REQUIRED, AcceptLogin, RedirectTo
from portal.page import GoTo
from portal.services import Services, Visitor


async def say_again(app: AppRequest, *, visitor: Visitor, services: Services) -> RedirectTo | GoTo:
    """Ory knows the browser: say the same again, unless the account says otherwise."""
    request = app.request
    known_as = login_session_hash(request.session_id)
    async with services.store.reading() as rows:
        user = await rows.users.find(request.subject)
        session = await rows.login_sessions.find(known_as)
        pending = await rows.revocations.pending_for(request.subject, request.client.client_id)
        around = await rows.sign_ins.surroundings(
            request.subject, epoch=user.epoch if user else 0, client_id=request.client.client_id
        )
    if user is None or user.disabled_at is not None:
        return await _turn_away(app, services)
    outdated = needs_new_password(user) if session is None else is_void(session, user)
    if outdated or any(revocation.end_logins for revocation in pending):
        alone = session is not None and session.epoch == user.epoch and bool(session.ended_at)
        return await _sign_in_anew(app, services, alone=alone)
    required = required_level(user, around, asked=app.acr_values, settings=services.settings)
    if not satisfies(session.acr if session else AAL1, required):
        can = session is not None and around.has_second_factor
        return await _step_up(app, can_here=can, services=services)
    decision_id = new_decision_id()
    async with services.store.writing() as rows:
        await rows.flows.record_automatic(
            app.flow.challenge_hash,
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


async def start_anew(app: AppRequest, services: Services) -> RedirectTo | GoTo:
    """Send the app's request again so that the whole sign-in is asked.

    Where that cannot be asked for, it ends: a device's request cannot be sent again, and the
    ``prompt`` of a signed request cannot be changed.
    """
    again = with_sign_in(app.request.request_url)
    if app.parameters.is_device or "login" not in AuthorizationParameters.of(again).prompt:
        rejected = await services.ory.reject_login(app.request, LOGIN_REQUIRED)
        return after_reject(rejected, app.parameters)
    return RedirectTo(redirect_to=again)


async def _step_up(app: AppRequest, *, can_here: bool, services: Services) -> RedirectTo | GoTo:
    """The app or the account demands more than the session has: it is asked for, and nothing that
    was proved before. Who has nothing to prove it by begins with the password.
    """
    if "none" in app.parameters.prompt:
        return await services.ory.reject_login(app.request, LOGIN_REQUIRED)
    if not can_here:
        return await start_anew(app, services)
    return GoTo(Errand(app=app).path("/login/factor"))


async def _turn_away(app: AppRequest, services: Services) -> RedirectTo | GoTo:
    """The account is gone or disabled: a reject alone would leave Ory's session alive."""
    await services.ory.end_login_sessions(app.request.subject)
    name = clean_name(app.request.client.client_name)
    logs.step("login.rejected", reason="disabled", app=name)
    reject = LOGIN_REQUIRED if "none" in app.parameters.prompt else ACCESS_DENIED
    return after_reject(await services.ory.reject_login(app.request, reject), app.parameters)


async def _sign_in_anew(app: AppRequest, services: Services, *, alone: bool) -> RedirectTo:
    """The session is older than the account's last reset, or was ended (*alone*, or with others):
    it ends at Ory too, and the app's request begins again.
    """
    if alone:
        await services.ory.end_login_session(app.request.session_id)
    else:
        await services.ory.end_login_sessions(app.request.subject)
    if "none" in app.parameters.prompt:
        return await services.ory.reject_login(app.request, LOGIN_REQUIRED)
    return RedirectTo(redirect_to=with_sign_in(app.request.request_url))
