"""Who is it? One password check per try, the same for every kind of account (security: enumeration,
guessing).

Unknown, disabled and passwordless accounts cost one verification like any other and get the same
refusal; while hashes of several kinds are stored, it comes when the slowest kind would be done.
"""

import asyncio
import time
from typing import Final

import msgspec

from portal import logs
from portal.accounts import canonical_identifier
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.passwords import OverloadedError, PasswordTooLongError, Place, Verdict
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.tables import User
from portal.throttle import (
    WATCH,
    Admission,
    Attempt,
    Refused,
    admit,
    forgive_success,
    told_to_wait,
)

WRONG: Final = N_("The e-mail address or the password is not right.")


class Authenticated(msgspec.Struct, frozen=True):
    """The password fits *user*, who may sign in; ``attempt`` is to be forgiven with the
    decision.
    """

    user: User
    attempt: Attempt
    admission: Admission


async def authenticate(
    email: str, password: str, *, visitor: Visitor, services: Services
) -> Authenticated | Refused:
    """Check *password* for *email*.

    Raises :class:`portal.passwords.OverloadedError` before anything is counted or looked up.
    """
    attempt = Attempt(
        account=canonical_identifier(email),
        browser_hash=visitor.browser_hash,
        origin=visitor.origin,
    )
    with services.passwords.reserve() as place:
        return await _check(attempt, password, place, visitor=visitor, services=services)


async def _check(
    attempt: Attempt, password: str, place: Place, *, visitor: Visitor, services: Services
) -> Authenticated | Refused:
    begun = time.perf_counter()

    async def look(rows: Rows) -> tuple[Admission, User | None]:
        admission = await admit(rows, attempt, now=visitor.now.timestamp())
        return admission, None if admission.wait else await rows.users.find_by_email(
            attempt.account
        )

    admission, user = await services.store.at_once(look)
    if admission.wait:
        logs.step("login.throttled", origin=visitor.origin.address)
        WATCH.count("throttled")
        return told_to_wait(admission.wait)
    asked = time.perf_counter()
    verdict = await _verify(user, password, place, services)
    if user is None or user.disabled_at is not None or not verdict.matches:
        WATCH.count("failed")
        await _record_failure(user, visitor, services)
        await _wait_for_the_slowest(begun + verdict.started - asked, services)
        return Refused(_(WRONG), 401)
    WATCH.count("succeeded")
    if verdict.needs_rehash:
        await _rehash(user, password, services)
    return Authenticated(user, attempt, admission)


async def record_success(rows: Rows, who: Authenticated, *, visitor: Visitor) -> None:
    """Take the count back and know this browser from now on; in the transaction of the
    decision.
    """
    await forgive_success(rows, who.attempt, who.admission)
    if visitor.browser_hash is not None:
        await rows.browsers.remember(who.attempt.account_hash, visitor.browser_hash, visitor.now)


async def _verify(user: User | None, password: str, place: Place, services: Services) -> Verdict:
    stored = user.password_hash if user and user.disabled_at is None else None
    try:
        verdict = await services.passwords.verify(stored, password, place=place)
    except PasswordTooLongError:
        return await services.passwords.verify(None, "", place=place)
    if verdict.corrupt and user is not None:
        logs.alarm("password.corrupt", subject=user.subject)
    return verdict


async def _record_failure(user: User | None, visitor: Visitor, services: Services) -> None:
    logs.step("login.failed", origin=visitor.origin.address)
    async with services.store.writing() as rows:
        await rows.audit.add(
            "login.failed",
            at=visitor.now,
            actor=None,
            subject=user.subject if user else None,
            origin=visitor.origin,
        )


async def _wait_for_the_slowest(begun: float, services: Services) -> None:
    """Answer when the dearest kind of hash that is stored would have been verified, too.

    Without a processor, and without a place in the queue; *begun* leaves out the time that was
    spent in it, so that a queue hides nothing.
    """

    async def stored() -> tuple[str, ...]:
        async with services.store.reading() as rows:
            return await rows.password_kinds.list_stored()

    usual = await services.passwords.usual_time(stored)
    await asyncio.sleep(max(0.0, begun + usual - time.perf_counter()) if usual else 0.0)


async def _rehash(user: User, password: str, services: Services) -> None:
    """Bring an old hash to today's parameters, unless the password changed meanwhile."""
    if user.password_hash is None:
        return
    try:
        new = await services.passwords.hash(password)
    except OverloadedError:
        return  # another time: whoever knows the password is not kept out for this
    async with services.store.writing() as rows:
        await rows.users.replace_hash(user.subject, old=user.password_hash, new=new)
