"""Accounts: how an address is spelled, what a password must be, what ends with a shut-out.

Each change is one transaction together with its audit event and whatever must end with it.
"""

import hashlib
import re
import unicodedata
import uuid
from datetime import datetime
from itertools import pairwise
from typing import Final

from email_validator import EmailNotValidError, validate_email

from portal import grants, throttle
from portal.passwords import Passwords, prepare
from portal.store import AlreadyExistsError, Rows, Store
from portal.store.tables import Revocation, User

MAX_EMAIL: Final = 254
MAX_TYPED: Final = 1_024
MAX_NAME: Final = 255
_CONTEXT_WORDS: Final = ("password", "passwort", "hydra", "portal", "login", "secret", "qwerty")


class AccountError(Exception):
    """A change that was refused; the message is for the person who asked for it."""


class InvalidEmailError(AccountError):
    """No address that mail could have."""


class InvalidSubjectError(AccountError):
    """A subject that clients could not be told."""


class WeakPasswordError(AccountError):
    """A password that is tried out early."""


class UserExistsError(AccountError):
    """The address or the subject belongs to somebody."""


class UnknownUserError(AccountError):
    """Nobody has this subject."""


def canonical_email(text: str) -> str:
    """Spell an address in the one way in which it is stored, looked up and counted.

    Case, width, composition and blanks around it make no difference (NFKC, case folding, NFC).
    Addresses of intranets and tests (``ann@localhost``, ``ann@corp.local``) are as good as any.
    """
    folded = _folded(text)
    for candidate in (folded, f"{folded}.test"):  # the second one stands in for special-use domains
        try:
            found = validate_email(
                candidate,
                strict=True,
                check_deliverability=False,
                globally_deliverable=False,
                test_environment=True,
            )
        except EmailNotValidError:
            continue
        domain = found.domain if candidate is folded else found.domain.removesuffix(".test")
        return _folded(f"{found.local_part}@{domain}")
    raise InvalidEmailError("this is not a valid e-mail address")


def canonical_identifier(text: str) -> str:
    """Spell what somebody typed to sign in; what is no address becomes a name that nobody has.

    The same text always becomes the same name, so that tries are counted alike for everything.
    """
    try:
        return canonical_email(text)
    except InvalidEmailError:
        digest = hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()
        return f"nobody:{digest[:32]}"


def _folded(text: str) -> str:
    """Fold until folding changes nothing; some characters need two rounds."""
    if len(text) > MAX_TYPED:
        raise InvalidEmailError("an e-mail address has at most 254 characters")
    for _ in range(4):
        folded = unicodedata.normalize("NFKC", text.strip()).strip().casefold()
        folded = unicodedata.normalize("NFC", folded)
        if any(unicodedata.category(char)[0] in "CZ" for char in folded):
            raise InvalidEmailError("an e-mail address holds no blanks or invisible characters")
        if len(folded) > MAX_EMAIL:
            raise InvalidEmailError("an e-mail address has at most 254 characters")
        if folded == text:
            return folded
        text = folded
    raise InvalidEmailError("this is not a valid e-mail address")


def check_password(password: str, *, email: str, min_length: int) -> None:
    """Refuse what is short, or mostly the address, common words or repetition (NIST 800-63B)."""
    typed = unicodedata.normalize("NFC", password)
    if len(typed) < min_length:
        raise WeakPasswordError(f"the password needs at least {min_length} characters")
    rest = typed.casefold()
    words = {word for word in re.split(r"[\W_]+", email) if len(word) >= 3}
    for word in (*sorted(words, key=len, reverse=True), *_CONTEXT_WORDS):
        rest = rest.replace(word, "")
    if len(rest) < min(8, min_length):
        raise WeakPasswordError(
            "the password is too close to the e-mail address or to common words"
        )
    if _is_monotonous(typed.casefold()):
        raise WeakPasswordError("the password repeats itself or counts up; choose another one")


def _is_monotonous(text: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    period = (text + text).find(text, 1)
    return len(set(text)) < 5 or (len(steps) == 1 and steps <= {-1, 0, 1}) or period <= 4


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
        subject=_checked_subject(subject) if subject is not None else str(uuid.uuid4()),
        email=address,
        email_verified=False,
        name=_checked_name(name),
        password_hash=await _new_hash(
            passwords, password, email=address, min_length=min_length, allow_weak=allow_weak
        ),
        admin=admin,
        disabled_at=None,
        epoch=0,
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
            await _get(rows, subject)
            return None
        revocation = await _end_everything(rows, subject, reason="disabled", now=now)
        await rows.audit.add("user.disabled", at=now, actor=actor, subject=subject)
    return revocation


async def enable_user(store: Store, subject: str, *, now: datetime, actor: str) -> bool:
    """Let somebody sign in again; waiting times that wrong passwords brought are lifted too.

    Whether the user was disabled.
    """
    async with store.writing() as rows:
        user = await _get(rows, subject)
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
        user = await _get(rows, subject)
    new = await _new_hash(
        passwords, password, email=user.email, min_length=min_length, allow_weak=allow_weak
    )
    async with store.writing() as rows:
        await _get(rows, subject)
        await rows.users.set_password(subject, password_hash=new, at=now)
        await throttle.forgive(rows, user.email)
        await throttle.forget_browsers(rows, user.email)
        revocation = await _end_everything(rows, subject, reason="password set", now=now)
        await rows.audit.add("user.password_set", at=now, actor=actor, subject=subject)
    return revocation


async def _end_everything(rows: Rows, subject: str, *, reason: str, now: datetime) -> Revocation:
    """End sessions and grants. The rows of Ory's login sessions stay: their epoch voids them."""
    await rows.portal_sessions.delete_all(subject, but=None)
    return await grants.revoke(
        rows, subject=subject, client_id=None, reason=reason, now=now, end_logins=True
    )


async def _get(rows: Rows, subject: str) -> User:
    user = await rows.users.find(subject)
    if user is None:
        raise UnknownUserError("there is no such user")
    return user


async def _new_hash(
    passwords: Passwords, password: str, *, email: str, min_length: int, allow_weak: bool
) -> str:
    if not password:
        raise WeakPasswordError("the password is empty")
    prepare(password)
    if not allow_weak:
        check_password(password, email=email, min_length=min_length)
    return await passwords.hash(password)


def _checked_subject(subject: str) -> str:
    if not subject.isprintable() or subject != subject.strip() or not 1 <= len(subject) <= 255:
        raise InvalidSubjectError("a subject has 1 to 255 visible characters")
    return subject


def _checked_name(name: str | None) -> str | None:
    """Keep a name as it was given, but for what cannot be shown; nothing becomes ``None``."""
    shown = "".join(char for char in name or "" if char.isprintable()).strip()
    return shown[:MAX_NAME] or None
