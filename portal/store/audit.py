"""The audit trail: rows are only ever added, in the unit of work that changes something."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
import uuid_utils.compat

from portal.origin import Origin
from portal.store.tables import AuditEvent
from portal.store.unit import Unit, load_all, select

MAX_PAGE: Final = 1000
MAX_ORIGIN: Final = 256
UNKNOWN: Final = Origin()
"""Nobody came from anywhere: a command, or the portal itself."""
Position = tuple[datetime, str]


class AuditSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which events; an empty field does not narrow."""

    action: str = ""
    subject: str = ""
    client_id: str = ""


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some events; ``next`` is the position to go on from, ``None`` on the last page."""

    events: tuple[AuditEvent, ...]
    next: Position | None


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
        """Add an event. What a browser says about itself is cut and cleaned: it cannot stop one."""
        event = AuditEvent(
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
        await self._unit.add(event)

    async def list_page(
        self,
        search: AuditSearch | None = None,
        *,
        after: Position | None,
        limit: int,
        oldest_first: bool = False,
    ) -> AuditPage:
        """List a page of events from *after* on, the newest first unless told otherwise."""
        limit = max(1, min(limit, MAX_PAGE))
        order = _ORDER if oldest_first else [column.desc() for column in _ORDER]
        statement = select(AuditEvent).where(*_conditions(search or AuditSearch()))
        if after is not None:
            here = sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(after, _ORDER, strict=True)))
            row = sa.tuple_(*_ORDER)
            statement = statement.where(row > here if oldest_first else row < here)
        found = load_all(
            AuditEvent, await self._unit.all(statement.order_by(*order).limit(limit + 1))
        )
        events = found[:limit]
        more = len(found) > limit
        return AuditPage(
            events=events, next=(events[-1].occurred_at, events[-1].id) if more else None
        )


_ORDER: Final[tuple[sa.ColumnElement[Any], ...]] = (
    AuditEvent.__table__.c.occurred_at,
    AuditEvent.__table__.c.id,
)


def _conditions(search: AuditSearch) -> list[sa.ColumnElement[bool]]:
    wanted = msgspec.structs.asdict(search)
    return [AuditEvent.__table__.c[name] == value for name, value in wanted.items() if value]


def _storable(text: str) -> str:
    cleaned = (
        text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
    return cleaned[:MAX_ORIGIN]
