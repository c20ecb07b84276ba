"""The end of a sign-in: nothing is missing any more. Ory is told, or the portal's session begins.

What apps are told (``acr``, ``amr``) is what was proved. It is kept for Ory's session, to be said
again whenever Ory skips the login.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from portal import logs
from portal.app_requests import AppRequest
from portal.apps import clean_name
from portal.decisions import (
    AlreadyDecidedError,
    Settlement,
    StaleSignInError,
    login_session_hash,
    settle,
    tell,
    was_decided_by,
    with_sign_in,
)
from portal.login.errand import Errand
from portal.login.progress import Progress, find, is_void
from portal.ory.models import AcceptLogin, RedirectTo
from portal.page import GoTo
from portal.revocations import carry_out
from portal.services import Services, Visitor
from portal.sessions import SEALED_FOR
from portal.store import Rows
from portal.store.tables import LoginSession, Revocation, User

REPLACING: Final = 1
"""Seconds: for a browser that holds the cookie of a session that was ended. Hydra 2.3 fails at the
next sign-in that it shall not remember there, so it remembers this one for a moment."""


BeginSession = Callable[..., Awaitable[None]]
"""Takes the rows, the subject and its epoch, ``acr`` and ``amr``."""


class Ready(msgspec.Struct, frozen=True):
    """Nothing is missing to sign in to the portal itself: :func:`finish` it, with a session."""

    errand: Errand


class PortalSignIn(msgspec.Struct, frozen=True):
    """Somebody has signed in to the portal itself; the controller hands the session out."""

    next_path: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was written down, and is to be told to Ory after the commit."""

    app: AppRequest
    settled: Settlement
    accept: AcceptLogin
    pending: tuple[Revocation, ...]
    user: User


async def go_on(
    errand: Errand, *, visitor: Visitor, services: Services, form_token: str = ""
) -> RedirectTo | GoTo | Ready:
    """Go to the next step of this browser's sign-in, or decide: of two at once, one does.

    What was proved counts for the account as it is at this moment.
    """
    async with services.store.writing() as rows:
        progress = await find(rows, errand, visitor=visitor, services=services, lock=True)
        if progress is None:
            return errand.beginning
        if progress.step is not None:
            return GoTo(errand.path(f"/login/{progress.step}"))
        if errand.app is None:
            return Ready(errand)
        await rows.sign_ins.end(progress.key_hash)
        answer = await write_accept(
            rows, errand.app, progress, visitor=visitor, services=services, form_token=form_token
        )
    return await tell_accept(answer, services)


async def finish(
    errand: Errand, *, visitor: Visitor, services: Services, begin_session: BeginSession
) -> GoTo | PortalSignIn:
    """Sign in to the portal itself, if still nothing is missing; of two at once, one does."""
    async with services.store.writing() as rows:
        progress = await find(rows, errand, visitor=visitor, services=services, lock=True)
        if progress is None:
            return errand.beginning
        if progress.step is not None:
            return GoTo(errand.path(f"/login/{progress.step}"))
        await rows.sign_ins.end(progress.key_hash)
        return await write_portal(rows, progress, visitor=visitor, begin_session=begin_session)


async def write_portal(
    rows: Rows, progress: Progress, *, visitor: Visitor, begin_session: BeginSession
) -> PortalSignIn:
    """Begin the session of somebody who signs in to the portal itself, in the unit that found that
    nothing is missing.
    """
    user = progress.user
    await begin_session(rows, user.subject, user.epoch, acr=progress.acr, amr=progress.amr)
    await rows.audit.add(
        "portal.signed_in",
        at=visitor.now,
        actor=user.subject,
        subject=user.subject,
        detail={"amr": list(progress.amr)},
        origin=visitor.origin,
    )
    logs.step("portal.signed_in", user=user.email)
    return PortalSignIn(progress.errand.next_path)


