"""Links that are mailed: each works once, for a short while, for what it was asked for.

A token is 256 random bits of which the database holds a hash. It counts for the newest request
alone, for the account as it was then, and for the address that it was sent to.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from portal.services import Visitor
from portal.store import Rows
from portal.store.tables import MailedLink, User

RESET: Final = "reset"
VERIFY: Final = "verify"
INVITE: Final = "invite"
REGISTER: Final = "register"
LEAVE: Final = "leave"
MOVE: Final = "move"
_OFFERS: Final = (REGISTER, INVITE)
_OF_THE_OWN_ADDRESS: Final = (RESET, VERIFY, LEAVE)
MAX_TOKEN: Final = 128


class LinkError(Exception):
    """The link does not work: unknown, used, expired, replaced, or overtaken by what happened."""

    def __init__(self) -> None:
        super().__init__("this link has been used, has expired, or was replaced by a newer one")


async def issue(
    rows: Rows,
    *,
    purpose: str,
    email: str,
    lifetime: int,
    now: datetime,
    user: User | None = None,
    detail: Mapping[str, Any] | None = None,
    browser_hash: str | None = None,
    actor: str | None = None,
) -> str:
    """Make a link to mail to *email*, valid for *lifetime* seconds: its token.

    Earlier ones for the same are void: those to the address, or those of *user*'s account.
    """
    if user is None:
        await rows.mailed_links.void(purpose, email=email)
    else:
        await rows.mailed_links.void_of(user.subject, purpose)
    token = secrets.token_urlsafe(32)
    await rows.mailed_links.add(
        MailedLink(
            token_hash=token_hash(token),
            purpose=purpose,
            email=email,
            subject=user.subject if user else None,
            epoch=user.epoch if user else None,
            detail=dict(detail or {}),
            browser_hash=browser_hash,
            actor=actor,
            created_at=now,
            expires_at=now + timedelta(seconds=lifetime),
        )
    )
    return token


async def look_at(rows: Rows, token: str, *purposes: str, now: datetime) -> MailedLink:
    """Find the link if it can be used; looking does not use it up. Else :class:`LinkError`."""
    link = await rows.mailed_links.find(token_hash(token)) if 0 < len(token) <= MAX_TOKEN else None
    if link is None or link.purpose not in purposes:
        raise LinkError
    if link.used_at is not None or link.expires_at <= now:
        raise LinkError
    if link.purpose not in _OFFERS:
        await owner(rows, link)
    return link


async def owner(rows: Rows, link: MailedLink) -> User:
    """Whose account it is about, if it is still the account that it was asked for."""
    user = await rows.users.find(link.subject) if link.subject is not None else None
    if user is None or user.disabled_at is not None or user.epoch != link.epoch:
        raise LinkError
    if link.purpose in _OF_THE_OWN_ADDRESS and link.email != user.email:
        raise LinkError
    return user


async def use(rows: Rows, link: MailedLink, *, now: datetime) -> None:
    """Use it up; of two at once one gets :class:`LinkError`."""
    if not await rows.mailed_links.use(link.token_hash, now):
        raise LinkError


async def void_offers(rows: Rows, *emails: str) -> None:
    """Void what offers an account to whoever reads the mail of these addresses.

    It comes whenever one of them gets an account or loses it, whichever way: else a link of before
    would make another account of it after the first is gone, with what was meant for that one.
    What was written about nobody, when a new password was asked for, goes along.
    """
    await rows.mailed_links.void_to(emails, *_OFFERS, RESET)


def asks_for_address(link: MailedLink, visitor: Visitor) -> bool:
    """Whether the address has to be typed: it was asked for in another browser than this one."""
    return link.browser_hash is not None and link.browser_hash != visitor.browser_hash


def token_hash(token: str) -> str:
    """How a token is known here; the token itself is never stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
