"""Whoever is signed in proves that it is them, by their password: counted like a sign-in."""

import math

import msgspec

from portal import logs
from portal.passwords import PasswordTooLongError
from portal.services import Services, Visitor
from portal.store.tables import User
from portal.throttle import Attempt, admit, forgive_success, please_wait


class NotProven(msgspec.Struct, frozen=True):
    """Why it is not accepted, for the person; ``status`` and ``retry_after`` of the page."""

    error: str
    status: int
    retry_after: int | None = None


async def check_own_password(
    services: Services, user: User, password: str, *, visitor: Visitor
) -> NotProven | None:
    """Check *user*'s own password; ``None``: it is right.

    A stolen session guesses no faster than a stranger at the sign-in page. Raises
    :class:`portal.passwords.OverloadedError` before anything is counted.
    """
    attempt = Attempt(account=user.email, browser_hash=visitor.browser_hash, origin=visitor.origin)
    with services.passwords.reserve() as place:
        async with services.store.writing() as rows:
            admission = await admit(rows, attempt, now=visitor.now.timestamp())
        if admission.wait:
            logs.step("login.throttled", origin=visitor.origin.address)
            seconds = math.ceil(admission.wait)
            return NotProven(please_wait(seconds), 429, retry_after=seconds)
        try:
            verdict = await services.passwords.verify(user.password_hash, password, place=place)
        except PasswordTooLongError:
            verdict = await services.passwords.verify(None, "", place=place)
    if verdict.corrupt:
        logs.alarm("password.corrupt", subject=user.subject)
    async with services.store.writing() as rows:
        if verdict.matches:
            await forgive_success(rows, attempt, admission)
            return None
        await rows.audit.add(
            "login.failed",
            at=visitor.now,
            actor=None,  # who does not know the password need not be whose session it is
            subject=user.subject,
            detail={"at": "own password"},
            origin=visitor.origin,
        )
    logs.step("login.failed", origin=visitor.origin.address)
    return NotProven("The password is not right.", 422)
