"""Telling open pages when to look again: one look at the counts for all browsers of this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Generator, Mapping
from typing import Final, TypeAlias

from taskora.board.desk import Desk
from taskora.errors import TaskoraError
from taskora.model import QueueStats

_log = logging.getLogger("taskora.board")

_AT_LEAST_EVERY_S: Final = 10.0

Pulse: TypeAlias = tuple[QueueStats | None, object]
"""What differs once a job of a task began or ended: counts alone stay the same where old jobs make room for new."""


class Ticker:
    """Looks at what is watched every refresh interval, while anybody watches.

    A browser that is slow finds one bell rung, however often it was: it never lags behind.

    Args:
        desk: Reads.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._bells: dict[asyncio.Event, str] = {}
        self._ticking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watching(self, watch: str) -> Generator[asyncio.Event]:
        """Ring the bell whenever what is watched has changed: ``*``, ``task:NAME``, or ``time``, which always does."""
        bell = asyncio.Event()
        self._bells[bell] = watch
        if self._ticking is None or self._ticking.done() or self._ticking.get_loop() is not asyncio.get_running_loop():
            self._ticking = asyncio.create_task(self._tick(), name="taskora-board-ticker")
        try:
            yield bell
        finally:
            del self._bells[bell]
            self._rest()

    def _rest(self) -> None:
        if self._ticking is not None and not self._bells:
            self._ticking.cancel()
            self._ticking = None

    async def _tick(self) -> None:
        before: Mapping[str, Pulse] = {}
        while True:
            try:
                now = await self._look()
            except TaskoraError as error:
                # The pages find out by themselves, and say so.
                _log.debug("cannot look at the counts: %s", error)
                now = {}
            except Exception:  # noqa: BLE001 - pages that are open must not stand still for it
                _log.exception("looking at the counts failed; it is tried again")
                now = {}
            for bell, watch in list(self._bells.items()):
                if watch == "time" or not now or now.get(watch) != before.get(watch):
                    bell.set()
            before = now
            await asyncio.sleep(self._desk.settings.refresh_s)

    async def _look(self) -> dict[str, Pulse]:
        watched = {watch for watch in self._bells.values() if watch != "time"}
        if not watched:
            return {"time": (None, None)}
        stats = await self._desk.stats()
        tasks = [watch.removeprefix("task:") for watch in watched if watch != "*"]
        ended = await asyncio.gather(*(self._ended(task) for task in tasks))
        pulses: dict[str, Pulse] = {
            f"task:{task}": (stats.get(task), count) for task, count in zip(tasks, ended, strict=True)
        }
        # For all tasks together that would be as much to read as the counts; a busy moment changes those.
        return {**pulses, "*": (_sum(stats), time.monotonic() // _AT_LEAST_EVERY_S)}

    async def _ended(self, task: str) -> object:
        found = await self._desk.inspector.throughput_async(task, bucket=60, count=2)
        # A minute that begins is no change.
        return [one for one in found if one.completed or one.failed or one.cancelled or one.expired]


def _sum(stats: Mapping[str, QueueStats]) -> QueueStats:
    names = QueueStats.__slots__
    return QueueStats(**{name: sum(getattr(count, name) for count in stats.values()) for name in names})
