"""A person's address: that it is theirs, and how it becomes another one.

A change needs both mailboxes: the new one, or a slip of the finger would send somebody's account to
a stranger; and the old one, or whoever finds a browser signed in could take the account away. Who
has lost the old mailbox asks an administrator.
"""

from datetime import datetime
from typing import Final

import msgspec

from portal import links, postbox, sessions
from portal.accounts.changes import leave_address
from portal.accounts.errors import UserExistsError
from portal.accounts.mailing import SameAddressError, admit, require_address
from portal.accounts.own import lock_own
from portal.accounts.spelling import canonical_email
from portal.i18n import N_
from portal.links import LinkError
from portal.mail import Letter
from portal.mail.letters import circumstances, duration
from portal.postbox import page_url
from portal.revocations import try_now
from portal.services import Services, Visitor
from portal.store import AlreadyExistsError, Rows
from portal.store.tables import MailedLink, Revocation, User

VERIFY_PAGE: Final = "/verify"
BOTH: Final = (links.LEAVE, links.MOVE)


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A change of address that waits for its two mailboxes."""

    to: str
    left: bool
    """The old one has agreed."""
    arrived: bool
    """The new one has confirmed."""
    expires_at: datetime


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a link asks: ``verify``, ``leave`` or ``move``."""

    link: MailedLink
    user: User
    asks_for_address: bool

    @property
    def purpose(self) -> str:
        """What it is for."""
        return self.link.purpose


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a confirmation."""

    purpose: str
    email: str
    """The account's address from now on."""
    done: bool
    """False: the other mailbox is still to be heard."""
    kept: bool = False
    """The browser that confirmed a change stays signed in to the account."""


async def ask_to_verify(services: Services, user: User, *, visitor: Visitor) -> None:
    """Mail a link that confirms *user*'s address; :class:`WaitError` if that was asked too
    often.
    """
    async with services.store.writing() as rows:
        await admit(rows, visitor, user.email)
        current = await lock_own(rows, user)
        if current.email_verified:
            return
        await _mail(
            rows,
            services,
            links.VERIFY,
            current,
            to=current.email,
            reader=current,
            visitor=visitor,
        )


async def ask_to_move(services: Services, user: User, email: str, *, visitor: Visitor) -> None:
    """Mail two links, one to the old and one to the new address; earlier ones are void.

    Somebody else's address is answered alike: its owner is told, and the change never happens.
    """
    new = canonical_email(email)
    if new == user.email:
        raise SameAddressError(N_("This is your address already."))
    async with services.store.writing() as rows:
        await admit(rows, visitor, user.email, new)
        current = await lock_own(rows, user)
        owner = await rows.users.find_by_email(new)
        for purpose, to in ((links.LEAVE, current.email), (links.MOVE, new)):
            reader = owner if owner is not None and purpose == links.MOVE else current
            await _mail(
                rows,
                services,
                purpose,
                current,
                to=to,
                reader=reader,
                visitor=visitor,
                kind=purpose if reader is current else "move_taken",
                detail={"old": current.email, "new": new},
            )
        await rows.audit.add(
            "user.email_change_asked",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            detail={"before": current.email, "after": new},
            origin=visitor.origin,
        )


async def waiting_move(rows: Rows, user: User, *, now: datetime) -> Move | None:
    """The change of address that *user* asked for, if it can still happen."""
    found = {link.purpose: link for link in await rows.mailed_links.of_subject(user.subject, *BOTH)}
    leave, move = found.get(links.LEAVE), found.get(links.MOVE)
    if leave is None or move is None or user.epoch != move.epoch:
        return None
    if any(link.used_at is None and link.expires_at <= now for link in (leave, move)):
        return None
    return Move(
        to=move.email,
        left=leave.used_at is not None,
        arrived=move.used_at is not None,
        expires_at=min(leave.expires_at, move.expires_at),
    )


async def was_asked_to_verify(rows: Rows, user: User, *, now: datetime) -> bool:
    """Whether a mail is out by which *user* can confirm their address."""
    return any(
        link.used_at is None and link.expires_at > now and link.email == user.email
        for link in await rows.mailed_links.of_subject(user.subject, links.VERIFY)
    )


async def cancel_move(services: Services, user: User, *, visitor: Visitor) -> None:
    """Their owner takes it back: both links are void."""
    async with services.store.writing() as rows:
        await rows.users.find(user.subject, lock=True)
        await _refused(rows, user, visitor)


async def look_at(services: Services, token: str, *, visitor: Visitor) -> Question:
    """What the link asks, without using it up."""
    async with services.store.reading() as rows:
        link = await links.look_at(rows, token, links.VERIFY, *BOTH, now=visitor.now)
        user = await links.owner(rows, link)
    return Question(link=link, user=user, asks_for_address=links.asks_for_address(link, visitor))


