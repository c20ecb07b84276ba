"""Ory's login sessions, as far as the portal has to know about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import LoginSession
from portal.store.unit import Unit, columns, load_all, load_first, select


class LoginSessions:
    """The ``login_sessions`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, session_id_hash: str) -> LoginSession | None:
        row = await self._unit.first(_BY_ID, {"of": session_id_hash})
        return load_first(LoginSession, row)

    async def of_subject(self, subject: str) -> tuple[LoginSession, ...]:
        """Where somebody is signed in, the last used first."""
        statement = select(LoginSession).where(LoginSession.subject == subject)
        order = (LoginSession.last_used_at.desc(), LoginSession.session_id_hash)
        return load_all(LoginSession, await self._unit.all(statement.order_by(*order)))

    async def save(self, record: LoginSession) -> None:
        """Insert or replace: somebody may answer another login within the same session of Ory's."""
        await self._unit.upsert_later(record)

    async def raise_level(
        self, session: LoginSession, *, acr: str, amr: Sequence[str], browser_hash: str | None
    ) -> bool:
        """Note that more was proved in *session* than before; false where it ended meanwhile."""
        statement = sa.update(LoginSession).where(
            LoginSession.session_id_hash == session.session_id_hash,
            LoginSession.subject == session.subject,
            LoginSession.epoch == session.epoch,
            LoginSession.ended_at.is_(None),
        )
        values = {"acr": acr, "amr": list(amr), "browser_hash": browser_hash}
        return bool(await self._unit.run(statement.values(values)))

    async def touch(self, session_id_hash: str, at: datetime) -> None:
        """Note that Ory skipped a login because of this session."""
        await self._unit.run_later(_TOUCH, {"of": session_id_hash, "new_last_used_at": at})

    async def end(self, session_id_hash: str) -> bool:
        """Forget one: whether it was known."""
        statement = sa.delete(LoginSession).where(LoginSession.session_id_hash == session_id_hash)
        return bool(await self._unit.run(statement))

    async def end_one(
        self, session_id_hash: str, subject: str, *, at: datetime, due_at: datetime
    ) -> LoginSession | None:
        """Let it count no more, and Ory be told at *due_at*; ``None`` if *subject* has none such
        that counts.
        """
        condition = LoginSession.session_id_hash == session_id_hash
        found = await self._end(sa.and_(condition, LoginSession.subject == subject), at, due_at)
        return found[0] if found else None

    async def end_all(self, subject: str, *, at: datetime, due_at: datetime) -> int:
        """Do the same to all of a subject: how many that is."""
        return len(await self._end(LoginSession.subject == subject, at, due_at))

    async def claim_ended(
        self, *, now: datetime, limit: int, lease: timedelta
    ) -> tuple[LoginSession, ...]:
        """Take some of which Ory is to be told, so that nobody else does before *lease* is over."""
        due = LoginSession.__table__.c.end_due_at
        return await self._unit.change_some(
            LoginSession, due <= now, {"end_due_at": now + lease}, limit=limit, first=due
        )

    async def set_end(
        self, session: LoginSession, *, due_at: datetime | None, confirmed_at: datetime | None
    ) -> None:
        """Note when Ory is told again that *session* ended, unless somebody signed in to it since
        it was read.
        """
        values = {"end_due_at": due_at, "end_confirmed_at": confirmed_at}
        await self._unit.run(sa.update(LoginSession).where(_still_ended(session)).values(values))

    async def confirm_all(
        self, subject: str, *, ended_until: datetime, at: datetime, due_at: datetime
    ) -> None:
        """Ory has ended all of a subject: those that had ended here by *ended_until* are looked at
        once more at *due_at*.
        """
        statement = sa.update(LoginSession).where(
            LoginSession.subject == subject,
            LoginSession.ended_at <= ended_until,
            LoginSession.end_due_at.is_not(None),
            LoginSession.end_confirmed_at.is_(None),
        )
        await self._unit.run(statement.values(end_due_at=due_at, end_confirmed_at=at))

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget those last used before *at*, at most *limit*: how many."""
        return await self._unit.delete_some(
            LoginSession, LoginSession.last_used_at < at, limit=limit
        )

    async def _end(
        self, condition: sa.ColumnElement[bool], at: datetime, due_at: datetime
    ) -> tuple[LoginSession, ...]:
        can_be_told = LoginSession.sealed_id.is_not(None)
        values = {"ended_at": at, "end_due_at": sa.case((can_be_told, due_at), else_=None)}
        statement = sa.update(LoginSession).where(condition, LoginSession.ended_at.is_(None))
        ended = statement.values(values).returning(*columns(LoginSession))
        return load_all(LoginSession, await self._unit.all(ended))


_ID: Final[sa.BindParameter[str]] = sa.bindparam("of")
_BY_ID: Final = kept(select(LoginSession).where(LoginSession.session_id_hash == _ID))
_LAST_USED: Final = LoginSession.__table__.c.last_used_at
_TOUCH: Final = kept(
    sa.update(LoginSession)
    .where(LoginSession.session_id_hash == _ID)
    .values(last_used_at=sa.bindparam("new_last_used_at", type_=_LAST_USED.type))
)


def _still_ended(session: LoginSession) -> sa.ColumnElement[bool]:
    return sa.and_(
        LoginSession.session_id_hash == session.session_id_hash,
        LoginSession.ended_at == session.ended_at,
    )
