"""The arithmetic: from what was measured to what is said about it."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Round:
    """What one app did between two looks at the clock."""

    flows: int
    seconds: float
    cpu: float
    latencies: dict[str, list[float]] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return self.flows / self.seconds

    @property
    def cpu_per_flow(self) -> float:
        return self.cpu / self.flows

    def percentile(self, step: str, share: float) -> float:
        return percentile(self.latencies[step], share)


@dataclass(frozen=True)
class Spread:
    """The middle of several figures, and how far apart they are."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"

    def as_json(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 4) for name in ("median", "low", "high")}


@dataclass(frozen=True)
class Goal:
    """What one figure should be at most, or at least."""

    name: str
    found: Spread
    limit: float
    unit: Literal["", " s"] = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.at_least:
            return self.found.median >= self.limit
        return self.found.median <= self.limit

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "goal": self.wanted, "met": self.met} | self.found.as_json()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of *values* that so many (``0.95``: 95 %) are not above: nearest rank."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    found = list(values)
    return Spread(statistics.median(found), min(found), max(found))


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> Spread:
    """Ours by theirs, pair by pair: what disturbs the machine disturbs both halves of a pair."""
    return spread(a / b for a, b in zip(ours, theirs, strict=True))


def without(rounds: Iterable[Round], hashes: Iterable[float]) -> list[float]:
    """CPU per flow, with one password hash of each round taken off."""
    return [each.cpu_per_flow - bare for each, bare in zip(rounds, hashes, strict=True)]


def growth(samples: Sequence[float]) -> float:
    """Memory of the last quarter of a run by that of the second: 1 is flat.

    The first quarter fills caches and pools.
    """
    quarter = max(len(samples) // 4, 1)
    return statistics.median(samples[-quarter:]) / statistics.median(samples[quarter : 2 * quarter])
