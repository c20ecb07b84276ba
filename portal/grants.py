"""The grant rules: what is covered, what a decision changes, and how a revocation reaches Ory.

The portal decides about grants; Ory remembers them as a cache (ADR 0002). Scopes and audiences are
compared as exact strings. What is written is committed before Ory is told.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from portal.decisions import new_decision_id
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import ClientPolicy, GrantRecord, Revocation

FIRST_TRY_AFTER: Final = timedelta(seconds=5)
"""How long the background job leaves a fresh revocation to the request that made it."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a consent request asks for, of whom, for whom."""

    subject: str
    client_id: str
    client_name: str
    client_uri: str | None
    scopes: tuple[str, ...]
    audience: tuple[str, ...]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What was given in answer: by a person, or silently."""

    decision_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    remember: bool
    """Whether this may be given without asking from now on; Ory's own memory is ``ory_remembers``.
    """
    expires_at: datetime | None
    ory_remembers: bool
    """Ory is told to remember and said ``skip=false``, so what it remembers is now this set."""
    at: datetime


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator demands of one client; without a policy it is like every other."""

    verified: bool = False
    """The organisation vouches for it."""
    required_scopes: tuple[str, ...] = ()
    longest: timedelta | None = None
    """How long after a decision it may be remembered."""

    @classmethod
    def of(cls, record: ClientPolicy | None) -> "Policy":
        """What *record* says."""
        if record is None:
            return cls()
        longest = record.longest_grant
        return cls(
            verified=record.verified,
            required_scopes=tuple(record.required_scopes),
            longest=None if longest is None else timedelta(seconds=longest),
        )

    def lasting(self, usual: timedelta | None) -> timedelta | None:
        """How long a new decision may be remembered, where *usual* holds for every client."""
        limits = [limit for limit in (usual, self.longest) if limit is not None]
        return min(limits) if limits else None

    def missing(self, ask: Ask, scopes: Iterable[str]) -> tuple[str, ...]:
        """What *ask* cannot be allowed without and *scopes* lack. What is not requested is never
        needed.
        """
        given = set(scopes)
        return tuple(s for s in ask.scopes if s in self.required_scopes and s not in given)


def usual_duration(settings: Settings) -> timedelta | None:
    """How long a decision is remembered of clients without a limit of their own; ``None``: until
    it is revoked.
    """
    seconds = settings.remember_consent_for
    return timedelta(seconds=seconds) if seconds else None


def covered(grant: GrantRecord | None, ask: Ask, policy: Policy, *, now: datetime) -> bool:
    """Whether *ask* may be answered without asking: remembered, living, and nothing in it is
    new.
    """
    if grant is None or not remembers(grant, policy, now=now):
        return False
    return set(ask.scopes) <= set(grant.remembered_scopes) and set(ask.audience) <= set(
        grant.remembered_audience
    )


def remembers(grant: GrantRecord, policy: Policy, *, now: datetime) -> bool:
    """Whether the remembered sets of *grant* still count."""
    until = remembered_until(grant, policy)
    return grant.revoked_at is None and (until is None or now < until)


def remembered_until(grant: GrantRecord, policy: Policy) -> datetime | None:
    """When the remembered sets stop counting; ``None``: not before they are revoked.

    A policy holds also for what was given before it: a decision never lasts longer than the client
    may be remembered today.
    """
    if policy.longest is None:
        return grant.expires_at
    latest = grant.granted_at + policy.longest
    return latest if grant.expires_at is None else min(latest, grant.expires_at)


def holds(grant: GrantRecord | None, given: Given) -> bool:
    """Whether everything that was *given* is still there."""
    if grant is None or grant.revoked_at is not None:
        return False
    return set(given.scopes) <= set(grant.scopes) and set(given.audience) <= set(grant.audience)


def narrows(grant: GrantRecord | None, ask: Ask, given: Given) -> bool:
    """Whether something was asked for that the app already has, and was not given again.

    The tokens that carry it must die, so Ory has to delete the pair before the new accept.
    """
    if grant is None or grant.revoked_at is not None:
        return False
    dropped_scopes = (set(ask.scopes) & set(grant.scopes)) - set(given.scopes)
    dropped_audience = (set(ask.audience) & set(grant.audience)) - set(given.audience)
    return bool(dropped_scopes or dropped_audience)


