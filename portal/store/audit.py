"""The audit trail: rows are only ever added, in the unit of work that changes something."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import uuid_utils.compat

from portal.origin import Origin
from portal.store.tables import AuditEvent
from portal.store.unit import AnyRow, Unit, columns, load_all, load_first, select

MAX_PAGE: Final = 1000
MAX_ORIGIN: Final = 256
MOST_WALKED: Final = 5_000
"""So many events are looked at for one page, whatever is searched for."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
ACTIONS: Final = (
    "login.succeeded", "login.failed", "login.rejected", "portal.signed_in", "logout.completed",
    "device.verified",
    "consent.allowed", "consent.denied", "consent.refused",
    "grant.used", "grant.expired", "grant.narrowed", "grant.revoked", "grant.restored",
    "grant.revoked_at_ory", "grant.imported", "grant.widened", "grant.abandoned", "grant.revived",
    "bulk.started", "bulk.stopped", "bulk.finished", "grants.exported", "audit.exported",
    "reconciliation.started", "reconciliation.finished",
    "login.factor_failed", "session.ended", "sessions.ended",
    "user.created", "user.invited", "user.invitation_withdrawn", "user.registered",
    "user.imported", "user.disabled", "user.enabled", "user.unlocked", "user.admin_granted",
    "user.admin_withdrawn", "user.deleted",
    "user.password_set", "user.password_changed", "user.password_reset", "user.password_expired",
    "user.reset_asked", "user.email_change_asked", "user.email_change_refused",
    "user.email_changed", "user.email_verified",
    "user.profile_changed", "user.attributes_changed",
    "factor.added", "factor.renamed", "factor.removed", "factor.codes_made", "factors.reset",
    "client.created", "client.updated", "client.deleted", "policy.changed",
)  # fmt: skip
"""Everything that is ever written; nothing else is."""
UNKNOWN: Final = Origin()
"""Nobody came from anywhere: a command, or the portal itself."""
Position = tuple[datetime, str]
Values = tuple[str, ...]


class AuditSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which events. ``None`` does not narrow; an empty tuple finds nothing."""

    actions: Values | None = None
    actors: Values | None = None
    """Who did it: subjects, ``cli``, ``system``."""
    subjects: Values | None = None
    """Whose account it was about."""
    client_ids: Values | None = None
    since: datetime | None = None
    """From then on; ``until`` is inclusive too."""
    until: datetime | None = None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events; ``next`` is the position to go on from, ``None`` on the last page."""

    events: tuple[AuditEvent, ...]
    next: Position | None
    looked_until: datetime | None = None
    """The page is not full, but the search stopped there to stay fast; ``next`` goes on."""


