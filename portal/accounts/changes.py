"""Changes to accounts: each is one transaction together with its audit event and whatever must end
with it.
"""

import uuid
from datetime import datetime

from portal import grants, throttle
from portal.accounts.errors import UnknownUserError, UserExistsError, WeakPasswordError
from portal.accounts.password_policy import check_password
from portal.accounts.spelling import canonical_email, checked_name, checked_subject, name_key
from portal.passwords import Passwords, prepare
from portal.store import AlreadyExistsError, Rows, Store
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
    allow_weak: bool = False,
    min_length: int,
    now: datetime,
    actor: str,
) -> User:
    """Add somebody who can sign in. Without *subject* a random one is made; it never changes."""
    address = canonical_email(email)
    user = User(
        subject=checked_subject(subject) if subject is not None else str(uuid.uuid4()),
        email=address,
        email_verified=False,
        name=checked_name(name),
        name_key=name_key(checked_name(name)),
        password_hash=await new_hash(
            passwords, password, email=address, min_length=min_length, allow_weak=allow_weak
        ),
        password_set_at=now,
        admin=admin,
        created_at=now,
        updated_at=now,
    )
    try:
        async with store.writing() as rows:
            await rows.users.add(user)
            await rows.audit.add(
                "user.created", at=now, actor=actor, subject=user.subject, detail={"admin": admin}
            )
    except AlreadyExistsError as exc:
        raise UserExistsError("a user with this e-mail address or subject exists already") from exc
    return user


async def disable_user(
    store: Store, subject: str, *, now: datetime, actor: str
) -> Revocation | None:
    """Shut somebody out: here at once, at Ory by the outbox. ``None``: they were shut out already.

    Nothing that was given before counts when they are let in again.
    """
    async with store.writing() as rows:
        if not await rows.users.disable(subject, now):
            await get_user(rows, subject)
            return None
        revocation = await end_everything(rows, subject, reason="disabled", now=now)
        await rows.audit.add("user.disabled", at=now, actor=actor, subject=subject)
    return revocation


async def enable_user(store: Store, subject: str, *, now: datetime, actor: str) -> bool:
    """Let somebody sign in again; waiting times that wrong passwords brought are lifted too.

    Whether the user was disabled.
    """
    async with store.writing() as rows:
        user = await get_user(rows, subject)
        changed = await rows.users.enable(subject, now)
        await throttle.forgive(rows, user.email)
        if changed:
            await rows.audit.add("user.enabled", at=now, actor=actor, subject=subject)
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
) -> Revocation:
    """Give somebody a new password: whoever used the old one is out, everywhere, apps included.

    Waiting times that wrong passwords brought are lifted.
    """
    async with store.reading() as rows:
        user = await get_user(rows, subject)
    new = await new_hash(
        passwords, password, email=user.email, min_length=min_length, allow_weak=allow_weak
    )
    async with store.writing() as rows:
        await get_user(rows, subject)
        await rows.users.set_password(subject, password_hash=new, at=now)
        await throttle.forgive(rows, user.email)
        await throttle.forget_browsers(rows, user.email)
        revocation = await end_everything(rows, subject, reason="password set", now=now)
        await rows.audit.add("user.password_set", at=now, actor=actor, subject=subject)
    return revocation


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


async def get_user(rows: Rows, subject: str) -> User:
    """Find somebody who has to be there, or raise :class:`UnknownUserError`."""
    user = await rows.users.find(subject)
    if user is None:
        raise UnknownUserError("there is no such user")
    return user


async def new_hash(
    passwords: Passwords, password: str, *, email: str, min_length: int, allow_weak: bool
) -> str:
    """Hash a password that may become somebody's, or raise :class:`WeakPasswordError`."""
    if not password:
        raise WeakPasswordError("the password is empty")
    prepare(password)
    if not allow_weak:
        check_password(password, email=email, min_length=min_length)
    return await passwords.hash(password)
