"""Where a runner's jobs run: production's worker and chores, on an event loop that lives by a clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from taskora.adapters.memory import ManualClock, MemoryAdapter
from taskora.app import Taskora
from taskora.duration import to_seconds
from taskora.errors import ConfigError, TaskoraError
from taskora.housekeeping import Pace
from taskora.housekeeping.overseer import Overseer
from taskora.housekeeping.roster import Roster
from taskora.housekeeping.term import Term
from taskora.housekeeping.ticker import Ticker
from taskora.middleware import Middleware
from taskora.testing.loop import VirtualLoop
from taskora.testing.waiting import ON_STAGE
from taskora.worker import Alone, Worker, WorkerSettings
from taskora.worker.run import Run

T = TypeVar("T")
# Nobody else works here: a lock has to outlast only what a test has a handler sleep.
_LOCK_TTL_MS = 30 * 86_400_000
_LEAD_S = 30.0
_POLL_S = 1.0
# What has not come by then never does: a handler waits for ever, or schedules fire for ever and the job cannot run.
_LONGEST_MS = 366 * 86_400_000
_MOST_STEPS = 100_000


class StageHost(Alone):
    """Knows which jobs have a thread: of what that does, an event loop sees nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.held: set[str] = set()

    def hold(self, job_id: str, deadline_ns: int) -> None:
        """See ``Host``."""
        self.held.add(job_id)

    def let_go(self, job_id: str) -> None:
        """See ``Host``."""
        self.held.discard(job_id)