def event(
    action: str,
    *,
    at: datetime,
    actor: str | None,
    subject: str | None = None,
    client_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
    origin: Origin = UNKNOWN,
) -> AuditEvent:
    """An event of one of :data:`ACTIONS`. What a browser says about itself is cut and cleaned: it
    cannot stop one.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action} is no action of the audit trail")
    return AuditEvent(
        id=str(uuid_utils.compat.uuid7()),
        occurred_at=at,
        action=action,
        actor=actor,
        subject=subject,
        client_id=client_id,
        detail=dict(detail or {}),
        address=_storable(origin.address),
        user_agent=_storable(origin.user_agent),
    )


class Audit:
    """The ``audit_events`` table."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def add(
        self,
        action: str,
        *,
        at: datetime,
        actor: str | None,
        subject: str | None = None,
        client_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
        origin: Origin = UNKNOWN,
    ) -> None:
        """Add one of :data:`ACTIONS`."""
        await self._unit.add_later(
            event(
                action,
                at=at,
                actor=actor,
                subject=subject,
                client_id=client_id,
                detail=detail,
                origin=origin,
            )
        )

    async def add_all(self, events: Sequence[AuditEvent]) -> None:
        """Add what :func:`event` made."""
        await self._unit.add_all(events)

    async def find(self, event_id: str) -> AuditEvent | None:
        statement = select(AuditEvent).where(AuditEvent.id == event_id)
        return load_first(AuditEvent, await self._unit.first(statement))

    async def list_page(
        self,
        search: AuditSearch | None = None,
        *,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> AuditPage:
        """List a page of events from *after* on, the newest first unless told otherwise.

        A page may hold fewer events than there is room for, or none, although there are more.
        """
        limit = max(1, min(limit, MAX_PAGE))
        walk = _Walk(search or AuditSearch(), after=after, oldest_first=oldest_first)
        if len(walk.filters) < 2:
            first = next(iter(walk.filters), None)
            return _page(await self._unit.all(walk.along(first, limit + 1)), limit)
        name, reach = await self._most_selective(walk, limit)
        walked = walk.along(name, reach).subquery()
        fitting = (
            sa.select(*walked.c)
            .where(*(walked.c[n].in_(v) for n, v in walk.filters.items() if n != name))
            .order_by(*walk.order_of(walked))
            .limit(_number(limit + 1))
        )
        found = await self._unit.all(fitting)
        if len(found) > limit:
            return _page(found, limit)
        end = await self._unit.first(walk.end_of(walked, reach))
        return AuditPage(
            events=load_all(AuditEvent, found),
            next=(end[0], end[1]) if end else None,
            looked_until=end[0] if end else None,
        )

    async def delete_before(self, at: datetime, limit: int) -> int:
        """Forget the oldest from before *at*, at most *limit*: how many. The database refuses to
        forget what is younger than 30 days.
        """
        oldest = _TABLE.c.occurred_at
        return await self._unit.delete_some(AuditEvent, oldest < at, limit=limit, first=oldest)

    async def _most_selective(self, walk: "_Walk", limit: int) -> tuple[str, int]:
        """The filter to walk along, and how far: one that leads to few events, if any does."""
        reaches = {
            name: max(limit + 1, MOST_WALKED // max(1, len(values)))
            for name, values in walk.filters.items()
        }
        for name, reach in reaches.items():
            some = walk.along(name, reach, only_places=True).subquery()
            counted = await self._unit.first(sa.select(sa.func.count()).select_from(some))
            if counted and counted[0] < reach:
                return name, reach
        return max(reaches.items(), key=lambda item: item[1])


_TABLE: Final = AuditEvent.__table__
_FILTERS: Final = {
    "subject": "subjects",
    "client_id": "client_ids",
    "actor": "actors",
    "action": "actions",
}
"""Columns that an index begins with, those first that most likely lead to few events; and what a
search calls them."""


class _Walk:
    """A way through the events in their order, from a position on.

    Each stream of it is one value of one column: a stretch of one index, so it costs what is read
    and nothing else. Several are merged.
    """

    def __init__(self, search: AuditSearch, *, after: Position | None, oldest_first: bool) -> None:
        self._oldest_first = oldest_first
        self.filters: dict[str, Values] = {}
        for column, name in _FILTERS.items():
            values: Values | None = getattr(search, name)
            if values is not None:
                self.filters[column] = tuple(dict.fromkeys(values))
        self._lower: tuple[Any, ...] = (search.since,) if search.since else ()
        self._upper: tuple[Any, ...] = (search.until,) if search.until else ()
        if after is None:
            return
        if oldest_first and (search.since is None or after[0] >= search.since):
            self._lower = after
        if not oldest_first and (search.until is None or after[0] <= search.until):
            self._upper = after

    def along(self, name: str | None, reach: int, *, only_places: bool = False) -> sa.Select[Any]:
        """Select the first *reach* events that the filter *name* lets through; of ``None``, all."""
        wanted = [_TABLE.c.occurred_at, _TABLE.c.id] if only_places else columns(AuditEvent)
        one = sa.select(*wanted).limit(_number(reach))
        if name is None:
            return one.where(*self._bounds()).order_by(*self.order_of(_TABLE))
        streams = [
            one.where(*self._bounds(name, value)).order_by(*self.order_of(_TABLE, name)).subquery()
            for value in self.filters[name]
        ]
        if not streams:
            return one.where(sa.false())
        merged = sa.union_all(*(sa.select(*stream.c) for stream in streams)).subquery()
        return sa.select(*merged.c).order_by(*self.order_of(merged)).limit(_number(reach))

    def end_of(self, walked: sa.FromClause, reach: int) -> sa.Select[Any]:
        """Select the position of the last event of *walked*, if it was ended by *reach*."""
        place = sa.select(walked.c.occurred_at, walked.c.id)
        return place.order_by(*self.order_of(walked)).offset(_number(reach - 1))

    def order_of(self, table: sa.FromClause, *first: str) -> list[sa.ColumnElement[Any]]:
        """The order in which events of *table* are listed, within each value of *first*."""
        places = [table.c[name] for name in (*first, "occurred_at", "id")]
        return [place.asc() if self._oldest_first else place.desc() for place in places]

    def _bounds(self, name: str = "", value: str = "") -> list[sa.ColumnElement[bool]]:
        """Where a stream begins and ends.

        One value is written as a range, not as equality: PostgreSQL would then see that the index
        of all events has the right order too, and for an app that is history go through years of
        what others did since.
        """
        if not name:
            lower, upper = self._lower, self._upper
            return [_beyond(lower, above=True)] * bool(lower) + [_beyond(upper)] * bool(upper)
        lower, upper = self._lower or (EARLIEST,), self._upper or (LATEST,)
        return [_beyond(lower, name, value, above=True), _beyond(upper, name, value)]


def _beyond(
    bound: tuple[Any, ...], name: str = "", value: str = "", *, above: bool = False
) -> sa.ColumnElement[bool]:
    """Whether an event lies on one side of *bound*: of an instant, inclusive, or of a position,
    which is that of an event that was listed already.
    """
    names = ["occurred_at", "id"][: len(bound)]
    values = list(bound)
    if name:
        names.insert(0, name)
        values.insert(0, value)
    columns = [_TABLE.c[name] for name in names]
    place = sa.tuple_(*columns)
    here = sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(values, columns, strict=True)))
    if len(bound) > 1:
        return place > here if above else place < here
    return place >= here if above else place <= here


def _number(value: int) -> sa.ColumnElement[int]:
    """Written out, because a plan that PostgreSQL keeps would not know a parameter."""
    return sa.literal_column(str(value), sa.Integer())


def _page(found: Sequence[AnyRow], limit: int) -> AuditPage:
    events = load_all(AuditEvent, found[:limit])
    more = len(found) > limit
    return AuditPage(events=events, next=(events[-1].occurred_at, events[-1].id) if more else None)


def _storable(text: str) -> str:
    cleaned = (
        text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    return cleaned[:MAX_ORIGIN]
