"""Making an account of one's own: by an address that receives mail, or by an invitation.

There is no account before the link was followed and a password chosen, so nobody can reserve
somebody else's address, and every account that was made this way has a confirmed one.
"""

import uuid

import msgspec

from portal import links, postbox
from portal.accounts.changes import new_hash
from portal.accounts.errors import UserExistsError
from portal.accounts.mailing import admit, noted, require_address
from portal.accounts.spelling import canonical_email, checked_name, name_key
from portal.acting import administers
from portal.factors.levels import min_password_length
from portal.i18n import N_
from portal.links import LinkError
from portal.mail import Letter
from portal.mail.letters import circumstances, duration
from portal.postbox import page_url
from portal.services import Services, Visitor
from portal.store import AlreadyExistsError, Rows
from portal.store.tables import MailedLink, User

FINISH_PAGE = "/register/finish"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a link to a new account is good for."""

    link: MailedLink
    name: str
    """As whoever invited them called them."""
    min_length: int
    asks_for_address: bool

    @property
    def is_admin(self) -> bool:
        """Whether the account will administer."""
        return self.link.detail.get("admin") is True


async def ask(services: Services, email: str, *, challenge: str | None, visitor: Visitor) -> None:
    """Mail a link to a new account. Who has one is told so, by mail alone."""
    address, settings = canonical_email(email), services.settings
    async with services.store.writing() as rows:
        await admit(rows, visitor, address)
        known = await rows.users.find_by_email(address)
        token = await links.issue(
            rows,
            purpose=links.REGISTER,
            email=address,
            lifetime=settings.verification_link_for,
            now=visitor.now,
            detail=noted(challenge),
            browser_hash=visitor.browser_hash,
        )
        with postbox.writing_to(known):
            values = circumstances(visitor.origin, visitor.now) | {
                "good_for": duration(settings.verification_link_for),
                "link": page_url(settings, f"{FINISH_PAGE}?token={token}"),
                "login": page_url(settings, "/login"),
                "recover": page_url(settings, "/recover"),
            }
            until = visitor.now.timestamp() + settings.verification_link_for
            letter = Letter(address, "register_known" if known else "register", values, until)
            await postbox.post(rows, services, letter, now=visitor.now)


async def look_at(services: Services, token: str, *, visitor: Visitor) -> Offer:
    """What the link is good for, without using it up."""
    async with services.store.reading() as rows:
        link = await _usable(rows, services, token, visitor)
    return Offer(
        link=link,
        name=str(link.detail.get("name") or ""),
        min_length=min_password_length(_new_user(link, None, None, visitor), services.settings),
        asks_for_address=links.asks_for_address(link, visitor),
    )


async def finish(
    services: Services,
    token: str,
    *,
    typed: str,
    name: str,
    password: str,
    visitor: Visitor,
) -> tuple[Offer, User]:
    """Make the account; of two at once one gets :class:`LinkError`, or is told that there is
    one.
    """
    offer = await look_at(services, token, visitor=visitor)
    await require_address(services, offer.link, typed, visitor=visitor)
    new = await new_hash(
        services.passwords,
        password,
        email=offer.link.email,
        min_length=offer.min_length,
        allow_weak=False,
    )
    user = _new_user(offer.link, name, new, visitor)
    try:
        async with services.store.writing() as rows:
            link = await _usable(rows, services, token, visitor)
            await links.use(rows, link, now=visitor.now)
            await rows.users.add(user)
            await links.void_offers(rows, user.email)
            await rows.audit.add(
                "user.registered",
                at=visitor.now,
                actor=user.subject,
                subject=user.subject,
                detail={"admin": user.admin} | ({"invited_by": link.actor} if link.actor else {}),
                origin=visitor.origin,
            )
    except AlreadyExistsError as exc:
        raise UserExistsError(N_("There is an account with this address already.")) from exc
    return offer, user


async def _usable(rows: Rows, services: Services, token: str, visitor: Visitor) -> MailedLink:
    """A link that is good for an account: the address has none, registration is still on, and
    whoever invited somebody still may.
    """
    link = await links.look_at(rows, token, links.REGISTER, links.INVITE, now=visitor.now)
    if await rows.users.find_by_email(link.email) is not None:
        raise LinkError
    if link.purpose == links.REGISTER and not services.settings.registration:
        raise LinkError
    if link.actor is not None and not await administers(rows, link.actor):
        raise LinkError
    return link


def _new_user(
    link: MailedLink, name: str | None, password_hash: str | None, visitor: Visitor
) -> User:
    shown = checked_name(name)
    return User(
        subject=str(uuid.uuid4()),
        email=link.email,
        email_verified=True,
        name=shown,
        name_key=name_key(shown),
        password_hash=password_hash,
        admin=link.detail.get("admin") is True,
        created_at=visitor.now,
        updated_at=visitor.now,
    )
