"""How long a single job takes: to its handler, and back to who waits for it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from . import processing
from .figures import percentile
from .fleet import program, worker
from .stage import BenchError, Stage

_WARM_UP: Final = 50
_PATIENCE_S: Final = 60.0
_LOAD_SETTLES_S: Final = 0.5


def idle(stage: Stage) -> Mapping[str, float]:
    """Dispatch single jobs from one process to an idle worker in another; ms from dispatch to handler."""
    seen_ms = asyncio.run(_to_handler(stage, 0.0))
    return {"latency-p50": percentile(seen_ms, 50), "latency-p99": percentile(seen_ms, 99)}


def loaded(stage: Stage) -> Mapping[str, float]:
    """Do the same while a third process keeps the worker half busy."""
    most = processing.rate(stage, 100, stage.many(5_000, 200))
    stage.erase()
    seen_ms = asyncio.run(_to_handler(stage, most / 2))
    return {"loaded-latency-p50": percentile(seen_ms, 50), "loaded-latency-p99": percentile(seen_ms, 99)}


def round_trip(stage: Stage) -> Mapping[str, float]:
    """Dispatch single jobs to a worker in another process and wait for each result; ms, from a loop and plain code."""
    count = stage.many(500, 10)
    with worker(stage):
        return {
            "round-trip-p50": percentile(asyncio.run(_round_trips(stage, count)), 50),
            "round-trip-plain-p50": percentile(_plain_round_trips(stage, count), 50),
        }


async def _to_handler(stage: Stage, load: float) -> list[float]:
    count = _WARM_UP + stage.many(500, 10)
    seen_ms: list[float] = []
    done = asyncio.Event()
    app = stage.app()

    @app.task("tick", concurrency=10)
    async def tick(sent_s: float) -> None:
        seen_ms.append((time.perf_counter() - sent_s) * 1000)
        if len(seen_ms) == count:
            done.set()

    @app.task("echo", concurrency=100)
    async def echo(data: object) -> object:
        return data

    feeder = [sys.executable, "-m", "taskora.benchmarking.feeder"]
    try:
        await app.start()
        with ExitStack() as running:
            if load:
                running.enter_context(program(stage, [*feeder, "--load", str(load)]))
                await asyncio.sleep(_LOAD_SETTLES_S)
            running.enter_context(program(stage, [*feeder, "--ticks", str(count)]))
            await asyncio.wait_for(done.wait(), _PATIENCE_S)
    except TimeoutError:
        raise BenchError(f"{len(seen_ms)} of {count} single jobs came within {_PATIENCE_S:.0f} s") from None
    finally:
        await app.close_async(0)
    return seen_ms[_WARM_UP:]


async def _round_trips(stage: Stage, count: int) -> list[float]:
    app = stage.app()
    echo = app.find_task("echo")
    took_ms: list[float] = []
    try:
        for number in range(_WARM_UP + count):
            start_s = time.perf_counter()
            found: object = await echo.dispatch(number).result_async(_PATIENCE_S)
            took_ms.append((time.perf_counter() - start_s) * 1000)
            _check(found, number)
    finally:
        await app.close_async()
    return took_ms[_WARM_UP:]


def _plain_round_trips(stage: Stage, count: int) -> list[float]:
    app = stage.app()
    echo = app.find_task("echo")
    took_ms: list[float] = []
    try:
        for number in range(_WARM_UP + count):
            start_s = time.perf_counter()
            found: object = echo.dispatch(number).result(_PATIENCE_S)
            took_ms.append((time.perf_counter() - start_s) * 1000)
            _check(found, number)
    finally:
        app.close()
    return took_ms[_WARM_UP:]


def _check(found: object, number: int) -> None:
    if found != number:
        raise BenchError(f"the job that was to return {number} returned {found!r}")
