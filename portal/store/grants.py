"""Grants: what subjects let clients do."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import GRANT_STATES, GrantRecord, KnownClient, Revocation, ScopeSet
from portal.store.unit import Unit, load_all, load_first, select

LIVING: Final = ("active", "expired")
"""The states of grants whose tokens may live."""


class Grants:
    """The ``grants`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def find(self, subject: str, client_id: str, *, lock: bool = False) -> GrantRecord | None:
        """Find the pair's grant; with *lock*, others who ask with it wait until this unit ends.

        The lock is on the row, so that a revocation of many waits too, and on the pair where there
        is no row yet. On SQLite there is one writer anyway.
        """
        statement = _OF_PAIR_LOCKED if lock else _OF_PAIR
        values = {"subject": subject, "client_id": client_id}
        row = await self._unit.first(statement, values)
        if row is None and lock and self._unit.is_postgresql:
            await self._unit.first(_LOCK, {"key": _lock_key(subject, client_id)})
            row = await self._unit.first(statement, values)  # somebody may have been faster
        return load_first(GrantRecord, row)

    async def save(self, record: GrantRecord, *, before: GrantRecord | None = None) -> None:
        """Insert or replace the pair's grant, and note what a search has to know about it: nothing
        new, mostly, where the row *before* is known.
        """
        record.scope_set = scope_set_id(record.scopes)
        if before is None or _searched(before) != _searched(record):
            await self._remember_client(record)
            await self._unit.add_if_new_later(
                ScopeSet(id=record.scope_set, scopes=sorted(set(record.scopes)))
            )
        await self._unit.upsert_later(record)

    async def revoke(
        self, subject: str, client_id: str | None, *, reason: str, at: datetime
    ) -> tuple[str, ...]:
        """Mark the pair's grant, or all of the subject, as revoked: the clients that had one."""
        statement = (
            sa.update(GrantRecord)
            .where(_pair(subject, client_id), GrantRecord.revoked_at.is_(None))
            .values(revoked_at=at, revoke_reason=reason, revoke_synced_at=None)
            .returning(GrantRecord.client_id)
        )
        return tuple(sorted(row[0] for row in await self._unit.all(statement)))

    async def restore(
        self, subject: str, client_id: str, *, revoked_at: datetime, reason: str | None = None
    ) -> bool:
        """Let the pair's grant live on as it was, if it was revoked at *revoked_at* and Ory has
        deleted nothing yet. Whether it does. *reason* is what a narrowing had left there.
        """
        condition = sa.and_(
            _pair(subject, client_id),
            GrantRecord.revoked_at == revoked_at,
            GrantRecord.revoke_synced_at.is_(None),
        )
        living = sa.update(GrantRecord).where(condition)
        return bool(await self._unit.run(living.values(revoked_at=None, revoke_reason=reason)))

    async def count_people(self, client_ids: Iterable[str]) -> dict[str, int]:
        """Count who has each of the clients connected now; clients of nobody are left out."""
        wanted = sorted(set(client_ids))
        if not wanted:
            return {}
        statement = (
            sa.select(GrantRecord.client_id, sa.func.count())
            .where(GrantRecord.client_id.in_(wanted), GrantRecord.state.in_(LIVING))
            .group_by(GrantRecord.client_id)
        )
        return {row[0]: int(row[1]) for row in await self._unit.all(statement)}

    async def end_client(self, client_id: str, *, reason: str, at: datetime) -> int:
        """Mark what everybody gave to a client that Ory has forgotten: how many grants ended.

        Its tokens and consents went with it, so Ory has nothing left to confirm, of earlier
        revocations neither.
        """
        over = {"revoke_synced_at": at, "hydra_scopes": None, "listable": False}
        grants = sa.update(GrantRecord).where(GrantRecord.client_id == client_id)
        revoked = GrantRecord.revoked_at.is_not(None)
        unconfirmed = grants.where(revoked, GrantRecord.revoke_synced_at.is_(None))
        # First, and waiting for it: what somebody is about to bring back is living then
        await self._unit.run(unconfirmed.values(**over))
        living = grants.where(~revoked).values(revoked_at=at, revoke_reason=reason, **over)
        return await self._unit.run(living)

    async def mark_synced(
        self, subject: str, client_id: str | None, *, revoked_until: datetime, at: datetime
    ) -> None:
        """Note that Ory has deleted what was revoked up to *revoked_until*, not what was later.

        Ory remembers nothing of it from then on.
        """
        statement = sa.update(GrantRecord).where(
            _pair(subject, client_id),
            GrantRecord.revoked_at <= revoked_until,
            GrantRecord.revoke_synced_at.is_(None),
        )
        await self._unit.run(
            statement.values(revoke_synced_at=at, hydra_scopes=None, listable=False)
        )

    async def of_subject(self, subject: str) -> tuple[GrantRecord, ...]:
        """All of a subject, revoked ones too, the newest first."""
        newest_first = (GrantRecord.granted_at.desc(), GrantRecord.client_id)
        statement = (
            select(GrantRecord).where(GrantRecord.subject == subject).order_by(*newest_first)
        )
        return load_all(GrantRecord, await self._unit.all(statement))

    async def delete_ended(self, before: datetime, limit: int) -> int:
        """Forget what Ory had deleted before *before*, at most *limit*, the oldest first: how many.

        Not what Ory is still to be told something about.
        """
        grants = GrantRecord.__table__.c
        unfinished = sa.exists().where(
            Revocation.subject == grants.subject,
            sa.or_(Revocation.client_id == grants.client_id, Revocation.client_id.is_(None)),
            Revocation.state != "done",
        )
        over = sa.and_(
            grants.revoke_synced_at < before, grants.state.in_(("revoked", "at_ory")), ~unfinished
        )
        return await self._unit.delete_some(
            GrantRecord, over, limit=limit, first=grants.revoke_synced_at
        )

    async def index_some(self, limit: int) -> int:
        """Note what a search has to know about at most *limit* grants from before it was kept; how
        many there were.

        The living and newest come first: of an app's names the first to be noted stays, until
        somebody allows it again.
        """
        found: list[GrantRecord] = []
        for state in GRANT_STATES:
            if len(found) < limit:
                found += await self._unnoted(state, limit - len(found))
        await self._note(found)
        return len(found)

    async def index_used(self, since: datetime, limit: int) -> int:
        """Put right what a replica of the version before wrote lately: it changes ``scopes`` and
        knows nothing of ``scope_set``. How many of the *limit* grants last used were wrong.

        Nothing is locked: what somebody changes meanwhile is left as it is.
        """
        statement = (
            select(GrantRecord)
            .where(GrantRecord.state == "active", GrantRecord.last_accept_at >= since)
            .order_by(GrantRecord.last_accept_at.desc())
            .limit(limit)
        )
        used = load_all(GrantRecord, await self._unit.all(statement))
        wrong = [grant for grant in used if grant.scope_set != scope_set_id(grant.scopes)]
        await self._note(wrong)
        return len(wrong)

    async def _unnoted(self, state: str, limit: int) -> tuple[GrantRecord, ...]:
        statement = (
            select(GrantRecord)
            .where(GrantRecord.scope_set == 0, GrantRecord.state == state)
            .order_by(GrantRecord.granted_at.desc())
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return load_all(GrantRecord, await self._unit.all(statement))

    async def _note(self, grants: Iterable[GrantRecord]) -> None:
        alike: dict[tuple[tuple[str, ...], int], list[tuple[str, str]]] = {}
        clients: dict[str, GrantRecord] = {}
        for grant in grants:
            clients.setdefault(grant.client_id, grant)
            kind = (tuple(sorted(set(grant.scopes))), grant.scope_set)
            alike.setdefault(kind, []).append((grant.subject, grant.client_id))
        pair = sa.tuple_(GrantRecord.subject, GrantRecord.client_id)
        for (scopes, wrong), pairs in sorted(alike.items()):
            number = scope_set_id(scopes)
            await self._unit.add_if_new(ScopeSet(id=number, scopes=list(scopes)))
            unchanged = sa.and_(pair.in_(pairs), GrantRecord.scope_set == wrong)
            await self._unit.run(sa.update(GrantRecord).where(unchanged).values(scope_set=number))
        for client_id, grant in sorted(clients.items()):
            await self._unit.add_if_new(
                KnownClient(
                    client_id=client_id,
                    client_name=grant.client_name,
                    client_uri=grant.client_uri,
                )
            )

    async def _remember_client(self, record: GrantRecord) -> None:
        """Only a new or renamed client is written: everybody who allows it comes by here."""
        known = load_first(
            KnownClient,
            await self._unit.first(_KNOWN, {"of": record.client_id}),
        )
        names = (record.client_name, record.client_uri)
        if known is None or (known.client_name, known.client_uri) != names:
            await self._unit.upsert(
                KnownClient(
                    client_id=record.client_id,
                    client_name=record.client_name,
                    client_uri=record.client_uri,
                )
            )


def _searched(record: GrantRecord) -> tuple[object, ...]:
    """What other tables know of it, for searches."""
    return record.scope_set, record.client_id, record.client_name, record.client_uri


def scope_set_id(scopes: Iterable[str]) -> int:
    """The number of a combination of scopes, whatever their order: 63 bits of their hash."""
    packed = " ".join(sorted(set(scopes))).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(packed, digest_size=8).digest()) >> 1


def _pair(subject: str, client_id: str | None) -> sa.ColumnElement[bool]:
    """Mean the one grant, or all grants of the subject."""
    if client_id is None:
        return GrantRecord.subject == subject
    return sa.and_(GrantRecord.subject == subject, GrantRecord.client_id == client_id)


def _lock_key(subject: str, client_id: str) -> int:
    pair = f"{len(subject)}:{subject}{client_id}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(pair, digest_size=8).digest(), signed=True)


def _of_pair() -> sa.Select[*tuple[Any, ...]]:
    return select(GrantRecord).where(
        GrantRecord.subject == sa.bindparam("subject"),
        GrantRecord.client_id == sa.bindparam("client_id"),
    )


_OF_PAIR: Final = kept(_of_pair())
_OF_PAIR_LOCKED: Final = kept(_of_pair().with_for_update())
_LOCK: Final = kept(
    sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger())))
)
_KNOWN: Final = kept(select(KnownClient).where(KnownClient.client_id == sa.bindparam("of")))
