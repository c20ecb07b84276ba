"""Everything that a search means as a file: page by page, so that its size does not matter."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from portal.acting import require_admin
from portal.admin.export import INCOMPLETE, Format, head_of, lines_of
from portal.admin.grant_search import Wanted
from portal.grants import Policy, remembered_until, state_of
from portal.services import Services, Visitor
from portal.store import GrantRow, Selection
from portal.store.grant_index import MAX_PAGE, Order
from portal.store.tables import User
from portal.web.inputs import HostileInputError


class ExportedGrant(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what an auditor asks about a grant. Instants are UTC."""

    subject: str
    email: str | None
    client_id: str
    client_name: str
    client_uri: str | None
    scopes: list[str]
    audience: list[str]
    remembered_scopes: list[str]
    remembered_audience: list[str]
    state: str
    granted_at: datetime
    last_accept_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoke_reason: str | None
    revoke_synced_at: datetime | None
    decision_id: str


async def begin_export(
    services: Services, wanted: Wanted, format_: Format, *, admin: User, visitor: Visitor
) -> AsyncIterator[bytes]:
    """Note who takes what along, and begin. What would be incomplete is refused."""
    async with services.store.reading() as rows:
        selected = await rows.grant_index.select(wanted.search(visitor.now))
    if not selected.whole:
        raise HostileInputError(INCOMPLETE)
    async with services.store.writing() as rows:
        await require_admin(rows, admin.subject)
        await rows.audit.add(
            "grants.exported",
            at=visitor.now,
            actor=admin.subject,
            detail={"search": wanted.terms, "format": format_},
            origin=visitor.origin,
        )
    # Oldest first: what is allowed or used meanwhile moves behind, and not to where we have been
    order: Order = "unused" if wanted.ordered in ("used", "unused") else "oldest"
    return _lines(services, selected.selection, order, format_, visitor.now)


async def _lines(
    services: Services, selection: Selection, order: Order, format_: Format, now: datetime
) -> AsyncIterator[bytes]:
    """The file, piece by piece. Nothing is open while somebody slow takes a piece."""
    yield head_of(ExportedGrant, format_)
    after = None
    while True:
        async with services.store.reading() as rows:
            page = await rows.grant_index.page(selection, order=order, after=after, limit=MAX_PAGE)
            policies = await rows.policies.of_clients(row.grant.client_id for row in page.rows)
        found = [
            _exported(row, Policy.of(policies.get(row.grant.client_id)), now) for row in page.rows
        ]
        if found:
            yield lines_of(found, format_)
        after = page.next
        if after is None:
            return


def _exported(row: GrantRow, policy: Policy, now: datetime) -> ExportedGrant:
    grant = row.grant
    return ExportedGrant(
        subject=grant.subject,
        email=row.email,
        client_id=grant.client_id,
        client_name=grant.client_name,
        client_uri=grant.client_uri,
        scopes=grant.scopes,
        audience=grant.audience,
        remembered_scopes=grant.remembered_scopes,
        remembered_audience=grant.remembered_audience,
        state=state_of(grant, policy, now=now),
        granted_at=grant.granted_at,
        last_accept_at=grant.last_accept_at,
        expires_at=remembered_until(grant, policy),
        revoked_at=grant.revoked_at,
        revoke_reason=grant.revoke_reason,
        revoke_synced_at=grant.revoke_synced_at,
        decision_id=grant.decision_id,
    )
