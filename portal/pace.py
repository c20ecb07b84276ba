"""How fast background work may go: so many calls a second, and none while it was asked to wait."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

LONGEST_REST: Final = 600.0
"""Seconds: whatever was asked for, it is tried again after that."""


class Pace:
    """Turns, one after the other, for whoever shares it."""

    def __init__(self, rate: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow *rate* turns a second; 0: as many as are asked for."""
        self._between = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = self._rest_until = clock()
        self._in_vain_since: float | None = None

    async def turn(self) -> None:
        """Wait until it is this caller's turn."""
        now = self._clock()
        mine = max(now, self._next)
        self._next = mine + self._between
        if mine > now:
            await asyncio.sleep(mine - now)

    def went(self, *, well: bool) -> None:
        """Note how a turn ended."""
        if well:
            self._in_vain_since = None
        elif self._in_vain_since is None:
            self._in_vain_since = self._clock()

    @property
    def in_vain(self) -> float:
        """For how many seconds no turn has ended well, since the first that did not."""
        return 0.0 if self._in_vain_since is None else self._clock() - self._in_vain_since

    def rest(self, seconds: float) -> None:
        """Note that nobody shall go on for so long."""
        self._rest_until = max(self._rest_until, self._clock() + min(seconds, LONGEST_REST))

    @property
    def resting(self) -> float:
        """For how many seconds more nobody shall go on."""
        return max(0.0, self._rest_until - self._clock())
