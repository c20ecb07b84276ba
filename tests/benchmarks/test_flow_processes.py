import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks.flows import processes

WORKER = "sum(range(10**7)); print('done', flush=True); input()"
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WORKER!r}])
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process that does nothing, above one that worked and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    yield process
    process.communicate("\n", timeout=30)


def test_the_cpu_of_a_tree_counts_the_children(parent: subprocess.Popen[str]) -> None:
    child = processes.tree(parent.pid)[1]

    assert processes.cpu(parent.pid) > processes.cpu(child) > 0.05


def test_cpu_is_counted_while_it_is_used_and_not_while_it_is_not(
    parent: subprocess.Popen[str],
) -> None:
    before = processes.cpu(parent.pid)

    time.sleep(0.1)

    assert processes.cpu(parent.pid) == pytest.approx(before, abs=0.02)


def test_memory_is_that_of_one_process_of_the_tree(parent: subprocess.Popen[str]) -> None:
    found = processes.memory(parent.pid)

    assert 2 < found.pss <= found.rss < 100
