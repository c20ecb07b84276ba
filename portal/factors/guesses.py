"""Slowing down guesses at codes: whoever gets here has the password already.

Each subject has one bucket for codes of both kinds, and another one for each browser in which a
second factor of theirs was proved before: whoever knows but the password cannot fill that one, and
so cannot lock its owner out. A try is counted before the code is looked at, in one statement, so
that parallel guesses cannot pass together (ASVS 5.0, 6.6.3).
"""

import hashlib
from datetime import datetime
from typing import Final

from portal.store import FailurePolicy, Rows

CODES: Final = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=100
)
"""As for passwords of an account (:data:`portal.throttle.ACCOUNT`)."""
KNOWN_BROWSER: Final = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=0
)
"""Without an end: nobody but whoever has that browser gets here."""


async def admit(rows: Rows, subject: str, *, browser_hash: str | None, now: float) -> float:
    """Count a try as failed, or say how many seconds to wait; 0.0: go on."""
    known = browser_hash is not None and await rows.browsers.is_known(
        _account(subject), browser_hash
    )
    bucket, policy = (
        (_bucket_of(subject, browser_hash), KNOWN_BROWSER) if known else (_bucket(subject), CODES)
    )
    return await rows.attempts.count_failure(bucket, now=now, policy=policy)


async def forgive(rows: Rows, subject: str, *, browser_hash: str | None = None) -> None:
    """Forget the tries, and those of a browser: one succeeded, or an administrator says so."""
    await rows.attempts.forgive(_bucket(subject), _bucket_of(subject, browser_hash))


async def know(rows: Rows, subject: str, browser_hash: str | None, *, at: datetime) -> None:
    """A second factor of *subject* was proved in this browser; a password alone is not enough."""
    if browser_hash is not None:
        await rows.browsers.remember(_account(subject), browser_hash, at)


async def forget_browsers(rows: Rows, subject: str, *, but: str | None = None) -> None:
    """Let no browser be the owner's own any more, except *but*, if it was."""
    await rows.browsers.forget_all(_account(subject), but=but)


def _account(subject: str) -> str:
    """As the table of known browsers has it; what it knows of passwords is another account."""
    return hashlib.sha256(f"codes of {subject}".encode()).hexdigest()


def _bucket(subject: str) -> str:
    """A subject may be longer than the name of a bucket."""
    return f"otp:{hashlib.sha256(subject.encode()).hexdigest()}"


def _bucket_of(subject: str, browser_hash: str | None) -> str:
    """That of one browser."""
    return f"{_bucket(subject)[:52]}:{browser_hash[:32]}" if browser_hash else ""
