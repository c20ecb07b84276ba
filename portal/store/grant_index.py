"""Finding grants among millions: what was typed becomes a selection, a selection becomes pages."""

import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa

from portal.store.grant_walks import (
    FEW_SETS,
    Estimate,
    Moment,
    Position,
    Selection,
    Walk,
    holds_scopes,
    walks,
    written,
)
from portal.store.tables import GrantRecord, KnownClient, ScopeSet, User
from portal.store.unit import Unit, load, width

__all__ = [
    "EXACT_TO",
    "MAX_PAGE",
    "MOST_CLIENTS",
    "MOST_SCOPE_SETS",
    "MOST_USERS",
    "GrantIndex",
    "GrantPage",
    "GrantRow",
    "GrantSearch",
    "Order",
    "Position",
    "Selected",
    "Selection",
    "Tally",
]

MAX_PAGE: Final = 1_000
MOST_USERS: Final = 100
"""So many people can be meant by the beginning of an address; a search never goes through more."""
MOST_CLIENTS: Final = 10
MOST_SCOPE_SETS: Final = 100
EXACT_TO: Final = 10_000
Order = Literal["newest", "oldest", "used", "unused"]
"""By ``granted_at`` or by ``last_accept_at``, each in both directions."""
_ORDERS: Final[dict[Order, tuple[Moment, bool]]] = {
    "newest": ("granted_at", True),
    "oldest": ("granted_at", False),
    "used": ("last_accept_at", True),
    "unused": ("last_accept_at", False),
}


class GrantSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator looks for, as it was typed; empty fields do not narrow."""

    user: str = ""
    """A subject, an e-mail address, or the beginning of one; capitals do not matter."""
    client: str = ""
    """A client id, or a part of the app's id or name; capitals do not matter."""
    scope: str = ""
    """Whole scope names, separated by blanks; all of them."""
    state: str = ""
    """One of :data:`portal.store.tables.GRANT_STATES`; others find nothing."""
    allowed_since: datetime | None = None
    allowed_until: datetime | None = None
    used_since: datetime | None = None
    used_until: datetime | None = None


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """A selection, and whether it leaves out some of what was typed."""

    selection: Selection
    more_users: bool = False
    """More people fit than the first :data:`MOST_USERS` by address, whom it means."""
    more_clients: bool = False
    """More apps fit than the first :data:`MOST_CLIENTS` by name, which it means."""

    @property
    def whole(self) -> bool:
        """Whether it means everything that was typed; nothing else may be revoked in bulk."""
        return not (self.more_users or self.more_clients)


class GrantRow(msgspec.Struct, frozen=True):
    """A grant, and the address of its user where the user is known here."""

    grant: GrantRecord
    email: str | None


class GrantPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some grants; ``next`` is the position to go on from, ``None`` on the last page."""

    rows: tuple[GrantRow, ...]
    next: Position | None
    looked_until: datetime | None = None
    """The page is not full, but the search stopped there to stay fast; ``next`` goes on."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How much a selection means: exact up to :data:`EXACT_TO` grants, an estimate above."""

    grants: int
    people: int = 0
    """Of the grants that were counted; meaningful where ``exact``."""
    apps: int = 0
    exact: bool = True


