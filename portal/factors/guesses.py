"""Slowing down guesses at codes: whoever gets here has the password already.

Each subject has one bucket for codes of both kinds. A try is counted before the code is looked at,
in one statement, so that parallel guesses cannot pass together (ASVS 5.0, 6.6.3).
"""

import hashlib
from typing import Final

from portal.store import FailurePolicy, Rows

CODES: Final = FailurePolicy(
    limit=5, window=900, first_wait=60, longest_wait=900, quiet=43_200, ceiling=100
)
"""As for passwords of an account (:data:`portal.throttle.ACCOUNT`)."""


async def admit(rows: Rows, subject: str, *, now: float) -> float:
    """Count a try as failed, or say how many seconds to wait; 0.0: go on."""
    return await rows.attempts.count_failure(_bucket(subject), now=now, policy=CODES)


async def forgive(rows: Rows, subject: str) -> None:
    """Forget the tries: one succeeded, or an administrator says so."""
    await rows.attempts.forgive(_bucket(subject))


def _bucket(subject: str) -> str:
    """A subject may be longer than the name of a bucket."""
    return f"otp:{hashlib.sha256(subject.encode()).hexdigest()}"
