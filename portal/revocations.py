"""Ending access, here and at Ory: at once where it can be, from the outbox until it is done
(hydra-contract 3.6, 4.2).
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from portal import logs
from portal.acting import require_admin
from portal.decisions import decided_before
from portal.grants import revoke, was_narrowed
from portal.origin import Origin
from portal.ory.errors import OryError
from portal.ory.models import ConsentSession
from portal.services import Services, Visitor
from portal.store import Rows
from portal.store.audit import UNKNOWN
from portal.store.tables import GrantRecord, Revocation

GRACE: Final = timedelta(minutes=5)
"""Added to a challenge's lifetime: every accept that was on its way has arrived by then."""
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=10)


async def carry_out(revocation: Revocation, services: Services) -> None:
    """Delete at Ory and write down that it is done; deletions may be repeated. Raises
    :class:`OryError`.

    A second sweep follows when every accept that was on its way must have arrived; not where grants
    are kept: which sign-ins had ended, :mod:`portal.sessions` knows.
    """
    if not revocation.keep_grants:
        await services.ory.revoke_consent(revocation.subject, revocation.client_id)
    if revocation.end_logins:
        await services.ory.end_login_sessions(revocation.subject)
    now = datetime.now(UTC)
    sweep_at = revocation.revoked_at + timedelta(seconds=services.settings.challenge_ttl) + GRACE
    async with services.store.writing() as rows:
        await rows.revocations.confirm(revocation.id, at=now, sweep_at=sweep_at)
        if revocation.end_logins:
            await rows.login_sessions.confirm_all(
                revocation.subject, ended_until=revocation.revoked_at, at=now, due_at=sweep_at
            )
        if revocation.keep_grants:
            await rows.revocations.finish(revocation.id, now)
            return
        await rows.grants.mark_synced(
            revocation.subject,
            revocation.client_id,
            revoked_until=revocation.revoked_at,
            at=now,
        )


async def remove_access(
    services: Services,
    *,
    grant: GrantRecord,
    user: str,
    actor: str,
    reason: str,
    visitor: Visitor,
    by: str | None = None,
    undo_for: timedelta = timedelta(),
) -> bool:
    """End one app's access: here at once, at Ory at once or as soon as it can be reached; after
    *undo_for*, if it can be undone so long. Whether Ory has been told.

    *user* is whose it was and *by* who took it from them, both for the log.
    """
    pair = (grant.subject, grant.client_id)
    async with services.store.writing() as rows:
        before = await rows.grants.find(*pair, lock=True)
        if actor != grant.subject:
            await require_admin(rows, actor)
        if undo_for and (before is None or before.revoked_at is not None):
            return False  # removed a moment ago: that can still be undone
        revocation = await revoke(
            rows,
            subject=grant.subject,
            client_id=grant.client_id,
            reason=reason,
            now=visitor.now,
            undo_for=undo_for,
        )
        await rows.audit.add(
            "grant.revoked",
            at=visitor.now,
            actor=actor,
            subject=grant.subject,
            client_id=grant.client_id,
            detail={"app": grant.client_name, "scopes": grant.scopes},
            origin=visitor.origin,
        )
    logs.step("grant.revoked", user=user, app=grant.client_name, by=by)
    return False if undo_for else await try_now(revocation, services)


async def may_come_back(services: Services, grant: GrantRecord) -> bool:
    """Whether all that has ended *grant* is a removal that its person can undo."""
    if grant.revoke_synced_at is not None:
        return False
    async with services.store.reading() as rows:
        pending = await rows.revocations.pending_for(grant.subject, grant.client_id, logins=False)
    return bool(pending) and all(each.undo_until is not None for each in pending)


