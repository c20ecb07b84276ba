"""What a process and its children used: processors and memory, as Linux counts them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Of one worker, in MB. ``pss`` counts what it shares with others only in part."""

    rss: float
    pss: float


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for known in found:  # it grows while we walk
        for task in Path(f"/proc/{known}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text(encoding="ascii").split()]
            except OSError:
                continue
    return found


def cpu(pid: int) -> float:
    """Seconds of processors that the tree used: to the nanosecond, with threads that ended.

    Children that ended are counted by the clock's ticks, as nothing else is left of them.
    """
    return sum(_clock(each) + _of_ended_children(each) for each in tree(pid))


def memory(pid: int) -> Memory:
    """Of the largest process in the tree: with one worker that is the worker."""
    return max((_memory(each) for each in tree(pid)), key=lambda found: found.pss)


def _clock(pid: int) -> float:
    """The process's own clock, which clock_getcpuclockid(3) names so."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _of_ended_children(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / TICK


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return Memory(0.0, 0.0)
    sizes = {name: int(rest.split()[0]) for name, _, rest in map(_split, lines[1:])}
    return Memory(sizes["Rss"] * 1024 / 1e6, sizes["Pss"] * 1024 / 1e6)


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(":")
