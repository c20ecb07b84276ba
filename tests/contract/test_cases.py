"""Every numbered case is some test's, for each profile that it holds for."""

import importlib
from collections import defaultdict
from pathlib import Path

from tests.contract.cases import CASES, ONLY
from tests.contract.targets import PROFILES


def claimed() -> dict[int, set[str]]:
    """Which profiles the tests say they check each case for."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.contract.{path.stem}")
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            for mark in getattr(function, "pytestmark", []):
                if mark.name == "case":
                    for number in mark.args:
                        found[number].update(mark.kwargs["profiles"])
    return found


def test_every_case_has_its_test_for_every_profile_it_holds_for() -> None:
    expected = {number: set(ONLY.get(number, PROFILES)) for number in CASES}
    assert claimed() == expected


def test_the_cases_are_those_of_the_page() -> None:
    assert list(CASES) == list(range(1, 71))
