"""What the benchmark of killed replicas takes for lost or wrong."""

from typing import Any

import pytest

from benchmarks.replicas import Told, Trial, report

ALLOWED = Told(frozenset({"openid", "offline"}))
REMOVED = Told()
KEPT: dict[str, Any] = {
    "remembered": ["openid", "offline"],
    "revoked_at": None,
    "revoke_synced_at": None,
}
GONE: dict[str, Any] = KEPT | {"revoked_at": "12:00", "revoke_synced_at": "12:01"}
AT_ORY: list[Any] = [{"consent_request": {}}]


def verdict(told: Told, row: dict[str, Any] | None, at_ory: list[Any]) -> list[str]:
    trial = Trial(None)  # type: ignore[arg-type]  # nobody acts
    trial._compare("ann and photos", told, row, at_ory)
    return trial._outcome.wrong


@pytest.mark.parametrize(
    ("told", "row", "at_ory"), [(ALLOWED, KEPT, AT_ORY), (REMOVED, GONE, [])], ids=["kept", "gone"]
)
def test_what_is_as_it_was_told_is_right(
    told: Told, row: dict[str, Any], at_ory: list[Any]
) -> None:
    assert verdict(told, row, at_ory) == []


@pytest.mark.parametrize(
    ("told", "row", "at_ory", "words"),
    [
        (ALLOWED, None, AT_ORY, "nothing is in the database"),
        (ALLOWED, GONE, AT_ORY, "were allowed, the database has"),
        (ALLOWED, KEPT | {"remembered": ["openid"]}, AT_ORY, "were allowed, the database has"),
        (ALLOWED, KEPT, [], "Hydra has forgotten it"),
        (REMOVED, KEPT, [], "was removed, the database has"),
        (REMOVED, GONE | {"revoke_synced_at": None}, [], "was removed, the database has"),
        (REMOVED, GONE, AT_ORY, "Hydra still has 1"),
    ],
)
def test_what_is_not_as_it_was_told_is_a_miss(
    told: Told, row: dict[str, Any] | None, at_ory: list[Any], words: str
) -> None:
    (wrong,) = verdict(told, row, at_ory)
    assert words in wrong


def test_a_miss_is_reported_with_its_words() -> None:
    trial = Trial(None)  # type: ignore[arg-type]  # nobody acts
    trial._wrong("ann and photos: lost")
    lines: list[str] = []
    report(trial._outcome, lines.append)
    assert "MISS  ann and photos: lost" in lines
    assert lines[-1].startswith("MISS  1 of it")
