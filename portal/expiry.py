"""Expiry: grants whose time is over are marked as such, and the audit trail says so.

Nothing depends on it: what may be given silently is judged by the time itself, to the second
(:func:`portal.grants.remembers`). It brings the stored state, by which administrators search, in
line with that. Any number of processes may do it at once, and each grant's end is told once.
"""

from datetime import datetime, timedelta
from typing import Final

from portal import logs
from portal.grants import remembered_since
from portal.services import Services
from portal.store.grant_expiry import Place
from portal.store.tables import ClientPolicy

BATCH: Final = 500
"""Grants in one transaction."""
SETTLED: Final = timedelta(seconds=10)
"""Longer than any unit of work: what is decided after that was decided under the policy."""


async def write_down(services: Services, *, now: datetime) -> bool:
    """Apply policies to grants from before them, then mark a batch of what is over: whether there
    may be more.
    """
    async with services.store.reading() as rows:
        policies = await rows.policies.to_apply(until=now - SETTLED)
        over = await rows.grant_expiry.any_over(now=now)
    for policy in policies:
        await _apply(policy, services, now=now)
    if not over and not policies:
        return False
    async with services.store.writing() as rows:
        marked = await rows.grant_expiry.mark_expired(now=now, limit=BATCH)
        for grant in marked:
            await rows.audit.add(
                "grant.expired",
                at=now,
                actor="system",
                subject=grant.subject,
                client_id=grant.client_id,
                detail={
                    "app": grant.client_name,
                    "scopes": grant.remembered_scopes,
                    "allowed_at": remembered_since(grant).isoformat(),
                    "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
                },
            )
    if marked:
        logs.step("grants.expired", count=len(marked))
    return len(marked) == BATCH


async def _apply(policy: ClientPolicy, services: Services, *, now: datetime) -> None:
    """Let no grant from before *policy* be remembered for longer than it allows, in the stored
    state too. It begins anew where it was stopped: what is in line already is left alone.
    """
    left = False
    if policy.longest_grant is not None:
        longest = timedelta(seconds=policy.longest_grant)
        after: Place | None = None
        while True:
            async with services.store.writing() as rows:
                after, held = await rows.grant_expiry.shorten(
                    policy.client_id, longest, after=after, limit=BATCH
                )
            left = left or held
            if after is None:
                break
    if not left:
        async with services.store.writing() as rows:
            await rows.policies.mark_applied(policy, at=now)
