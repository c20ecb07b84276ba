"""The sign-in that Ory remembers: said again without asking, unless the account says otherwise, or
more has to be proved than it has.

Nothing here needs a cookie of ours: with ``prompt=none`` it runs in a frame that has none.
"""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

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
from portal.settings import Settings
from portal.store import Rows
from portal.store.sign_ins import Surroundings
from portal.store.standings import Standing
from portal.store.tables import LoginSession

TOUCH_EVERY: Final = timedelta(minutes=1)


async def say_again(app: AppRequest, *, visitor: Visitor, services: Services) -> RedirectTo | GoTo:
    """Ory knows the browser: say the same again, unless the account says otherwise."""
    request = app.request
    known_as = login_session_hash(request.session_id)
    decision_id = new_decision_id()

    async def write(rows: Rows) -> tuple[Standing, Obstacle | None]:
        found = await rows.standings.find(
            request.subject,
            request.client.client_id,
            session_id_hash=known_as,
            challenge_hash=app.flow.challenge_hash,
        )
        obstacle = _obstacle(app, found, services.settings)
        if obstacle is not None:
            await rows.flows.open(app.flow)
            return found, obstacle
        await rows.flows.open_automatic(
            app.flow,
            decision="accept",
            decision_id=decision_id,
            subject=request.subject,
            answer={},
            at=visitor.now,
        )
        if found.session is not None and _is_long_ago(found.session, visitor.now):
            await rows.login_sessions.touch(known_as, visitor.now)
        return found, None

    (user, session, *_), obstacle = await services.store.at_once(write, transaction=False)
    if obstacle is Obstacle.NO_ACCOUNT or user is None:
        return await _turn_away(app, services)
    if obstacle is Obstacle.OUTDATED:
        alone = session is not None and session.epoch == user.epoch and bool(session.ended_at)
        return await _sign_in_anew(app, services, alone=alone)
    if obstacle is not None:
        can = obstacle is Obstacle.TOO_LITTLE_PROVED and session is not None
        return await _step_up(app, can_here=can, services=services)
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


class Obstacle(Enum):
    """Why the sign-in cannot be said again."""

    NO_ACCOUNT = auto()
    OUTDATED = auto()
    TOO_LITTLE_PROVED = auto()
    NOTHING_TO_PROVE_WITH = auto()


def _obstacle(app: AppRequest, found: Standing, settings: Settings) -> Obstacle | None:
    user, session = found.user, found.session
    if user is None or user.disabled_at is not None:
        return Obstacle.NO_ACCOUNT
    outdated = needs_new_password(user) if session is None else is_void(session, user)
    if outdated or found.ends_logins:
        return Obstacle.OUTDATED
    around = Surroundings(
        has_passkey=found.has_passkey,
        has_totp=found.has_totp,
        required_acr=found.policy.required_acr if found.policy else None,
        has_void_session=False,
        has_pending=found.has_pending,
    )
    required = required_level(user, around, asked=app.acr_values, settings=settings)
    if satisfies(session.acr if session else AAL1, required):
        return None
    can = around.has_second_factor
    return Obstacle.TOO_LITTLE_PROVED if can else Obstacle.NOTHING_TO_PROVE_WITH


def _is_long_ago(session: LoginSession, now: datetime) -> bool:
    """Whether it is worth a write that the session is used."""
    return now - session.last_used_at >= TOUCH_EVERY


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
