"""Changes to accounts: each is one transaction together with its audit event and whatever must end
with it.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from portal import grants, links, sessions, throttle
from portal.accounts.errors import (
    LastAdminError,
    UnknownUserError,
    UserExistsError,
    WeakPasswordError,
)
from portal.accounts.password_policy import check_password
from portal.accounts.spelling import canonical_email, checked_name, checked_subject, name_key
from portal.acting import require_admin
from portal.i18n import N_
from portal.origin import Origin
from portal.passwords import Passwords, prepare
from portal.store import AlreadyExistsError, Rows, Store
from portal.store.audit import UNKNOWN
from portal.store.tables import Revocation, User


async def create_user(
    store: Store,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    subject: str | None = None,
    name: str | None = None,
    admin: bool = False,
    must_change: bool = False,
    allow_weak: bool = False,
    min_length: int,
    now: datetime,
    actor: str,
    origin: Origin = UNKNOWN,
) -> User:
    """Add somebody who can sign in. Without *subject* a random one is made; it never changes.

    With *must_change* the password opens nothing but the form for another: whoever chose it knows
    it, too.
    """
    address = canonical_email(email)
    called = checked_name(name)
    user = User(
        subject=checked_subject(subject) if subject is not None else str(uuid.uuid4()),
        email=address,
        email_verified=False,
        name=called,
        name_key=name_key(called),
        password_hash=await new_hash(
            passwords,
            password,
            email=address,
            min_length=min_length,
            allow_weak=allow_weak,
            words=(name,),
        ),
        password_set_at=now,
        password_expired=must_change,
        admin=admin,
        created_at=now,
        updated_at=now,
    )
    try:
        async with store.writing() as rows:
            await require_admin(rows, actor)
            await links.void_offers(rows, address)
            await rows.users.add(user)
            await rows.audit.add(
                "user.created",
                at=now,
                actor=actor,
                subject=user.subject,
                detail={"admin": admin, "must_change": must_change},
                origin=origin,
            )
    except AlreadyExistsError as exc:
        raise UserExistsError(
            N_("A user with this e-mail address or subject exists already.")
        ) from exc
    return user


async def disable_user(
    store: Store, subject: str, *, now: datetime, actor: str, origin: Origin = UNKNOWN
) -> Revocation | None:
    """Shut somebody out: here at once, at Ory by the outbox. ``None``: they were shut out already.

    Nothing that was given before counts when they are let in again.
    """
    async with store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        if user.disabled_at is not None:
            return None
        await require_another_admin(rows, user)
        await rows.users.disable(subject, now)
        revocation = await end_everything(rows, subject, reason="disabled", now=now)
        await rows.audit.add("user.disabled", at=now, actor=actor, subject=subject, origin=origin)
    return revocation


async def enable_user(
    store: Store, subject: str, *, now: datetime, actor: str, origin: Origin = UNKNOWN
) -> bool:
    """Let somebody sign in again; waiting times that wrong passwords brought are lifted too.

    Whether the user was disabled.
    """
    async with store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        changed = await rows.users.enable(subject, now)
        await throttle.forgive(rows, user.email)
        if changed:
            await rows.audit.add(
                "user.enabled", at=now, actor=actor, subject=subject, origin=origin
            )
    return changed


async def set_password(
    store: Store,
    passwords: Passwords,
    subject: str,
    *,
    password: str,
    allow_weak: bool = False,
    min_length: int,
    now: datetime,
    actor: str,
    origin: Origin = UNKNOWN,
) -> Revocation:
    """Give somebody a new password: whoever used the old one is out, everywhere, apps included.

    Waiting times that wrong passwords brought are lifted.
    """
    async with store.reading() as rows:
        user = await get_user(rows, subject)
    new = await new_hash(
        passwords,
        password,
        email=user.email,
        min_length=min_length,
        allow_weak=allow_weak,
        words=(user.name,),
    )
    async with store.writing() as rows:
        return await set_password_in(
            rows, subject, password_hash=new, now=now, actor=actor, origin=origin
        )


async def set_password_in(
    rows: Rows,
    subject: str,
    *,
    password_hash: str,
    now: datetime,
    actor: str,
    origin: Origin = UNKNOWN,
) -> Revocation:
    """Do the same with a hash, in a transaction of the caller's."""
    user = await get_target(rows, subject, actor=actor)
    await rows.users.set_password(subject, password_hash=password_hash, at=now)
    await throttle.forgive(rows, user.email)
    await throttle.forget_browsers(rows, user.email)
    revocation = await end_everything(rows, subject, reason="password set", now=now)
    await rows.audit.add("user.password_set", at=now, actor=actor, subject=subject, origin=origin)
    return revocation


async def require_another_admin(rows: Rows, user: User) -> None:
    """Refuse what would leave nobody to administer the portal: :class:`LastAdminError`.

    Whoever disables, demotes or deletes an administrator asks here, in the same unit of work, after
    the lock of the user and before the change. Of two who do it to each other at the same moment
    the second is refused. Who is disabled administers nothing.
    """
    if not user.admin or user.disabled_at is not None:
        return
    await rows.users.lock_admins()
    if not await rows.users.has_other_admin(user.subject):
        raise LastAdminError(
            N_("This is the last administrator who can sign in; make somebody else one first.")
        )


async def end_sign_ins(rows: Rows, subject: str, *, now: datetime) -> Revocation:
    """End sessions, half-done sign-ins and mailed links, here and at Ory; what apps were allowed
    stays. Whoever calls this has made the user's epoch a new one.
    """
    await rows.mailed_links.void_all(subject)
    return await sessions.end_elsewhere(rows, subject, but=None, now=now)


async def end_everything(rows: Rows, subject: str, *, reason: str, now: datetime) -> Revocation:
    """End sessions, half-done sign-ins, mailed links and grants.

    The rows of Ory's login sessions stay: their epoch voids them.
    """
    await rows.portal_sessions.delete_all(subject, but=None)
    await rows.sign_ins.end_all(subject)
    await rows.mailed_links.void_all(subject)
    return await grants.revoke(
        rows, subject=subject, client_id=None, reason=reason, now=now, end_logins=True
    )


async def get_user(rows: Rows, subject: str, *, lock: bool = False) -> User:
    """Find somebody who has to be there, or raise :class:`UnknownUserError`."""
    user = await rows.users.find(subject, lock=lock)
    if user is None:
        raise UnknownUserError(N_("There is no such user."))
    return user


async def get_target(rows: Rows, subject: str, *, actor: str) -> User:
    """Find and lock whom an administrator acts on, if *actor* still is one: else
    :class:`portal.acting.NotAllowedError`.
    """
    user = await get_user(rows, subject, lock=True)
    await require_admin(rows, actor)
    return user


async def leave_address(rows: Rows, old: str, new: str) -> None:
    """Forget what was known of an account by its address *old*, now that it is *new*."""
    await throttle.forgive(rows, old)
    await throttle.forget_browsers(rows, old)
    await links.void_offers(rows, old, new)


async def new_hash(
    passwords: Passwords,
    password: str,
    *,
    email: str,
    min_length: int,
    allow_weak: bool,
    words: Iterable[str | None] = (),
) -> str:
    """Hash a password that may become somebody's, or raise :class:`WeakPasswordError`. *words*:
    what is known of them besides, as the name.
    """
    if not password:
        raise WeakPasswordError(N_("The password is empty."))
    prepare(password)
    if not allow_weak:
        known = tuple(word for word in words if word)
        check_password(password, email=email, min_length=min_length, words=known)
    return await passwords.hash(password)
