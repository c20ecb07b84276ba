"""Where somebody is signed in, here and at Ory, and how that ends.

Ory has no list of login sessions, so what is shown is what was written down when Ory was told of
a sign-in. One that was ended counts no more from the commit on, whatever Ory remembers; Ory is
told at once or as soon as it can be reached, and once more when every accept that was on its way
must have arrived: until then a browser could bring such a session back (hydra-contract 4.3).
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

from portal import logs, throttle
from portal.decisions import half_done_key, new_decision_id
from portal.factors import guesses
from portal.grants import FIRST_TRY_AFTER
from portal.origin import browser_in_words
from portal.ory.errors import OryError
from portal.sealing import UnsealableError
from portal.services import Services, Visitor
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import LoginSession, PortalSession, Revocation, User

SEALED_FOR: Final = "login session"
"""The purpose for which Ory's ``session_id`` is sealed."""
RECENT: Final = timedelta(days=1)
"""So long a sign-in is listed that Ory was not told to remember."""
GRACE: Final = timedelta(minutes=5)
LEASE: Final = timedelta(seconds=30)
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=10)
AT_ONCE: Final = 20
Kind = Literal["portal", "login"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place where somebody is signed in, or was until a moment ago."""

    kind: Kind
    """``portal``: to these pages; ``login``: to apps, by Ory's login session."""
    handle: str
    """The hash of its id."""
    browser: str
    """In words: "Chrome on Windows"."""
    address: str
    since: datetime
    last_used: datetime
    is_here: bool = False
    """In the browser that asks."""
    remembered: bool = True
    """Whether the browser stays signed in."""
    ending: bool = False
    """It was ended, and Ory has yet to confirm that."""
    can_be_told: bool = True
    """Ory can be told to end it alone."""


async def places(
    rows: Rows, user: User, *, this: str | None, visitor: Visitor, settings: Settings
) -> tuple[Place, ...]:
    """Where *user* is signed in: this browser first, then what was used last. *this* is the hash of
    the portal session that asks.
    """
    here = await rows.portal_sessions.of_subject(user.subject)
    at_ory = await rows.login_sessions.of_subject(user.subject)
    found = [_here(each, this) for each in here if _counts(each, user, visitor.now, settings)]
    found += [_at_ory(each, visitor) for each in at_ory if _is_shown(each, user, visitor.now)]
    found.sort(key=lambda place: (place.is_here, place.last_used), reverse=True)
    return tuple(found)


async def end_elsewhere(rows: Rows, subject: str, *, but: str | None, now: datetime) -> Revocation:
    """End every sign-in of *subject* but the portal session whose hash is *but*; what apps were
    allowed stays. Commit, then carry the deletion at Ory out.

    A sign-in that Ory has accepted and whose browser is on its way back is ended as well: the
    consent step looks at its row. Where no row may count, whoever calls this begins a new epoch.
    """
    await rows.portal_sessions.delete_all(subject, but=but)
    await rows.sign_ins.end_all(subject)
    await rows.login_sessions.end_all(subject, at=now, due_at=now + FIRST_TRY_AFTER)
    revocation = Revocation(
        id=new_decision_id(),
        subject=subject,
        end_logins=True,
        keep_grants=True,
        reason="signed out",
        revoked_at=now,
        state="pending",
        due_at=now + FIRST_TRY_AFTER,
    )
    await rows.revocations.add(revocation)
    return revocation


async def know_only(rows: Rows, user: User, visitor: Visitor) -> None:
    """Let no browser be the owner's own any more but the one that asks."""
    await throttle.forget_browsers(rows, user.email)
    await guesses.forget_browsers(rows, user.subject, but=visitor.browser_hash)
    if visitor.browser_hash is not None:
        attempt = throttle.Attempt(
            account=user.email, browser_hash=visitor.browser_hash, origin=visitor.origin
        )
        await rows.browsers.remember(attempt.account_hash, visitor.browser_hash, visitor.now)


async def give_up(rows: Rows, visitor: Visitor, challenge: str = "") -> None:
    """End what this browser has proved for a sign-in, which is not to be finished; without a
    *challenge* for that to the portal itself. Whoever comes to the browser next finds nothing.
    """
    if visitor.browser_hash is not None:
        await rows.sign_ins.end(half_done_key(challenge, visitor))


async def end_login_session(
    rows: Rows, session_id_hash: str, subject: str, *, now: datetime
) -> LoginSession | None:
    """End one of Ory's login sessions, if it is *subject*'s and counts. Commit, then :func:`tell`
    Ory.
    """
    due_at = now + FIRST_TRY_AFTER
    return await rows.login_sessions.end_one(session_id_hash, subject, at=now, due_at=due_at)


async def tell_ended(services: Services, *, now: datetime) -> bool:
    """Tell Ory what has ended and is due: the background's work. Whether there is more to do at
    once.
    """
    async with services.store.writing() as rows:
        due = await rows.login_sessions.claim_ended(now=now, limit=AT_ONCE, lease=LEASE)
    for session in due:
        if not await tell(session, services):
            return False
    return len(due) == AT_ONCE


async def tell(session: LoginSession, services: Services) -> bool:
    """Have Ory end *session*, or put it off: whether there is nothing to wait for."""
    ended_at = session.ended_at
    session_id = _opened(session, services)
    if ended_at is None or session_id is None:
        async with services.store.writing() as rows:
            await rows.login_sessions.set_end(session, due_at=None, confirmed_at=None)
        return True
    try:
        await services.ory.end_login_session(session_id)
    except OryError as exc:
        logs.problem("session.postponed", reason=type(exc).__name__)
        now = datetime.now(UTC)
        async with services.store.writing() as rows:
            await rows.login_sessions.set_end(
                session,
                due_at=now + min(LONGEST_WAIT, max(FIRST_WAIT, now - ended_at)),
                confirmed_at=session.end_confirmed_at,
            )
        return False
    now = datetime.now(UTC)
    arrived = ended_at + timedelta(seconds=services.settings.challenge_ttl) + GRACE
    due_at = arrived if now < arrived else None
    async with services.store.writing() as rows:
        await rows.login_sessions.set_end(session, due_at=due_at, confirmed_at=now)
    return True


def _opened(session: LoginSession, services: Services) -> str | None:
    """Ory's id of it; ``None`` if that was not kept, or cannot be read any more."""
    if session.sealed_id is None:
        return None
    try:
        return services.sealer.open(session.sealed_id, SEALED_FOR)
    except UnsealableError:
        logs.problem("session.unsealable", reason="the key is gone")
        return None


def _counts(session: PortalSession, user: User, now: datetime, settings: Settings) -> bool:
    """Whether the next request in it would find somebody signed in."""
    idle = settings.admin_idle if user.admin else settings.session_idle
    lifetime = settings.admin_lifetime if user.admin else settings.session_lifetime
    return (
        session.epoch == user.epoch
        and now - session.seen_at <= timedelta(seconds=idle)
        and now - session.authenticated_at <= timedelta(seconds=lifetime)
    )


def _here(session: PortalSession, this: str | None) -> Place:
    return Place(
        kind="portal",
        handle=session.session_id_hash,
        browser=browser_in_words(session.user_agent),
        address=session.address,
        since=session.authenticated_at,
        last_used=session.seen_at,
        is_here=session.session_id_hash == this,
    )


def _at_ory(session: LoginSession, visitor: Visitor) -> Place:
    same = visitor.browser_hash is not None and session.browser_hash == visitor.browser_hash
    return Place(
        kind="login",
        handle=session.session_id_hash,
        browser=browser_in_words(session.user_agent),
        address=session.address,
        since=session.authenticated_at,
        last_used=session.last_used_at,
        is_here=same,
        remembered=session.remembered,
        ending=session.ended_at is not None,
        can_be_told=session.sealed_id is not None,
    )


def _is_shown(session: LoginSession, user: User, now: datetime) -> bool:
    """What counts and is remembered or was used lately; and what Ory has yet to hear the end of."""
    if session.ended_at is not None:
        return session.end_due_at is not None and session.end_confirmed_at is None
    lately = now - session.last_used_at < RECENT
    return session.epoch == user.epoch and (session.remembered or lately)