async def end_client(
    rows: Rows,
    *,
    client_id: str,
    app: str,
    actor: str,
    now: datetime,
    origin: Origin = UNKNOWN,
) -> int:
    """Write down that Ory has forgotten a client, and with it every token and consent of it: how
    many people had it connected.

    Ory comes first here. Its deletion cannot be half done and may be repeated, while a grant that
    is marked as ended although the client lives would be a token that nobody is shown.
    """
    ended = await forget_client(rows, client_id, now=now)
    await rows.audit.add(
        "client.deleted",
        at=now,
        actor=actor,
        client_id=client_id,
        detail={"app": app, "grants": ended},
        origin=origin,
    )
    return ended


async def forget_client(rows: Rows, client_id: str, *, now: datetime) -> int:
    """End what was kept of a client that Ory has deleted; a new one of the same id inherits nothing
    of it. How many people had it connected.
    """
    ended = await rows.grants.end_client(client_id, reason="client deleted", at=now)
    await rows.policies.delete(client_id)
    return ended


async def try_now(revocation: Revocation, services: Services) -> bool:
    """Carry *revocation* out if Ory can be reached; otherwise the outbox will. Whether it is
    done.
    """
    try:
        await carry_out(revocation, services)
    except OryError as exc:
        logs.problem("revocation.postponed", reason=type(exc).__name__)
        return False
    return True


async def sweep(revocation: Revocation, services: Services) -> None:
    """Delete what an accept that was on its way brought to Ory after the revocation.

    Where nothing was allowed since, that is everything: Ory's list leaves out what was accepted
    under ``skip=true``. Where something was, it is what the list shows to be older.

    What somebody may bring back yet is not deleted: the sweep is due again after its lease.
    """
    async with services.store.reading() as rows:
        grants = await rows.grants.of_subject(revocation.subject)
        pending = await rows.revocations.pending_of(revocation.subject)
    concerned = [g for g in grants if revocation.client_id in (None, g.client_id)]
    undoable = {each.client_id for each in pending if each.undo_until is not None}
    if undoable & {grant.client_id for grant in concerned}:
        return
    allowed_since = {g.client_id for g in concerned if g.revoked_at is None and not was_narrowed(g)}
    for grant in concerned:
        if grant.client_id not in allowed_since:
            await services.ory.revoke_consent(revocation.subject, grant.client_id)
    if allowed_since and not await _sweep_older(revocation, allowed_since, services):
        return
    async with services.store.writing() as rows:
        await rows.revocations.finish(revocation.id, datetime.now(UTC))


async def _sweep_older(
    revocation: Revocation, client_ids: Collection[str], services: Services
) -> bool:
    """By the consent's own id where Ory has one; else the pair, and the person is asked again.
    Whether nothing came in between.
    """
    left = set(client_ids)
    for session in await services.ory.list_consent_sessions(revocation.subject):
        if session.client_id not in left or not _is_older(session, revocation):
            continue
        if session.consent_request_id:
            await services.ory.revoke_consent_request(session.consent_request_id)
            continue
        again = await _ask_again(revocation.subject, session.client_id, services)
        if again is None:
            return False
        await carry_out(again, services)
        left.remove(session.client_id)
    return True


async def _ask_again(subject: str, client_id: str, services: Services) -> Revocation | None:
    """Take back what was allowed since: None if somebody was faster."""
    now = datetime.now(UTC)
    async with services.store.writing() as rows:
        grant = await rows.grants.find(subject, client_id, lock=True)
        if grant is None or grant.revoked_at is not None:
            return None
        again = await revoke(
            rows, subject=subject, client_id=client_id, reason="second sweep", now=now
        )
        await rows.audit.add(
            "grant.revoked",
            at=now,
            actor="system",
            subject=subject,
            client_id=client_id,
            detail={"app": grant.client_name, "scopes": grant.scopes},
        )
    return again


def next_try(attempts: int, *, now: datetime) -> datetime:
    """Twice as long after each failure, up to ten minutes."""
    wait = FIRST_WAIT * float(2 ** min(attempts, 20))
    return now + min(LONGEST_WAIT, wait)


def _is_older(session: ConsentSession, revocation: Revocation) -> bool:
    decision_id = session.decision_id
    return decision_id is not None and decided_before(decision_id, revocation.revoked_at)
