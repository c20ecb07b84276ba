"""Getting back in with a mailbox: a link, a new password, and the end of everything before.

A mailbox does not replace a second factor: those stay as they are.
"""

from datetime import datetime

import msgspec

from portal import links, postbox, throttle
from portal.accounts import invitations
from portal.accounts.changes import end_everything, get_target, new_hash
from portal.accounts.errors import NoMailError
from portal.accounts.mailing import admit, noted, require_address
from portal.accounts.spelling import canonical_email
from portal.factors.levels import min_password_length
from portal.links import LinkError
from portal.mail import Letter
from portal.mail.letters import circumstances, duration
from portal.origin import Origin
from portal.postbox import Sender, page_url
from portal.revocations import try_now
from portal.services import Services, Visitor
from portal.store.audit import UNKNOWN
from portal.store.tables import MailedLink, User

RESET_PAGE = "/recover/reset"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a link to a new password is good for."""

    link: MailedLink
    user: User
    min_length: int
    asks_for_address: bool

    @property
    def is_first(self) -> bool:
        """There is no password to be replaced."""
        return self.user.password_hash is None


async def ask(services: Services, email: str, *, challenge: str | None, visitor: Visitor) -> None:
    """Mail a link to a new password, if anybody can use one.

    For an address without an account, or with one that was disabled, the same is written, about
    nobody: neither the answer nor its time tells them apart.
    """
    address, settings = canonical_email(email), services.settings
    async with services.store.writing() as rows:
        await admit(rows, visitor, address)
        found = await rows.users.find_by_email(address)
        user = found if found is not None and found.disabled_at is None else None
        token = await links.issue(
            rows,
            purpose=links.RESET,
            email=address,
            lifetime=settings.reset_link_for,
            now=visitor.now,
            user=user,
            detail=noted(challenge),
            browser_hash=visitor.browser_hash,
        )
        with postbox.writing_to(user):
            values = circumstances(visitor.origin, visitor.now) | {
                "link": page_url(settings, f"{RESET_PAGE}?token={token}"),
                "good_for": duration(settings.reset_link_for),
            }
            until = visitor.now.timestamp() + settings.reset_link_for
            letter = Letter(user.email if user else "", "reset", values, until)
            await postbox.post(rows, services, letter, now=visitor.now)
        await rows.audit.add(
            "user.reset_asked",
            at=visitor.now,
            actor=None,
            subject=found.subject if found else None,
            origin=visitor.origin,
        )


async def send_first(
    services: Sender, subject: str, *, actor: str, now: datetime, origin: Origin = UNKNOWN
) -> bool:
    """Mail somebody without a password a link to one, because an administrator says so: whether
    they had none. It lasts as long as an invitation, because nobody waits for it.

    Raises :class:`portal.accounts.errors.NoMailError`, and
    :class:`portal.accounts.invitations.InvitedOftenError` where that would be one mail too many.
    """
    settings = services.settings
    if not settings.has_mail:
        raise NoMailError
    async with services.store.writing() as rows:
        user = await get_target(rows, subject, actor=actor)
        if user.password_hash is not None or user.disabled_at is not None:
            return False
        await invitations.admit(rows, user.email, now=now)
        token = await links.issue(
            rows,
            purpose=links.RESET,
            email=user.email,
            lifetime=settings.invitation_link_for,
            now=now,
            user=user,
            actor=actor,
        )
        with postbox.writing_to(user):
            values = {
                "link": page_url(settings, f"{RESET_PAGE}?token={token}"),
                "good_for": duration(settings.invitation_link_for),
            }
            until = now.timestamp() + settings.invitation_link_for
            letter = Letter(user.email, "set_password", values, until)
            await postbox.post(rows, services, letter, now=now)
        await rows.audit.add(
            "user.reset_asked", at=now, actor=actor, subject=subject, origin=origin
        )
    return True


async def look_at(services: Services, token: str, *, visitor: Visitor) -> Offer:
    """What the link is good for, without using it up: scanners of mails open every link."""
    async with services.store.reading() as rows:
        link = await links.look_at(rows, token, links.RESET, now=visitor.now)
        user = await links.owner(rows, link)
    return Offer(
        link=link,
        user=user,
        min_length=min_password_length(user, services.settings),
        asks_for_address=links.asks_for_address(link, visitor),
    )


async def reset(
    services: Services, token: str, *, typed: str, password: str, visitor: Visitor
) -> Offer:
    """Set a new password. Every session ends, here and at Ory, and with it what apps were allowed;
    whoever used the old password, or another link, is out.
    """
    offer = await look_at(services, token, visitor=visitor)
    await require_address(services, offer.link, typed, visitor=visitor)
    new = await new_hash(
        services.passwords,
        password,
        email=offer.user.email,
        min_length=offer.min_length,
        allow_weak=False,
    )
    subject, now = offer.user.subject, visitor.now
    async with services.store.writing() as rows:
        await rows.users.find(subject, lock=True)
        link = await links.look_at(rows, token, links.RESET, now=now)
        user = await links.owner(rows, link)
        await links.use(rows, link, now=now)
        if user.subject != subject:
            raise LinkError
        notice = "password_chosen" if user.password_hash is None else "password_reset"
        await rows.users.set_password(subject, password_hash=new, at=now)
        await rows.users.set_verified(subject, now, email=user.email)
        await throttle.forgive(rows, user.email)
        await throttle.forget_browsers(rows, user.email)
        revocation = await end_everything(rows, subject, reason="password reset", now=now)
        await rows.audit.add(
            "user.password_reset", at=now, actor=subject, subject=subject, origin=visitor.origin
        )
        await postbox.notify(rows, services, user, notice, now=now, origin=visitor.origin)
    await try_now(revocation, services)
    return offer
