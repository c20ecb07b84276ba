"""``portal calibrate``."""

import json

import pytest
from click.testing import CliRunner

from portal.cli import calibrate as module
from portal.cli import main
from portal.cli.calibrate import Candidate, best
from portal.settings import Settings


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes a microsecond for each KiB and pass."""

    def measure(memory_cost: int, time_cost: int) -> Candidate:
        seconds = memory_cost * time_cost * 1e-6
        return Candidate(memory_cost=memory_cost, time_cost=time_cost, seconds=seconds)

    monkeypatch.setattr(module, "_measure", measure)


@pytest.mark.usefixtures("machine")
def test_it_proposes_what_fits_and_prints_what_to_set() -> None:
    result = CliRunner().invoke(main, ["calibrate", "--target", "100ms"])
    assert result.exit_code == 0, result.output
    assert "PORTAL_ARGON2_MEMORY_COST=65536\nPORTAL_ARGON2_TIME_COST=1\n" in result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert ["19456", "2", "38.9", "25.7", "OWASP's", "minimum"] in rows
    values = dict(
        line.split("=") for line in result.output.splitlines() if line.startswith("PORTAL_")
    )
    Settings.from_env({"HYDRA_ADMIN_URL": "http://localhost:4445", **values})


@pytest.mark.usefixtures("machine")
def test_memory_is_never_more_than_was_allowed() -> None:
    result = CliRunner().invoke(
        main, ["calibrate", "--target", "100ms", "--memory", "20MiB", "--format", "json"]
    )
    document = json.loads(result.output)
    assert document["proposal"]["memory_cost"] == 19_456
    assert document["proposal"]["time_cost"] == 5
    assert document["within_target"]
    assert {c["memory_cost"] for c in document["candidates"]} == {7_168, 9_216, 12_288, 19_456}


@pytest.mark.usefixtures("machine")
def test_where_nothing_fits_the_least_is_proposed_and_said_so() -> None:
    result = CliRunner().invoke(main, ["calibrate", "--target", "10ms"])
    assert "Nothing that OWASP finds acceptable takes 10ms or less here" in result.output
    assert "PORTAL_ARGON2_MEMORY_COST=7168\nPORTAL_ARGON2_TIME_COST=5" in result.output


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--target", "5x"], "is no duration from 5ms to 10s. For example: 100ms"),
        (["--target", ""], "is no duration"),
        (["--target", "1e9s"], "is no duration"),
        (["--target", "99s"], "is no duration"),
        (["--memory", "1TiB"], "is no size from 7168KiB to 1GiB"),
        (["--memory", "1KiB"], "is no size"),
        (["--memory", "²MiB"], "is no size"),
        (["--format", "xml"], "--format"),
        (["--what"], "--what"),
    ],
)
def test_wrong_flags_are_answered_in_one_line(flags: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["calibrate", *flags])
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output


def test_the_machine_is_really_measured() -> None:
    found = module._measure(7_168, 1)
    assert 0 < found.seconds < 5


def test_more_memory_is_better_than_more_passes() -> None:
    some = [
        Candidate(memory_cost=memory, time_cost=passes, seconds=seconds)
        for memory, passes, seconds in ((7_168, 20, 0.09), (65_536, 1, 0.08), (65_536, 2, 0.2))
    ]
    assert best(some, 0.1) is some[1]
    assert best(some, 0.01) is some[1]