async def confirm(
    services: Services, token: str, *, typed: str, keep: tuple[str, str] | None, visitor: Visitor
) -> Confirmed:
    """Take the confirmation of one mailbox. With the second one the address changes, and every
    session ends but *keep* (its subject and its hash), where that is the same person's.
    """
    question = await look_at(services, token, visitor=visitor)
    await require_address(services, question.link, typed, visitor=visitor)
    revocation: Revocation | None = None
    try:
        async with services.store.writing() as rows:
            link, user = await _locked(rows, token, question, visitor)
            await links.use(rows, link, now=visitor.now)
            if link.purpose == links.VERIFY:
                await _verified(rows, user, visitor)
                return Confirmed(purpose=link.purpose, email=user.email, done=True)
            if await _other_is_missing(rows, user, link):
                return Confirmed(purpose=link.purpose, email=user.email, done=False)
            but = keep[1] if keep is not None and keep[0] == user.subject else None
            new = str(link.detail["new"])
            revocation = await _moved(rows, services, user, new, but=but, visitor=visitor)
    except AlreadyExistsError as exc:
        async with services.store.writing() as rows:
            await rows.mailed_links.void_of(question.user.subject, *BOTH)
        raise UserExistsError(
            N_("The new address has an account of its own meanwhile, so nothing was changed.")
        ) from exc
    await try_now(revocation, services)
    return Confirmed(purpose=link.purpose, email=new, done=True, kept=but is not None)


async def refuse(services: Services, token: str, *, typed: str, visitor: Visitor) -> None:
    """The old mailbox says no: both links are void."""
    question = await look_at(services, token, visitor=visitor)
    await require_address(services, question.link, typed, visitor=visitor)
    if question.purpose != links.LEAVE:
        raise LinkError
    async with services.store.writing() as rows:
        _, user = await _locked(rows, token, question, visitor)
        await _refused(rows, user, visitor)


async def _locked(
    rows: Rows, token: str, question: Question, visitor: Visitor
) -> tuple[MailedLink, User]:
    """Look once more, while nobody else changes the account."""
    await rows.users.find(question.user.subject, lock=True)
    link = await links.look_at(rows, token, question.purpose, now=visitor.now)
    return link, await links.owner(rows, link)


async def _other_is_missing(rows: Rows, user: User, link: MailedLink) -> bool:
    other = links.MOVE if link.purpose == links.LEAVE else links.LEAVE
    found = await rows.mailed_links.of_subject(user.subject, other)
    return not found or found[0].used_at is None


async def _verified(rows: Rows, user: User, visitor: Visitor) -> None:
    if await rows.users.set_verified(user.subject, visitor.now, email=user.email):
        await rows.audit.add(
            "user.email_verified",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )


async def _refused(rows: Rows, user: User, visitor: Visitor) -> None:
    if await rows.mailed_links.void_of(user.subject, *BOTH):
        await rows.audit.add(
            "user.email_change_refused",
            at=visitor.now,
            actor=user.subject,
            subject=user.subject,
            origin=visitor.origin,
        )


async def _moved(
    rows: Rows, services: Services, user: User, new: str, *, but: str | None, visitor: Visitor
) -> Revocation:
    now, old = visitor.now, user.email
    await rows.users.move(user.subject, email=new, at=now)
    await leave_address(rows, old, new)
    await rows.mailed_links.void_all(user.subject)
    revocation = await sessions.end_elsewhere(rows, user.subject, but=but, now=now)
    await rows.audit.add(
        "user.email_changed",
        at=now,
        actor=user.subject,
        subject=user.subject,
        detail={"before": old, "after": new},
        origin=visitor.origin,
    )
    with postbox.writing_to(user):
        values = circumstances(visitor.origin, now)
        for address in (old, new):
            await postbox.post(rows, services, Letter(address, "email_changed", values), now=now)
    return revocation


async def _mail(
    rows: Rows,
    services: Services,
    purpose: str,
    user: User,
    *,
    to: str,
    reader: User,
    visitor: Visitor,
    kind: str | None = None,
    detail: dict[str, str] | None = None,
) -> None:
    settings = services.settings
    token = await links.issue(
        rows,
        purpose=purpose,
        email=to,
        lifetime=settings.verification_link_for,
        now=visitor.now,
        user=user,
        detail=detail,
        browser_hash=visitor.browser_hash,
    )
    with postbox.writing_to(reader):
        values = circumstances(visitor.origin, visitor.now) | {
            "link": page_url(settings, f"{VERIFY_PAGE}?token={token}"),
            "good_for": duration(settings.verification_link_for),
        }
        if detail is not None:
            values["new"] = detail["new"]
        until = visitor.now.timestamp() + settings.verification_link_for
        letter = Letter(to, kind or purpose, values, until)
        await postbox.post(rows, services, letter, now=visitor.now)
