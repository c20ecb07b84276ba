"""Slowing down guesses at codes: Ory itself takes any number of them (hydra-contract 5).

A try counts in three buckets at once, those of its address, its browser and its device request,
before Ory is asked. A right code takes back its own try and nothing else, or somebody with a device
of their own could begin anew after every few guesses at another's.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from portal.origin import Origin
from portal.store import Rows


class Limit(msgspec.Struct, frozen=True):
    """How many tries pass at once, and after how many seconds one more does."""

    burst: int
    seconds_each: float


NETWORK: Final = Limit(20, 6.0)
BROWSER: Final = Limit(10, 30.0)
REQUEST: Final = Limit(5, 60.0)


class CodeTry(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a code."""

    challenge_hash: str
    browser_hash: str | None
    origin: Origin

    def buckets(self) -> Iterator[tuple[str, Limit]]:
        """Where it counts; always in this order, or PostgreSQL ends one of two as a deadlock."""
        yield f"code-net:{self.origin.network}", NETWORK
        if self.browser_hash is not None:
            yield f"code-dev:{self.browser_hash}", BROWSER
        yield f"code-req:{self.challenge_hash}", REQUEST


async def admit(rows: Rows, tried: CodeTry, *, now: float) -> float:
    """Count the try, or say how many seconds to wait. Nothing is counted for a refused one."""
    taken: list[tuple[str, Limit]] = []
    for bucket, limit in tried.buckets():
        wait = await rows.attempts.take(
            bucket, now=now, burst=limit.burst, seconds_each=limit.seconds_each
        )
        if wait:
            await _give_back(rows, taken)
            return wait
        taken.append((bucket, limit))
    return 0.0


async def take_back(rows: Rows, tried: CodeTry) -> None:
    """The try was no guess: the code was right, or nobody looked at it."""
    await _give_back(rows, list(tried.buckets()))


async def _give_back(rows: Rows, taken: list[tuple[str, Limit]]) -> None:
    for bucket, limit in taken:
        await rows.attempts.give_back(bucket, seconds_each=limit.seconds_each)
