"""What a worker keeps of many jobs, in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import psutil

from taskora import Taskora
from taskora.benchmarking.stage import Stage

from .idle import Reading

_JOBS: Final = 200_000
_TRACED_JOBS: Final = 50_000
_WARM_UP: Final = 20_000
_A_CALL: Final = 1_000
_LIMIT_MB: Final = 5.0
_MEGABYTE: Final = 1e6


def kept(stage: Stage, tell: Callable[[str], None]) -> Sequence[Reading]:
    """Have one worker do jobs that return nothing; MB that it grew by after the first ones."""
    found: list[Reading] = []
    for title, jobs, traced in (("RSS", _JOBS, False), ("Python's own objects", _TRACED_JOBS, True)):
        jobs = stage.many(jobs, 1_000)
        tell(f"memory, {title}")
        stage.erase()
        # The process that stores them is another one: what it needed and gave back would hide growth.
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            pool.submit(_fill, stage.url, jobs + _WARM_UP).result()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            grown = pool.submit(_work_off, stage.url, jobs, traced).result()
        found.append(Reading(f"{title}: growth over {jobs:,} jobs of a worker", grown / _MEGABYTE, "MB", _LIMIT_MB))
    return found


def _fill(url: str, jobs: int) -> None:
    app = Taskora(url)
    task = app.find_task("idle")
    for first in range(0, jobs, _A_CALL):
        task.dispatch_many([None] * min(_A_CALL, jobs - first))
    app.close()


def _work_off(url: str, jobs: int, traced: bool) -> int:
    return asyncio.run(_grown(url, jobs, traced))


async def _grown(url: str, jobs: int, traced: bool) -> int:
    app = Taskora(url)
    calls, before = 0, 0
    ended = asyncio.Event()

    async def nothing(_: object) -> None:
        nonlocal calls, before
        calls += 1
        if calls == _WARM_UP:
            before = _in_use(traced)
        if calls == _WARM_UP + jobs:
            ended.set()

    app.task("idle", nothing, concurrency=100)
    if traced:
        tracemalloc.start()
    await app.start()
    await ended.wait()
    after = _in_use(traced)
    await app.close_async()
    return after - before


def _in_use(traced: bool) -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] if traced else psutil.Process().memory_info().rss
