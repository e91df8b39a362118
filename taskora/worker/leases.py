"""Keeping what this worker holds: locks renewed in time, cancels noticed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from taskora.adapters.protocol import LeaseStore
from taskora.context import AbortReason
from taskora.errors import TaskoraError
from taskora.model import Held
from taskora.worker.run import Run

log: logging.Logger = logging.getLogger("taskora.worker")
_PER_CALL = 500
_REMEMBER_S = 2.0


def answer_limit_s(lock_ttl_ms: int) -> float:
    """How long to wait for an answer on which locks depend, seconds: a sixth of their time.

    A connection may be dead without saying so. The next try comes while locks have time left, although a younger one
    was left out before.
    """
    return lock_ttl_ms / 6000


class Leases:
    """Renews the locks of all runs at a third of their time, in one call, and listens for cancels.

    Args:
        store: Where they are.
        runs: What this worker holds.
        tasks: Names of its tasks.
        ttl_ms: Time of a lock.
        abort: Called for a run whose lock is lost, or that is to be cancelled.
        ended: Called when one of its own two parts has ended, which is by an error or by ``stop``.
    """

    def __init__(
        self,
        store: LeaseStore,
        runs: Mapping[tuple[str, str], Run],
        tasks: Iterable[str],
        ttl_ms: int,
        abort: Callable[[Run, AbortReason], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._store = store
        self._runs = runs
        self._tasks = list(tasks)
        self._ttl_ms = ttl_ms
        self._abort = abort
        self._ended = ended
        self._background: list[asyncio.Task[None]] = []
        self._early: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Begin, on the running loop."""
        self._background = [
            asyncio.create_task(self._renew_regularly(), name="taskora-leases"),
            asyncio.create_task(self._listen(), name="taskora-cancels"),
        ]
        for task in self._background:
            task.add_done_callback(self._ended)
        self._background[0].add_done_callback(self._renew_on)

    def _renew_on(self, renewing: asyncio.Task[None]) -> None:
        """Begin anew when renewing has ended by an error: what still runs needs its locks."""
        if self._background and not renewing.cancelled() and renewing.exception() is not None:
            again = self._background[0] = asyncio.create_task(self._renew_regularly(), name="taskora-leases")
            again.add_done_callback(self._ended)
            again.add_done_callback(self._renew_on)

    def check_early(self, run: Run) -> bool:
        """Tell whether a cancel of this job came before the reply that brought it; it may mean an earlier run."""
        return bool(self._early) and (run.job.task, run.job.job_id) in self._early

    async def stop(self) -> None:
        """End both."""
        background, self._background = self._background, []
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)

    async def renew(self, runs: Iterable[Run]) -> None:
        """Renew the locks of these runs now, and abort those that are lost or to be cancelled."""
        todo = list(runs)
        for first in range(0, len(todo), _PER_CALL):
            chunk = todo[first : first + _PER_CALL]
            held = [Held(r.job.task, r.job.job_id, r.job.token, r.job.processed_ms) for r in chunk]
            verdicts = await self._store.extend(held, self._ttl_ms).run_async()
            for run, verdict in zip(chunk, verdicts, strict=True):
                key = (run.job.task, run.job.job_id)
                if verdict <= 0 and self._runs.get(key) is run:
                    self._abort(run, "cancelled" if verdict < 0 else "lost")

    async def _renew_regularly(self) -> None:
        period_s = pause_s = self._ttl_ms / 3000
        while True:
            await asyncio.sleep(pause_s)
            # A lock that is younger than a period lives until the next round: short jobs are never renewed.
            now = time.monotonic()
            renewed = await self._try(run for run in self._runs.values() if now - run.started_s > period_s)
            # A lock that was left out, or could not be renewed, has a period left: half of it went by in the try.
            pause_s = period_s if renewed else period_s / 4

    async def _try(self, runs: Iterable[Run]) -> bool:
        try:
            async with asyncio.timeout(answer_limit_s(self._ttl_ms)):
                await self.renew(runs)
        except (TaskoraError, TimeoutError) as error:
            why = str(error) or f"no answer within {answer_limit_s(self._ttl_ms):.3g} s"
            log.warning("locks could not be renewed: %s", why, extra={"action": "renew"})
            return False
        return True

    async def _listen(self) -> None:
        watch = self._store.watch_cancels(self._tasks)
        try:
            async for task, job_id in watch:
                if not job_id:
                    await self._try(self._runs.values())
                elif (run := self._runs.get((task, job_id))) is not None:
                    self._abort(run, "cancelled")
                else:
                    self._remember((task, job_id))
        finally:
            await watch.close()

    def _remember(self, key: tuple[str, str]) -> None:
        now = time.monotonic()
        while self._early and (oldest := next(iter(self._early))) and self._early[oldest] < now - _REMEMBER_S:
            del self._early[oldest]
        self._early[key] = now
