"""The portal's own sessions, for ``/account`` and ``/admin``."""

from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import PortalSession, User
from portal.store.unit import Unit, columns, load, load_all, select, width


class PortalSessions:
    """The ``portal_sessions`` table: hashes of ids only, and no rows for anonymous visitors."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, record: PortalSession) -> None:
        """Start one; an id that exists is :class:`AlreadyExistsError` and never adopted."""
        await self._unit.add_later(record)

    async def find(self, session_id_hash: str) -> tuple[PortalSession, User] | None:
        """Find it and whose it is, in one query; whether it still counts, the caller decides."""
        row = await self._unit.first(
            sa.select(*columns(PortalSession), *columns(User))
            .join_from(PortalSession, User, User.subject == PortalSession.subject)
            .where(PortalSession.session_id_hash == session_id_hash)
        )
        if row is None:
            return None
        split = width(PortalSession)
        return load(PortalSession, row[:split]), load(User, row[split:])

    async def of_subject(self, subject: str) -> tuple[PortalSession, ...]:
        """Where somebody is signed in, the last used first; some may be idle for too long."""
        statement = select(PortalSession).where(PortalSession.subject == subject)
        order = (PortalSession.seen_at.desc(), PortalSession.session_id_hash)
        return load_all(PortalSession, await self._unit.all(statement.order_by(*order)))

    async def set_epoch(self, session_id_hash: str, epoch: int) -> None:
        """Let it go on in the account's new epoch, as nothing else from before does."""
        statement = sa.update(PortalSession).where(PortalSession.session_id_hash == session_id_hash)
        await self._unit.run(statement.values(epoch=epoch))

    async def touch(self, session_id_hash: str, at: datetime) -> None:
        """Note that it was used."""
        statement = sa.update(PortalSession).where(PortalSession.session_id_hash == session_id_hash)
        await self._unit.run(statement.values(seen_at=at))

    async def delete(self, session_id_hash: str) -> bool:
        """End one: whether there was one."""
        statement = sa.delete(PortalSession).where(PortalSession.session_id_hash == session_id_hash)
        return bool(await self._unit.run(statement))

    async def delete_one(self, session_id_hash: str, subject: str) -> bool:
        """End one of *subject*: whether they had it."""
        statement = sa.delete(PortalSession).where(
            PortalSession.session_id_hash == session_id_hash, PortalSession.subject == subject
        )
        return bool(await self._unit.run(statement))

    async def delete_all(self, subject: str, *, but: str | None) -> int:
        """End all of a subject, except the one whose hash is *but*: how many."""
        statement = sa.delete(PortalSession).where(PortalSession.subject == subject)
        if but is not None:
            statement = statement.where(PortalSession.session_id_hash != but)
        return await self._unit.run(statement)

    async def delete_before(self, seen_before: datetime, limit: int) -> int:
        """End those last used before that, at most *limit*: how many."""
        return await self._unit.delete_some(
            PortalSession, PortalSession.seen_at < seen_before, limit=limit
        )
