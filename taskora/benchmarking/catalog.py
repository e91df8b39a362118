"""Every scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from taskora.errors import ConfigError

from . import dispatching, fleets, flows, footprint, latency, processing
from .figures import Figure, Scenario
from .stage import Stage


def _enqueue(batch: int) -> Scenario:
    figure = Figure(f"enqueue-{batch}", f"enqueue, {batch} a call, confirmed", "jobs/s")
    return Scenario(figure.key, (figure,), lambda stage: {figure.key: dispatching.confirmed(stage, batch)})


def _process(concurrency: int) -> Scenario:
    figure = Figure(f"process-{concurrency}", f"process, concurrency {concurrency}", "jobs/s")

    def run(stage: Stage) -> Mapping[str, float]:
        return {figure.key: processing.rate(stage, concurrency, processing.jobs_for(stage, concurrency))}

    return Scenario(figure.key, (figure,), run)


def _payload(name: str, size: int, jobs: int) -> Scenario:
    figure = Figure(f"payload-{size}", f"process, concurrency 10, payload and result {name}", "jobs/s")
    return Scenario(figure.key, (figure,), lambda stage: {figure.key: processing.of_size(stage, size, jobs)})


def _single(figure: Figure, run: Callable[[Stage], Mapping[str, float]], turns: int | None = None) -> Scenario:
    return Scenario(figure.key, (figure,), run, turns)


SCENARIOS: Final[tuple[Scenario, ...]] = (
    *map(_enqueue, (1, 50, 500)),
    _single(Figure("dispatch-unawaited", "dispatch on a loop, not awaited", "jobs/s"), dispatching.unawaited),
    *map(_process, (1, 10, 100)),
    Scenario(
        "process-uvloop",
        (
            Figure("process-1-uvloop", "process, concurrency 1, uvloop", "jobs/s"),
            Figure("process-100-uvloop", "process, concurrency 100, uvloop", "jobs/s"),
        ),
        processing.with_uvloop,
    ),
    _single(Figure("fleet-2", "supervisor, 2 children, concurrency 100 each", "jobs/s"), fleets.throughput),
    Scenario(
        "latency",
        (
            Figure("latency-p50", "dispatch to handler, idle, two processes, p50", "ms"),
            Figure("latency-p99", "dispatch to handler, idle, two processes, p99", "ms"),
        ),
        latency.idle,
    ),
    Scenario(
        "round-trip",
        (
            Figure("round-trip-p50", "dispatch to result, on a loop, p50", "ms"),
            Figure("round-trip-plain-p50", "dispatch to result, plain code, p50", "ms"),
        ),
        latency.round_trip,
    ),
    Scenario(
        "loaded-latency",
        (
            Figure("loaded-latency-p50", "dispatch to handler at half load, p50", "ms"),
            Figure("loaded-latency-p99", "dispatch to handler at half load, p99", "ms"),
        ),
        latency.loaded,
    ),
    _single(Figure("chain-10", "chains of 10, 300 at once", "jobs/s"), flows.chains),
    _single(Figure("chord-100", "chords of 100, 30 at once", "jobs/s"), flows.chords),
    _single(Figure("waiting-bytes", "a waiting job", "bytes"), footprint.waiting_bytes, turns=1),
    _payload("100 B", 100, 5_000),
    _payload("10 KB", 10_000, 2_000),
    _payload("1 MB", 1_000_000, 50),
    Scenario(
        "sync",
        (
            Figure("sync-10", "process, sync handlers, concurrency 10", "jobs/s"),
            Figure("sync-100", "process, sync handlers, concurrency 100", "jobs/s"),
            Figure("thread-hop", "a job's way to a thread and back", "µs"),
        ),
        processing.in_threads,
    ),
    _single(Figure("recovery", "a child is killed, its job runs again", "ms"), fleets.recovery),
    _single(Figure("cpu-scaling", "CPU-bound jobs, 2 children to 1", "×"), fleets.scaling),
    _single(Figure("start-8", "start of 8 children", "s"), fleets.start_up),
    _single(Figure("import", "import taskora", "ms"), fleets.import_time),
    Scenario(
        "memory",
        (
            Figure("child-memory", "memory of an idle child", "MB"),
            Figure("child-memory-preload", "memory of an idle child, --preload", "MB"),
        ),
        fleets.memory,
        turns=1,
    ),
)


def chosen(names: Sequence[str]) -> list[Scenario]:
    """Return scenarios by name, in the order of the report; all when no name is given.

    Raises:
        ConfigError: There is no such scenario.
    """
    known = {scenario.name for scenario in SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"only: there is no scenario {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    return [scenario for scenario in SCENARIOS if not names or scenario.name in names]
