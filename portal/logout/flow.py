"""The logout step: signing out at Ory ends single sign-on in this browser (hydra-contract 4.4)."""

import msgspec

from portal import logs
from portal.apps import AppView
from portal.decisions import LinkExpiredError, fetch, login_session_hash
from portal.i18n import gettext as _
from portal.logout.forms import LogoutForm
from portal.logout.pages import DonePage, LogoutPage
from portal.ory.errors import ChallengeUsedError
from portal.ory.models import LogoutRequest, RedirectTo
from portal.services import Services, Visitor
from portal.sessions import give_up
from portal.store.tables import User


class SignedOut(msgspec.Struct, frozen=True):
    """Ory has been told; the controller ends a portal session of the same person."""

    subject: str
    outcome: RedirectTo


Outcome = LogoutPage | DonePage | SignedOut


async def begin(challenge: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Ask, unless the operator said for this app not to."""
    try:
        request = await fetch(services.ory.get_logout_request, challenge, services.store)
    except LinkExpiredError as exc:
        if isinstance(exc.__cause__, ChallengeUsedError):
            return DonePage(
                title=_("You are already signed out"),
                message=_("There is nothing left to do. You can close this page."),
            )
        raise
    if request.client is not None and request.client.skip_logout_consent:
        return await _accept(request, visitor=visitor, services=services)
    return await _page(request, challenge, visitor=visitor, services=services)


async def decide(form: LogoutForm, *, visitor: Visitor, services: Services) -> DonePage | SignedOut:
    """Sign out, or stay."""
    request = await fetch(services.ory.get_logout_request, form.logout_challenge, services.store)
    if form.action == "accept":
        return await _accept(request, visitor=visitor, services=services)
    await services.ory.reject_logout(request)
    app = _app(request)
    logs.step("logout.cancelled", app=_name(app))
    return DonePage(
        title=_("You are still signed in"),
        message=_("Nothing was changed. You can go back to where you were, or close this page."),
        app=app,
    )


async def ask_again(form: LogoutForm, *, visitor: Visitor, services: Services) -> LogoutPage:
    """The same question with a fresh token, because the old one does not fit."""
    if not form.logout_challenge:
        return LogoutPage(status=403, error=visitor.why_stale)
    request = await fetch(services.ory.get_logout_request, form.logout_challenge, services.store)
    page = await _page(request, form.logout_challenge, visitor=visitor, services=services)
    return msgspec.structs.replace(page, status=403, error=visitor.why_stale)


def signed_out() -> DonePage:
    """What somebody sees who left the portal's own pages."""
    return DonePage(
        title=_("You are signed out of these pages"),
        message=_(
            "Apps may still let you in from this browser without a password: sign out there too."
        ),
    )


async def leave(user: User | None, *, visitor: Visitor, services: Services) -> None:
    """Write down that somebody left the portal's own pages; no app is concerned. What is half done
    ends as well.
    """
    async with services.store.writing() as rows:
        await give_up(rows, visitor)
        if user is None:
            return
        await rows.audit.add(
            "logout.completed",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )
    logs.step("logout.completed", user=user.email)


async def _accept(request: LogoutRequest, *, visitor: Visitor, services: Services) -> SignedOut:
    async with services.store.writing() as rows:
        await give_up(rows, visitor)
        await rows.audit.add(
            "logout.completed",
            at=visitor.now,
            actor=request.subject,
            subject=request.subject,
            client_id=request.client.client_id if request.client else None,
            origin=visitor.origin,
        )
    outcome = await services.ory.accept_logout(request)
    logs.step("logout.completed", app=_name(_app(request)))
    return SignedOut(request.subject, outcome)


async def _page(
    request: LogoutRequest, challenge: str, *, visitor: Visitor, services: Services
) -> LogoutPage:
    app = _app(request)
    logs.step("logout.shown", app=_name(app))
    account = await _account(request, visitor=visitor, services=services)
    return LogoutPage(challenge=challenge, app=app, account=account)


async def _account(request: LogoutRequest, *, visitor: Visitor, services: Services) -> str | None:
    """Who is signed out; told to nobody but the browser that signed in (ADR 0010)."""
    if not request.sid or visitor.browser_hash is None:
        return None
    async with services.store.reading() as rows:
        session = await rows.login_sessions.find(login_session_hash(request.sid))
        if session is None or session.browser_hash != visitor.browser_hash:
            return None
        user = await rows.users.find(session.subject)
    return user.email if user else None


def _app(request: LogoutRequest) -> AppView | None:
    return AppView.of(request.client) if request.client else None


def _name(app: AppView | None) -> str | None:
    return app.name if app else None
