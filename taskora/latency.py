"""How long jobs waited and ran: what workers count, and what is read from the counts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from taskora.adapters.duration_store import Durations, DurationsAt, DurationStore
from taskora.errors import TaskoraError
from taskora.model import Settled
from taskora.worker.run import Run

_log = logging.getLogger("taskora")

_EVERY_S: Final = 10.0
_LAST_S: Final = 1.0
_SIZES: Final = 64  # the last one is of what is far too long
_GIVEN_BACK: Final = frozenset({"return", "defer"})
_now_s: Final = time.monotonic


@dataclass(frozen=True, slots=True)
class Latency:
    """How long jobs waited and ran in a stretch of time that begins ``at`` (aware UTC).

    Durations are seconds, None when there was none. Between powers of two they are estimated, as if all were spread
    evenly there: off by less than a factor of two.

    Attributes:
        runs: How many runs ended.
        wait_p50: From dispatch to the first run, a delay that was asked for included: half waited no longer.
        wait_p95: 95 in 100 waited no longer.
        run_p50: Half of the runs took no longer.
        run_p95: 95 in 100 took no longer.
    """

    at: datetime
    runs: int
    wait_p50: float | None
    wait_p95: float | None
    run_p50: float | None
    run_p95: float | None


def read_latencies(found: Sequence[DurationsAt], quarters: int) -> list[Latency]:
    """Make latencies of counts, so many quarters of an hour together."""
    return [_latency(found[first : first + quarters]) for first in range(0, len(found), quarters)]


def _latency(quarters: Sequence[DurationsAt]) -> Latency:
    waits, runs = (_sum([part.durations[place] for part in quarters]) for place in (0, 1))
    return Latency(
        quarters[0].at,
        sum(runs.values()),
        quantile(waits, 0.5),
        quantile(waits, 0.95),
        quantile(runs, 0.5),
        quantile(runs, 0.95),
    )


def _sum(counts: Sequence[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for one in counts:
        for size, count in one.items():
            total[size] = total.get(size, 0) + count
    return total


def quantile(sizes: Mapping[int, int], part: float) -> float | None:
    """Return the seconds that so large a part of the durations did not exceed; None when there are none."""
    rank = part * sum(sizes.values())
    for size in sorted(sizes):
        if rank <= sizes[size]:
            low_us, high_us = (2 ** (size - 1), 2**size) if size else (0, 1)
            return (low_us + (high_us - low_us) * rank / sizes[size]) / 1e6
        rank -= sizes[size]
    return None


class Stopwatch:
    """Counts how long the jobs of a process waited and ran, and has that stored about every ten seconds.

    What a process that is killed counted in its last seconds is lost. While the server does not answer, counting goes
    on; what it answered with a connection that broke may be stored twice.

    Args:
        store: Keeps the counts.
        tasks: What the process works on.
    """

    def __init__(self, store: DurationStore, tasks: Sequence[str]) -> None:
        self._store = store
        # Of each task: sizes of runs, then sizes of waits.
        self._sizes = {task: [0] * (2 * _SIZES) for task in tasks}
        self._stops = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def observe(self, run: Run, outcome: Settled) -> None:
        """Count a run, unless the job is given back. About half a microsecond."""
        if outcome.verb in _GIVEN_BACK:
            return
        job = run.job
        sizes = self._sizes[job.task]
        sizes[int((_now_s() - run.started_s) * 1e6).bit_length()] += 1
        if job.attempt == 1:
            waited_ms = job.processed_ms - job.ts_ms
            # Others may say that a job was dispatched tomorrow, or at the beginning of time.
            size = (waited_ms * 1000).bit_length() if waited_ms > 0 else 0
            sizes[_SIZES + (size if size < _SIZES else _SIZES - 1)] += 1

    def start(self) -> None:
        """Begin to store, on the running loop."""
        self._stops.clear()
        self._task = asyncio.create_task(self._store_often(), name="taskora-stopwatch")

    async def stop(self) -> None:
        """Store what is left."""
        if self._task is None:
            return
        self._stops.set()
        # What is being stored is not given up at once: it would be stored again.
        _, late = await asyncio.wait((self._task,), timeout=_LAST_S)
        if late:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            _log.debug("the last durations could not be stored in time")

    async def _store_often(self) -> None:
        ends = False
        while not ends:
            with contextlib.suppress(TimeoutError):
                # Not all processes of a fleet at the same moment.
                async with asyncio.timeout(_EVERY_S * random.uniform(0.8, 1.2)):
                    await self._stops.wait()
            ends = self._stops.is_set()
            await self._flush()

    async def _flush(self) -> None:
        counted = {task: _counted(sizes) for task, sizes in self._sizes.items() if any(sizes)}
        if not counted:
            return
        counts = {task: _split(sizes) for task, sizes in counted.items()}
        try:
            await self._store.add(counts).run_async()
        except TaskoraError as error:
            _log.debug("durations could not be stored, trying on: %s", error)
            return
        # Only what was stored: others came meanwhile.
        for task, sizes in counted.items():
            kept = self._sizes[task]
            for size, count in sizes.items():
                kept[size] -= count


def _counted(sizes: Sequence[int]) -> dict[int, int]:
    return {size: count for size, count in enumerate(sizes) if count}


def _split(sizes: Mapping[int, int]) -> Durations:
    runs = {size: count for size, count in sizes.items() if size < _SIZES}
    return Durations({size - _SIZES: count for size, count in sizes.items() if size >= _SIZES}, runs)
