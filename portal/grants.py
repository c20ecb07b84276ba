"""The grant rules: what is covered, what a decision changes, and how a revocation reaches Ory.

The portal decides about grants; Ory remembers them as a cache (ADR 0002). Scopes and audiences are
compared as exact strings. What is written is committed before Ory is told.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from portal.decisions import new_decision_id
from portal.i18n import gettext as _
from portal.i18n import ngettext
from portal.settings import Settings
from portal.store import Rows
from portal.store.tables import AT_ORY, ClientPolicy, GrantRecord, GrantState, Revocation
from portal.writing import SPANS

FIRST_TRY_AFTER: Final = timedelta(seconds=5)
"""How long the background job leaves a fresh revocation to the request that made it."""
ONCE: Final = timedelta()
"""The duration of a decision for this time only; of one until it is revoked it is ``None``."""
MOST_COUNTED: Final = 200
"""Nobody counts more hours, minutes or seconds: roughly as many days say it better."""
NARROWED: Final = "narrowed"
"""The ``revoke_reason`` of a living grant whose person has left it less, until the app comes for it
again; and of the deletion that this takes."""
UNDO_MARGIN: Final = timedelta(seconds=2)
"""Between the last moment of an undo and the deletion: the clocks of two processes differ."""
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SECOND: Final = timedelta(seconds=1)
_Counting = Mapping[str, Callable[[int], str]]
# Each a message of its own: languages put what is counted into another case after "for"
_FOR: Final[_Counting] = {
    "day": lambda n: ngettext("for {count} day", "for {count} days", n),
    "hour": lambda n: ngettext("for {count} hour", "for {count} hours", n),
    "minute": lambda n: ngettext("for {count} minute", "for {count} minutes", n),
    "second": lambda n: ngettext("for {count} second", "for {count} seconds", n),
}
_FOR_ABOUT: Final[_Counting] = {
    "day": lambda n: ngettext("for about {count} day", "for about {count} days", n),
    "hour": lambda n: ngettext("for about {count} hour", "for about {count} hours", n),
    "minute": lambda n: ngettext("for about {count} minute", "for about {count} minutes", n),
}
_ABOUT: Final[_Counting] = {
    "day": lambda n: ngettext("about {count} day", "about {count} days", n),
    "hour": lambda n: ngettext("about {count} hour", "about {count} hours", n),
    "minute": lambda n: ngettext("about {count} minute", "about {count} minutes", n),
}


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
    listable: bool = False
    """Ory said ``skip=false``: once the browser has come back, its list shows this."""
    at: datetime


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator demands of one client; without a policy it is like every other."""

    verified: bool = False
    """The organisation vouches for it."""
    required_scopes: tuple[str, ...] = ()
    longest: timedelta | None = None
    """How long after a decision it may be remembered."""
    required_acr: str | None = None
    """The level that every sign-in to it has to reach: :mod:`portal.factors.levels`."""

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
            required_acr=record.required_acr,
        )

    def lasting(self, usual: timedelta | None) -> timedelta | None:
        """How long a new decision may be remembered, where *usual* holds for every client."""
        return shorter(usual, self.longest)

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


