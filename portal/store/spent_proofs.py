"""Proofs that were presented, and are not taken again."""

from datetime import datetime

from portal.store.tables import SpentProof
from portal.store.unit import Unit


class SpentProofs:
    """The ``spent_proofs`` table: hashes only."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def spend(self, proof_hash: str, at: datetime) -> bool:
        """Whether it was not spent before; of two at once, one succeeds."""
        record = SpentProof(proof_hash=proof_hash, spent_at=at)
        return await self._unit.add_if_new(record) is not None

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those spent before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(SpentProof, SpentProof.spent_at < at, limit=limit)
