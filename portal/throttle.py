"""Slowing down guesses: which buckets a sign-in counts in, and how long somebody has to wait.

A try is counted before the password is looked at, in one statement, so that parallel guesses cannot
pass together; a success takes the count back. Known and unknown accounts are counted alike, and the
owner's known browser has a bucket of its own, which strangers cannot fill.
"""

import hashlib
import math
from typing import Final

import msgspec

from portal.origin import Origin
from portal.store import FailurePolicy, Rows

ACCOUNT: Final = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=100
)
KNOWN_BROWSER: Final = FailurePolicy(
    limit=10, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=0
)
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

    @property
    def network_bucket(self) -> str:
        """The bucket of the address it came from."""
        return f"net:{self.origin.network}"


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
    wait = await rows.attempts.take(
        attempt.network_bucket, now=now, burst=NETWORK_BURST, seconds_each=NETWORK_SECONDS_EACH
    )
    if not wait:
        wait = await rows.attempts.count_failure(bucket, now=now, policy=policy)
        if wait:
            await rows.attempts.give_back(attempt.network_bucket, seconds_each=NETWORK_SECONDS_EACH)
    return Admission(wait=wait, bucket=bucket)


async def forgive(rows: Rows, account: str) -> None:
    """Lift the account's bucket: after a reset, or when an operator says so."""
    await rows.attempts.forgive(f"acc:{_hash(account)}")


async def forget_browsers(rows: Rows, account: str) -> None:
    """After a reset no browser is the owner's own: one may belong to whoever had the password."""
    await rows.browsers.forget_all(_hash(account))


def please_wait(seconds: int) -> str:
    """What to tell somebody who has to wait."""
    minutes = math.ceil(seconds / 60)
    span = f"{seconds} seconds" if seconds < 60 else f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"Too many attempts. Please try again in {span}."


def _hash(account: str) -> str:
    """Typed addresses are not kept in clear."""
    return hashlib.sha256(account.encode()).hexdigest()
