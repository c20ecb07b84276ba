"""All that is known of one grant, here and at Ory."""

import asyncio
from datetime import datetime
from typing import Final

from portal import logs
from portal.admin import audit_listing
from portal.admin.grant_listing import row_view
from portal.admin.grant_pages import (
    AtOryPage,
    OneGrantPage,
    OrySessionView,
    RemovalView,
)
from portal.admin.wording import reason_in_words, trouble_in_words
from portal.grants import Policy
from portal.i18n import N_
from portal.i18n import gettext as _
from portal.ory.errors import OryError, OryKeyError, OryUnavailableError
from portal.ory.models import ConsentSession, instant
from portal.page import NotThereError
from portal.services import Services
from portal.store import AuditSearch, GrantRow, Rows
from portal.store.tables import AuditEvent, GrantRecord, Revocation, User

EVENTS: Final = 50
PATIENCE: Final = 10.0
"""Seconds for all pages of Ory's list: less than a browser waits for a piece of a page."""
AWAY: Final = N_("Ory does not answer right now, so nobody can say. Try again in a moment.")
KEY: Final = N_("Ory refuses the portal's API key, so nobody can say. Look at ORY_API_KEY.")
NONSENSE: Final = N_("Ory gave an answer that cannot be used; the portal's log has more.")


async def find_grant(services: Services, subject: str, client_id: str) -> GrantRow:
    """The pair's grant, or :class:`NotThereError`."""
    async with services.store.reading() as rows:
        return await _find(rows, subject, client_id)


async def show_grant(
    services: Services, *, subject: str, client_id: str, back: str, admin: User, now: datetime
) -> OneGrantPage:
    """What the portal knows; Ory is not asked."""
    pair = AuditSearch(subjects=(subject,), client_ids=(client_id,))
    async with services.store.reading() as rows:
        row = await _find(rows, subject, client_id)
        policy = Policy.of(await rows.policies.find(client_id))
        removals = await rows.revocations.pending_for(subject, client_id, logins=False)
        told = await rows.audit.list_page(pair, after=None, limit=EVENTS)
        allowed = await _allowed(rows, row.grant)
        emails = await audit_listing.emails_of(rows, told.events)
    grant = row.grant
    return OneGrantPage(
        account=admin.email,
        row=row_view(row, policy, now),
        audience=tuple(grant.audience),
        remembered_permissions=tuple(grant.remembered_scopes),
        remembered_audience=tuple(grant.remembered_audience),
        decision_id=grant.decision_id,
        origin=(allowed.address, allowed.user_agent) if allowed else None,
        reason=reason_in_words(grant.revoke_reason) if grant.revoke_reason else None,
        confirmed=grant.revoke_synced_at,
        removals=tuple(_removal(revocation) for revocation in removals),
        events=tuple(audit_listing.row_view(event, emails) for event in told.events),
        more_events=told.next is not None,
        back=back,
    )


async def show_at_ory(
    services: Services, *, subject: str, client_id: str, back: str, admin: User
) -> AtOryPage:
    """What Ory lists of the pair; why it cannot be said is a part of the page, too."""
    row = await find_grant(services, subject, client_id)
    sessions: tuple[ConsentSession, ...] = ()
    status, trouble = 200, None
    try:
        async with asyncio.timeout(PATIENCE):
            sessions = await services.ory.list_consent_sessions(subject)
    except (OryError, TimeoutError) as exc:
        logs.problem("ory.not_listed", reason=type(exc).__name__)
        status, trouble = _trouble(exc)
    ours = (_session(session) for session in sessions if session.client_id == client_id)
    return AtOryPage(
        status=status,
        account=admin.email,
        subject=subject,
        client_id=client_id,
        app_name=row.grant.client_name,
        sessions=tuple(sorted(ours, key=_when, reverse=True)),
        trouble=_(trouble) if trouble else None,
        back=back,
    )


async def _find(rows: Rows, subject: str, client_id: str) -> GrantRow:
    grant = await rows.grants.find(subject, client_id)
    if grant is None:
        raise NotThereError
    user = await rows.users.find(subject)
    return GrantRow(grant, user.email if user else None)


async def _allowed(rows: Rows, grant: GrantRecord) -> AuditEvent | None:
    """The event of the person's last decision; what was given silently since has other ids."""
    search = AuditSearch(
        actions=("consent.allowed",),
        subjects=(grant.subject,),
        client_ids=(grant.client_id,),
        since=grant.granted_at,
        until=grant.granted_at,
    )
    found = (await rows.audit.list_page(search, after=None, limit=1)).events
    return found[0] if found else None


def _removal(revocation: Revocation) -> RemovalView:
    return RemovalView(
        attempts=revocation.attempts,
        due=revocation.due_at,
        trouble=trouble_in_words(revocation.last_error) if revocation.last_error else None,
        undo_until=revocation.undo_until,
    )


def _trouble(exc: Exception) -> tuple[int, str]:
    if isinstance(exc, OryUnavailableError | TimeoutError):
        return 503, AWAY
    return (503, KEY) if isinstance(exc, OryKeyError) else (502, NONSENSE)


def _session(session: ConsentSession) -> OrySessionView:
    return OrySessionView(
        handled_at=instant(session.handled_at),
        permissions=session.grant_scope,
        audience=session.grant_access_token_audience,
        remembered=session.remember,
        decision_id=session.decision_id,
    )


def _when(session: OrySessionView) -> float:
    return session.handled_at.timestamp() if session.handled_at else 0.0
