"""Recovery codes: hashes only."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import RecoveryCode
from portal.store.unit import Unit


class RecoveryCodes:
    """The ``recovery_codes`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def replace(self, subject: str, code_hashes: Iterable[str], *, at: datetime) -> None:
        """Give a person new codes; the old ones end."""
        await self.delete_all(subject)
        await self._unit.add_all(
            [
                RecoveryCode(subject=subject, code_hash=code_hash, created_at=at)
                for code_hash in code_hashes
            ]
        )

    async def use(self, subject: str, code_hash: str, at: datetime) -> bool:
        """Whether it was one that nobody used before."""
        statement = sa.update(RecoveryCode).where(
            RecoveryCode.subject == subject,
            RecoveryCode.code_hash == code_hash,
            RecoveryCode.used_at.is_(None),
        )
        return bool(await self._unit.run(statement.values(used_at=at)))

    async def count_left(self, subject: str) -> int:
        """How many can still be used."""
        statement = sa.select(sa.func.count()).where(
            RecoveryCode.subject == subject, RecoveryCode.used_at.is_(None)
        )
        row = await self._unit.first(statement)
        return int(row[0]) if row else 0

    async def delete_all(self, subject: str) -> int:
        """Forget a subject's: how many."""
        return await self._unit.run(sa.delete(RecoveryCode).where(RecoveryCode.subject == subject))
