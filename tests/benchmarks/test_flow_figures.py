import math

import pytest

from benchmarks.flows.figures import (
    Goal,
    Round,
    Spread,
    growth,
    percentile,
    ratios,
    spread,
    without,
)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(100, 0, -1)]

    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.95) == 95
    assert percentile(values, 0.99) == 99


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_of_one_value_every_percentile_is_that_value(share: float) -> None:
    assert percentile([7.0], share) == 7.0


def test_of_few_values_a_high_percentile_is_the_largest() -> None:
    assert percentile([1.0, 2.0, 3.0], 0.95) == 3.0


def test_a_ratio_is_taken_pair_by_pair_not_of_the_sums() -> None:
    # the machine was ten times slower during the second pair: both halves felt it
    assert ratios([1.0, 10.0, 3.0], [2.0, 20.0, 4.0]) == Spread(0.5, 0.5, 0.75)


def test_a_pair_that_lost_a_half_is_no_pair() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_a_round_tells_flows_per_second_and_cpu_per_flow() -> None:
    made = Round(flows=200, seconds=8.0, cpu=3.0, latencies={"GET login": [0.1, 0.2, 0.3]})

    assert made.per_second == 25
    assert made.cpu_per_flow == 0.015
    assert made.percentile("GET login", 0.5) == 0.2


def test_a_hash_is_taken_off_each_flow_of_its_own_round() -> None:
    rounds = [Round(10, 1.0, 0.5), Round(10, 1.0, 0.7)]

    found = without(rounds, [0.02, 0.03])

    assert all(map(math.isclose, found, [0.03, 0.04]))


def test_memory_that_fills_in_the_first_quarter_and_stays_is_flat() -> None:
    assert growth([50.0, 90.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0]) == 1.0


def test_memory_that_goes_on_growing_is_not() -> None:
    assert growth([100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0]) > 1.3


@pytest.mark.parametrize(
    ("median", "at_least", "met"),
    [(0.79, False, True), (0.8, False, True), (0.81, False, False), (0.79, True, False)],
)
def test_a_goal_is_met_by_the_median(median: float, at_least: bool, met: bool) -> None:
    goal = Goal("CPU", spread([0.1, median, 2.0]), 0.8, at_least=at_least)

    assert goal.met is met


def test_a_goal_says_what_was_wanted() -> None:
    assert Goal("help", spread([0.2]), 0.3, " s").wanted == "≤ 0.3 s"
    assert Goal("hash", spread([0.9]), 0.8, at_least=True).wanted == "≥ 0.8"
