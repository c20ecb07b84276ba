"""Invitations: an administrator names an address, its owner makes the account.

An invitation counts as long as whoever sent it administers; one by a command always does.
"""

from datetime import datetime

import msgspec

from portal import links, postbox
from portal.accounts.errors import UserExistsError
from portal.accounts.registering import FINISH_PAGE
from portal.accounts.spelling import canonical_email, checked_name
from portal.mail import Letter
from portal.mail.letters import duration
from portal.origin import Origin
from portal.postbox import Sender, page_url
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.tables import MailedLink


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What was made: where there is no mail, the link has to be handed over by hand."""

    email: str
    link: str
    mailed: bool

    def __repr__(self) -> str:
        """Without the link, whatever prints it."""
        return f"Invitation(mailed={self.mailed!r})"


async def invite(
    services: Sender,
    *,
    email: str,
    name: str | None = None,
    admin: bool = False,
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> Invitation:
    """Invite somebody; earlier invitations to the address are void."""
    address, settings = canonical_email(email), services.settings
    async with services.store.writing() as rows:
        if await rows.users.find_by_email(address) is not None:
            raise UserExistsError("a user with this e-mail address exists already")
        token = await links.issue(
            rows,
            purpose=links.INVITE,
            email=address,
            lifetime=settings.invitation_link_for,
            now=now,
            detail={"admin": admin, "name": checked_name(name)},
            actor=actor,
        )
        link = page_url(settings, f"{FINISH_PAGE}?token={token}")
        values = {"link": link, "good_for": duration(settings.invitation_link_for)}
        until = now.timestamp() + settings.invitation_link_for
        await postbox.post(rows, services, Letter(address, "invite", values, until), now=now)
        await rows.audit.add(
            "user.invited",
            at=now,
            actor=actor,
            detail={"email": address, "admin": admin},
            origin=origin,
        )
    return Invitation(email=address, link=link, mailed=settings.has_mail)


async def waiting(rows: Rows, now: datetime, limit: int) -> tuple[MailedLink, ...]:
    """Invitations that nobody has accepted yet, the newest first."""
    return await rows.mailed_links.waiting(links.INVITE, now=now, limit=limit)


async def withdraw(rows: Rows, email: str) -> int:
    """Void the invitations to an address, which is canonical: how many."""
    return await rows.mailed_links.void(links.INVITE, email=email)
