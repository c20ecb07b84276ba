"""The audit trail as a file: page by page, so that its size does not matter."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from portal.acting import require_admin
from portal.admin.audit_search import BACKWARDS, Wanted, resolve
from portal.admin.export import INCOMPLETE, Format, head_of, lines_of
from portal.services import Services, Visitor
from portal.store import AuditSearch, Store
from portal.store.audit import MAX_PAGE
from portal.store.tables import AuditEvent, User
from portal.web.inputs import HostileInputError


class ExportedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line. Instants are UTC."""

    id: str
    occurred_at: datetime
    action: str
    actor: str | None
    subject: str | None
    client_id: str | None
    address: str
    user_agent: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, event: AuditEvent) -> "ExportedEvent":
        """*event*, whole."""
        return cls(**{name: getattr(event, name) for name in cls.__struct_fields__})


async def pages(store: Store, search: AuditSearch) -> AsyncIterator[list[ExportedEvent]]:
    """Everything that *search* means, the oldest first. Nothing is open between two pages."""
    after = None
    while True:
        async with store.reading() as rows:
            page = await rows.audit.list_page(
                search, after=after, limit=MAX_PAGE, oldest_first=True
            )
        if page.events:
            yield [ExportedEvent.of(event) for event in page.events]
        after = page.next
        if after is None:
            return


async def begin_export(
    services: Services, wanted: Wanted, format_: Format, *, admin: User, visitor: Visitor
) -> AsyncIterator[bytes]:
    """Note who takes what along, and begin. What would be incomplete is refused.

    It ends with what had happened when it was asked for, its own event included.
    """
    async with services.store.reading() as rows:
        found = await resolve(rows, wanted)
    if found.cautions:
        raise HostileInputError(BACKWARDS if wanted.backwards else INCOMPLETE)
    async with services.store.writing() as rows:
        await require_admin(rows, admin.subject)
        await rows.audit.add(
            "audit.exported",
            at=visitor.now,
            actor=admin.subject,
            detail={"search": wanted.terms, "format": format_},
            origin=visitor.origin,
        )
    until = min(found.search.until or visitor.now, visitor.now)
    return _lines(services.store, msgspec.structs.replace(found.search, until=until), format_)


async def _lines(store: Store, search: AuditSearch, format_: Format) -> AsyncIterator[bytes]:
    yield head_of(ExportedEvent, format_)
    async for page in pages(store, search):
        yield lines_of(page, format_)
