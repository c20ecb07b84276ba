"""What people look at and do on the security pages. Everything is theirs alone: it is looked for
under their own subject, and anybody else's does not exist.
"""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import msgspec

from portal import logs
from portal.accounts import AccountError, LastAdminError, WeakPasswordError, canonical_identifier
from portal.accounts.addresses import waiting_move
from portal.accounts.changes import require_another_admin
from portal.accounts.errors import as_sentence
from portal.accounts.own import (
    ChangedMeanwhileError,
    change_password,
    delete_own_account,
    sign_out_elsewhere,
)
from portal.accounts.reauthentication import check_own_password
from portal.factors.levels import is_enforced, min_password_length
from portal.factors.passkeys import offered
from portal.factors.standing import standing_of
from portal.grants import in_words
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.page import GoTo, NotThereError
from portal.passwords import PasswordTooLongError
from portal.revocations import try_now
from portal.security.activity import recent
from portal.security.forms import DeleteForm, EndForm, PasswordForm
from portal.security.pages import (
    ActivityPage,
    DeletePage,
    FactorView,
    PasswordPage,
    SecurityPage,
)
from portal.services import Services, Visitor
from portal.sessions import end_login_session, places, tell
from portal.store import Rows
from portal.store.tables import LoginSession, Passkey, TotpFactor, User

PATH: Final = "/account/security"
SOME: Final = 8
"""So many events are on the first page; all of them have a page of their own."""
PAGE: Final = 30
NAMED: Final = 5
NOTICES: Final = {
    "passkey-added": N_("Your passkey was added. Everywhere but here you have to sign in again."),
    "app-added": N_("Your app was added. Everywhere but here you have to sign in again."),
    "factor-renamed": N_("It has its new name."),
    "factor-removed": N_("It was removed. Everywhere but here you have to sign in again."),
    "ended": N_("Signed out there."),
    "ending": N_("Signed out there. It may take a moment until apps notice."),
    "untold": N_(
        "Signed out there: the next app that asks about you in that browser is told nothing before "
        "you sign in again."
    ),
    "over": N_("That sign-in was over already."),
    "elsewhere": N_(
        "Signed out everywhere else. The next time an app sends you here, you are asked to sign "
        "in, in this browser too."
    ),
    "password": N_(
        "Your password was changed. Everywhere but here you have to sign in again; your apps stay "
        "connected."
    ),
}
MISTYPED: Final = N_("This is not the address of your account. Type it as it is shown above.")
ASK_FOR_CURRENT: Final = N_("Type the password that you have now.")
LAST_ADMIN: Final = N_(
    "You are the only administrator here. Make somebody else one first; then you can delete your "
    "account."
)


async def show(
    user: User,
    *,
    this: str,
    notice: str = "",
    visitor: Visitor,
    services: Services,
    error: str | None = None,
) -> SecurityPage:
    """Everything at a glance. *this* is the hash of the session that asks; *error* is why a form in
    it was refused.
    """
    settings = services.settings
    async with services.store.reading() as rows:
        standing = await standing_of(rows, user.subject)
        where = await places(rows, user, this=this, visitor=visitor, settings=settings)
        move = await waiting_move(rows, user, now=visitor.now)
        activity, page = await recent(rows, user, after=None, limit=SOME)
    return SecurityPage(
        status=403 if error else 200,
        error=error,
        notice=_(NOTICES.get(notice, "")) or None,
        account=user.email,
        is_admin=user.admin,
        email=user.email,
        email_verified=user.email_verified,
        moving_to=move.to if move else None,
        has_password=user.password_hash is not None,
        password_set=user.password_set_at,
        passkeys=tuple(_factor(each) for each in standing.passkeys),
        apps=tuple(_factor(each) for each in standing.totp),
        codes_left=standing.codes_left,
        offers_passkeys=offered(settings),
        needs_second_factor=is_enforced(user, settings) and not standing.has_second_factor,
        places=where,
        activity=activity,
        more_activity=page.next is not None,
    )


async def show_activity(user: User, *, after: str, services: Services) -> ActivityPage:
    """What happened, from the event *after* on. The events of others are no place to go on from."""
    async with services.store.reading() as rows:
        place = await rows.audit.find(after) if after else None
        if after and (place is None or place.subject != user.subject):
            raise NotThereError
        position = (place.occurred_at, place.id) if place else None
        activity, page = await recent(rows, user, after=position, limit=PAGE)
    following = f"{PATH}/activity?{urlencode({'after': page.next[1]})}" if page.next else None
    return ActivityPage(
        account=user.email,
        is_admin=user.admin,
        activity=activity,
        next_url=following,
        is_first=not after,
    )


async def end_one(form: EndForm, user: User, *, visitor: Visitor, services: Services) -> GoTo:
    """End one sign-in, here at once; one of Ory's at once or as soon as Ory can be reached."""
    ended: LoginSession | None = None
    async with services.store.writing() as rows:
        if form.kind == "portal":
            found = await rows.portal_sessions.delete_one(form.handle, user.subject)
        else:
            ended = await end_login_session(rows, form.handle, user.subject, now=visitor.now)
            found = ended is not None or await _was_ended(rows, form.handle, user)
        if not found:
            raise NotThereError
        if form.kind == "portal" or ended is not None:
            await rows.audit.add(
                "session.ended",
                at=visitor.now,
                actor=user.subject,
                subject=user.subject,
                detail={"kind": form.kind},
                origin=visitor.origin,
            )
    if form.kind == "login" and ended is None:
        return GoTo(f"{PATH}?notice=over")
    logs.step("session.ended", user=user.email)
    if ended is None:
        return GoTo(f"{PATH}?notice=ended")
    if ended.sealed_id is None:
        return GoTo(f"{PATH}?notice=untold")
    return GoTo(f"{PATH}?notice={'ended' if await tell(ended, services) else 'ending'}")


