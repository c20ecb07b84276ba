"""What people do to their own accounts: another password, signed out elsewhere, an account deleted.

From the commit on nothing counts that was there before, by a new epoch of the account; Ory is told
after it.
"""

from datetime import datetime
from typing import Final

from portal import links, logs, postbox, throttle
from portal.accounts.changes import end_everything, get_user, new_hash, require_another_admin
from portal.accounts.errors import AccountError
from portal.factors import FactorError
from portal.factors.changes import ACCOUNT_CHANGED
from portal.factors.levels import min_password_length
from portal.factors.reset import remove_all
from portal.grants import FIRST_TRY_AFTER
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.origin import Origin
from portal.revocations import try_now
from portal.services import Services, Visitor
from portal.sessions import end_elsewhere, know_only
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.tables import Revocation, User

CHANGED: Final = N_(
    "Your account was changed meanwhile, so nothing was done. Please sign in again."
)


class GoOnAlone:
    """What settles a change of second factors (:data:`portal.factors.changes.Settle`): of all
    sign-ins, the portal session of the hash *kept* alone goes on, in a new epoch. What apps were
    allowed stays. Commit, then :meth:`carry_out` the deletion at Ory.
    """

    def __init__(self, kept: str, visitor: Visitor) -> None:
        self._kept = kept
        self._visitor = visitor
        self._revocation: Revocation | None = None

    async def __call__(self, rows: Rows, before: User, _changed: tuple[str, ...]) -> None:
        if await rows.portal_sessions.find(self._kept) is None:
            raise FactorError(_(ACCOUNT_CHANGED))  # somebody ended it a moment ago
        await rows.users.end_sign_ins(before.subject, self._visitor.now)
        self._revocation = await _go_on_alone(rows, before, kept=self._kept, visitor=self._visitor)

    async def carry_out(self, services: Services) -> None:
        """Tell Ory, now or by the outbox."""
        if self._revocation is not None:
            await try_now(self._revocation, services)


class ChangedMeanwhileError(AccountError):
    """The sign-in that asks does not count any more."""

    def __init__(self) -> None:
        super().__init__(CHANGED)

    def __str__(self) -> str:
        """For the person: no command can bring it about."""
        return self.sentence


async def change_password(
    services: Services, user: User, *, password: str, kept: str, visitor: Visitor
) -> Revocation:
    """Give *user* another password; of all sign-ins, the portal session of the hash *kept* alone
    goes on. What apps were allowed stays. Commit is done: carry the deletion at Ory out.
    """
    new = await new_hash(
        services.passwords,
        password,
        email=user.email,
        min_length=min_password_length(user, services.settings),
        allow_weak=False,
    )
    async with services.store.writing() as rows:
        before = await lock_own(rows, user)
        await rows.users.set_password(user.subject, password_hash=new, at=visitor.now)
        revocation = await _go_on_alone(rows, before, kept=kept, visitor=visitor)
        await throttle.forgive(rows, user.email)
        await rows.audit.add(
            "user.password_changed",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )
        await postbox.notify(
            rows, services, before, "password_changed", now=visitor.now, origin=visitor.origin
        )
    logs.step("user.password_changed", user=user.email)
    return revocation


async def sign_out_elsewhere(
    services: Services, user: User, *, kept: str, visitor: Visitor
) -> Revocation:
    """Let the portal session of the hash *kept* alone count from now on."""
    async with services.store.writing() as rows:
        before = await lock_own(rows, user)
        await rows.users.end_sign_ins(user.subject, visitor.now)
        revocation = await _go_on_alone(rows, before, kept=kept, visitor=visitor)
        await rows.audit.add(
            "sessions.ended",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )
    logs.step("sessions.ended", user=user.email)
    return revocation


async def delete_own_account(services: Services, user: User, *, visitor: Visitor) -> Revocation:
    """Delete the account of whoever asks. Commit is done: carry the deletion at Ory out."""
    async with services.store.writing() as rows:
        before = await lock_own(rows, user)
        revocation = await delete_account(
            rows, services, before, actor=user.subject, now=visitor.now, origin=visitor.origin
        )
    logs.step("user.deleted", subject=user.subject)
    return revocation


async def delete_account(
    rows: Rows,
    services: postbox.Sender,
    user: User,
    *,
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> Revocation:
    """Delete an account, whose row is locked in this unit, with all that is kept of its person.

    The grants end, here and at Ory. What stays is what says that they ended, and the audit trail:
    both know a subject and no name. Raises :class:`LastAdminError`.
    """
    await require_another_admin(rows, user)
    await postbox.notify(rows, services, user, "account_deleted", now=now, origin=origin)
    revocation = await end_everything(rows, user.subject, reason="account deleted", now=now)
    await rows.login_sessions.end_all(user.subject, at=now, due_at=now + FIRST_TRY_AFTER)
    await remove_all(rows, user.subject)
    await throttle.forgive(rows, user.email)
    await throttle.forget_browsers(rows, user.email)
    await links.void_offers(rows, user.email)
    await rows.users.delete(user.subject)
    await rows.audit.add("user.deleted", at=now, actor=actor, subject=user.subject, origin=origin)
    return revocation


async def lock_own(rows: Rows, user: User) -> User:
    """The account as it is now, if *user*'s sign-in still counts."""
    now = await get_user(rows, user.subject, lock=True)
    if now.disabled_at is not None or now.epoch != user.epoch:
        raise ChangedMeanwhileError
    return now


async def _go_on_alone(rows: Rows, before: User, *, kept: str, visitor: Visitor) -> Revocation:
    """End all but *kept*, which goes on in the epoch that follows that of *before*."""
    revocation = await end_elsewhere(rows, before.subject, but=kept, now=visitor.now)
    await rows.portal_sessions.set_epoch(kept, before.epoch + 1)
    await rows.mailed_links.void_all(before.subject)
    await know_only(rows, before, visitor)
    return revocation
