"""Buckets of attempts, each counted and judged in one statement: no two can pass as one.

Times are seconds since 1970. Units of work that touch several buckets have to touch them in the
same order everywhere, or PostgreSQL ends one of two such units as a deadlock.
"""

import itertools
import math
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from portal.store.prepared import kept
from portal.store.tables import LoginAttempt
from portal.store.unit import Unit, insert

_RACES: Final = 3
"""How often a refused attempt is counted again because the bucket was forgiven at that moment."""


class FailurePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How many attempts a bucket takes; durations in seconds.

    After *limit* failures each further try has to wait: *first_wait*, doubled each time, at most
    *longest_wait*. Failures are forgotten after *window* without one while they are fewer than
    *limit*, after *quiet* from then on.
    """

    limit: int
    window: float
    first_wait: float
    longest_wait: float
    quiet: float
    ceiling: int
    """After so many failures in a row, however slow, nothing passes until forgiven; 0: never."""


class _Block(NamedTuple):
    until: float
    streak: int


class Attempts:
    """The ``login_attempts`` table. An answer in seconds means: 0.0, go on; else wait so long."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    async def count_failure(self, bucket: str, *, now: float, policy: FailurePolicy) -> float:
        """Count a try as failed before it is made; a refused try is not counted."""
        statement = _counting(policy, is_postgresql=self._unit.is_postgresql)
        state = await self._pass(statement, bucket, now)
        if state is None:
            return 0.0
        if policy.ceiling and state.streak >= policy.ceiling:
            return policy.longest_wait
        return min(max(state.until - now, 1.0), policy.longest_wait)

    async def forgive(self, bucket: str, other: str = "") -> None:
        """Forget the bucket, and another one: after a success, a reset, or when an operator says
        so.
        """
        await self._unit.run_later(_FORGIVE, {"of": bucket, "other": other})

    async def blocked(
        self, buckets: Iterable[str], *, now: float, policy: FailurePolicy
    ) -> dict[str, float]:
        """Until when those of *buckets* are blocked that are; it looks and counts nothing.

        What has reached the ceiling is blocked for good: infinity.
        """
        wanted = sorted(set(buckets))
        if not wanted:
            return {}
        found = sa.select(_columns.bucket, _columns.blocked_until, _columns.streak)
        endless = policy.ceiling or sys.maxsize
        return {
            bucket: math.inf if streak >= endless else until
            for bucket, until, streak in await self._unit.all(
                found.where(_columns.bucket.in_(wanted))
            )
            if streak >= endless or now < until <= now + policy.longest_wait
        }

    async def take(self, bucket: str, *, now: float, burst: int, seconds_each: float) -> float:
        """Take one of the bucket's *burst* tokens, of which one comes back every *seconds_each*."""
        statement = _taking(burst, seconds_each, is_postgresql=self._unit.is_postgresql)
        state = await self._pass(statement, bucket, now)
        if state is None:
            return 0.0
        return max(state.until - (burst - 1) * seconds_each - now, 0.001)

    async def give_back(self, bucket: str, *, seconds_each: float) -> None:
        """Put the token back, because the attempt was none."""
        await self._unit.run_later(_GIVE_BACK, {"of": bucket, "seconds_each": seconds_each})

    async def delete_before(self, at: float, limit: int, *, streak: int) -> int:
        """Forget at most *limit* buckets, unused since *at* and with a lower *streak*."""
        over = sa.and_(LoginAttempt.updated_at < at, LoginAttempt.streak < streak)
        return await self._unit.delete_some(LoginAttempt, over, limit=limit)

    async def _pass(self, statement: sa.Executable, bucket: str, now: float) -> _Block | None:
        """Count in one statement: ``None`` to go on, else the end of the block, and the streak."""
        for _ in range(_RACES):
            if await self._unit.first(statement, {"of": bucket, "at": now}) is not None:
                return None
            if (state := await self._unit.first(_BLOCKED, {"of": bucket})) is not None:
                return _Block(*state)
        return _Block(now, 0)  # the bucket was emptied again and again: try later


_columns: Final = LoginAttempt.__table__.c
_until: Final[sa.ColumnElement[float]] = _columns.blocked_until
_of: Final = sa.bindparam("of", type_=_columns.bucket.type)
_at: Final = sa.bindparam("at", type_=_columns.updated_at.type)


_other: Final = sa.bindparam("other", type_=_columns.bucket.type)
_FORGIVE: Final = kept(
    sa.delete(LoginAttempt).where(sa.or_(_columns.bucket == _of, _columns.bucket == _other))
)
_GIVE_BACK: Final = kept(
    sa.update(LoginAttempt)
    .where(_columns.bucket == _of)
    .values(blocked_until=_until - sa.bindparam("seconds_each", type_=_until.type))
)
_BLOCKED: Final = kept(sa.select(_until, _columns.streak).where(_columns.bucket == _of))


@cache
def _counting(policy: FailurePolicy, *, is_postgresql: bool) -> sa.Executable:
    """Count a failure unless the bucket is blocked; too long a block is a clock's mistake."""
    counted = _counted(policy)
    allowed = sa.or_(_until <= _at, _until > _at + policy.longest_wait)
    if policy.ceiling:
        allowed = sa.and_(allowed, _columns.streak < policy.ceiling)
    changes = {
        "failures": counted,
        "streak": _columns.streak + 1,
        "updated_at": _at,
        "blocked_until": _block_after(counted, policy),
    }
    first_block = _at + policy.first_wait if policy.limit <= 1 else sa.literal(0.0)
    return _statement(first_block, changes, allowed, is_postgresql=is_postgresql)


@cache
def _taking(burst: int, seconds_each: float, *, is_postgresql: bool) -> sa.Executable:
    """Take a token, unless none is left: ``blocked_until`` is when all of them are back."""
    full = burst * seconds_each
    stepped_back = _until > _at + full
    used = sa.case((sa.or_(_until < _at, stepped_back), _at), else_=_until)
    changes = {"updated_at": _at, "blocked_until": used + seconds_each}
    allowed = sa.or_(stepped_back, _until <= _at + full - seconds_each)
    return _statement(_at + seconds_each, changes, allowed, is_postgresql=is_postgresql)


def _statement(
    block: sa.ColumnElement[float],
    changes: dict[str, Any],
    allowed: sa.ColumnElement[bool],
    *,
    is_postgresql: bool,
) -> sa.Executable:
    new = {"bucket": _of, "failures": 1, "streak": 1, "updated_at": _at, "blocked_until": block}
    return kept(
        insert(LoginAttempt, is_postgresql=is_postgresql)
        .values(new)
        .on_conflict_do_update(index_elements=["bucket"], set_=changes, where=allowed)
        .returning(_columns.failures)
    )


def _counted(policy: FailurePolicy) -> sa.ColumnElement[int]:
    """Count the failures, this one included; those before may be forgotten."""
    patience = sa.case((_columns.failures >= policy.limit, policy.quiet), else_=policy.window)
    return sa.case((_columns.updated_at + patience < _at, 1), else_=_columns.failures + 1)


def _block_after(failures: sa.ColumnElement[int], policy: FailurePolicy) -> sa.ColumnElement[float]:
    """Say when the next try may be made; written out, as not every SQLite can raise to a power."""
    waits = itertools.takewhile(
        lambda wait: wait < policy.longest_wait,
        (policy.first_wait * 2**n for n in itertools.count()),
    )
    steps = [(failures == policy.limit + n, _at + wait) for n, wait in enumerate(waits)]
    return sa.case((failures < policy.limit, 0.0), *steps, else_=_at + policy.longest_wait)