def shorter(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    """Which of two durations is over first."""
    limits = [span for span in (one, other) if span is not None]
    return min(limits) if limits else None


def durations(settings: Settings) -> tuple[timedelta | None, ...]:
    """How long people can let a decision hold, of clients without a limit; the longest is last."""
    return tuple(timedelta(seconds=s) if s else None for s in settings.consent_durations)


def choices(settings: Settings, policy: Policy) -> tuple[timedelta | None, ...]:
    """What a person can choose from: this time only, up to the longest. A limit cuts the longer
    ones to the same.
    """
    limit = policy.lasting(usual_duration(settings))
    cut = (shorter(span, limit) for span in durations(settings))
    return tuple(dict.fromkeys((ONCE, *cut)))


def in_words(span: timedelta | None) -> str:
    """How long, to be read after "it holds"; never longer than *span*."""
    if span is None:
        return _("until you remove it")
    return _counted(span, _FOR, _FOR_ABOUT) if span >= _SECOND else _("this time only")


def span_in_words(span: timedelta) -> str:
    """How much time, to stand by itself: ``30 days``; never more than *span*."""
    return _counted(span, SPANS, _ABOUT)


def lasted(grant: GrantRecord) -> str:
    """How long *grant* was to be remembered, in the words in which it was chosen."""
    if not remembers_something(grant):
        return in_words(ONCE)
    return in_words(chosen_duration(grant))


def chosen_duration(grant: GrantRecord) -> timedelta | None:
    """The duration that holds for the remembered sets; a policy may have cut it since."""
    if grant.remember_for is not None:
        return timedelta(seconds=grant.remember_for) if grant.remember_for else None
    return None if grant.expires_at is None else grant.expires_at - grant.granted_at


def remembered_since(grant: GrantRecord) -> datetime:
    """When "don't ask again" was last chosen; before that was noted, when anything was."""
    return grant.remembered_at or grant.granted_at


def state_of(grant: GrantRecord, policy: Policy, *, now: datetime) -> GrantState:
    """To the second; what is in the column may be written down later."""
    if grant.revoked_at is not None:
        if grant.revoke_synced_at is None:
            return "pending"
        return "at_ory" if grant.revoke_reason == AT_ORY else "revoked"
    over = remembers_something(grant) and not remembers(grant, policy, now=now)
    return "expired" if over or grant.expired_at is not None else "active"


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
    """Whether there is something remembered of *grant* and still counts."""
    until = remembered_until(grant, policy)
    in_time = until is None or now < until
    return grant.revoked_at is None and in_time and remembers_something(grant)


def remembers_something(grant: GrantRecord) -> bool:
    """Whether "don't ask again" was chosen, however long ago; it can be said of a request for
    nothing in particular too.
    """
    named = grant.remembered_scopes or grant.remembered_audience
    return bool(named) or grant.remembered_at is not None


def remembered_until(grant: GrantRecord, policy: Policy) -> datetime | None:
    """When the remembered sets stop counting; ``None``: not before they are revoked.

    A policy holds also for what was given before it: a decision never lasts longer than the client
    may be remembered today.
    """
    if policy.longest is None:
        return grant.expires_at
    return shortened(grant, policy.longest)


def shortened(grant: GrantRecord, longest: timedelta) -> datetime:
    """When the remembered sets stop counting at the latest if no decision lasts more than
    *longest*.
    """
    latest = remembered_since(grant) + longest
    return latest if grant.expires_at is None else min(latest, grant.expires_at)


def holds(grant: GrantRecord | None, given: Given) -> bool:
    """Whether everything that was *given* is still there."""
    if grant is None or grant.revoked_at is not None or was_narrowed(grant):
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


def narrowed_to(
    grant: GrantRecord, scopes: Collection[str], audience: Collection[str]
) -> GrantRecord:
    """The grant after its person has left it *scopes* and *audience* of what it had.

    Its tokens carry the rest too, so Ory has to delete the pair, and then has nothing of it. What
    was remembered of *scopes* and *audience* still is, no longer than before: the app gets that
    without a question when it next asks.
    """
    remembered_scopes = [scope for scope in grant.remembered_scopes if scope in scopes]
    remembered_audience = [name for name in grant.remembered_audience if name in audience]
    forgotten = not (remembered_scopes or remembered_audience)
    return dataclasses.replace(
        grant,
        scopes=[scope for scope in grant.scopes if scope in scopes],
        audience=[name for name in grant.audience if name in audience],
        remembered_scopes=remembered_scopes,
        remembered_audience=remembered_audience,
        remembered_at=None if forgotten else grant.remembered_at,
        remember_for=None if forgotten else grant.remember_for,
        expires_at=None if forgotten else grant.expires_at,
        expired_at=None if forgotten else grant.expired_at,
        hydra_scopes=None,
        listable=False,
        listed_at=None,
        revoke_reason=NARROWED,
    )


def was_narrowed(grant: GrantRecord) -> bool:
    """Whether nothing was given since its person left it less: Ory has nothing of it, by our own
    doing.
    """
    return grant.revoked_at is None and grant.revoke_reason == NARROWED


def undoable(
    grant: GrantRecord, pending: Sequence[Revocation], *, now: datetime
) -> Revocation | None:
    """The deletion with which *grant* would come back, if it can still be taken back: it waits for
    that, nobody has begun with it, and nothing else is to be deleted.
    """
    if len(pending) != 1:
        return None
    (revocation,) = pending
    until = revocation.undo_until
    waits = until is not None and now < until and revocation.due_at == until + UNDO_MARGIN
    ended_it = revocation.client_id == grant.client_id and revocation.revoked_at == grant.revoked_at
    return revocation if waits and ended_it and grant.revoke_synced_at is None else None


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
        remembered=_added(kept, given) if given.remember else kept,
        at_ory=_AtOry() if narrowed else old.at_ory,
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
        remembered=old.remembered,
        at_ory=old.at_ory,
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
    undo_for: timedelta = timedelta(),
) -> Revocation:
    """Take back one app's grant, or all of a subject, and queue the deletion at Ory; commit, then
    carry it out, unless it waits *undo_for* somebody to think again.

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
        due_at=now + (undo_for + UNDO_MARGIN if undo_for else FIRST_TRY_AFTER),
        undo_until=now + undo_for if undo_for else None,
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
    expired_at: datetime | None = None
    chosen_at: datetime | None = None
    chosen_for: int | None = None


class _AtOry(msgspec.Struct, frozen=True):
    """What Ory has of it: nothing after a deletion."""

    hydra_scopes: tuple[str, ...] | None = None
    listable: bool = False
    listed_at: datetime | None = None


class _Living(msgspec.Struct, frozen=True):
    """What still counts of the row before: nothing, if there was none or it was revoked."""

    scopes: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    remembered: _Remembered = _Remembered()
    at_ory: _AtOry = _AtOry()
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
            grant.expired_at,
            grant.remembered_at,
            grant.remember_for,
        ),
        at_ory=_AtOry(
            None if grant.hydra_scopes is None else tuple(grant.hydra_scopes),
            grant.listable,
            grant.listed_at,
        ),
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
    scopes = tuple(scope for scope in kept.scopes if scope in given.scopes)
    audience = tuple(name for name in kept.audience if name in given.audience)
    if not (scopes or audience):
        return _Remembered()
    return msgspec.structs.replace(kept, scopes=scopes, audience=audience)


def _added(kept: _Remembered, given: Given) -> _Remembered:
    """Its duration holds for everything from now on."""
    span = given.expires_at - given.at if given.expires_at else None
    return _Remembered(
        _union(kept.scopes, given.scopes),
        _union(kept.audience, given.audience),
        given.expires_at,
        chosen_at=given.at,
        chosen_for=int(span.total_seconds()) if span else 0,
    )


def _row(
    ask: Ask,
    given: Given,
    *,
    scopes: Iterable[str],
    audience: Iterable[str],
    remembered: _Remembered,
    at_ory: _AtOry,
    granted_at: datetime,
) -> GrantRecord:
    told = given.scopes if given.ory_remembers else at_ory.hydra_scopes
    return GrantRecord(
        subject=ask.subject,
        client_id=ask.client_id,
        client_name=ask.client_name,
        client_uri=ask.client_uri,
        scopes=list(scopes),
        audience=list(audience),
        remembered_scopes=list(remembered.scopes),
        remembered_audience=list(remembered.audience),
        remembered_at=remembered.chosen_at,
        remember_for=remembered.chosen_for,
        expires_at=remembered.expires_at,
        expired_at=remembered.expired_at,
        hydra_scopes=None if told is None else list(told),
        listable=given.listable or at_ory.listable,
        listed_at=at_ory.listed_at,
        decision_id=given.decision_id,
        granted_at=granted_at,
        last_accept_at=given.at,
        revoked_at=None,
        revoke_reason=None,
        revoke_synced_at=None,
    )


def _counted(span: timedelta, exactly: _Counting, about: _Counting) -> str:
    seconds = int(span.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    if seconds // size > MOST_COUNTED and size < _UNITS[0][1]:
        unit, size = next((unit, size) for unit, size in _UNITS if seconds >= size)
    count, rest = divmod(seconds, size)
    return (about if rest else exactly)[unit](count).format(count=count)


def _union(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))