async def write_accept(
    rows: Rows,
    app: AppRequest,
    progress: Progress,
    *,
    visitor: Visitor,
    services: Services,
    form_token: str = "",
) -> Answer:
    """Write the decision down, in the unit of whatever proved the rest."""
    user, request = progress.user, app.request
    app.flow.subject = user.subject
    settled = await settle(
        rows,
        app.flow,
        decision="accept",
        answer={"remember": progress.remember},
        visitor=visitor,
        form_token=form_token,
        may_be_first=True,
    )
    pending: tuple[Revocation, ...] = ()
    if progress.around.has_pending:
        pending = await rows.revocations.pending_for(user.subject, request.client.client_id)
    if settled.is_new:
        await _note_session(rows, app, progress, visitor, services)
        await rows.audit.add(
            "login.succeeded",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            client_id=request.client.client_id,
            detail={"decision_id": settled.decision_id, "amr": list(progress.amr)},
            origin=visitor.origin,
        )
    accept = AcceptLogin(
        subject=user.subject,
        acr=progress.acr,
        amr=progress.amr,
        context=context_for(user, settled.decision_id),
        **_remembered(progress, services),
    )
    return Answer(app=app, settled=settled, accept=accept, pending=pending, user=user)


async def tell_accept(answer: Answer, services: Services) -> RedirectTo:
    """Tell Ory what was written down, unless something speaks against it."""
    answer.settled.check()
    app = answer.app
    name = clean_name(app.request.client.client_name)
    logs.step("login.succeeded", app=name, user=answer.user.email)

    async def call() -> RedirectTo:
        for revocation in answer.pending:  # a late deletion would end the session that begins now
            if revocation.end_logins:
                await carry_out(revocation, services)
        return await services.ory.accept_login(app.request, answer.accept)

    return await tell(app.flow, call, services.store)


async def repeat(
    errand: Errand, form_token: str, *, visitor: Visitor, services: Services
) -> RedirectTo | None:
    """The same form a second time, as by a double click: the same is told again. ``None``: it is
    not that.
    """
    app = errand.app
    if app is None or not was_decided_by(app.flow, form_token, visitor=visitor):
        return None
    if app.flow.decision != "accept":
        raise AlreadyDecidedError(app.flow.request_url)
    async with services.store.writing() as rows:
        user = await rows.users.find(app.flow.subject or "")
        session = await rows.login_sessions.find(login_session_hash(app.request.session_id))
        if user is None or session is None or is_void(session, user):
            raise AlreadyDecidedError(app.flow.request_url)
        remember = bool((app.flow.answer or {}).get("remember"))
        around = await rows.sign_ins.surroundings(
            user.subject,
            epoch=user.epoch,
            client_id=app.request.client.client_id,
            browser_hash=visitor.browser_hash,
        )
        progress = Progress(
            errand=errand,
            key_hash="",
            user=user,
            amr=tuple(session.amr),
            remember=remember,
            around=around,
            required=session.acr,
        )
        answer = await write_accept(rows, app, progress, visitor=visitor, services=services)
    return await tell_accept(answer, services)


def context_for(user: User, decision_id: str) -> dict[str, Any]:
    """What Ory hands back at the consent step: small, because it travels inside addresses."""
    return {"epoch": user.epoch, "decision_id": decision_id}


def _remembered(progress: Progress, services: Services) -> dict[str, Any]:
    if progress.remember:
        return {"remember": True, "remember_for": services.settings.remember_login_for}
    if progress.around.has_void_session:
        return {"remember": True, "remember_for": REPLACING}
    return {"remember": False}


async def _note_session(
    rows: Rows, app: AppRequest, progress: Progress, visitor: Visitor, services: Services
) -> None:
    """What is said again on skip. A step-up goes on with the same session, as old as it is."""
    session_id = app.request.session_id
    if progress.session is not None:
        same = await rows.login_sessions.raise_level(
            progress.session, acr=progress.acr, amr=progress.amr, browser_hash=visitor.browser_hash
        )
        if not same:  # somebody ended it at this moment
            raise StaleSignInError(with_sign_in(app.request.request_url))
        return
    session = LoginSession(
        session_id_hash=login_session_hash(session_id),
        sealed_id=services.sealer.seal(session_id, SEALED_FOR),
        subject=progress.user.subject,
        acr=progress.acr,
        amr=list(progress.amr),
        authenticated_at=visitor.now,
        epoch=progress.user.epoch,
        remembered=progress.remember,
        browser_hash=visitor.browser_hash,
        address=visitor.origin.address,
        user_agent=visitor.origin.user_agent,
        last_used_at=visitor.now,
    )
    await rows.login_sessions.save(session)
