"""Whoever is signed in proves that it is them, by their password: counted like a sign-in."""

from portal import logs
from portal.i18n import gettext as _
from portal.passwords import PasswordTooLongError
from portal.services import Services, Visitor
from portal.store.tables import User
from portal.throttle import Attempt, Refused, admit, forgive_success, told_to_wait


async def check_own_password(
    services: Services, user: User, password: str, *, visitor: Visitor
) -> Refused | None:
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
            return told_to_wait(admission.wait)
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
    return Refused(_("The password is not right."), 422)
