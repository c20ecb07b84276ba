"""Whole sign-ins through real Hydra: what the portal costs beside Ory's reference app.

Starts Hydra on PostgreSQL, the portal on PostgreSQL with production settings, and Ory's own login
and consent app with ``NODE_ENV=production``; one process each. Brings complete authorization code
flows through both in turns, A B A B, at the same concurrency, and compares pair by pair.

    make bench
    make bench ARGS="--quick"
    make bench ARGS="--memory-flows 10000 --workers --json figures.json"
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.flows import report, run, servers
from benchmarks.flows.browser import FlowError
from tests.hydra.build import HydraMissingError
from tests.hydra.server import StartError


def main() -> int:
    """Print every figure, and whether it is good enough."""
    wanted = arguments()
    directory = Path(tempfile.mkdtemp(prefix="portal-flows-"))
    directory.chmod(0o755)  # PostgreSQL is another user where this one is root
    try:
        found = uvloop.run(run.everything(wanted, servers.prepare(), directory))
    except (servers.MissingError, HydraMissingError) as missing:
        shutil.rmtree(directory, ignore_errors=True)
        print(missing, file=sys.stderr)
        return 2
    except (StartError, FlowError) as problem:
        print(f"{problem}\nThe servers' logs are in {directory}.", file=sys.stderr)
        return 2
    shutil.rmtree(directory, ignore_errors=True)
    report.print_tables(found)
    if wanted.json:
        wanted.json.write_text(report.as_json(found), encoding="utf-8")
    if wanted.svg:
        wanted.svg.write_text(report.as_svg(found), encoding="utf-8")
    return 0 if all(goal.met for goal in found.goals) else 1


def arguments() -> run.Wanted:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flows", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--pairs", type=int, help="rounds A B (default: 5; quick: 2)")
    parser.add_argument("--flows", type=int, help="in each round (default: 200; quick: 40)")
    parser.add_argument("--concurrency", type=int, default=8, help="flows at once (default: 8)")
    parser.add_argument("--warm-up", type=int, help="flows before that (default: as many)")
    parser.add_argument("--quick", action="store_true", help="a minute, for a first look")
    parser.add_argument(
        "--parts", default="flows,steps,start", help="of flows, steps and start (default: all)"
    )
    parser.add_argument(
        "--memory-flows", type=int, default=0, metavar="N", help="and memory after N flows"
    )
    parser.add_argument("--workers", action="store_true", help="and four workers beside one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw the ratios")
    given = parser.parse_args()
    parts = set(filter(None, given.parts.split(",")))
    if unknown := parts - {"flows", "steps", "start"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    flows = given.flows or (40 if given.quick else 200)
    return run.Wanted(
        pairs=given.pairs or (2 if given.quick else 5),
        flows=flows,
        warm_up=flows if given.warm_up is None else given.warm_up,
        concurrency=given.concurrency,
        parts=frozenset(parts),
        memory_flows=given.memory_flows,
        workers=given.workers,
        json=given.json,
        svg=given.svg,
    )


if __name__ == "__main__":
    sys.exit(main())