def decided(grant: GrantRecord | None, ask: Ask, given: Given, policy: Policy) -> GrantRecord:
    """The grant after a person's decision; *grant* is what was there before.

    A decision adds to what the app has, unless it narrows: then the app has what was just given and
    nothing else. Only "don't ask again" adds to the remembered sets, and its duration then holds
    for all of them; any other decision prolongs nothing.
    """
    narrowed = narrows(grant, ask, given)
    old = _living(grant, policy)
    kept = _kept(old, given, narrowed=narrowed)
    return _row(
        ask,
        given,
        scopes=given.scopes if narrowed else _union(old.scopes, given.scopes),
        audience=given.audience if narrowed else _union(old.audience, given.audience),
        remembered_scopes=_union(kept.scopes, given.scopes) if given.remember else kept.scopes,
        remembered_audience=_union(kept.audience, given.audience)
        if given.remember
        else kept.audience,
        expires_at=given.expires_at if given.remember else kept.expires_at,
        hydra_scopes=None if narrowed else old.hydra_scopes,
        granted_at=given.at,
    )


def given_silently(grant: GrantRecord | None, ask: Ask, given: Given) -> GrantRecord:
    """The grant after an accept that nobody was asked about: what may be given silently does not
    change.
    """
    old = _living(grant, Policy())
    return _row(
        ask,
        given,
        scopes=_union(old.scopes, given.scopes),
        audience=_union(old.audience, given.audience),
        remembered_scopes=old.remembered.scopes,
        remembered_audience=old.remembered.audience,
        expires_at=old.remembered.expires_at,
        hydra_scopes=old.hydra_scopes,
        granted_at=old.granted_at or given.at,
    )


async def revoke(
    rows: Rows,
    *,
    subject: str,
    client_id: str | None,
    reason: str,
    now: datetime,
    end_logins: bool = False,
) -> Revocation:
    """Take back one app's grant, or all of a subject, and queue the deletion at Ory; commit, then
    carry it out.

    From the commit on nothing is given silently any more, whatever Ory remembers.
    """
    await rows.grants.revoke(subject, client_id, reason=reason, at=now)
    revocation = Revocation(
        id=new_decision_id(),
        subject=subject,
        client_id=client_id,
        end_logins=end_logins,
        reason=reason,
        revoked_at=now,
        state="pending",
        due_at=now + FIRST_TRY_AFTER,
        attempts=0,
        last_error=None,
        synced_at=None,
    )
    await rows.revocations.add(revocation)
    return revocation


class _Remembered(msgspec.Struct, frozen=True):
    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    expires_at: datetime | None = None


class _Living(msgspec.Struct, frozen=True):
    """What still counts of the row before: nothing, if there was none or it was revoked."""

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    remembered: _Remembered = _Remembered()
    hydra_scopes: tuple[str, ...] | None = None
    granted_at: datetime | None = None


def _living(grant: GrantRecord | None, policy: Policy) -> _Living:
    if grant is None or grant.revoked_at is not None:
        return _Living()
    return _Living(
        scopes=tuple(grant.scopes),
        audience=tuple(grant.audience),
        remembered=_Remembered(
            tuple(grant.remembered_scopes),
            tuple(grant.remembered_audience),
            remembered_until(grant, policy),
        ),
        hydra_scopes=None if grant.hydra_scopes is None else tuple(grant.hydra_scopes),
        granted_at=grant.granted_at,
    )


def _kept(old: _Living, given: Given, *, narrowed: bool) -> _Remembered:
    """What stays remembered: not what has expired, and after a narrowing not more than was
    given.
    """
    kept = old.remembered
    if kept.expires_at is not None and kept.expires_at <= given.at:
        return _Remembered()
    if not narrowed:
        return kept
    return _Remembered(
        tuple(scope for scope in kept.scopes if scope in given.scopes),
        tuple(name for name in kept.audience if name in given.audience),
        kept.expires_at,
    )


def _row(
    ask: Ask,
    given: Given,
    *,
    scopes: Iterable[str],
    audience: Iterable[str],
    remembered_scopes: Iterable[str],
    remembered_audience: Iterable[str],
    expires_at: datetime | None,
    hydra_scopes: Iterable[str] | None,
    granted_at: datetime,
) -> GrantRecord:
    told = given.scopes if given.ory_remembers else hydra_scopes
    return GrantRecord(
        subject=ask.subject,
        client_id=ask.client_id,
        client_name=ask.client_name,
        client_uri=ask.client_uri,
        scopes=list(scopes),
        audience=list(audience),
        remembered_scopes=list(remembered_scopes),
        remembered_audience=list(remembered_audience),
        expires_at=expires_at,
        hydra_scopes=None if told is None else list(told),
        decision_id=given.decision_id,
        granted_at=granted_at,
        last_accept_at=given.at,
        revoked_at=None,
        revoke_reason=None,
        revoke_synced_at=None,
    )


def _union(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))
