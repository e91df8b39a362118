"""A peer as a source of figures: its programs in its own environment, watched from here."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from environments import Environment, prepare
from peers.script import Outcomes, Workers

from taskora.benchmarking.figures import Scenario, percentile
from taskora.benchmarking.fleet import Running, program
from taskora.benchmarking.stage import BenchError, Stage
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Command
from taskora.connection.wire import BlockingWire

NAMES: Final = ("celery", "dramatiq", "rq", "huey", "taskiq", "saq", "streaq", "arq", "ardiq", "bullmq", "bullmq_node")
WITHOUT: Final[Mapping[str, str]] = {
    "taskora for Node": "it is not in the package registry",
}
"""Peers that are not measured, and why."""

_WARM_UP: Final = 50
_FILL: Final = 50
_PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.003
_NEARLY: Final = 20
_SHOWN_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer, whose environment is there.

    Attributes:
        name: Of its files.
        environment: Where and how its file runs.
        workers: See ``Workers``.
        outcomes: See ``Outcomes``.
        sends_many: Whether it stores many jobs in one call.
    """

    name: str
    environment: Environment
    workers: Mapping[str, Workers]
    outcomes: Outcomes
    sends_many: bool

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        """See ``Source``."""
        kind, _, count = scenario.name.partition("-")
        if kind == "enqueue":
            return self._enqueue(scenario.name, stage, int(count))
        if scenario.name in self.workers:
            return {scenario.name: self._process(scenario.name, stage)}
        if scenario.name == "latency":
            seen_ms = self._latencies(stage)[_WARM_UP:]
            return {"latency-p50": percentile(seen_ms, 50), "latency-p99": percentile(seen_ms, 99)}
        if scenario.name == "round-trip":
            with self._working(stage, self._widest()):
                took_ms = self._ask(stage, _WARM_UP + stage.many(500, 10))
            return {"round-trip-p50": percentile(took_ms[_WARM_UP:], 50)}
        return {}

    def _enqueue(self, key: str, stage: Stage, batch: int) -> Mapping[str, float]:
        if batch > 1 and not self.sends_many:
            return {}
        jobs = stage.many(2_000 if batch == 1 else 5_000, batch) // batch * batch
        return {key: jobs / float(self._call(stage, "send", jobs, batch))}

    def _process(self, name: str, stage: Stage) -> float:
        workers = self.workers[name]
        jobs = stage.many(1_000 if name == "process-1" else 4_000, 50)
        self._call(stage, "send", jobs, _FILL if self.sends_many else 1)
        with _counting(stage, self.outcomes, jobs) as count, self._working(stage, workers) as running:
            return _watch(running, count, jobs)

    def _latencies(self, stage: Stage) -> list[float]:
        ticks = _WARM_UP + stage.many(500, 10)
        marks = stage.folder / f"marks-{uuid4().hex[:8]}"
        variables = {"BENCH_MARKS": str(marks), "BENCH_TICKS": str(ticks)}
        with self._working(stage, self._widest(), variables) as running:
            self._ask(stage, 1)  # it is ready
            self._call(stage, "tick", ticks)
            running.wait_until("all single jobs had come", marks.exists, _PATIENCE_S)
        seen: list[float] = json.loads(marks.read_text())
        return seen

    def _widest(self) -> Workers:
        """Workers of one process with room for several jobs, where there are such."""
        return self.workers.get("process-10", self.workers["process-1"])

    def _ask(self, stage: Stage, count: int) -> list[float]:
        took_ms: list[float] = self._call(stage, "ask", count)
        return took_ms

    def _call(self, stage: Stage, *words: str | int) -> Any:
        return call(self.environment, self.name, stage, *words)

    @contextmanager
    def _working(self, stage: Stage, workers: Workers, variables: dict[str, str] | None = None) -> Generator[Running]:
        environment = _variables(self.environment, stage) | (variables or {})
        environment["BENCH_CONCURRENCY"] = str(workers.concurrency)
        with ExitStack() as stack:
            started = [stack.enter_context(program(stage, workers.command, environment)) for _ in range(workers.copies)]
            yield started[0]


