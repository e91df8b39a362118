"""What lies beside the work: on the server, in the worker, or in other workers.

Numbers of jobs are a little above powers of two, and the server is left to itself when they are there: its table of
keys doubles and is moved at such a number, a bit with each command, which is the price of growing, not of being large.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from taskora import Job
from taskora.benchmarking.stage import Stage
from taskora.connection.endpoint import Endpoint
from taskora.connection.wire import BlockingWire

from .crowd import crowd
from .works import TASK, Setting

_A_CALL: Final = 1_000
_MOVING_S: Final = 4
_PLAIN: Final = Setting()
_KEEPING: Final = Setting(keeps_all=True)


@dataclass(frozen=True, slots=True)
class Load:
    """Something beside the work.

    Attributes:
        name: For `--only`.
        title: For people.
        setting: Of the worker beside it.
        base: Of the worker without it.
        lay: Makes it on the stage, and holds it; None where it is in the worker alone.
    """

    name: str
    title: str
    setting: Setting = _PLAIN
    base: Setting = _PLAIN
    lay: Callable[[Stage], AbstractContextManager[None]] | None = None


@contextmanager
def _waiting(task: str, count: int, stage: Stage) -> Generator[None]:
    app = stage.app()
    target = app.find_task(task)
    try:
        for first in range(0, count, _A_CALL):
            target.dispatch_many([{"i": number} for number in range(first, min(first + _A_CALL, count))])
        _settle_down(stage)
        yield
    finally:
        app.close()


@contextmanager
def _delayed(count: int, stage: Stage) -> Generator[None]:
    app = stage.app()
    target = app.find_task(TASK)
    try:
        for first in range(0, count, _A_CALL):
            numbers = range(first, min(first + _A_CALL, count))
            target.dispatch_many([Job({"i": number}, delay=3600 + number % 600) for number in numbers])
        _settle_down(stage)
        yield
    finally:
        app.close()


@contextmanager
def _completed(count: int, stage: Stage) -> Generator[None]:
    with _waiting(TASK, count, stage):
        asyncio.run(_work_off(stage, count))
        yield


def _settle_down(stage: Stage) -> None:
    """Let the server move its table of keys, more often than it does by itself."""
    wire = BlockingWire(Endpoint.from_url(stage.url))
    try:
        wire.exchange([("CONFIG", "SET", "hz", "500")])
        time.sleep(stage.many(_MOVING_S))
        wire.exchange([("CONFIG", "SET", "hz", "10")])
    finally:
        wire.close()


async def _work_off(stage: Stage, count: int) -> None:
    app = _KEEPING.application(stage)
    done, ended = 0, asyncio.Event()

    async def handle(data: object) -> object:
        nonlocal done
        done += 1
        if done == count:
            ended.set()
        return data

    app.task(TASK, handle, concurrency=1_000)
    try:
        await app.start()
        await ended.wait()
    finally:
        await app.close_async()


def loads(scale: float) -> tuple[Load, ...]:
    """All loads; ``scale`` multiplies how much they are."""

    def many(count: int) -> int:
        return max(1, round(count * scale))

    million, delayed, kept = many(1_060_000), many(140_000), many(140_000)
    tasks, held, workers, schedules = many(1_000), many(5_000), many(64), many(200)
    return (
        Load("nothing", "nothing, to see the noise"),
        Load("waiting-elsewhere", f"{million:,} jobs waiting in another task", lay=partial(_waiting, "else", million)),
        Load("waiting", f"{million:,} jobs waiting in the same task", lay=partial(_waiting, TASK, million)),
        Load("delayed", f"{delayed:,} delayed jobs", lay=partial(_delayed, delayed)),
        Load("completed", f"{kept:,} completed jobs kept", _KEEPING, _KEEPING, partial(_completed, kept)),
        Load("tasks", f"{tasks:,} tasks on the worker", Setting(others=tasks)),
        Load("active", f"{held:,} jobs active on the worker", Setting(held=held)),
        Load("workers", f"{workers} other workers, idle", lay=lambda stage: crowd(stage, workers)),
        Load("schedules", f"{schedules} schedules", Setting(schedules=schedules)),
    )
