"""Invitations: an administrator names an address, its owner makes the account.

An invitation counts as long as whoever sent it administers; one by a command always does.
"""

import hashlib
import math
from datetime import datetime
from typing import Final

import msgspec

from portal import links, postbox
from portal.accounts.errors import AccountError, UserExistsError
from portal.accounts.registering import FINISH_PAGE
from portal.accounts.spelling import canonical_email, checked_name
from portal.acting import require_admin
from portal.i18n import N_, ngettext
from portal.mail import Letter
from portal.mail.letters import duration
from portal.origin import Origin
from portal.postbox import Sender, page_url
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.tables import MailedLink

ADDRESS_BURST: Final = 10
ADDRESS_SECONDS_EACH: Final = 300.0
"""So many invitations go to one address at once, and one more after so many seconds."""


class InvitedOftenError(AccountError):
    """The address was sent many mails by administrators just now; try again in ``minutes``."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self.minutes = minutes

    @property
    def sentence(self) -> str:
        """The same for the administrator, in their language."""
        return ngettext(
            "Many mails went to this address just now. Try again in {count} minute.",
            "Many mails went to this address just now. Try again in {count} minutes.",
            self.minutes,
        ).format(count=self.minutes)


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
    """Invite somebody; earlier invitations to the address are void.

    Raises :class:`InvitedOftenError` where that would be one mail too many.
    """
    address, settings = canonical_email(email), services.settings
    async with services.store.writing() as rows:
        await require_admin(rows, actor)
        if settings.has_mail:
            await admit(rows, address, now=now)
        if await rows.users.find_by_email(address) is not None:
            raise UserExistsError(N_("A user with this e-mail address exists already."))
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


async def admit(rows: Rows, address: str, *, now: datetime) -> None:
    """Count a mail that an administrator sends to *address*, or raise :class:`InvitedOftenError`;
    strangers who ask for others cannot use this bucket up.
    """
    wait = await rows.attempts.take(
        f"mail-invite:{hashlib.sha256(address.encode()).hexdigest()}",
        now=now.timestamp(),
        burst=ADDRESS_BURST,
        seconds_each=ADDRESS_SECONDS_EACH,
    )
    if wait:
        raise InvitedOftenError(math.ceil(wait / 60))


async def waiting(rows: Rows, now: datetime, limit: int) -> tuple[MailedLink, ...]:
    """Invitations that nobody has accepted yet, the newest first."""
    return await rows.mailed_links.waiting(links.INVITE, now=now, limit=limit)


async def withdraw(rows: Rows, email: str, *, actor: str) -> int:
    """Void the invitations to an address, which is canonical: how many."""
    await require_admin(rows, actor)
    return await rows.mailed_links.void(links.INVITE, email=email)
