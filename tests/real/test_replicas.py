"""Two portals over one PostgreSQL, one of them killed every few seconds."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import replicas
from tests.fixtures.databases import PostgresCluster

pytestmark = [pytest.mark.hydra, pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="portal-replicas-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_nothing_that_a_browser_was_told_is_lost_when_replicas_are_killed(
    directory: Path, postgres_cluster: PostgresCluster
) -> None:
    outcome = replicas.run(directory, postgres_cluster.url, seconds=30, every=4)
    assert outcome.wrong == []
    assert outcome.kills >= 3
    assert outcome.takeovers, "the one that works in the background was among the killed"
    assert outcome.flows["full"] >= 10
    assert outcome.flows["silent"] >= 5
    assert outcome.removals_told >= 2
    for name in ("bench_portal", "bench_hydra"):
        postgres_cluster.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
