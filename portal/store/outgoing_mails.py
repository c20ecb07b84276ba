"""Mails that wait for the mail server."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.store.tables import OutgoingMail
from portal.store.unit import Unit


class OutgoingMails:
    """The ``outgoing_mails`` table; what is in a mail is sealed."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, mail: OutgoingMail) -> None:
        await self._unit.add(mail)

    async def claim_due(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> tuple[OutgoingMail, ...]:
        """Take at most *limit* that are due; they are due again after *lease*."""
        return await self._unit.change_some(
            OutgoingMail,
            OutgoingMail.due_at <= now,
            {"due_at": now + lease, "attempts": OutgoingMail.attempts + 1},
            limit=limit,
            first=OutgoingMail.__table__.c.due_at,
        )

    async def postpone(self, mail_id: str, *, error: str, due_at: datetime) -> None:
        """Try again later."""
        statement = sa.update(OutgoingMail).where(OutgoingMail.id == mail_id)
        await self._unit.run(statement.values(last_error=error, due_at=due_at))

    async def delete(self, mail_id: str) -> None:
        """Forget it: it was sent, or never will be."""
        await self._unit.run(sa.delete(OutgoingMail).where(OutgoingMail.id == mail_id))
