"""Ory's login sessions, as far as the portal has to know about them."""

from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import LoginSession
from portal.store.unit import Unit, load_all, load_first, select


class LoginSessions:
    """The ``login_sessions`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, session_id_hash: str) -> LoginSession | None:
        statement = select(LoginSession).where(LoginSession.session_id_hash == session_id_hash)
        return load_first(LoginSession, await self._unit.first(statement))

    async def of_subject(self, subject: str) -> tuple[LoginSession, ...]:
        """Where somebody is signed in, the last used first."""
        statement = select(LoginSession).where(LoginSession.subject == subject)
        order = (LoginSession.last_used_at.desc(), LoginSession.session_id_hash)
        return load_all(LoginSession, await self._unit.all(statement.order_by(*order)))

    async def save(self, record: LoginSession) -> None:
        """Insert or replace: somebody may answer another login within the same session of Ory's."""
        await self._unit.upsert(record)

    async def touch(self, session_id_hash: str, at: datetime) -> None:
        """Note that Ory skipped a login because of this session."""
        statement = sa.update(LoginSession).where(LoginSession.session_id_hash == session_id_hash)
        await self._unit.run(statement.values(last_used_at=at))

    async def end(self, session_id_hash: str) -> bool:
        """Forget one: whether it was known."""
        statement = sa.delete(LoginSession).where(LoginSession.session_id_hash == session_id_hash)
        return bool(await self._unit.run(statement))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those last used before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(
            LoginSession, LoginSession.last_used_at < at, limit=limit
        )
