"""Measures what grows with what lies beside the work, and what a fleet takes that has nothing to do: `make growth`.

The exit code is 1 when something is not within what is demanded. CPU time decides, not the clock.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import orjson
from commanding import end_in_order, tell
from growing.comparison import Comparison
from growing.idle import Reading, idle
from growing.loads import loads
from growing.memory import kept
from growing.nodes import wide
from growing.pairs import Stages, beside
from growing.payloads import sized
from growing.shares import Share, shared
from growing.verdict import Verdict
from server import serving

from taskora.benchmarking.machine import look_around
from taskora.benchmarking.stage import BenchError, Stage
from taskora.errors import TaskoraError

OTHERS = ("workflow", "payload", "share", "idle", "memory")


def main() -> int:
    """Do what the command line says; returns the exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, end_in_order)
    try:
        names = _chosen(options.only)
        with _staged(options.server, options.scale) as stages:
            verdict = _measured(stages, names, options.rounds)
    except TaskoraError as error:
        print(f"growth: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_bytes(orjson.dumps(verdict.data(), option=orjson.OPT_INDENT_2))
    print(verdict.markdown())
    return 0 if verdict.is_met else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="growth", description=__doc__, epilog=f"Names: {', '.join(_names())}")
    parser.add_argument("--server", choices=["redis", "valkey"], default="redis", help="kind of servers to start")
    parser.add_argument("--only", default="", metavar="A,B", help="these; default: all")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="multiplies all numbers; default: 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file too")
    return parser


def _names() -> list[str]:
    return [*(load.name for load in loads(1.0)), *OTHERS]


def _chosen(only: str) -> list[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in _names()]
    if unknown:
        raise BenchError(f"--only: there is no {', '.join(unknown)}; there are: {', '.join(_names())}")
    return names or _names()


def _measured(stages: Stages, names: list[str], rounds: int) -> Verdict:
    machine = look_around(stages.plain)
    comparisons: list[Comparison] = []
    readings: list[Reading] = []
    shares: list[Share] = []
    for load in loads(stages.plain.scale):
        if load.name in names:
            comparisons += beside(load, stages, rounds, tell)
    if "workflow" in names:
        comparisons += wide(stages.plain, rounds, tell)
    if "payload" in names:
        comparisons += sized(stages.plain, rounds, tell)
    if "share" in names:
        shares += shared(stages.plain, rounds, tell)
    if "idle" in names:
        readings += idle(stages.plain, tell)
    if "memory" in names:
        readings += kept(stages.plain, tell)
    return Verdict(machine, rounds, stages.plain.scale, comparisons, readings, shares)


@contextmanager
def _staged(flavor: str, scale: float) -> Generator[Stages]:
    with tempfile.TemporaryDirectory(prefix="taskora-growth-") as name:
        folders = [Path(name) / side for side in ("plain", "loaded")]
        for folder in folders:
            folder.mkdir()
        with serving(flavor, folders[0]) as plain, serving(flavor, folders[1]) as loaded:
            yield Stages(Stage(plain, folders[0], None, scale), Stage(loaded, folders[1], None, scale))


if __name__ == "__main__":
    sys.exit(main())
