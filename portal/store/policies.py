"""Policies: what the operator demands of single clients."""

from collections.abc import Iterable

import sqlalchemy as sa

from portal.store.tables import ClientPolicy
from portal.store.unit import Unit, load_all, load_first, select


class Policies:
    """The ``client_policies`` table. A client without a row is like every other."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, client_id: str) -> ClientPolicy | None:
        statement = select(ClientPolicy).where(ClientPolicy.client_id == client_id)
        return load_first(ClientPolicy, await self._unit.first(statement))

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

    async def delete(self, client_id: str) -> None:
        """Forget it: a later client with the same id has to earn its own."""
        await self._unit.run(sa.delete(ClientPolicy).where(ClientPolicy.client_id == client_id))
