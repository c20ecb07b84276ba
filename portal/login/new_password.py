"""The password is right but expired: it opens nothing but the form for another one."""

from typing import Final

import msgspec

from portal import logs
from portal.accounts import AccountError, check_password
from portal.accounts.errors import as_sentence
from portal.factors.levels import min_password_length
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.login.finishing import go_on
from portal.login.forms import NewPasswordForm
from portal.login.pages import NewPasswordPage
from portal.login.progress import Progress, find, keep
from portal.login.stepping import Outcome, arrive, place_of, problem_of, take
from portal.passwords import PasswordTooLongError
from portal.postbox import notify
from portal.services import Services, Visitor
from portal.store.tables import User
from portal.throttle import Refused

SAME: Final = N_("This is the password that you have. Please choose another one.")
EMPTY: Final = N_("Please type a new password.")
TOO_LONG: Final = N_("This password is too long.")


async def ask(challenge: str, next_path: str, *, visitor: Visitor, services: Services) -> Outcome:
    """Show the form."""
    progress = await arrive(
        "new-password", challenge, next_path, visitor=visitor, services=services
    )
    return _page(progress, services) if isinstance(progress, Progress) else progress


async def ask_again(form: NewPasswordForm, *, visitor: Visitor, services: Services) -> Outcome:
    """The same with a fresh token, because the old one does not fit; nothing is changed."""
    progress = await arrive(
        "new-password", form.login_challenge, form.next, visitor=visitor, services=services
    )
    if not isinstance(progress, Progress):
        return progress
    return _page(progress, services, Refused(visitor.why_stale, 403))


async def decide(form: NewPasswordForm, *, visitor: Visitor, services: Services) -> Outcome:
    """Set the password if it is a good one, and go on with the sign-in."""
    progress = await take("new-password", form, visitor=visitor, services=services)
    if not isinstance(progress, Progress):
        return progress
    problem = await _why_not(progress.user, form.password, services)
    if problem is not None:
        return _page(progress, services, Refused(problem, 422))
    await set_expired_password(progress, form.password, visitor=visitor, services=services)
    return await go_on(
        progress.errand, visitor=visitor, services=services, form_token=form.form_token
    )


async def set_expired_password(
    begun: Progress, password: str, *, visitor: Visitor, services: Services
) -> None:
    """Give the account its new password: no earlier sign-in counts, but this one goes on. What apps
    were allowed stays.
    """
    subject, new = begun.user.subject, await services.passwords.hash(password)
    async with services.store.writing() as rows:
        progress = await find(rows, begun.errand, visitor=visitor, services=services, lock=True)
        if progress is None or progress.step != "new-password" or progress.user.subject != subject:
            return  # another tab was faster, or somebody else signs in: what follows is seen next
        user = progress.user
        await rows.portal_sessions.delete_all(user.subject, but=None)
        await rows.mailed_links.void_all(user.subject)
        await rows.users.set_password(user.subject, password_hash=new, at=visitor.now)
        await rows.audit.add(
            "user.password_changed",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )
        await notify(
            rows, services, user, "password_changed", now=visitor.now, origin=visitor.origin
        )
        user.epoch += 1
        await keep(rows, progress, visitor=visitor)
    logs.step("user.password_changed", user=begun.user.email)


async def _why_not(user: User, password: str, services: Services) -> str | None:
    """What speaks against *password*; ``None``: nothing."""
    if not password:
        return _(EMPTY)
    try:
        check_password(
            password,
            email=user.email,
            min_length=min_password_length(user, services.settings),
        )
        with services.passwords.reserve() as place:
            same = await services.passwords.verify(user.password_hash, password, place=place)
    except PasswordTooLongError:
        return _(TOO_LONG)
    except AccountError as exc:
        return as_sentence(exc)
    return _(SAME) if same.matches else None


def _page(
    progress: Progress, services: Services, refused: Refused | None = None
) -> NewPasswordPage:
    page = NewPasswordPage(
        **place_of(progress),
        **problem_of(refused),
        email=progress.user.email,
        min_length=min_password_length(progress.user, services.settings),
    )
    if page.status != 422:
        return page
    return msgspec.structs.replace(page, error=None, problem=page.error)
