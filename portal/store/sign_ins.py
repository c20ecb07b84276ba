"""Sign-ins that are half done."""

from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import SignIn
from portal.store.unit import Unit, load_first, select


class SignIns:
    """The ``sign_ins`` table: at most one for each browser and challenge."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, key_hash: str) -> SignIn | None:
        statement = select(SignIn).where(SignIn.key_hash == key_hash)
        return load_first(SignIn, await self._unit.first(statement))

    async def save(self, record: SignIn) -> None:
        """Insert or replace: another person may sign in in the same browser."""
        await self._unit.upsert(record)

    async def end(self, key_hash: str) -> bool:
        """Forget it, because it is finished: whether it was there, so that one alone finishes."""
        return bool(await self._unit.run(sa.delete(SignIn).where(SignIn.key_hash == key_hash)))

    async def end_all(self, subject: str) -> int:
        """Forget a subject's: how many."""
        return await self._unit.run(sa.delete(SignIn).where(SignIn.subject == subject))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those begun before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(SignIn, SignIn.started_at < at, limit=limit)
