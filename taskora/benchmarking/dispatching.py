"""How fast jobs are stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from taskora.app import Taskora
from taskora.task import Task

from .stage import BenchError, Stage

_A_TICK: Final = 500


def sender(app: Taskora) -> Task[object, object]:
    """Declare the task of most scenarios, for a process that only dispatches."""

    @app.task("echo")
    async def echo(data: object) -> object:
        return data

    return echo


def confirmed(stage: Stage, batch: int) -> float:
    """Dispatch from plain code, ``batch`` jobs a call, each call confirmed; returns jobs a second."""
    jobs = stage.many(4_000 if batch == 1 else 20_000, batch) // batch * batch
    app = stage.app()
    echo = sender(app)
    try:
        app.connect()
        start_s = time.perf_counter()
        if batch == 1:
            for number in range(jobs):
                echo.dispatch({"i": number})
        else:
            for first in range(0, jobs, batch):
                echo.dispatch_many([{"i": number} for number in range(first, first + batch)])
        took_s = time.perf_counter() - start_s
        _check(app, jobs)
    finally:
        app.close()
    return jobs / took_s


def unawaited(stage: Stage) -> Mapping[str, float]:
    """Dispatch on an event loop without awaiting, some hundreds a tick; timed until the last one is stored."""
    return {"dispatch-unawaited": asyncio.run(_unawaited(stage))}


async def _unawaited(stage: Stage) -> float:
    jobs = stage.many(20_000)
    app = stage.app()
    echo = sender(app)
    try:
        await app.connect_async()
        start_s = time.perf_counter()
        handle = echo.dispatch({"i": 0})
        for number in range(1, jobs):
            handle = echo.dispatch({"i": number})
            if number % _A_TICK == 0:
                await asyncio.sleep(0)
        await handle
        took_s = time.perf_counter() - start_s
        waiting = (await app.inspect().stats_async("echo")).waiting
        if waiting != jobs:
            raise BenchError(f"{jobs:,} jobs were dispatched, {waiting:,} wait")
    finally:
        await app.close_async()
    return jobs / took_s


def _check(app: Taskora, jobs: int) -> None:
    waiting = app.inspect().stats("echo").waiting
    if waiting != jobs:
        raise BenchError(f"{jobs:,} jobs were dispatched, {waiting:,} wait")
