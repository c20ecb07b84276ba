"""Apps that make one-time codes for people."""

from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import TotpFactor
from portal.store.unit import Unit, load_all, load_first, select


class TotpFactors:
    """The ``totp_factors`` table; the secrets in it are sealed."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, factor: TotpFactor) -> None:
        await self._unit.add(factor)

    async def find(self, subject: str, factor_id: str) -> TotpFactor | None:
        statement = select(TotpFactor).where(
            TotpFactor.subject == subject, TotpFactor.id == factor_id
        )
        return load_first(TotpFactor, await self._unit.first(statement))

    async def of_subject(self, subject: str) -> tuple[TotpFactor, ...]:
        """Those of one person, the oldest first."""
        statement = select(TotpFactor).where(TotpFactor.subject == subject)
        order = (TotpFactor.created_at, TotpFactor.id)
        return load_all(TotpFactor, await self._unit.all(statement.order_by(*order)))

    async def use(self, factor_id: str, *, step: int, at: datetime) -> bool:
        """Take the code of *step*, unless it or a later one was taken: then false."""
        statement = sa.update(TotpFactor).where(
            TotpFactor.id == factor_id, TotpFactor.last_step < step
        )
        return bool(await self._unit.run(statement.values(last_step=step, last_used_at=at)))

    async def rename(self, subject: str, factor_id: str, name: str) -> bool:
        """Whether *subject* has it."""
        statement = sa.update(TotpFactor).where(
            TotpFactor.subject == subject, TotpFactor.id == factor_id
        )
        return bool(await self._unit.run(statement.values(name=name)))

    async def delete(self, subject: str, factor_id: str) -> bool:
        """Whether *subject* had it."""
        statement = sa.delete(TotpFactor).where(
            TotpFactor.subject == subject, TotpFactor.id == factor_id
        )
        return bool(await self._unit.run(statement))

    async def delete_all(self, subject: str) -> int:
        """Forget a subject's: how many."""
        return await self._unit.run(sa.delete(TotpFactor).where(TotpFactor.subject == subject))

    async def sealed_otherwise(self, key_id: str, limit: int) -> tuple[TotpFactor, ...]:
        """At most *limit* whose secret another key than *key_id* sealed."""
        statement = select(TotpFactor).where(~TotpFactor.sealed_secret.startswith(f"{key_id}."))
        return load_all(TotpFactor, await self._unit.all(statement.limit(limit)))

    async def reseal(self, factor_id: str, *, old: str, new: str) -> bool:
        """Replace the sealed secret, unless that was done meanwhile."""
        statement = sa.update(TotpFactor).where(
            TotpFactor.id == factor_id, TotpFactor.sealed_secret == old
        )
        return bool(await self._unit.run(statement.values(sealed_secret=new)))
