"""Grants: what subjects let clients do."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from portal.store.columns import Text
from portal.store.tables import GrantRecord, User
from portal.store.unit import Unit, load, load_all, load_first, select, width

MAX_PAGE: Final = 100
Position = tuple[datetime, str, str]
"""Where a page ends: ``granted_at``, subject, client id of its last row."""


class GrantSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator looks for; empty fields do not narrow. Capitals do not matter."""

    user: str = ""
    """A part of the e-mail address, or a subject."""
    client: str = ""
    """A part of the app's id or name."""
    scope: str = ""
    """Whole scope names, separated by blanks; all of them."""
    state: str = ""
    """``active``, ``pending`` (Ory has not confirmed) or ``revoked``; others find nothing."""


class GrantRow(msgspec.Struct, frozen=True):
    """A grant, and the address of its user where the user is known here."""

    grant: GrantRecord
    email: str | None


class GrantPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some grants; ``next`` is the position to go on from, ``None`` on the last page."""

    rows: tuple[GrantRow, ...]
    next: Position | None


class Grants:
    """The ``grants`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, subject: str, client_id: str, *, lock: bool = False) -> GrantRecord | None:
        """Find the pair's grant; with *lock*, others who ask with it wait until this unit ends.

        The lock is on the pair, because there may be no row yet, and on the row, so that a
        revocation of many waits too. On SQLite there is one writer anyway.
        """
        if lock and self._unit.is_postgresql:
            await self._unit.first(
                sa.select(sa.func.pg_advisory_xact_lock(_lock_key(subject, client_id)))
            )
        statement = select(GrantRecord).where(_pair(subject, client_id))
        if lock:
            statement = statement.with_for_update()
        return load_first(GrantRecord, await self._unit.first(statement))

    async def save(self, record: GrantRecord) -> None:
        """Insert or replace the pair's grant."""
        await self._unit.upsert(record)

    async def revoke(
        self, subject: str, client_id: str | None, *, reason: str, at: datetime
    ) -> tuple[str, ...]:
        """Mark the pair's grant, or all of the subject, as revoked: the clients that had one."""
        statement = (
            sa.update(GrantRecord)
            .where(_pair(subject, client_id), GrantRecord.revoked_at.is_(None))
            .values(revoked_at=at, revoke_reason=reason, revoke_synced_at=None, hydra_scopes=None)
            .returning(GrantRecord.client_id)
        )
        return tuple(sorted(row[0] for row in await self._unit.all(statement)))

    async def count_people(self, client_ids: Iterable[str]) -> dict[str, int]:
        """Count who has each of the clients connected now; clients of nobody are left out."""
        wanted = sorted(set(client_ids))
        if not wanted:
            return {}
        statement = (
            sa.select(GrantRecord.client_id, sa.func.count())
            .where(GrantRecord.client_id.in_(wanted), GrantRecord.revoked_at.is_(None))
            .group_by(GrantRecord.client_id)
        )
        return {row[0]: int(row[1]) for row in await self._unit.all(statement)}

    async def end_client(self, client_id: str, *, reason: str, at: datetime) -> int:
        """Mark what everybody gave to a client that Ory has forgotten: how many grants ended.

        Its tokens and consents went with it, so Ory has nothing left to confirm, of earlier
        revocations neither.
        """
        over = {"revoke_synced_at": at, "hydra_scopes": None}
        ended = await self._unit.run(
            sa.update(GrantRecord)
            .where(GrantRecord.client_id == client_id, GrantRecord.revoked_at.is_(None))
            .values(revoked_at=at, revoke_reason=reason, **over)
        )
        unconfirmed = sa.and_(
            GrantRecord.client_id == client_id, GrantRecord.revoke_synced_at.is_(None)
        )
        await self._unit.run(sa.update(GrantRecord).where(unconfirmed).values(**over))
        return ended

    async def mark_synced(
        self, subject: str, client_id: str | None, *, revoked_until: datetime, at: datetime
    ) -> None:
        """Note that Ory has deleted what was revoked up to *revoked_until*, not what was later."""
        statement = sa.update(GrantRecord).where(
            _pair(subject, client_id),
            GrantRecord.revoked_at <= revoked_until,
            GrantRecord.revoke_synced_at.is_(None),
        )
        await self._unit.run(statement.values(revoke_synced_at=at))

    async def of_subject(self, subject: str) -> tuple[GrantRecord, ...]:
        """All of a subject, revoked ones too, the newest first."""
        newest_first = (GrantRecord.granted_at.desc(), GrantRecord.client_id)
        statement = (
            select(GrantRecord).where(GrantRecord.subject == subject).order_by(*newest_first)
        )
        return load_all(GrantRecord, await self._unit.all(statement))

    async def search(self, search: GrantSearch, *, after: Position | None, limit: int) -> GrantPage:
        """List a page of at most *limit* (and at most 100) grants, the newest first, after *after*.

        The position is that of a row and not a number of rows, so that pages neither repeat nor
        lose one while grants come and go.
        """
        limit = max(1, min(limit, MAX_PAGE))
        statement = (
            sa.select(GrantRecord.__table__, User.email)
            .outerjoin_from(GrantRecord, User, User.subject == GrantRecord.subject)
            .where(*self._conditions(search))
            .order_by(*(column.desc() for column in _ORDER))
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(_place < _bound(after))
        found = await self._unit.all(statement)
        split = width(GrantRecord)
        rows = tuple(GrantRow(load(GrantRecord, row[:split]), row[split]) for row in found[:limit])
        last = rows[-1].grant if len(found) > limit else None
        return GrantPage(rows=rows, next=_position_of(last))

    def _conditions(self, search: GrantSearch) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = []
        if user := search.user.strip():
            conditions.append(
                sa.or_(User.email.icontains(user, autoescape=True), GrantRecord.subject == user)
            )
        if client := search.client.strip():
            conditions.append(
                sa.or_(
                    GrantRecord.client_id.icontains(client, autoescape=True),
                    GrantRecord.client_name.icontains(client, autoescape=True),
                )
            )
        conditions.extend(self._has_scope(scope) for scope in search.scope.split())
        if search.state:
            conditions.append(_STATES.get(search.state, sa.false()))
        return conditions

    def _has_scope(self, scope: str) -> sa.ColumnElement[bool]:
        if self._unit.is_postgresql:
            return sa.type_coerce(GrantRecord.scopes, JSONB).contains([scope])
        element = sa.func.json_each(GrantRecord.scopes).table_valued("value")
        return sa.exists(
            sa.select(sa.literal(1))
            .select_from(element)
            .where(element.c.value == sa.literal(scope, Text()))
        )


_ORDER: Final[tuple[sa.ColumnElement[Any], ...]] = (
    GrantRecord.__table__.c.granted_at,
    GrantRecord.__table__.c.subject,
    GrantRecord.__table__.c.client_id,
)
_place: Final = sa.tuple_(*_ORDER)
_STATES: Final[dict[str, sa.ColumnElement[bool]]] = {
    "active": GrantRecord.revoked_at.is_(None),
    "pending": sa.and_(GrantRecord.revoked_at.is_not(None), GrantRecord.revoke_synced_at.is_(None)),
    "revoked": GrantRecord.revoke_synced_at.is_not(None),
}


def _bound(after: Position) -> sa.Tuple:
    return sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(after, _ORDER, strict=True)))


def _position_of(grant: GrantRecord | None) -> Position | None:
    return None if grant is None else (grant.granted_at, grant.subject, grant.client_id)


def _pair(subject: str, client_id: str | None) -> sa.ColumnElement[bool]:
    """Mean the one grant, or all grants of the subject."""
    if client_id is None:
        return GrantRecord.subject == subject
    return sa.and_(GrantRecord.subject == subject, GrantRecord.client_id == client_id)


def _lock_key(subject: str, client_id: str) -> int:
    pair = f"{len(subject)}:{subject}{client_id}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(pair, digest_size=8).digest(), signed=True)
