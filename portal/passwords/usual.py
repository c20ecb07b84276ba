"""How long verifications usually take in this process, by kind of hash: learned, never assumed."""

import threading
from typing import Final

import msgspec

GAIN: Final = 0.125
"""Weight of the newest time, and of its deviation, as in RFC 6298."""
MARGIN: Final = 0.010
"""Seconds for what surrounds a verification: a failure is written down meanwhile."""
MOST_KINDS: Final = 64


class _Usual(msgspec.Struct):
    mean: float
    deviation: float


class UsualTimes:
    """Takes times from any thread; tells by when nearly all of a kind are done."""

    def __init__(self) -> None:
        self._of: dict[str, _Usual] = {}
        self._lock = threading.Lock()

    def observe(self, kind: str, seconds: float) -> None:
        """Learn from one run."""
        with self._lock:
            usual = self._of.get(kind)
            if usual is not None:
                usual.deviation += GAIN * (abs(seconds - usual.mean) - usual.deviation)
                usual.mean += GAIN * (seconds - usual.mean)
            elif len(self._of) < MOST_KINDS:
                self._of[kind] = _Usual(seconds, seconds / 8)

    def knows(self, kind: str) -> bool:
        """Whether a run of *kind* was seen."""
        return kind in self._of

    def deadline(self, kinds: set[str]) -> float:
        """Seconds from the beginning of a run after which one of any of *kinds* is over, nearly
        always.
        """
        with self._lock:
            usual = [self._of[kind] for kind in kinds if kind in self._of]
        ends = (1.1 * found.mean + 4 * found.deviation for found in usual)
        return max(ends, default=0.0) + MARGIN
