"""Slowing down guesses: which buckets a sign-in counts in, and how long somebody has to wait.

A try is counted before the password is looked at, in one statement, so that parallel guesses cannot
pass together; a success takes the count back. Known and unknown accounts are counted alike, and the
owner's known browser has a bucket of its own, which strangers cannot fill.
"""

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from portal import logs, metrics
from portal.i18n import ngettext
from portal.origin import Origin
from portal.store import FailurePolicy, Rows

ACCOUNT: Final = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=100
)
KNOWN_BROWSER: Final = FailurePolicy(
    limit=10, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=0
)
ALARM_WINDOW: Final = 60.0
ALARM_TRIES: Final = 100
Outcome = Literal["succeeded", "failed", "throttled"]
NETWORK_BURST: Final = 20
NETWORK_SECONDS_EACH: Final = 6.0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to sign in as *account* (a canonical identifier, of somebody or of nobody)."""

    account: str
    browser_hash: str | None
    origin: Origin

    @property
    def account_hash(self) -> str:
        """The account as the buckets know it."""
        return _hash(self.account)


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a try may be made (``wait`` is 0), and which bucket it was counted in."""

    wait: float
    bucket: str


async def admit(rows: Rows, attempt: Attempt, *, now: float) -> Admission:
    """Count the try, or say how many seconds to wait. Nothing is counted for a refused one."""
    known = attempt.browser_hash is not None and await rows.browsers.is_known(
        attempt.account_hash, attempt.browser_hash
    )
    if known:
        bucket, policy = (
            f"dev:{attempt.account_hash[:48]}:{(attempt.browser_hash or '')[:32]}",
            KNOWN_BROWSER,
        )
    else:
        bucket, policy = f"acc:{attempt.account_hash}", ACCOUNT
    wait = await admit_network(rows, attempt.origin, now=now)
    if not wait:
        wait = await rows.attempts.count_failure(bucket, now=now, policy=policy)
        if wait:
            await forgive_network(rows, attempt.origin)
    return Admission(wait=wait, bucket=bucket)


async def admit_network(rows: Rows, origin: Origin, *, now: float) -> float:
    """Count a try for the network that it comes from, or say how many seconds to wait."""
    return await rows.attempts.take(
        f"net:{origin.network}", now=now, burst=NETWORK_BURST, seconds_each=NETWORK_SECONDS_EACH
    )


async def forgive_network(rows: Rows, origin: Origin) -> None:
    """Take that back."""
    await rows.attempts.give_back(f"net:{origin.network}", seconds_each=NETWORK_SECONDS_EACH)


class Watch:
    """Raises the alarm when most sign-ins of a minute fail: somebody tries many accounts.

    Each process watches its own; an alarm is told at most once a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._quiet_until = -math.inf

    def count(self, outcome: Outcome) -> None:
        """Take note of one try; throttled ones are no tries."""
        metrics.SIGN_INS.labels(outcome).inc()
        if outcome == "throttled":
            return
        now, failed = self._clock(), outcome == "failed"
        self._tries.append((now, failed))
        self._failures += failed
        while self._tries[0][0] < now - ALARM_WINDOW:
            self._failures -= self._tries.popleft()[1]
        tries = len(self._tries)
        if tries < ALARM_TRIES or self._failures * 2 <= tries or now < self._quiet_until:
            return
        self._quiet_until = now + ALARM_WINDOW
        metrics.SIGN_IN_ALARMS.inc()
        logs.alarm("login.many_failures", count=self._failures)


WATCH: Final = Watch()
"""Of this process, as its metrics are."""


async def locked(rows: Rows, accounts: Iterable[str], *, now: float) -> dict[str, float]:
    """Which of *accounts* take no password now from browsers that are strangers to them, and until
    when; infinity: until an operator lifts it.
    """
    named = {f"acc:{_hash(account)}": account for account in accounts}
    found = await rows.attempts.blocked(named, now=now, policy=ACCOUNT)
    return {named[bucket]: until for bucket, until in found.items()}


async def forgive_success(rows: Rows, attempt: Attempt, admission: Admission) -> None:
    """Take back what was counted for a try that succeeded.

    The network first, as when it was counted: PostgreSQL ends one of two that lock crosswise.
    """
    await forgive_network(rows, attempt.origin)
    await rows.attempts.forgive(admission.bucket, f"acc:{attempt.account_hash}")


async def forgive(rows: Rows, account: str) -> None:
    """Lift the account's bucket: after a reset, or when an operator says so."""
    await rows.attempts.forgive(f"acc:{_hash(account)}")


async def forget_browsers(rows: Rows, account: str) -> None:
    """After a reset no browser is the owner's own: one may belong to whoever had the password."""
    await rows.browsers.forget_all(_hash(account))


class Refused(msgspec.Struct, frozen=True):
    """Why a proof is not taken, for the person, with ``status`` and ``retry_after`` of the page;
    nothing in it tells whether an account exists.
    """

    error: str
    status: int
    retry_after: int | None = None


def told_to_wait(wait: float) -> Refused:
    """The refusal of a try that came *wait* seconds too early."""
    seconds = math.ceil(wait)
    return Refused(please_wait(seconds), 429, retry_after=seconds)


def please_wait(seconds: int) -> str:
    """What to tell somebody who has to wait."""
    if seconds < 60:
        return ngettext(
            "Too many attempts. Please try again in {count} second.",
            "Too many attempts. Please try again in {count} seconds.",
            seconds,
        ).format(count=seconds)
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "Too many attempts. Please try again in {count} minute.",
        "Too many attempts. Please try again in {count} minutes.",
        minutes,
    ).format(count=minutes)


def _hash(account: str) -> str:
    """Typed addresses are not kept in clear."""
    return hashlib.sha256(account.encode()).hexdigest()
