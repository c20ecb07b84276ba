import json
from xml.etree import ElementTree

from benchmarks.flows import report
from benchmarks.flows.figures import Goal, Round, spread
from benchmarks.flows.run import Found, Wanted


def found() -> Found:
    wanted = Wanted(
        pairs=1,
        flows=2,
        concurrency=8,
        warm_up=0,
        parts=frozenset({"flows"}),
        memory_flows=0,
        workers=False,
        json=None,
        svg=None,
    )
    made = Found(wanted, "a machine")
    for name, cpu in (("portal", 0.02), ("reference", 0.04)):
        made.full[name] = [Round(2, 1.0, cpu, {"GET login": [0.010, 0.020]})]
    made.bare, made.amid = [0.005], [0.006]
    made.goals = [
        Goal("CPU <full>", spread([0.5]), 0.8),
        Goal("CPU silent", spread([0.6, 0.9, 7.0]), 0.7),
        Goal("start", spread([1.0]), 1.5, " s"),
    ]
    return made


def test_json_has_every_round_and_every_goal() -> None:
    told = json.loads(report.as_json(found()))

    assert told["full"]["portal"][0] == {
        "flows_per_second": 2.0,
        "cpu_ms_per_flow": 10.0,
        "latency_ms": {"GET login": {"p50": 10.0, "p95": 20.0, "p99": 20.0}},
    }
    assert told["hash_cpu_ms"] == {"alone": [5.0], "amid_flows": [6.0]}
    assert [goal["met"] for goal in told["goals"]] == [True, False, True]


def test_the_picture_shows_ratios_inside_its_edges_and_leaves_times_out() -> None:
    picture = ElementTree.fromstring(report.as_svg(found()))  # noqa: S314 - our own

    space = "{http://www.w3.org/2000/svg}"
    words = [text.text for text in picture.iter(f"{space}text")]
    lines = [float(line.attrib["x2"]) for line in picture.iter(f"{space}line")]
    assert "CPU <full>" in words
    assert "start" not in words
    assert max(lines) <= report.WIDTH
