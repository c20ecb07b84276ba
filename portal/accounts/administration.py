"""What an administrator does to somebody's account: roles, waiting times, passwords, factors,
addresses.

Each is one transaction together with its audit event, which names who did it and from where. Who
does not administer any more is refused: :func:`portal.accounts.changes.get_target`. The last
administrator who can sign in stays one, whoever asks:
:func:`portal.accounts.changes.require_another_admin`.
"""

from datetime import datetime

from portal import postbox, throttle
from portal.accounts.changes import (
    end_sign_ins,
    get_target,
    get_user,
    leave_address,
    require_another_admin,
)
from portal.accounts.errors import UserExistsError
from portal.accounts.own import delete_account
from portal.accounts.spelling import canonical_email
from portal.factors import guesses, reset
from portal.i18n import N_
from portal.origin import Origin
from portal.postbox import Sender
from portal.store import AlreadyExistsError, Store
from portal.store.audit import UNKNOWN
from portal.store.tables import Revocation

__all__ = [
    "change_address",
    "delete_user",
    "expire_password",
    "make_admin",
    "require_another_admin",
    "reset_factors",
    "sign_out",
    "unlock",
    "withdraw_admin",
]


async def make_admin(
    store: Store, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> bool:
    """Let somebody administer the portal: whether they did not before."""
    async with store.writing() as rows:
        await get_target(rows, subject, actor=actor)
        changed = await rows.users.set_admin(subject, admin=True, at=now)
        if changed:
            await rows.audit.add(
                "user.admin_granted", at=now, actor=actor, subject=subject, origin=origin
            )
    return changed


async def withdraw_admin(
    store: Store, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> bool:
    """Take the role of an administrator away, from the next request on: whether they had it."""
    async with store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        if not user.admin:
            return False
        await require_another_admin(rows, user)
        await rows.users.set_admin(subject, admin=False, at=now)
        await rows.audit.add(
            "user.admin_withdrawn", at=now, actor=actor, subject=subject, origin=origin
        )
    return True


async def unlock(
    store: Store, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> None:
    """Lift the waiting times that wrong passwords and wrong codes brought, also those without an
    end.
    """
    async with store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        await throttle.forgive(rows, user.email)
        await guesses.forgive(rows, subject)
        await rows.audit.add("user.unlocked", at=now, actor=actor, subject=subject, origin=origin)


async def expire_password(
    store: Store, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> Revocation:
    """Demand a new password: the one they have opens nothing but the form for another.

    Whoever is signed in with it is out, here and at Ory; what apps were allowed stays.
    """
    async with store.writing() as rows:
        await get_target(rows, subject, actor=actor)
        await rows.users.expire_password(subject, now)
        revocation = await end_sign_ins(rows, subject, now=now)
        await rows.audit.add(
            "user.password_expired", at=now, actor=actor, subject=subject, origin=origin
        )
    return revocation


async def reset_factors(
    services: Sender, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> int:
    """Remove every second factor and recovery code of somebody: how many.

    Whoever is signed in is out, here and at Ory; what apps were allowed stays.
    """
    async with services.store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        removed = await reset.remove_all(rows, subject)
        await rows.users.end_sign_ins(subject, now)
        await end_sign_ins(rows, subject, now=now)
        await rows.audit.add(
            "factors.reset",
            at=now,
            actor=actor,
            subject=subject,
            detail={"removed": removed},
            origin=origin,
        )
        if removed:
            await postbox.notify(rows, services, user, "factor_removed", now=now, origin=origin)
    return removed


async def change_address(
    services: Sender,
    subject: str,
    *,
    email: str,
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> bool:
    """Give somebody another address, which counts as unconfirmed; both addresses are told.

    Whoever is signed in is out, here and at Ory; what apps were allowed stays. Whether it was
    another one.
    """
    address = canonical_email(email)
    try:
        async with services.store.writing() as rows:
            user = await get_target(rows, subject, actor=actor)
            if user.email == address:
                return False
            await rows.users.set_email(subject, email=address, verified=False, at=now)
            await end_sign_ins(rows, subject, now=now)
            await leave_address(rows, user.email, address)
            await rows.audit.add(
                "user.email_changed", at=now, actor=actor, subject=subject, origin=origin
            )
            await postbox.notify(rows, services, user, "email_changed", now=now, origin=origin)
            moved = await get_user(rows, subject)
            await postbox.notify(rows, services, moved, "email_changed", now=now, origin=origin)
    except AlreadyExistsError as exc:
        raise UserExistsError(N_("Somebody else has this e-mail address.")) from exc
    return True


async def sign_out(
    store: Store, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> Revocation:
    """End every sign-in of somebody, here and at Ory; what apps were allowed stays."""
    async with store.writing() as rows:
        await get_target(rows, subject, actor=actor)
        await rows.users.end_sign_ins(subject, now)
        revocation = await end_sign_ins(rows, subject, now=now)
        await rows.audit.add("sessions.ended", at=now, actor=actor, subject=subject, origin=origin)
    return revocation


async def delete_user(
    services: Sender, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> Revocation:
    """Delete somebody's account, and what is kept of them."""
    async with services.store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        return await delete_account(rows, services, user, actor=actor, now=now, origin=origin)