async def end_others(
    user: User, *, this: str, visitor: Visitor, services: Services
) -> SecurityPage | GoTo:
    """Sign out everywhere but here; apps keep what they were allowed."""
    try:
        revocation = await sign_out_elsewhere(services, user, kept=this, visitor=visitor)
    except ChangedMeanwhileError as exc:
        page = await show(user, this=this, visitor=visitor, services=services)
        return msgspec.structs.replace(page, status=409, error=as_sentence(exc))
    await try_now(revocation, services)
    return GoTo(f"{PATH}?notice=elsewhere")


def ask_for_password(user: User, *, services: Services, error: str | None = None) -> PasswordPage:
    """The form for another password; *error* is why the same form came back."""
    return PasswordPage(
        status=403 if error else 200,
        error=error,
        email=user.email,
        has_password=user.password_hash is not None,
        min_length=min_password_length(user, services.settings),
    )


async def set_own_password(
    form: PasswordForm, user: User, *, this: str, visitor: Visitor, services: Services
) -> PasswordPage | GoTo:
    """Change the password, if the old one is known; where there is none, set the first."""
    page = ask_for_password(user, services=services)
    if user.password_hash is not None:
        if not form.current_password:
            return msgspec.structs.replace(page, status=422, current_problem=_(ASK_FOR_CURRENT))
        refused = await check_own_password(services, user, form.current_password, visitor=visitor)
        if refused is not None:
            return msgspec.structs.replace(
                page,
                status=refused.status,
                retry_after=refused.retry_after,
                current_problem=refused.error,
            )
    try:
        revocation = await change_password(
            services, user, password=form.password, kept=this, visitor=visitor
        )
    except ChangedMeanwhileError as exc:
        return msgspec.structs.replace(page, status=409, error=as_sentence(exc))
    except (WeakPasswordError, PasswordTooLongError) as exc:
        return msgspec.structs.replace(page, status=422, problem=as_sentence(exc))
    await try_now(revocation, services)
    return GoTo(f"{PATH}?notice=password")


async def ask_to_delete(
    user: User, *, visitor: Visitor, services: Services, error: str | None = None
) -> DeletePage:
    """What it would mean to delete the account, in numbers; and the question."""
    settings = services.settings
    async with services.store.writing() as rows:
        grants = [g for g in await rows.grants.of_subject(user.subject) if g.revoked_at is None]
        standing = await standing_of(rows, user.subject)
        where = await places(rows, user, this=None, visitor=visitor, settings=settings)
        refusal = await _why_not_delete(rows, user)
    return DeletePage(
        status=403 if error else 200,
        error=error,
        email=user.email,
        app_names=tuple(grant.client_name for grant in grants[:NAMED]),
        app_count=len(grants),
        sign_in_count=len(where),
        factor_count=len(standing.passkeys) + len(standing.totp),
        kept_for=in_words(timedelta(seconds=settings.keep_audit)),
        refusal=refusal,
    )


async def delete(
    form: DeleteForm, user: User, *, visitor: Visitor, services: Services
) -> DeletePage | GoTo:
    """Delete the account, if its address was typed: here at once, at Ory as soon as it can be
    reached.
    """
    if canonical_identifier(form.email) != user.email:
        page = await ask_to_delete(user, visitor=visitor, services=services)
        return msgspec.structs.replace(
            page, status=422, typed=form.email[:320], problem=_(MISTYPED)
        )
    try:
        revocation = await delete_own_account(services, user, visitor=visitor)
    except LastAdminError:
        page = await ask_to_delete(user, visitor=visitor, services=services)
        return msgspec.structs.replace(page, status=409, refusal=_(LAST_ADMIN))
    except AccountError as exc:
        page = await ask_to_delete(user, visitor=visitor, services=services)
        return msgspec.structs.replace(page, status=409, error=as_sentence(exc))
    await try_now(revocation, services)
    return GoTo("/goodbye")


async def _why_not_delete(rows: Rows, user: User) -> str | None:
    try:
        await require_another_admin(rows, user)
    except LastAdminError:
        return _(LAST_ADMIN)
    return None


async def _was_ended(rows: Rows, handle: str, user: User) -> bool:
    """Whether it was the person's, and is over already."""
    session = await rows.login_sessions.find(handle)
    return session is not None and session.subject == user.subject


def _factor(factor: Passkey | TotpFactor) -> FactorView:
    is_passkey = isinstance(factor, Passkey)
    return FactorView(
        kind="passkey" if is_passkey else "totp",
        id=factor.credential_id if isinstance(factor, Passkey) else factor.id,
        name=factor.name,
        added=factor.created_at,
        last_used=factor.last_used_at,
    )
