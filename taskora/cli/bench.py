"""`taskora bench`: measure this installation on a server."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from taskora.benchmarking.catalog import SCENARIOS, chosen
from taskora.benchmarking.machine import look_around
from taskora.benchmarking.measure import Ours, measure
from taskora.benchmarking.report import Report
from taskora.benchmarking.stage import Stage
from taskora.connection.embedded import EmbeddedServer

from .exits import ExitCode
from .screen import Screen
from .target import json_option

_QUICK_SCALE = 0.05
_NAMES = ", ".join(scenario.name for scenario in SCENARIOS)


@click.command("bench", epilog=f"Scenarios: {_NAMES}")
@click.option("--url", metavar="URL", help="A server to measure on.  [default: an embedded one in a temporary folder]")
@click.option("--only", metavar="A,B", default="", help="These scenarios.  [default: all]")
@click.option("--rounds", type=click.IntRange(1, 100), metavar="N", help="How often.  [default: 3; 1 with --quick]")
@click.option("--quick", is_flag=True, help="Few jobs: shows that everything works, not how fast it is.")
@json_option
def command(url: str | None, only: str, rounds: int | None, quick: bool, as_json: bool) -> ExitCode:
    """Measure this installation: jobs a second, latencies, what a waiting job takes, how a fleet behaves.

    On a server that is named, keys under a prefix of their own are used and removed at the end; whatever else it does
    shows in the figures, and these show in whatever else it does.
    """
    screen = Screen(as_json)
    scenarios = chosen([name.strip() for name in only.split(",") if name.strip()])
    turns = rounds or (1 if quick else 3)
    scale = _QUICK_SCALE if quick else 1.0
    with _staged(url, scale) as stage:
        machine = look_around(stage)
        findings = measure(scenarios, [Ours()], stage, turns, screen.note)
    report = Report(machine, turns, scale, findings)
    if as_json:
        screen.data(report.data())
    else:
        screen.line(report.markdown())
    return ExitCode.FAILED if findings.gaps else ExitCode.DONE


@contextmanager
def _staged(url: str | None, scale: float) -> Generator[Stage]:
    with tempfile.TemporaryDirectory(prefix="taskora-bench-") as name:
        folder = Path(name)
        if url is not None:
            stage = Stage(url, folder, f"bench-{uuid.uuid4().hex[:6]}", scale)
            try:
                yield stage
            finally:
                stage.erase()
            return
        server = EmbeddedServer(folder / "server")
        try:
            yield Stage(f"unix://{server.ensure().path}", folder, None, scale)
        finally:
            server.release()
            server.stop()
