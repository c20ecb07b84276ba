"""Buckets of attempts, each counted and judged in one statement: no two can pass as one.

Times are seconds since 1970. Units of work that touch several buckets have to touch them in the
same order everywhere, or PostgreSQL ends one of two such units as a deadlock.
"""

import itertools
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from portal.store.tables import LoginAttempt
from portal.store.unit import Unit

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
        counted = _counted(policy, now)
        allowed = sa.or_(_blocked_until <= now, _blocked_until > now + policy.longest_wait)
        if policy.ceiling:
            allowed = sa.and_(allowed, _columns.streak < policy.ceiling)
        values = {
            "failures": counted,
            "streak": _columns.streak + 1,
            "updated_at": now,
            "blocked_until": _block_after(counted, policy, now),
        }
        first_block = now + policy.first_wait if policy.limit <= 1 else 0.0
        state = await self._pass(bucket, now=now, block=first_block, values=values, allowed=allowed)
        if state is None:
            return 0.0
        if policy.ceiling and state.streak >= policy.ceiling:
            return policy.longest_wait
        return min(max(state.until - now, 1.0), policy.longest_wait)

    async def forgive(self, bucket: str) -> None:
        """Forget the bucket: after a success, a reset, or when an operator says so."""
        await self._unit.run(sa.delete(LoginAttempt).where(LoginAttempt.bucket == bucket))

    async def take(self, bucket: str, *, now: float, burst: int, seconds_each: float) -> float:
        """Take one of the bucket's *burst* tokens, of which one comes back every *seconds_each*."""
        full = burst * seconds_each
        stepped_back = _blocked_until > now + full
        used = sa.case((sa.or_(_blocked_until < now, stepped_back), now), else_=_blocked_until)
        values = {"updated_at": now, "blocked_until": used + seconds_each}
        allowed = sa.or_(stepped_back, _blocked_until <= now + full - seconds_each)
        state = await self._pass(
            bucket, now=now, block=now + seconds_each, values=values, allowed=allowed
        )
        return 0.0 if state is None else max(state.until - (full - seconds_each) - now, 0.001)

    async def give_back(self, bucket: str, *, seconds_each: float) -> None:
        """Put the token back, because the attempt was none."""
        statement = sa.update(LoginAttempt).where(LoginAttempt.bucket == bucket)
        await self._unit.run(
            statement.values(blocked_until=LoginAttempt.blocked_until - seconds_each)
        )

    async def delete_before(self, at: float, limit: int) -> int:
        """Forget buckets last used before *at*, with their streaks; at most *limit*."""
        return await self._unit.delete_some(LoginAttempt, LoginAttempt.updated_at < at, limit=limit)

    async def _pass(
        self,
        bucket: str,
        *,
        now: float,
        block: float,
        values: dict[str, Any],
        allowed: sa.ColumnElement[bool],
    ) -> _Block | None:
        """Count in one statement: ``None`` to go on, else the end of the block, and the streak."""
        new = {
            "bucket": bucket,
            "failures": 1,
            "streak": 1,
            "updated_at": now,
            "blocked_until": block,
        }
        count = (
            self._unit.insert(LoginAttempt)
            .values(new)
            .on_conflict_do_update(index_elements=["bucket"], set_=values, where=allowed)
            .returning(LoginAttempt.failures)
        )
        look = sa.select(LoginAttempt.blocked_until, LoginAttempt.streak).where(
            LoginAttempt.bucket == bucket
        )
        for _ in range(_RACES):
            if await self._unit.first(count) is not None:
                return None
            if (state := await self._unit.first(look)) is not None:
                return _Block(*state)
        return _Block(now, 0)  # the bucket was emptied again and again: try later


_columns: Final = LoginAttempt.__table__.c
_blocked_until: Final[sa.ColumnElement[float]] = _columns.blocked_until


def _counted(policy: FailurePolicy, now: float) -> sa.ColumnElement[int]:
    """Count the failures, this one included; those before may be forgotten."""
    patience = sa.case((_columns.failures >= policy.limit, policy.quiet), else_=policy.window)
    return sa.case((_columns.updated_at + patience < now, 1), else_=_columns.failures + 1)


def _block_after(
    failures: sa.ColumnElement[int], policy: FailurePolicy, now: float
) -> sa.ColumnElement[float]:
    """Say when the next try may be made; written out, as not every SQLite can raise to a power."""
    waits = itertools.takewhile(
        lambda wait: wait < policy.longest_wait,
        (policy.first_wait * 2**n for n in itertools.count()),
    )
    steps = [(failures == policy.limit + n, now + wait) for n, wait in enumerate(waits)]
    return sa.case((failures < policy.limit, 0.0), *steps, else_=now + policy.longest_wait)