def prepared(name: str, stage: Stage, tell: Callable[[str], None]) -> Peer:
    """Make a peer's environment, if need be, and ask its file what it offers.

    Raises:
        BenchError: That fails.
    """
    environment = prepare(name, name.partition("_")[0], tell)
    spec = call(environment, name, stage, "spec")
    return Peer(
        name=name,
        environment=environment,
        workers={key: Workers(**workers) for key, workers in spec["workers"].items()},
        outcomes=Outcomes(**spec["outcomes"]),
        sends_many=spec["sends_many"],
    )


def call(environment: Environment, name: str, stage: Stage, *words: str | int) -> Any:
    """Run a peer's file with arguments and return the JSON value that it prints.

    Raises:
        BenchError: It fails, or takes too long.
    """
    command = [*environment.command, *map(str, words)]
    variables = stage.environment | _variables(environment, stage)
    try:
        done = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{name}: {' '.join(map(str, words))} did not end within {_PATIENCE_S:.0f} s") from None
    if done.returncode:
        shown = done.stderr.strip()[-_SHOWN_CHARACTERS:]
        raise BenchError(f"{name}: {' '.join(map(str, words))} ended with code {done.returncode}: {shown}")
    return json.loads(done.stdout.splitlines()[-1])


def _variables(environment: Environment, stage: Stage) -> dict[str, str]:
    return {"BENCH_URL": stage.url, **environment.variables}


@contextmanager
def _counting(stage: Stage, outcomes: Outcomes, jobs: int) -> Generator[Callable[[], int]]:
    """Give what counts the outcomes that are stored."""
    wire = BlockingWire(Endpoint.from_url(stage.url))

    def ask() -> int:
        return int(wire.exchange([tuple(outcomes.command)])[0])

    before = ask()

    def count() -> int:
        match outcomes.kind:
            case "done":
                done = ask()
            case "left":
                done = jobs - ask()
            case "grown":
                done = ask() - before
        # The whole keyspace is looked through only near the end.
        return len(_keys(wire, outcomes.pattern)) if outcomes.pattern and done > jobs - _NEARLY else done

    try:
        yield count
    finally:
        wire.close()


def _keys(wire: BlockingWire, pattern: str) -> set[bytes]:
    cursor: bytes = b"0"
    found: set[bytes] = set()
    while True:
        scan: Command = ("SCAN", cursor, "MATCH", pattern, "COUNT", 10_000)
        ((cursor, keys),) = wire.exchange([scan])
        found.update(keys)
        if cursor == b"0":
            return found


def _watch(running: Running, count: Callable[[], int], jobs: int) -> float:
    """Look how many outcomes there are until they are all there; jobs a second from the first look that found one."""
    first, first_s, last_s, done = 0, 0.0, 0.0, 0

    def is_done() -> bool:
        nonlocal first, first_s, last_s, done
        last_s = time.perf_counter()
        done = count()
        if not first_s and done > 0:
            first, first_s = done, last_s
        if done < jobs:
            time.sleep(_LOOK_S)
        return done >= jobs

    running.wait_until(f"{jobs:,} outcomes were stored", is_done, _PATIENCE_S)
    if done != jobs or first >= jobs:
        raise BenchError(f"{jobs:,} jobs were sent, {done:,} outcomes are stored, the first look found {first:,}")
    return (jobs - first) / (last_s - first_s)


def chosen(text: str) -> list[str]:
    """Read ``--peers``: ``none``, ``all`` or names with commas.

    Raises:
        BenchError: There is no such peer.
    """
    if text in ("none", "all"):
        return list(NAMES) if text == "all" else []
    names: Sequence[str] = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise BenchError(f"--peers: there is no peer {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    return list(names)
