"""Users: who can sign in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from portal.passwords.hashes import UNKNOWN_KIND, kind_of
from portal.store.folding import name_key
from portal.store.prepared import kept
from portal.store.tables import User
from portal.store.unit import Unit, load_all, load_first, select

_BY_EMAIL: Final = kept(select(User).where(User.email == sa.bindparam("email")))
_BY_SUBJECT: Final = kept(select(User).where(User.subject == sa.bindparam("of")))
_BY_SUBJECT_LOCKED: Final = kept(
    select(User).where(User.subject == sa.bindparam("of")).with_for_update()
)
_ADMINS: Final = 0x706F_7274_616C
"""The number of PostgreSQL's lock on who administers; SQLite has one writer anyway."""


class Users:
    """The ``users`` table. E-mail addresses are canonical before they come here."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, subject: str, *, lock: bool = False) -> User | None:
        """Find a user; with *lock*, who disables them or changes the password waits for this unit.

        It comes before the lock of a grant, as there.
        """
        statement = _BY_SUBJECT_LOCKED if lock else _BY_SUBJECT
        return load_first(User, await self._unit.first(statement, {"of": subject}))

    async def find_by_email(self, email: str) -> User | None:
        return load_first(User, await self._unit.first(_BY_EMAIL, {"email": email}))

    async def emails_of(self, subjects: Iterable[str]) -> dict[str, str]:
        """Find the addresses of many at once; strangers are left out."""
        wanted = sorted(set(subjects))
        if not wanted:
            return {}
        statement = sa.select(User.subject, User.email).where(User.subject.in_(wanted))
        return {row[0]: row[1] for row in await self._unit.all(statement)}

    async def add(self, user: User) -> None:
        """Add a user; :class:`AlreadyExistsError` if the subject or the address is taken."""
        _complete(user)
        await self._unit.add(user)

    async def add_all(self, users: Sequence[User]) -> None:
        """Add many by one statement, or none of them; :class:`AlreadyExistsError` as above."""
        for user in users:
            _complete(user)
        await self._unit.add_all(users)

    async def find_any(
        self, *, subjects: Collection[str], emails: Collection[str]
    ) -> tuple[User, ...]:
        """Find everybody who has one of *subjects* or *emails*."""
        by_subject = select(User).where(User.subject.in_(sorted(subjects)))
        by_email = select(User).where(User.email.in_(sorted(emails)))
        found = (*await self._unit.all(by_subject), *await self._unit.all(by_email))
        users = {user.subject: user for user in load_all(User, found)}
        return tuple(users.values())

    async def set_password(self, subject: str, *, password_hash: str, at: datetime) -> bool:
        """Give a new password, after which no earlier sign-in counts."""
        return await self._change(
            User.subject == subject,
            at,
            password_hash=password_hash,
            password_kind=_kind(password_hash),
            password_set_at=at,
            password_expired=False,
            epoch=User.epoch + 1,
        )

    async def replace_hash(self, subject: str, *, old: str, new: str) -> bool:
        """Keep the same password under newer parameters, unless it was changed meanwhile."""
        condition = sa.and_(User.subject == subject, User.password_hash == old)
        values = {"password_hash": new, "password_kind": _kind(new)}
        return bool(await self._unit.run(sa.update(User).where(condition).values(values)))

    async def disable(self, subject: str, at: datetime) -> bool:
        """Whether this changed anything; no earlier sign-in counts from then on."""
        condition = sa.and_(User.subject == subject, User.disabled_at.is_(None))
        return await self._change(condition, at, disabled_at=at, epoch=User.epoch + 1)

    async def enable(self, subject: str, at: datetime) -> bool:
        """Whether this changed anything. The earlier sign-ins stay void."""
        condition = sa.and_(User.subject == subject, User.disabled_at.is_not(None))
        return await self._change(condition, at, disabled_at=None)

    async def set_admin(self, subject: str, *, admin: bool, at: datetime) -> bool:
        """Give or take the role: whether this changed anything."""
        condition = sa.and_(User.subject == subject, User.admin.is_(not admin))
        return await self._change(condition, at, admin=admin)

    async def expire_password(self, subject: str, at: datetime) -> bool:
        """Demand another password; no earlier sign-in counts from then on."""
        return await self._change(
            User.subject == subject, at, password_expired=True, epoch=User.epoch + 1
        )

    async def end_sign_ins(self, subject: str, at: datetime) -> bool:
        """Let no earlier sign-in count from then on."""
        return await self._change(User.subject == subject, at, epoch=User.epoch + 1)

    async def set_email(self, subject: str, *, email: str, verified: bool, at: datetime) -> bool:
        """Give another address, which is canonical; :class:`AlreadyExistsError` if it is taken.

        No earlier sign-in counts from then on.
        """
        return await self._change(
            User.subject == subject,
            at,
            email=email,
            email_verified=verified,
            epoch=User.epoch + 1,
        )

    async def move(self, subject: str, *, email: str, at: datetime) -> bool:
        """Give an address that was confirmed; :class:`AlreadyExistsError` if it is taken. Sign-ins
        of before count on, as far as nobody ends them.
        """
        return await self._change(User.subject == subject, at, email=email, email_verified=True)

    async def set_verified(self, subject: str, at: datetime, *, email: str) -> bool:
        """Note that *email* is theirs, if it is still their address: whether this changed
        anything.
        """
        condition = sa.and_(
            User.subject == subject, User.email == email, User.email_verified.is_(False)
        )
        return await self._change(condition, at, email_verified=True)

    async def set_profile(
        self, subject: str, *, name: str | None, profile: Mapping[str, Any], at: datetime
    ) -> bool:
        """Keep what there is to tell about somebody; the name's folded form goes along."""
        return await self._change(
            User.subject == subject,
            at,
            name=name,
            name_key=name_key(name),
            profile=dict(profile),
        )

    async def set_attributes(
        self, subject: str, *, attributes: Mapping[str, Any], at: datetime
    ) -> bool:
        """Keep the operator's attributes of somebody."""
        return await self._change(User.subject == subject, at, attributes=dict(attributes))

    async def delete(self, subject: str) -> bool:
        """Forget somebody: whether there was anybody."""
        return bool(await self._unit.run(sa.delete(User).where(User.subject == subject)))

    async def lock_admins(self) -> None:
        """Let nobody else judge who administers until this unit ends: of two who would both be the
        last but one, the second sees what the first has done. It comes after the lock of the user.
        """
        if self._unit.is_postgresql:
            await self._unit.all(sa.select(sa.func.pg_advisory_xact_lock(_ADMINS)))

    async def has_other_admin(self, subject: str) -> bool:
        """Whether somebody else administers who is not disabled."""
        other = sa.select(User.subject).where(
            sa.text("users.admin"), User.disabled_at.is_(None), User.subject != subject
        )
        return await self._unit.first(other.limit(1)) is not None

    async def fold_names(self, limit: int) -> int:
        """Fold at most *limit* names that were kept before names were folded: how many."""
        lacking = sa.and_(User.name.is_not(None), User.name_key.is_(None))
        statement = sa.select(User.subject, User.name).where(lacking)
        found = await self._unit.all(
            statement.order_by(User.subject).limit(limit).with_for_update(skip_locked=True)
        )
        for subject, name in found:
            same = sa.and_(User.subject == subject, User.name == name)
            await self._unit.run(sa.update(User).where(same).values(name_key=name_key(name) or ""))
        return len(found)

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


def _complete(user: User) -> None:
    """Name the kind of a hash, and when it came."""
    if user.password_hash is not None:
        user.password_kind = user.password_kind or _kind(user.password_hash)
        user.password_set_at = user.password_set_at or user.created_at


def _kind(password_hash: str) -> str:
    """What is stored beside a hash; never nothing, so that nobody looks at it again."""
    return kind_of(password_hash) or UNKNOWN_KIND