class Stage:
    """Does an application's work whenever it is told to, in the thread that tells it, and only then.

    Between two performances nothing happens: jobs that had not ended stand still.

    Args:
        app: The application.
        adapter: Its adapter.
        clock: The adapter's clock.

    Attributes:
        runs: How many runs have ended.
        ended: Whether its runner was disposed of: it does no work any more.
    """

    def __init__(self, app: Taskora, adapter: MemoryAdapter, clock: ManualClock) -> None:
        self.runs: int = 0
        self.ended = False
        self._app = app
        self._adapter = adapter
        self._clock = clock
        self._host = StageHost()
        self._loop: VirtualLoop | None = None
        self._workers: list[Worker] = []
        self._middleware: tuple[Middleware, ...] = ()
        self._term = Term(adapter.house, _LEAD_S)
        self._ticker: Ticker | None = None
        self._overseer = Overseer(adapter.house, adapter.workflows, Pace())
        self._lock = threading.Lock()

    def check(self) -> None:
        """Refuse when its runner was disposed of: what is dispatched now goes to the application's own server.

        Raises:
            ConfigError: It was.
        """
        if self.ended:
            raise ConfigError("this runner was disposed of; make another one with create_test_runner()")

    # What a runner asks for; each blocks until it is done

    def process_all(self) -> int:
        """Do all that is due, and what follows from it, until nothing runs; returns the number of runs that ended."""
        before = self.runs
        self._perform(lambda: self._work_until(lambda: not self._busy))
        return self.runs - before

    def advance(self, ms: int) -> None:
        """Move the clock on, from one due time to the next, and do at each what is due then."""

        async def part() -> None:
            target_ms = self._clock.now_ms() + ms
            while True:
                next_ms = await self._settle()
                now_ms = self._clock.now_ms()
                if now_ms >= target_ms:
                    return
                self._clock.advance(min(next_ms or target_ms, target_ms) - now_ms)

        self._perform(part)

    def wait_for(self, wait: Callable[[], Coroutine[object, object, T]], timeout_s: float | None) -> T:
        """Work until a wait is over.

        Raises:
            builtins.TimeoutError: It took longer, by the clock.
            TaskoraError: Nothing is left to happen that could end it.
        """

        async def part() -> T:
            waiting = asyncio.create_task(wait())
            deadline_ms = None if timeout_s is None else self._clock.now_ms() + round(timeout_s * 1000)
            try:
                await self._work_until(waiting.done, deadline_ms)
                if not waiting.done():
                    raise TimeoutError
                return await waiting
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

        return self._perform(part)

    def close(self) -> None:
        """End everything; jobs that run are given back. It can be used again."""
        with self._lock:
            if self._loop is None:
                return
            try:
                self._loop.run_until_complete(self._dismiss(self._loop))
                self._loop.run_until_complete(self._app.listening.close_async())
            finally:
                self._loop.end()
                self._loop, self._ticker = None, None

    def _perform(self, part: Callable[[], Coroutine[object, object, T]]) -> T:
        if ON_STAGE.get():
            raise RuntimeError("a handler cannot have its own runner work: await results instead, with result_async()")
        self.check()
        with self._lock:
            if self._loop is None:
                self._loop = VirtualLoop(self._clock)
            return self._loop.run_until_complete(self._staffed(part))

    async def _staffed(self, part: Callable[[], Coroutine[object, object, T]]) -> T:
        ON_STAGE.set(True)
        if self._middleware != self._app.middleware and not self._busy:
            await self._dismiss(self._running_loop)
        await self._hire()
        await self._app.listening.start()
        await self._declare_schedules()
        return await part()

    async def _hire(self) -> None:
        """Have a worker for every task; one that is there keeps what it has."""
        hired = {name for worker in self._workers for name in worker.tasks}
        tasks = {name: task for name, task in self._app.tasks.items() if name not in hired}
        if not tasks:
            return
        self._middleware = self._app.middleware
        settings = WorkerSettings(
            lock_ttl_ms=_LOCK_TTL_MS,
            cancel_grace_s=to_seconds(self._app.defaults.cancel_grace),
            max_payload=self._app.max_payload,
        )
        worker = Worker(self._adapter, tasks, settings, self._host, self._before_settle)
        self._workers.append(worker)
        await worker.start()
        known = {name: task.options for name, task in self._app.tasks.items()}
        roster = Roster(self._adapter.house, known, _POLL_S)
        self._ticker = Ticker(self._adapter, self._term, roster, self._app.serializer, _POLL_S)

    async def _declare_schedules(self) -> None:
        # It stores them when it starts. What it would do after that is done here, at the clock's times.
        housekeeper = self._app.housekeeper()
        await housekeeper.start()
        await housekeeper.stop()

    async def _dismiss(self, loop: VirtualLoop) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            stopping = asyncio.create_task(worker.stop(0))
            while not stopping.done():
                next_ms = await loop.idle(self._is_busy_outside)
                if next_ms is None:
                    break
                self._clock.advance(next_ms - self._clock.now_ms())
            await stopping

    async def _work_until(self, done: Callable[[], bool], deadline_ms: int | None = None) -> None:
        """Let time pass from one due time to the next until something is done, or a deadline is reached.

        Raises:
            TaskoraError: Nothing is left to happen, or things happen for ever.
        """
        latest_ms = self._clock.now_ms() + _LONGEST_MS
        for _ in range(_MOST_STEPS):
            next_ms = await self._settle()
            now_ms = self._clock.now_ms()
            if done() or (deadline_ms is not None and now_ms >= deadline_ms):
                return
            if next_ms is None and deadline_ms is None:
                raise TaskoraError(
                    "nothing is left to run and no time at which something is due, so what is waited for never comes: "
                    f"{self._left()}"
                )
            at_ms = min(at_ms for at_ms in (next_ms, deadline_ms) if at_ms is not None)
            if at_ms > latest_ms:
                raise TaskoraError(f"what is waited for did not come within a year by the clock: {self._left()}")
            self._clock.advance(at_ms - now_ms)
        raise TaskoraError(f"what is waited for did not come by {_MOST_STEPS} due times: {self._left()}")

    async def _settle(self) -> int | None:
        """Do all that is due now; returns when something is due next, in epoch milliseconds, None for never."""
        if self._ticker is not None and await self._term.renew():
            await self._ticker.round()
        await self._overseer.round()
        timer_ms = await self._running_loop.idle(self._is_busy_outside)
        times = (self._adapter.next_due_ms, timer_ms if self._busy else None)
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    @property
    def _running_loop(self) -> VirtualLoop:
        assert self._loop is not None
        return self._loop

    @property
    def _busy(self) -> bool:
        return any(worker.runs for worker in self._workers)

    def _is_busy_outside(self) -> bool:
        loop = self._running_loop
        if self._host.held or loop.has_offloaded:
            return True
        # Connections are kept open when nothing waits for them: only a job may do that.
        runs = [run for worker in self._workers for run in worker.runs.values()]
        return bool(runs) and (loop.has_files or any(map(_cleans_up, runs)))

    def _before_settle(self) -> Awaitable[object] | None:
        self.runs += 1
        return self._app.outbox.pending()

    def _left(self) -> str:
        running = [f"job {job_id} of task {task!r} runs" for worker in self._workers for task, job_id in worker.runs]
        return "; ".join(running) or "no job runs; has every task that is waited for a handler here?"


def _cleans_up(run: Run) -> bool:
    """Whether a thread may be in its ``on_cancel``."""
    hook = run.task.on_cancel
    return hook is not None and run.aborted == "cancelled" and run.handled and run.stop is None and not run.over
