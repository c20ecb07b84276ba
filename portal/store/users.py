"""Users: who can sign in."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from portal.store.tables import User
from portal.store.unit import Unit, load_all, load_first, select


class Users:
    """The ``users`` table. E-mail addresses are canonical before they come here."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, subject: str, *, lock: bool = False) -> User | None:
        """Find a user; with *lock*, who disables them or changes the password waits for this unit.

        It comes before the lock of a grant, as there.
        """
        statement = select(User).where(User.subject == subject)
        if lock:
            statement = statement.with_for_update()
        return load_first(User, await self._unit.first(statement))

    async def find_by_email(self, email: str) -> User | None:
        return load_first(User, await self._unit.first(select(User).where(User.email == email)))

    async def emails_of(self, subjects: Iterable[str]) -> dict[str, str]:
        """Find the addresses of many at once; strangers are left out."""
        wanted = sorted(set(subjects))
        if not wanted:
            return {}
        statement = sa.select(User.subject, User.email).where(User.subject.in_(wanted))
        return {row[0]: row[1] for row in await self._unit.all(statement)}

    async def add(self, user: User) -> None:
        """Add a user; :class:`AlreadyExistsError` if the subject or the address is taken."""
        await self._unit.add(user)

    async def set_password(self, subject: str, *, password_hash: str, at: datetime) -> bool:
        """Give a new password, after which no earlier sign-in counts."""
        return await self._change(
            User.subject == subject, at, password_hash=password_hash, epoch=User.epoch + 1
        )

    async def replace_hash(self, subject: str, *, old: str, new: str) -> bool:
        """Keep the same password under newer parameters, unless it was changed meanwhile."""
        condition = sa.and_(User.subject == subject, User.password_hash == old)
        return bool(
            await self._unit.run(sa.update(User).where(condition).values(password_hash=new))
        )

    async def disable(self, subject: str, at: datetime) -> bool:
        """Whether this changed anything; no earlier sign-in counts from then on."""
        condition = sa.and_(User.subject == subject, User.disabled_at.is_(None))
        return await self._change(condition, at, disabled_at=at, epoch=User.epoch + 1)

    async def enable(self, subject: str, at: datetime) -> bool:
        """Whether this changed anything. The earlier sign-ins stay void."""
        condition = sa.and_(User.subject == subject, User.disabled_at.is_not(None))
        return await self._change(condition, at, disabled_at=None)

    async def list_page(self, *, after_email: str | None, limit: int) -> tuple[User, ...]:
        """List the next *limit* users by e-mail address."""
        statement = select(User).order_by(User.email).limit(limit)
        if after_email is not None:
            statement = statement.where(User.email > after_email)
        return load_all(User, await self._unit.all(statement))

    async def _change(
        self, condition: sa.ColumnElement[bool], at: datetime, **values: object
    ) -> bool:
        statement = sa.update(User).where(condition).values(updated_at=at, **values)
        return bool(await self._unit.run(statement))
