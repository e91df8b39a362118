"""How fast one process works: from the first handler's start until the last outcome is stored."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Mapping
from typing import Final, Literal

from taskora.app import Taskora
from taskora.task import Task

from .stage import Stage
from .tally import Tally, settle

Kind = Literal["async", "sync"]
Echo = Task[object, object]

_A_CALL: Final = 500


def rate(stage: Stage, concurrency: int, jobs: int, *, kind: Kind = "async", payload: object = None) -> float:
    """Have waiting jobs done by a handler that returns its payload; returns jobs a second.

    Args:
        stage: Where.
        concurrency: Jobs at once.
        jobs: How many.
        kind: Of the handler; sync ones run in threads.
        payload: The same for all; None gives each a number.
    """
    return asyncio.run(_rate(stage, concurrency, jobs, kind, payload))


def with_uvloop(stage: Stage) -> Mapping[str, float]:
    """Run concurrency 1 and 100 on uvloop's event loop; nothing where it is not installed."""
    if importlib.util.find_spec("uvloop") is None:
        return {}
    import uvloop

    found: dict[str, float] = {}
    for concurrency in (1, 100):
        stage.erase()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found[f"process-{concurrency}-uvloop"] = runner.run(
                _rate(stage, concurrency, jobs_for(stage, concurrency), "async", None)
            )
    return found


def in_threads(stage: Stage) -> Mapping[str, float]:
    """Run sync handlers, and say what the hop to a thread and back costs a job."""
    jobs = stage.many(5_000)
    plain = rate(stage, 10, jobs)
    stage.erase()
    threaded = rate(stage, 10, jobs, kind="sync")
    stage.erase()
    wide = rate(stage, 100, jobs, kind="sync")
    return {"sync-10": threaded, "sync-100": wide, "thread-hop": (1 / threaded - 1 / plain) * 1e6}


def of_size(stage: Stage, size: int, jobs: int) -> float:
    """Run jobs whose payload, and so their result, is a text of so many bytes; returns jobs a second."""
    return rate(stage, 10, stage.many(jobs, 5), payload="x" * size)


def jobs_for(stage: Stage, concurrency: int) -> int:
    """How many jobs give a figure at a concurrency."""
    return stage.many(4_000 if concurrency == 1 else 20_000, concurrency)


async def _rate(stage: Stage, concurrency: int, jobs: int, kind: Kind, payload: object) -> float:
    app = stage.app()
    tally = Tally(jobs)
    echo = _declare(app, concurrency, tally.add, kind)
    try:
        await fill(echo, jobs, payload)
        await app.start()
        await tally.reached()
        ended_s = await settle(app, echo.name, jobs)
    finally:
        await app.close_async()
    return jobs / (ended_s - tally.first_s)


async def fill(task: Echo, jobs: int, payload: object = None) -> None:
    """Dispatch jobs with numbers, or all with one payload."""
    per_call = _A_CALL if payload is None else 10
    for first in range(0, jobs, per_call):
        numbers = range(first, min(first + per_call, jobs))
        await task.dispatch_many([{"i": number} if payload is None else payload for number in numbers])


def _declare(app: Taskora, concurrency: int, count: Callable[[], None], kind: Kind) -> Echo:
    if kind == "sync":

        @app.task("echo", concurrency=concurrency)
        def in_thread(data: object) -> object:
            count()
            return data

        return in_thread

    @app.task("echo", concurrency=concurrency)
    async def on_loop(data: object) -> object:
        count()
        return data

    return on_loop
