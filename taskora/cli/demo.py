"""`taskora demo`: analyse the standard library on a fleet of its own."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import click

from taskora.amounts import size, span
from taskora.app import Taskora
from taskora.demo.analysis import Report
from taskora.demo.fleet import TARGET, Fleet, Place, settled
from taskora.demo.sources import find_sources, read_all
from taskora.errors import TimeoutError
from taskora.workflows import WorkflowHandle

from .exits import ExitCode
from .progress import ProgressBar
from .screen import Screen
from .table import Column
from .target import json_option

_LOOK_S: Final = 0.1
_PATIENCE_S: Final = 600.0
_GRAPH: Final = "taskora-demo-graph.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One analysis of all files. Times are seconds."""

    procs: int
    seconds: float
    workflow_id: str
    report: Report


@click.command("demo")
@click.option("--files", type=click.IntRange(1), metavar="N", help="Only N files.  [default: the whole library]")
@click.option("--procs", type=click.IntRange(1, 64), metavar="N", help="Workers.  [default: one for each CPU]")
@click.option("--url", metavar="URL", help="A server to use.  [default: an embedded one in a temporary folder]")
@click.option("--keep", is_flag=True, help="Leave fleet and server running, and say what to do with them.")
@json_option
def command(files: int | None, procs: int | None, url: str | None, keep: bool, as_json: bool) -> ExitCode:
    """Analyse the standard library with `ast`, one job a file, on a fleet of worker processes.

    It runs twice, on one process and on all CPUs, shows what it found and how long each took, writes the workflow's
    graph to a file, and leaves nothing running.
    """
    screen = Screen(as_json)
    paths = find_sources(files)
    wanted = procs or len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    screen.note(f"{len(paths):,} Python files, {size(read_all(paths))}; a server, a supervisor, one job a file")
    if load > wanted / 2:
        screen.note(f"the machine is busy already (load {load:.1f}): the times below say less than they could")
    with _ends_in_order(), settled(url) as place:
        runs, graph = _runs([str(path) for path in paths], sorted({1, wanted}), place, keep, screen)
        _show(runs, graph, screen)
    return ExitCode.DONE


def _runs(paths: list[str], sizes: list[int], place: Place, keep: bool, screen: Screen) -> tuple[list[Run], Path]:
    # The demo's own application reads the environment when it is imported.
    os.environ.update(place.environment)
    from taskora.demo.app import survey, taskora

    graph = Path(_GRAPH)
    runs: list[Run] = []
    try:
        for procs in sizes:
            fleet = Fleet(place, procs)
            try:
                fleet.start(taskora.inspect())
                began_s = time.monotonic()
                handle = survey(paths).dispatch(name=f"demo on {procs}")
                report = _follow(taskora, handle, len(paths), fleet)
                runs.append(Run(procs, time.monotonic() - began_s, handle.workflow_id, report))
                if procs == sizes[-1]:
                    graph = _write_graph(handle.to_json())
                    if keep:
                        place.kept = True
                        _say_how_to_go_on(place, fleet, handle, screen)
            finally:
                if not place.kept:
                    fleet.drain()
    finally:
        taskora.close()
    return runs, graph


def _follow(app: Taskora, handle: WorkflowHandle[Report], files: int, fleet: Fleet) -> Report:
    label = f"{fleet.procs} process{'es' if fleet.procs > 1 else ''}"
    inspector = app.inspect()
    deadline_s = time.monotonic() + _PATIENCE_S
    with ProgressBar(label) as bar:
        while True:
            try:
                report = handle.result(timeout=_LOOK_S)
                bar.update(1.0, f"{files:,} of {files:,} files")
                return report
            except TimeoutError:
                if time.monotonic() > deadline_s:
                    raise
                fleet.check()
                left = inspector.stats("analyse")
                done = max(0, files - left.waiting - left.active - left.delayed)
                bar.update(done / files, f"{done:,} of {files:,} files")


def _write_graph(text: str) -> Path:
    path = Path.cwd() / _GRAPH
    try:
        path.write_text(text)
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="taskora-demo-")) / _GRAPH
        path.write_text(text)
    return path


def _show(runs: list[Run], graph: Path, screen: Screen) -> None:
    first, last = runs[0], runs[-1]
    speed_up = first.seconds / last.seconds
    if screen.as_json:
        screen.data({"report": last.report, "runs": [{"procs": run.procs, "seconds": run.seconds} for run in runs],
                     "speed_up": speed_up, "workflow_id": last.workflow_id, "graph": str(graph)})  # fmt: skip
        return
    report = last.report
    screen.line(
        f"\n{report.lines:,} lines in {report.files:,} files ({report.unparsed} are no valid Python, on purpose): "
        f"{report.functions:,} functions, {report.classes:,} classes, {report.branches:,} branches\n"
    )
    longest = [[found.name, found.lines, _short(found.path)] for found in report.longest_functions]
    screen.table([Column("longest functions"), Column("lines", "right"), Column("in", shrinks=True)], longest, "")
    screen.line()
    screen.table([Column("most imported"), Column("times", "right")], report.most_imported, "")
    screen.line()
    branching = [[_short(path), count] for path, count in report.most_branching]
    screen.table([Column("most branching files", shrinks=True), Column("branches", "right")], branching, "")
    screen.line()
    for run in runs:
        rate = f"{report.files / run.seconds:,.0f} files/s"
        screen.line(f"{run.procs:3} process{'es' if run.procs > 1 else '  '}  {span(run.seconds):>8}  {rate}")
    if len(runs) > 1:
        screen.line(f"speed-up {speed_up:.2f} on {last.procs} processes")
    screen.line(f"graph     {graph}  (networkx.node_link_graph reads it)")


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-2:])


def _say_how_to_go_on(place: Place, fleet: Fleet, handle: WorkflowHandle[Report], screen: Screen) -> None:
    settings = " ".join(f"{name}={value}" for name, value in place.environment.items())
    screen.note(
        f"\nThe fleet runs on; its log is {fleet.log_path}. To look at it:\n\n"
        f"  export {settings} TASKORA_APP={TARGET}\n"
        "  taskora workers\n"
        "  taskora inspect\n"
        f"  taskora graph {handle.workflow_id} --format mermaid\n"
        f"  taskora dispatch analyse '\"{__file__}\"' --wait\n\n"
        f"To stop it, and its server with it:\n\n  kill {fleet.pid}\n  rm -r {place.folder}\n"
    )


@contextmanager
def _ends_in_order() -> Generator[None]:
    """Have SIGTERM and SIGHUP end the demo as Ctrl-C does, so that what it started ends with it."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            with suppress(TypeError):  # it was not Python's
                signal.signal(number, handler)
