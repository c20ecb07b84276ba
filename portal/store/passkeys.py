"""Passkeys: WebAuthn credentials of people."""

from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import Passkey
from portal.store.unit import Unit, load_all, load_first, select


class Passkeys:
    """The ``passkeys`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(self, passkey: Passkey) -> None:
        """Keep one; a credential that is known already is :class:`AlreadyExistsError`."""
        await self._unit.add(passkey)

    async def find(self, credential_id: str) -> Passkey | None:
        statement = select(Passkey).where(Passkey.credential_id == credential_id)
        return load_first(Passkey, await self._unit.first(statement))

    async def of_subject(self, subject: str) -> tuple[Passkey, ...]:
        """Those of one person, the oldest first."""
        statement = select(Passkey).where(Passkey.subject == subject)
        order = (Passkey.created_at, Passkey.credential_id)
        return load_all(Passkey, await self._unit.all(statement.order_by(*order)))

    async def use(
        self, passkey: Passkey, *, sign_count: int, backed_up: bool, at: datetime
    ) -> bool:
        """Note that it was used, unless it was used meanwhile: then false."""
        statement = sa.update(Passkey).where(
            Passkey.credential_id == passkey.credential_id,
            Passkey.sign_count == passkey.sign_count,
        )
        values = {"sign_count": sign_count, "backed_up": backed_up, "last_used_at": at}
        return bool(await self._unit.run(statement.values(values)))

    async def rename(self, subject: str, credential_id: str, name: str) -> bool:
        """Whether *subject* has it."""
        statement = sa.update(Passkey).where(
            Passkey.subject == subject, Passkey.credential_id == credential_id
        )
        return bool(await self._unit.run(statement.values(name=name)))

    async def delete(self, subject: str, credential_id: str) -> bool:
        """Whether *subject* had it."""
        statement = sa.delete(Passkey).where(
            Passkey.subject == subject, Passkey.credential_id == credential_id
        )
        return bool(await self._unit.run(statement))

    async def delete_all(self, subject: str) -> int:
        """Forget a subject's: how many."""
        return await self._unit.run(sa.delete(Passkey).where(Passkey.subject == subject))
