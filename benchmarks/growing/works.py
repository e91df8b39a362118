"""The work that is measured: jobs are stored, and done by a worker in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from taskora import Keep, Retention, Taskora
from taskora.benchmarking.stage import BenchError, Stage
from taskora.errors import CancelledError

from .costs import Cost, Meter

TASK: Final = "echo"
_BY_AGE: Final = Retention(completed=Keep("1h", None))
_HOLD: Final = "until all others are done"
_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How the worker that is measured is made.

    Attributes:
        concurrency: Jobs at once.
        others: So many further tasks it has, without jobs.
        schedules: So many schedules it has, none of which is due.
        held: So many jobs it has begun before, beside those at once, and does not end.
        keeps_all: Whether completed jobs are kept by age alone.
    """

    concurrency: int = 100
    others: int = 0
    schedules: int = 0
    held: int = 0
    keeps_all: bool = False

    def application(self, stage: Stage) -> Taskora:
        """Make the application, without its tasks."""
        return Taskora(stage.url, prefix=stage.prefix, retention=_BY_AGE if self.keeps_all else None)


@dataclass(frozen=True, slots=True)
class Volume:
    """How much is done.

    Attributes:
        jobs: So many are measured.
        edge: So many more there are before them and behind them: the worker begins and ends with other than full hands.
        a_call: So many are stored in one call.
        payload: The same for all; None gives each a number.
    """

    jobs: int
    edge: int
    a_call: int = 100
    payload: object = None

    @property
    def stored(self) -> int:
        """Jobs that there are."""
        return self.jobs + 2 * self.edge

    def payloads(self, first: int) -> list[object]:
        """Payloads of one call."""
        numbers = range(first, min(first + self.a_call, self.stored))
        return [{"i": number} if self.payload is None else self.payload for number in numbers]


def enqueue_and_process(stage: Stage, setting: Setting, volume: Volume) -> Mapping[str, Cost]:
    """Store jobs and do them; gives what one costs to store, and what to do."""
    meter = Meter(stage)
    try:
        if setting.held:
            _store_held(stage, setting.held)
        stored = _store(stage, volume, meter)
        done = asyncio.run(_Worker(stage, setting, volume, meter).run())
    finally:
        meter.close()
    return {"enqueue": stored, "process": done}


def _store_held(stage: Stage, count: int) -> None:
    app = stage.app()
    try:
        app.find_task(TASK).dispatch_many([_HOLD] * count)
    finally:
        app.close()


def _store(stage: Stage, volume: Volume, meter: Meter) -> Cost:
    app = stage.app()
    task = app.find_task(TASK)
    try:
        app.connect()
        meter.begin()
        for first in range(0, volume.stored, volume.a_call):
            task.dispatch_many(volume.payloads(first))
        meter.end()
    finally:
        app.close()
    return meter.cost(volume.stored)


class _Worker:
    """One worker at its work. It is measured between two calls of its handler, so that start and end do not count."""

    def __init__(self, stage: Stage, setting: Setting, volume: Volume, meter: Meter) -> None:
        self._setting = setting
        self._volume = volume
        self._meter = meter
        self._app = setting.application(stage)
        self._calls = 0
        self._reached = asyncio.Event()
        self._let_go = asyncio.Event()

    async def run(self) -> Cost:
        """Do the jobs."""
        self._declare()
        try:
            await self._app.start()
            async with asyncio.timeout(_PATIENCE_S):
                await self._reached.wait()
        except TimeoutError:
            raise BenchError(f"after {_PATIENCE_S:.0f} s {self._calls:,} of {self._volume.stored:,} jobs ran") from None
        finally:
            self._let_go.set()
            await self._app.close_async()
        return self._meter.cost(self._volume.jobs)

    async def _handle(self, data: object) -> object:
        if data == _HOLD:
            with suppress(CancelledError):
                await self._let_go.wait()
            return None
        self._calls += 1
        if self._calls == self._volume.edge:
            self._meter.begin()
        if self._calls == self._volume.edge + self._volume.jobs:
            self._meter.end()
            self._reached.set()
        return data

    def _declare(self) -> None:
        app, setting = self._app, self._setting
        app.task(TASK, self._handle, concurrency=setting.concurrency + setting.held)
        for number in range(setting.others):
            app.task(f"other-{number}", _nothing)
        if setting.schedules:
            app.task("nightly", _nothing)
        for number in range(setting.schedules):
            app.schedule(f"schedule-{number}", task="nightly", every="1h")


async def _nothing(_: object) -> None:
    return
