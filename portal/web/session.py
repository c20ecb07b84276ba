"""The portal session: who is signed in to ``/account`` and ``/admin``. Apps' sign-ins know nothing
of it (ADR 0007).

Ids are 256 random bits, only ever issued here, stored as hashes, and new at each sign-in. Every
request compares the session with the user: enabled, same epoch, same role.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from portal import i18n
from portal.factors.levels import AAL1, AAL2, acr_of, combined, is_enforced, satisfies
from portal.factors.standing import standing_of
from portal.page import is_local
from portal.services import Services
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import PortalSession, User
from portal.web.cookies import SESSION, id_hash, new_id
from portal.web.inputs import AnyRequest
from portal.web.visit import Visit, visit

SEEN_EVERY: Final = timedelta(seconds=60)
POLLING: Final = "Polling"
"""The header of requests that a page makes by itself: they do not show that somebody is there."""
HOME: Final = "/account/apps"
"""Where a sign-in to the portal leads when nothing else was wanted."""


class NotSignedInError(Exception):
    """The page needs a portal session; ``next_path`` leads back to it."""

    def __init__(self, next_path: str) -> None:
        super().__init__("not signed in")
        self.next_path = next_path


class Person(msgspec.Struct, frozen=True):
    """Who is signed in to the portal, since when, and by what."""

    user: User
    authenticated_at: datetime
    acr: str = AAL1
    amr: tuple[str, ...] = ()
    session_id_hash: str = ""


async def find_person(request: AnyRequest) -> Person | None:
    """Whoever the session cookie stands for, if that session still counts."""
    current = visit(request)
    if current.session_id is None:
        return None
    services: Services = request.app.state.services
    session_hash = id_hash(current.session_id)
    async with services.store.reading() as rows:
        found = await rows.portal_sessions.find(session_hash)
    if found is None or not _counts(*found, now=current.visitor.now, settings=services.settings):
        return None
    session, user = found
    i18n.heed_person(user.profile.get("locale"))
    is_somebody = POLLING not in request.headers
    if is_somebody and current.visitor.now - session.seen_at > SEEN_EVERY:
        async with services.store.writing() as rows:
            await rows.portal_sessions.touch(session_hash, current.visitor.now)
    return Person(
        user, session.authenticated_at, session.acr, tuple(session.amr), session.session_id_hash
    )


class NewSession:
    """A session that begins: :meth:`begin` it in the unit that says so, then :meth:`hand_out` its
    new id. One that this browser had before ends.
    """

    def __init__(self, request: AnyRequest) -> None:
        self._visit = visit(request)
        self._id = new_id()

    async def begin(
        self, rows: Rows, subject: str, epoch: int, *, acr: str, amr: Collection[str]
    ) -> None:
        """Write it down."""
        before = self._visit.session_id
        now, origin = self._visit.visitor.now, self._visit.visitor.origin
        if before is not None:
            await rows.portal_sessions.delete(id_hash(before))
        await rows.portal_sessions.add(
            PortalSession(
                session_id_hash=id_hash(self._id),
                subject=subject,
                epoch=epoch,
                acr=acr,
                amr=list(amr),
                authenticated_at=now,
                seen_at=now,
                address=origin.address,
                user_agent=origin.user_agent,
            )
        )

    def hand_out(self) -> None:
        """Give the browser its id, after the commit."""
        _hand_out(self._visit, self._id)


async def renew(request: AnyRequest, *, proved: Collection[str] = ()) -> None:
    """Go on under a new id, because what the person signs in with was changed.

    The session is the same otherwise: as old, of the account's epoch as it is now, and worth what
    it was, together with what was *proved* just now (``amr``).
    """
    current = visit(request)
    if current.session_id is None:
        return
    services: Services = request.app.state.services
    session_id, before = new_id(), id_hash(current.session_id)
    async with services.store.writing() as rows:
        found = await rows.portal_sessions.find(before)
        if found is None or not await rows.portal_sessions.delete(before):
            return
        session, user = found
        session.session_id_hash, session.epoch = id_hash(session_id), user.epoch
        if proved:
            session.amr = list(combined(session.amr, proved))
            session.acr = acr_of(session.amr)
        await rows.portal_sessions.add(session)
    _hand_out(current, session_id)


def _hand_out(current: Visit, session_id: str) -> None:
    current.session_id = session_id
    cookie = current.web.cookies.write(SESSION, session_id)
    current.set_cookies[:] = [other for other in current.set_cookies if other.key != cookie.key]
    current.set_cookies.append(cookie)


async def sign_out(request: AnyRequest) -> None:
    """End the session of this browser, here and in the browser."""
    current = visit(request)
    if current.session_id is None:
        return
    services: Services = request.app.state.services
    async with services.store.writing() as rows:
        await rows.portal_sessions.delete(id_hash(current.session_id))
    current.session_id = None
    current.set_cookies.append(current.web.cookies.remove(SESSION))


async def signed_in(connection: ASGIConnection, _: BaseRouteHandler) -> None:  # type: ignore[type-arg]  # generic over app types we do not use
    """Guard: the page needs somebody signed in to the portal, as strongly as they have to."""
    request: AnyRequest = AnyRequest(connection.scope)
    person = await find_person(request)
    if person is None or _is_too_weak(person, request.app.state.services.settings):
        raise NotSignedInError(f"/login?next={quote(_way_back(connection))}")
    connection.scope["state"]["person"] = person


def _way_back(connection: ASGIConnection) -> str:  # type: ignore[type-arg]  # as above
    """The page that was wanted; where something was posted, the pages around it."""
    scope = connection.scope
    path = str(scope["path"])
    if scope.get("method") not in ("GET", "HEAD"):
        return "/" + path.split("/")[1]
    query = scope["query_string"].decode("ascii", "replace")
    return f"{path}?{query}" if query else path


async def is_admin(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]  # as above
    """Guard: the page is for administrators; the role is read anew for each request."""
    await signed_in(connection, handler)
    if not person_of(connection).user.admin:
        raise PermissionDeniedException


def require_recent(request: AnyRequest, way_back: str) -> None:
    """Who did not sign in within ``recent_sign_in`` does it again, and comes to *way_back* then.

    Whoever it is, administrator or not: an idle limit alone does not prove who sits there now.
    """
    services: Services = request.app.state.services
    age = visit(request).visitor.now - person_of(request).authenticated_at
    if age > timedelta(seconds=services.settings.recent_sign_in):
        raise NotSignedInError(f"/login?next={quote(way_back)}")


async def require_owner(request: AnyRequest, way_back: str) -> None:
    """Who signed in a moment ago; with a second factor, if they have one: whoever knows but the
    password must not change what an account is opened by (NIST SP 800-63B-4, 4.1.2.1).
    """
    require_recent(request, way_back)
    person = person_of(request)
    if satisfies(person.acr, AAL2) or person.user.password_hash is None:
        return
    services: Services = request.app.state.services
    async with services.store.reading() as rows:
        standing = await standing_of(rows, person.user.subject)
    if standing.has_second_factor:
        raise NotSignedInError(f"/login?next={quote(way_back)}")


def person_of(connection: ASGIConnection) -> Person:  # type: ignore[type-arg]  # as above
    """Whoever the guard let in."""
    person: Person = connection.scope["state"]["person"]
    return person


def _is_too_weak(person: Person, settings: Settings) -> bool:
    """A second factor was demanded of them after they signed in without one."""
    return is_enforced(person.user, settings) and not satisfies(person.acr, AAL2)


def _counts(session: PortalSession, user: User, *, now: datetime, settings: Settings) -> bool:
    """Idle and absolute limits; shorter for administrators, whose sessions are worth more."""
    idle = settings.admin_idle if user.admin else settings.session_idle
    lifetime = settings.admin_lifetime if user.admin else settings.session_lifetime
    return (
        user.disabled_at is None
        and session.epoch == user.epoch
        and now - session.seen_at <= timedelta(seconds=idle)
        and now - session.authenticated_at <= timedelta(seconds=lifetime)
    )


def local_path(wanted: str | None) -> str:
    """*wanted* if it is one of the pages that need a session, else the connected apps. Never
    another host.
    """
    path = (wanted or "").partition("?")[0]
    inside = any(path == root or path.startswith(root + "/") for root in ("/account", "/admin"))
    return wanted if wanted and inside and is_local(wanted) else HOME
