"""Policies: what the operator demands of single clients."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import ClientPolicy
from portal.store.unit import Unit, load_all, load_first, select


class Policies:
    """The ``client_policies`` table. A client without a row is like every other."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, client_id: str) -> ClientPolicy | None:
        return load_first(ClientPolicy, await self._unit.first(_BY_CLIENT, {"of": client_id}))

    async def of_clients(self, client_ids: Iterable[str]) -> dict[str, ClientPolicy]:
        """Those of many clients, by client id."""
        wanted = sorted(set(client_ids))
        if not wanted:
            return {}
        statement = select(ClientPolicy).where(ClientPolicy.client_id.in_(wanted))
        found = load_all(ClientPolicy, await self._unit.all(statement))
        return {policy.client_id: policy for policy in found}

    async def save(self, policy: ClientPolicy) -> None:
        """Insert or replace the client's policy."""
        await self._unit.upsert(policy)

    async def to_apply(self, *, until: datetime) -> tuple[ClientPolicy, ...]:
        """Those saved up to *until* that grants from before were not brought in line with yet."""
        statement = select(ClientPolicy).where(
            ClientPolicy.applied_at.is_(None), ClientPolicy.updated_at <= until
        )
        return load_all(ClientPolicy, await self._unit.all(statement))

    async def mark_applied(self, policy: ClientPolicy, *, at: datetime) -> None:
        """Note that they were, unless it was saved again meanwhile."""
        same = (
            ClientPolicy.client_id == policy.client_id,
            ClientPolicy.updated_at == policy.updated_at,
        )
        await self._unit.run(sa.update(ClientPolicy).where(*same).values(applied_at=at))

    async def delete(self, client_id: str) -> None:
        """Forget it: a later client with the same id has to earn its own."""
        await self._unit.run(sa.delete(ClientPolicy).where(ClientPolicy.client_id == client_id))


_BY_CLIENT: Final = kept(select(ClientPolicy).where(ClientPolicy.client_id == sa.bindparam("of")))