class GrantIndex:
    """The ``grants`` table, looked through by administrators."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def select(self, search: GrantSearch) -> Selected:
        """Find whom and what the words of *search* mean today."""
        subjects = await self._subjects(search.user.strip())
        clients = await self._clients(search.client.strip())
        scopes = tuple(dict.fromkeys(search.scope.split()))
        return Selected(
            selection=Selection(
                subjects=None if subjects is None else subjects[:MOST_USERS],
                client_ids=None if clients is None else clients[:MOST_CLIENTS],
                scopes=scopes,
                scope_sets=await self._scope_sets(scopes) if scopes else None,
                states=(search.state,) if search.state else None,
                allowed_since=search.allowed_since,
                allowed_until=search.allowed_until,
                used_since=search.used_since,
                used_until=search.used_until,
            ),
            more_users=subjects is not None and len(subjects) > MOST_USERS,
            more_clients=clients is not None and len(clients) > MOST_CLIENTS,
        )

    async def page(
        self, selection: Selection, *, order: Order, after: Position | None, limit: int
    ) -> GrantPage:
        """List a page of at most *limit* (and at most 1,000) grants, after *after*.

        The position is that of a row and not a number of rows, so that pages neither repeat nor
        lose one while grants come and go.
        """
        limit = max(1, min(limit, MAX_PAGE))
        moment, descending = _ORDERS[order]
        best = GrantPage(rows=(), next=None)
        for walk in self._walks(selection, order):
            found = await self._unit.all(
                walk.found(moment=moment, descending=descending, after=after, limit=limit + 1)
            )
            rows, end = _until_cut(found)
            if len(rows) > limit:
                return GrantPage(rows=rows[:limit], next=_position(rows[limit - 1].grant, moment))
            if end is None:
                return GrantPage(rows=rows, next=None)
            position = _position(end, moment)
            further = best.next is None or (position[0] < best.next[0]) == descending
            if walk.follows(moment) and further:
                best = GrantPage(rows=rows, next=position, looked_until=position[0])
            if len(best.rows) > limit // 2:
                break  # that is a page, too
        return best

    async def tally(self, selection: Selection) -> Tally:
        """Count what *selection* means."""
        counted, used = 0, selection.used_since or selection.used_until
        ways = self._walks(selection, "used" if used else "newest")
        for walk in sorted(ways, key=lambda way: way.asks):
            row = await self._unit.first(walk.count(EXACT_TO + 1))
            counted, seen = row or (0, 0)
            if seen <= EXACT_TO or walk.by == "subject":
                return await self._exact(walk, counted, EXACT_TO + 1)
            if counted > EXACT_TO:
                break
        return await self._estimated(selection, counted) if ways else Tally(grants=0)

    async def _exact(self, walk: Walk, grants: int, reach: int) -> Tally:
        row = await self._unit.first(walk.count_holders(reach)) if grants else None
        people, apps = row or (0, 0)
        return Tally(grants=grants, people=people, apps=apps)

    async def _estimated(self, selection: Selection, counted: int) -> Tally:
        """Say about how much it is, at least *counted*; a file is small enough to be counted."""
        if not self._unit.is_postgresql:
            walk = self._walks(selection, "newest")[0]
            row = await self._unit.first(walk.count(sys.maxsize))
            return await self._exact(walk, row[0] if row else 0, sys.maxsize)
        row = await self._unit.first(Estimate(selection))
        planned = row[0][0]["Plan"]["Plan Rows"] if row else 0
        return Tally(grants=max(int(planned), counted), exact=False)

    def _walks(self, selection: Selection, order: Order) -> tuple[Walk, ...]:
        moment, descending = _ORDERS[order]
        return walks(selection, moment, descending=descending, postgresql=self._unit.is_postgresql)

    async def client_names(self, client_ids: Collection[str]) -> dict[str, str]:
        """What the apps are called that somebody allowed once, by their ids: in one query."""
        if not client_ids:
            return {}
        names = sa.select(KnownClient.client_id, KnownClient.client_name)
        found = await self._unit.all(names.where(KnownClient.client_id.in_(client_ids)))
        return {client_id: name for client_id, name in found if name}

    async def _subjects(self, typed: str) -> tuple[str, ...] | None:
        if not typed:
            return None
        folded = typed.casefold()
        exact = await self._unit.all(
            sa.select(User.subject).where(sa.or_(User.subject == typed, User.email == folded))
        )
        if exact:
            return tuple(row[0] for row in exact)
        # one bound, so that PostgreSQL reads on from there, however many it takes them to be
        following = await self._unit.all(
            sa.select(User.subject, User.email)
            .where(User.email >= folded)
            .order_by(User.email)
            .limit(written(MOST_USERS + 1))
        )
        begins = tuple(subject for subject, email in following if email.startswith(folded))
        return begins or (typed,)

    async def _clients(self, typed: str) -> tuple[str, ...] | None:
        if not typed:
            return None
        exact = await self._unit.first(
            sa.select(KnownClient.client_id).where(KnownClient.client_id == typed)
        )
        if exact:
            return (typed,)
        parts = await self._unit.all(
            sa.select(KnownClient.client_id)
            .where(
                sa.or_(
                    KnownClient.client_id.icontains(typed, autoescape=True),
                    KnownClient.client_name.icontains(typed, autoescape=True),
                )
            )
            .order_by(KnownClient.client_name, KnownClient.client_id)
            .limit(written(MOST_CLIENTS + 1))
        )
        return tuple(row[0] for row in parts)

    async def _scope_sets(self, scopes: tuple[str, ...]) -> tuple[int, ...] | None:
        """The combinations that hold *scopes*; ``None`` if they are many."""
        held = holds_scopes(scopes, postgresql=self._unit.is_postgresql)
        # SQLite takes a statement of so many parts, but not gladly
        most = MOST_SCOPE_SETS if self._unit.is_postgresql else min(MOST_SCOPE_SETS, FEW_SETS)
        sets = sa.select(ScopeSet.id).where(held).order_by(ScopeSet.id).limit(written(most + 1))
        found = await self._unit.all(sets)
        return tuple(row[0] for row in found) if len(found) <= most else None


def _until_cut(
    found: Sequence[Sequence[Any]],
) -> tuple[tuple[GrantRow, ...], GrantRecord | None]:
    """What is meant, up to the row behind which nobody looked; that row."""
    rows = []
    split = width(GrantRecord)
    for *values, email, meant, cut in found:
        grant = load(GrantRecord, values[:split])
        if meant:
            rows.append(GrantRow(grant, email))
        if cut:
            return tuple(rows), grant
    return tuple(rows), None


def _position(grant: GrantRecord, moment: Moment) -> Position:
    return getattr(grant, moment), grant.subject, grant.client_id
