"""Measures this library beside a bare loop, its own scripts, and its peers: `make bench`."""

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
from bare.source import Bare
from bars import BARS
from commanding import end_in_order, tell
from floor import check
from peer import NAMES, WITHOUT, chosen, prepared
from scripts import Scripts
from server import serving

from taskora.benchmarking.catalog import SCENARIOS
from taskora.benchmarking.catalog import chosen as chosen_scenarios
from taskora.benchmarking.machine import look_around
from taskora.benchmarking.measure import Ours, Source, measure
from taskora.benchmarking.report import Report
from taskora.benchmarking.stage import Stage
from taskora.errors import TaskoraError

QUICK_SCALE = 0.05
CHECK_SCALE = 0.25


def main() -> int:
    """Do what the command line says; returns the exit code."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, end_in_order)
    try:
        default = QUICK_SCALE if options.quick else CHECK_SCALE if options.check else 1.0
        scale: float = options.scale or default
        with _staged(options.url, options.server, scale) as stage:
            if options.check:
                problems = check(stage, tell)
                for problem in problems:
                    print(f"too slow: {problem}")
                return 1 if problems else 0
            report = _measured(stage, options)
    except TaskoraError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_bytes(orjson.dumps(report.data(), option=orjson.OPT_INDENT_2))
    print(report.markdown())
    return 0


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__, epilog=f"Scenarios: {names}")
    parser.add_argument("--url", help="a server that is there already; ALL its data are removed")
    parser.add_argument("--server", choices=["redis", "valkey"], default="redis", help="kind of server to start")
    parser.add_argument("--only", default="", metavar="A,B", help="these scenarios; default: all")
    parser.add_argument("--rounds", type=int, metavar="N", help="default: 5, with --quick 1")
    parser.add_argument("--peers", default="none", metavar="none|all|A,B", help=f"default: none; {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="few jobs: shows that it works, not how fast it is")
    parser.add_argument("--scale", type=float, metavar="X", help="multiplies the numbers of jobs; default: 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file too")
    parser.add_argument("--check", action="store_true", help="only fail when the engine is much too slow")
    return parser


def _measured(stage: Stage, options: argparse.Namespace) -> Report:
    scenarios = chosen_scenarios([name.strip() for name in options.only.split(",") if name.strip()])
    rounds: int = options.rounds or (1 if options.quick else 5)
    references: list[Source] = [Bare(), Scripts()]
    peers: list[Source] = []
    missing: dict[str, str] = {}
    versions: list[tuple[str, str]] = []
    for name in chosen(options.peers):
        try:
            found = prepared(name, stage, tell)
        except TaskoraError as error:
            missing[name] = str(error)
            tell(f"{name} is left out: {error}")
            continue
        peers.append(found)
        versions.append((name, found.environment.version))
    if options.peers == "all":
        missing.update(WITHOUT)
    machine = look_around(stage, versions)
    findings = measure(scenarios, [Ours(), *references, *peers], stage, rounds, tell)
    return Report(
        machine=machine,
        rounds=rounds,
        scale=stage.scale,
        findings=findings,
        references=[source.name for source in references],
        bars=BARS,
        missing=missing,
    )


@contextmanager
def _staged(url: str | None, flavor: str, scale: float) -> Generator[Stage]:
    with tempfile.TemporaryDirectory(prefix="taskora-bench-") as name:
        folder = Path(name)
        if url:
            yield Stage(url, folder, None, scale)
            return
        with serving(flavor, folder) as own:
            yield Stage(own, folder, None, scale)


if __name__ == "__main__":
    sys.exit(main())
