"""Links that were mailed: hashes of their tokens only."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import MailedLink
from portal.store.unit import Unit, load_all, load_first, select


class MailedLinks:
    """The ``mailed_links`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, link: MailedLink) -> None:
        await self._unit.add(link)

    async def find(self, token_hash: str) -> MailedLink | None:
        statement = select(MailedLink).where(MailedLink.token_hash == token_hash)
        return load_first(MailedLink, await self._unit.first(statement))

    async def use(self, token_hash: str, at: datetime) -> bool:
        """Use it up: whether it could be; of two at once, one succeeds."""
        statement = sa.update(MailedLink).where(
            MailedLink.token_hash == token_hash,
            MailedLink.used_at.is_(None),
            MailedLink.expires_at > at,
        )
        return bool(await self._unit.run(statement.values(used_at=at)))

    async def void(self, purpose: str, *, email: str) -> int:
        """Void the earlier ones of that purpose to an address: the newest alone counts."""
        return await self._unit.run(
            sa.delete(MailedLink).where(
                MailedLink.purpose == purpose,
                MailedLink.email == email,
                MailedLink.used_at.is_(None),
            )
        )

    async def void_to(self, emails: Collection[str], *purposes: str) -> int:
        """Void those to any of some addresses for some purposes, used ones too: how many."""
        return await self._unit.run(
            sa.delete(MailedLink).where(
                MailedLink.purpose.in_(purposes), MailedLink.email.in_(sorted(emails))
            )
        )

    async def void_of(self, subject: str, *purposes: str) -> int:
        """Void those of an account for some purposes, confirmed ones too: how many."""
        return await self._unit.run(
            sa.delete(MailedLink).where(
                MailedLink.subject == subject, MailedLink.purpose.in_(purposes)
            )
        )

    async def of_subject(self, subject: str, *purposes: str) -> tuple[MailedLink, ...]:
        """Those of an account for some purposes, also used ones, the newest first."""
        statement = select(MailedLink).where(
            MailedLink.subject == subject, MailedLink.purpose.in_(purposes)
        )
        order = (MailedLink.created_at.desc(), MailedLink.token_hash)
        return load_all(MailedLink, await self._unit.all(statement.order_by(*order)))

    async def void_all(self, subject: str) -> int:
        """Void everything that was mailed about an account: how many."""
        return await self._unit.run(sa.delete(MailedLink).where(MailedLink.subject == subject))

    async def waiting(self, purpose: str, *, now: datetime, limit: int) -> tuple[MailedLink, ...]:
        """Those of a purpose that can still be used, the newest first."""
        statement = select(MailedLink).where(
            MailedLink.purpose == purpose,
            MailedLink.used_at.is_(None),
            MailedLink.expires_at > now,
        )
        order = (MailedLink.created_at.desc(), MailedLink.token_hash)
        return load_all(MailedLink, await self._unit.all(statement.order_by(*order).limit(limit)))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those that expired before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(MailedLink, MailedLink.expires_at < at, limit=limit)
