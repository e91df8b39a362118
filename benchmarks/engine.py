"""The engine under measure: a worker in this process, or in another one."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from multiprocessing.synchronize import Event

from taskora import Taskora


def make_app(url: str, concurrency: int) -> tuple[Taskora, asyncio.Event]:
    """Make an application with one task that returns its payload, and an event that is set at payload ``last``."""
    app, last = Taskora(url), asyncio.Event()

    @app.task("echo", concurrency=concurrency)
    async def echo(data: object) -> object:
        if data == {"last": True}:
            last.set()
        return data

    return app, last


async def process_rate(url: str, concurrency: int, jobs: int) -> float:
    """Dispatch jobs, then start a worker; returns jobs a second from its start to the last job's outcome."""
    app, last = make_app(url, concurrency)
    echo = app.tasks["echo"]
    await echo.dispatch_many([{"i": number} for number in range(jobs - 1)])
    handle = await echo.dispatch({"last": True})
    start_s = time.perf_counter()
    await app.start()
    await last.wait()
    await handle.result_async(30)
    took_s = time.perf_counter() - start_s
    await app.close_async()
    return jobs / took_s


def enqueue_rate(url: str, jobs: int, batch: int) -> float:
    """Dispatch from plain code, ``batch`` jobs a call; returns jobs a second."""
    app, _ = make_app(url, 1)
    echo = app.tasks["echo"]
    start_s = time.perf_counter()
    if batch == 1:
        for number in range(jobs):
            echo.dispatch({"i": number})
    else:
        for first in range(0, jobs, batch):
            echo.dispatch_many([{"i": number} for number in range(first, first + batch)])
    took_s = time.perf_counter() - start_s
    app.close()
    return jobs / took_s


async def latencies_ms(url: str, jobs: int) -> list[float]:
    """Dispatch single jobs from another process to an idle worker; returns ms from dispatch to handler, sorted."""
    app = Taskora(url)
    seen: list[float] = []
    done = asyncio.Event()

    @app.task("tick", concurrency=10)
    async def tick(sent_s: float) -> None:
        seen.append((time.perf_counter() - sent_s) * 1000)
        if len(seen) == jobs:
            done.set()

    context = multiprocessing.get_context("spawn")
    begin = context.Event()
    feeder = context.Process(target=_feed, args=(url, jobs, begin))
    feeder.start()
    await app.start()
    begin.set()
    await asyncio.wait_for(done.wait(), 60)
    feeder.join()
    await app.close_async()
    return sorted(seen)


def _feed(url: str, jobs: int, begin: Event) -> None:
    app = Taskora(url)

    @app.task("tick")
    def tick(_: float) -> None:
        return

    begin.wait()
    for _ in range(jobs):
        tick.dispatch(time.perf_counter())
        time.sleep(0.003)
    app.close()
