"""One subject compared with what Ory lists of it, and brought in line.

Whatever is found is judged under the lock of its pair: a decision that was made meanwhile wins.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from portal import logs
from portal.apps import safe_url
from portal.decisions import new_decision_id
from portal.grants import revoke
from portal.ory.admin import OryAdmin
from portal.ory.errors import OryNotFoundError
from portal.reconciliation.drift import (
    ABANDONED,
    DELETED,
    REVIVED,
    REVOKED,
    WIDENED,
    Drift,
    Listed,
    describe,
    judge,
    union,
    why_unlisted,
)
from portal.revocations import GRACE, end_client, try_now
from portal.services import Services
from portal.store import Rows, UnstorableValueError
from portal.store.tables import AT_ORY, GrantRecord, Revocation

SYSTEM: Final = "system"
NEVER_COMPLETED: Final = "never completed"
ALIVE: Final = "alive at Ory"
SEEN_AGAIN_AFTER: Final = timedelta(days=1)
"""A grant that is listed is not written each time that somebody looks."""


_DECIDED: Final = (
    *("decision_id", "last_accept_at", "scopes", "audience"),
    *("revoked_at", "revoke_reason", "revoke_synced_at"),
)
"""What every decision about a grant changes something of."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing one subject, or a portion of a run, has brought to light."""

    drift: tuple[Drift, ...] = ()
    checked: int = 1
    """How many subjects were compared."""

    @property
    def counts(self) -> Counter[str]:
        """How often each kind was found."""
        return Counter(drift.kind for drift in self.drift)


class AppsAtOry:
    """Which clients Ory has deleted; each is asked about once."""

    def __init__(self, ory: OryAdmin) -> None:
        self._ory = ory
        self._lacks: dict[str, bool] = {}

    async def lack(self, client_id: str) -> bool:
        """Whether Ory says that there is no such client."""
        if client_id not in self._lacks:
            self._lacks[client_id] = await self._ask(client_id)
        return self._lacks[client_id]

    async def _ask(self, client_id: str) -> bool:
        if client_id in ("", ".", "..") or "/" in client_id:
            return False  # no address leads to such a one, so nothing is known of it
        try:
            await self._ory.get_client(client_id)
        except OryNotFoundError:
            return True
        return False


async def compare_subject(
    services: Services,
    subject: str,
    *,
    now: datetime,
    dry_run: bool = False,
    apps: "AppsAtOry | None" = None,
    run_id: str | None = None,
) -> Findings:
    """Compare one subject, and mend what differs unless *dry_run*. Raises :class:`OryError`.

    What is kept is read before Ory is asked: what changes after that is left as it is.
    """
    known = apps or AppsAtOry(services.ory)
    async with services.store.reading() as rows:
        grants = {grant.client_id: grant for grant in await rows.grants.of_subject(subject)}
        pending = {each.client_id for each in await rows.revocations.pending_of(subject)}
    listed = Listed.of(await services.ory.list_consent_sessions(subject))
    settled_before = now - timedelta(seconds=services.settings.challenge_ttl) - GRACE
    drift, told = [], []
    for client_id in sorted(grants.keys() | listed.keys()):
        grant, there = grants.get(client_id), listed.get(client_id)
        if pending & {client_id, None}:
            continue  # the outbox has yet to tell Ory something about it
        lives = grant is not None and grant.revoked_at is None
        gone = lives and there is None and await known.lack(client_id)
        kind = judge(grant, there, gone=gone, settled_before=settled_before)
        if kind is None:
            continue
        found = describe(kind, subject, client_id, grant, there)
        if not dry_run:
            try:
                done = await _mend(services, found, grant, there, now=now, run_id=run_id)
            except UnstorableValueError:
                logs.problem("reconciliation.skipped", reason="UnstorableValueError")
                continue
            if done is None:
                continue
            told += done
        drift.append(found)
    if not dry_run:
        await _note_seen(services, subject, grants, listed, now=now)
    for revocation in told:
        await try_now(revocation, services)
    return Findings(drift=tuple(drift))


