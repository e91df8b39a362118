"""Running a handler without a queue, by the same code that a worker runs it with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from taskora.adapters.memory import ManualClock, MemoryAdapter
from taskora.app import Taskora
from taskora.context import Interrupted
from taskora.duration import to_seconds
from taskora.errors import JobFailedError, TaskoraError, TimeoutError
from taskora.function_task import AnyTask
from taskora.ids import new_id
from taskora.model import Claimed, Settled
from taskora.testing.loop import VirtualLoop
from taskora.testing.stage import StageHost
from taskora.testing.waiting import ON_STAGE
from taskora.worker.execution import Execution
from taskora.worker.journal import Journal
from taskora.worker.run import Run
from taskora.worker.threads import ThreadPool

_HANG_TIMEOUT_S = 300.0


@dataclass(slots=True)
class _Kept(Execution):
    """Keeps what a run ended with, which a stored outcome only tells the text of."""

    ending: bytes | BaseException = b""

    async def conclude(self, run: Run, ending: bytes | BaseException) -> Settled | None:
        self.ending = ending
        return await Execution.conclude(self, run, ending)


class Direct:
    """Runs one job that is stored nowhere.

    Args:
        app: The application.
        adapter: Its adapter.
        clock: Its clock.
    """

    def __init__(self, app: Taskora, adapter: MemoryAdapter, clock: ManualClock) -> None:
        self._app = app
        self._adapter = adapter
        self._clock = clock
        self._host = StageHost()
        self._threads = ThreadPool(1)
        grace_s = to_seconds(app.defaults.cancel_grace)
        self._execution = _Kept(self._threads, self._host, grace_s, _HANG_TIMEOUT_S, self._give_up)
        self._ended: asyncio.Future[Settled | None] | None = None

    def run(self, task: AnyTask, raw: bytes) -> bytes:
        """Run it to its end, retries included; returns the serialized result.

        Raises:
            BaseException: What the handler raised last.
            TimeoutError: It ran longer than its timeout.
            TaskoraError: It waits for something that cannot come.
        """
        if chain := task.middleware:
            self._execution.chains = {task.name: chain}
        loop = VirtualLoop(self._clock)
        try:
            return loop.run_until_complete(self._perform(loop, task, raw))
        finally:
            self._threads.close()
            loop.end()

    async def _perform(self, loop: VirtualLoop, task: AnyTask, raw: bytes) -> bytes:
        ON_STAGE.set(True)
        running = asyncio.create_task(self._attempts(task, raw))
        while True:
            next_ms = await loop.idle(lambda: bool(self._host.held) or loop.has_offloaded or loop.has_files)
            if running.done():
                return running.result()
            if next_ms is None:
                raise TaskoraError(
                    f"task {task.name!r}: its handler waits for something that never comes; other jobs do not run "
                    "meanwhile: use execute()"
                )
            self._clock.advance(next_ms - self._clock.now_ms())

    async def _attempts(self, task: AnyTask, raw: bytes) -> bytes:
        job_id, attempt = new_id(), 1
        began_ms = self._clock.now_ms()
        while True:
            job = Claimed(task.name, job_id, raw, attempt, task.options.version, began_ms, "", self._clock.now_ms(), "")
            settled = await self._attempt(Run(job, task, self._journal))
            if (pending := self._app.outbox.pending()) is not None:
                await pending
            if settled is not None and settled.verb == "retry":
                attempt += 1
                await asyncio.sleep(settled.delay_ms / 1000)
                continue
            if settled is not None and settled.verb == "complete":
                return settled.payload
            raise self._error(job, settled)

    async def _attempt(self, run: Run) -> Settled | None:
        ended: asyncio.Future[Settled | None] = asyncio.get_running_loop().create_future()
        self._ended = ended
        run.atask = asyncio.create_task(self._live(run, ended))
        return await ended

    async def _live(self, run: Run, ended: asyncio.Future[Settled | None]) -> None:
        outcome = await self._execution.outcome(run)
        if run.journal is not None:
            await run.journal.flush()
        if not ended.done():
            ended.set_result(outcome)

    def _give_up(self, run: Run) -> None:
        self._concluding = asyncio.create_task(self._conclude(run))

    async def _conclude(self, run: Run) -> None:
        outcome = await self._execution.conclude(run, Interrupted())
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(outcome)

    def _journal(self, run: Run) -> Journal:
        run.journal = Journal(run.job, self._adapter.leases, lambda: None, self._app.max_payload)
        return run.journal

    def _error(self, job: Claimed, settled: Settled | None) -> BaseException:
        ending, error_type = self._execution.ending, "" if settled is None else settled.error_type
        if isinstance(ending, Exception) and type(ending).__name__ == error_type:
            return ending
        text = "it was given up" if settled is None else settled.payload.decode(errors="replace")
        if error_type == "TimeoutError":
            return TimeoutError(text, job_id=job.job_id, task=job.task)
        return JobFailedError(text, job_id=job.job_id, task=job.task, error_type=error_type)