async def end_unlisted(
    rows: Rows, seen: GrantRecord, *, now: datetime, **detail: Any
) -> Revocation | None:
    """Write down that Ory does not list the grant that was *seen*, and what it has to be told then;
    None if it has changed since.

    It is never undone silently: the person is asked. What Ory has of it that it never lists, which
    was accepted under ``skip=true``, is deleted: it may have outlived what was listed.
    """
    grant = await rows.grants.find(seen.subject, seen.client_id, lock=True)
    if grant is None or not _same(grant, seen):
        return None
    kind = why_unlisted(grant)
    reason = AT_ORY if kind == REVOKED else NEVER_COMPLETED
    revocation = await revoke(
        rows, subject=grant.subject, client_id=grant.client_id, reason=reason, now=now
    )
    await _audit(rows, kind, grant, now=now, scopes=grant.scopes, **detail)
    logs.step("grant.revoked", app=grant.client_name, reason=reason)
    return revocation


async def _mend(
    services: Services,
    found: Drift,
    seen: GrantRecord | None,
    listed: Listed | None,
    *,
    now: datetime,
    run_id: str | None,
) -> list[Revocation] | None:
    """Bring the pair in line: what Ory has to be told then; None if it has changed since it was
    *seen*.
    """
    detail = {"reconciliation": run_id} if run_id else {}
    async with services.store.writing() as rows:
        if found.kind in (REVOKED, ABANDONED) and seen is not None:
            revocation = await end_unlisted(rows, seen, now=now, **detail)
            return None if revocation is None else [revocation]
        grant = await rows.grants.find(found.subject, found.client_id, lock=True)
        if not _same(grant, seen):
            return None
        if await rows.revocations.pending_for(found.subject, found.client_id, logins=False):
            return None
        if found.kind == DELETED:
            await end_client(rows, client_id=found.client_id, app=found.app, actor=SYSTEM, now=now)
            return []
        told = []
        if found.kind == REVIVED and grant is not None:
            grant.revoke_synced_at = None
            told.append(
                await revoke(
                    rows, subject=grant.subject, client_id=grant.client_id, reason=ALIVE, now=now
                )
            )
        elif found.kind == WIDENED and grant is not None:
            grant.scopes = list(union((grant.scopes, found.scopes)))
            grant.audience = list(union((grant.audience, found.audience)))
        elif listed is not None:
            grant = _imported(found.subject, listed, now=now)
        if grant is not None:
            await rows.grants.save(grant)
            more = {"audience": list(found.audience)} if found.audience else {}
            await _audit(rows, found.kind, grant, now=now, scopes=found.scopes, **more, **detail)
    logs.step(found.kind, app=found.app)
    return told


async def _note_seen(
    services: Services,
    subject: str,
    grants: Mapping[str, GrantRecord],
    listed: Mapping[str, Listed],
    *,
    now: datetime,
) -> None:
    unseen = [
        client_id
        for client_id in listed.keys() & grants.keys()
        if grants[client_id].revoked_at is None and not _seen_lately(grants[client_id], now)
    ]
    if not unseen:
        return
    lasting = [client_id for client_id in unseen if listed[client_id].lasting]
    async with services.store.writing() as rows:
        await rows.reconciliations.mark_seen(subject, unseen, lasting=lasting, at=now)


def _seen_lately(grant: GrantRecord, now: datetime) -> bool:
    return grant.listed_at is not None and now - grant.listed_at < SEEN_AGAIN_AFTER


def _same(grant: GrantRecord | None, seen: GrantRecord | None) -> bool:
    """Whether nobody decided, narrowed, revoked or mended anything since it was *seen*."""
    if grant is None or seen is None:
        return grant is seen
    return all(getattr(grant, name) == getattr(seen, name) for name in _DECIDED)


def _imported(subject: str, listed: Listed, *, now: datetime) -> GrantRecord:
    """A grant that was given elsewhere: to be seen and revoked; nothing of it is remembered."""
    given_at = min(listed.handled_at or now, now)
    return GrantRecord(
        subject=subject,
        client_id=listed.client.client_id,
        client_name=listed.app,
        client_uri=safe_url(listed.client.client_uri),
        scopes=list(listed.scopes),
        audience=list(listed.audience),
        remembered_scopes=[],
        remembered_audience=[],
        listable=listed.lasting,
        listed_at=now,
        decision_id=listed.decision_id or new_decision_id(),
        granted_at=given_at,
        last_accept_at=given_at,
    )


async def _audit(
    rows: Rows, kind: str, grant: GrantRecord, *, now: datetime, scopes: Iterable[str], **more: Any
) -> None:
    await rows.audit.add(
        kind,
        at=now,
        actor=SYSTEM,
        subject=grant.subject,
        client_id=grant.client_id,
        detail={"app": grant.client_name, "scopes": list(scopes), **more},
    )
