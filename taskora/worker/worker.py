"""The worker as a whole: what it is made of, and how it starts and stops.

A job's life here: claimed (at a ``Station``), taken (a ``Run`` is made), run (``Execution``), reported
(``Journal``), settled (at the station), forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from taskora.adapters.protocol import Adapter
from taskora.context import AbortReason, Interrupted
from taskora.errors import ConfigError, TaskoraError
from taskora.model import Claimed, ClaimReply, Settled
from taskora.protocols import Runnable
from taskora.worker.execution import Execution
from taskora.worker.host import Host
from taskora.worker.journal import Journal
from taskora.worker.leases import Leases
from taskora.worker.run import Run
from taskora.worker.station import Station
from taskora.worker.threads import ThreadPool

log: logging.Logger = logging.getLogger("taskora.worker")
_PAY_S = 2.0  # for what workflows are owed; what is left is continued by the leader


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker behaves.

    Attributes:
        lock_ttl_ms: Lease of a claimed job.
        cancel_grace_s: Time between a signal and the interruption of a handler.
        hang_timeout_s: How long a job without a timeout may keep the process from answering.
        max_payload: Largest progress that a handler may report, in bytes.
    """

    lock_ttl_ms: int = 30_000
    cancel_grace_s: float = 0.25
    hang_timeout_s: float = 300.0
    max_payload: int = 8 * 1024 * 1024


def worker_identity() -> str:
    """Make an identity for a worker of this process: host, pid, and a nonce, so that a reused pid is another worker."""
    host = "".join(char if char.isalnum() or char in "-_" else "_" for char in socket.gethostname())
    return f"{host[:60]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class Worker:
    """Runs the jobs of some tasks. Everything happens on the event loop that ``start`` is awaited on.

    Attributes:
        identity: What its locks begin with.
        done: Jobs completed.
        failed: Jobs failed for good.
        runs: What it runs, by task and id.
        observers: Called with each run and its outcome, before that is written.

    Args:
        adapter: Where the jobs are.
        tasks: What it runs, by name.
        settings: How it behaves.
        host: The process that it lives in.
        before_settle: Returns what must be awaited before a run's outcome is written, or None.
        troubled: Told of what keeps the worker from claiming or from writing outcomes, once each time it begins.
    """

    def __init__(
        self,
        adapter: Adapter,
        tasks: Mapping[str, Runnable],
        settings: WorkerSettings,
        host: Host,
        before_settle: Callable[[], Awaitable[object] | None],
        troubled: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        if not tasks:
            raise ConfigError("tasks: there is no task with a handler to run in this process")
        self.identity: str = worker_identity()
        self.done: int = 0
        self.failed: int = 0
        self.runs: dict[tuple[str, str], Run] = {}
        self.observers: list[Callable[[Run, Settled], None]] = []
        self._adapter = adapter
        self._tasks = tasks
        self._settings = settings
        self._host = host
        self._before_settle = before_settle
        self._threads = ThreadPool(sum(task.options.concurrency for task in tasks.values() if not task.is_async) + 1)
        self._execution = Execution(
            self._threads, host, settings.cancel_grace_s, settings.hang_timeout_s, self._end_without_handler,
            {name: chain for name, task in tasks.items() if (chain := task.middleware)},
        )  # fmt: skip
        self._open = True
        self._broken = False
        self._given_up: set[Run] = set()
        self._claims_read: dict[str, int] = {}
        self._stations: list[Station] = []
        self._station_of: dict[str, Station] = {}
        shares = adapter.leases.shares(list(tasks))
        for place, share in enumerate(shares):
            lane = adapter.leases.lane(self.identity, share, settings.lock_ttl_ms, self._held, self._claim_read, place)
            station = Station(
                lane, {name: tasks[name] for name in share}, self._take, self._written, troubled, self._part_ended
            )
            self._stations.append(station)
            self._station_of.update(dict.fromkeys(share, station))
        self._leases = Leases(
            adapter.leases, self.runs, list(tasks), settings.lock_ttl_ms, self._abort, self._part_ended
        )
        self._chores: set[asyncio.Task[None]] = set()
        self._payments: set[asyncio.Task[None]] = set()
        self._nothing_runs = asyncio.Event()
        self._nothing_runs.set()

    @property
    def tasks(self) -> Sequence[str]:
        """Names of what it runs."""
        return list(self._tasks)

    @property
    def claimed_ns(self) -> int:
        """Monotonic time of the last turn of the claim loop; now, while it has no free slot to claim for.

        Of several loops, the one that turned longest ago.
        """
        turns = [station.turned_ns for station in self._stations if station.turned_ns]
        return min(turns) if turns else time.monotonic_ns()

    async def start(self) -> None:
        """Reach the server and begin to claim."""
        await self._adapter.connect().run_async()
        for station in self._stations:
            station.start()
        self._leases.start()

    def quiet(self) -> None:
        """Claim nothing more; what runs goes on."""
        self._open = False
        for station in self._stations:
            station.slots.close()

    async def stop(self, timeout_s: float | None, interrupt: asyncio.Event | None = None) -> int:
        """Drain: claim nothing more, let what runs end, and give back what does not end in time, uncharged.

        Args:
            timeout_s: How long to wait for what runs; None for ever.
            interrupt: Ends that wait early when set.

        Returns:
            The number of jobs given back.
        """
        self.quiet()
        await asyncio.gather(*(station.stop_claiming() for station in self._stations))
        await self._wait_for_runs(timeout_s, interrupt)
        unfinished = [run for run in self.runs.values() if not run.over]
        for run in unfinished:
            self._abort(run, "shutdown")
        if unfinished:
            await self._wait_for_runs(self._settings.cancel_grace_s + 2.0, None)
        for run in self.runs.values():
            if not run.over:
                run.over = True
                self._settle(Settled(run.job, "cancel" if run.aborted == "cancelled" else "return"))
        await asyncio.gather(*(station.write_the_rest() for station in self._stations))
        if self._payments:
            await asyncio.wait(self._payments, timeout=_PAY_S)
        await self._close()
        return len(unfinished)

    async def _wait_for_runs(self, timeout_s: float | None, interrupt: asyncio.Event | None) -> None:
        waits = [asyncio.create_task(self._nothing_runs.wait())]
        if interrupt is not None:
            waits.append(asyncio.create_task(interrupt.wait()))
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _close(self) -> None:
        await self._leases.stop()
        background = [task for station in self._stations for task in station.end()]
        for task in (*self._chores, *self._payments):
            task.cancel()
            background.append(task)
        await asyncio.gather(*background, return_exceptions=True)
        self._threads.close()
        await asyncio.gather(*(station.close() for station in self._stations))

    def _held(self, task: str) -> Collection[str]:
        return [job_id for name, job_id in self.runs if name == task]

    def _claim_read(self, connection: str, number: int) -> None:
        # Not told yet: a death before any of its jobs begins is the fault of none of them.
        self._claims_read[connection] = number

    def _take(self, reply: ClaimReply) -> None:
        """Start what was claimed."""
        for workflow in reply.owed:
            self._in_background(self._continue_workflow(workflow), self._payments)
        for job in reply.jobs:
            if not self._open:
                self._settle(Settled(job, "return"))
                continue
            task = self._tasks[job.task]
            run = Run(job, task, self._journal)
            if (earlier := self.runs.get((job.task, job.job_id))) is not None:
                self._abort(earlier, "lost")  # its lock ran out, or nobody could have claimed the job
            self.runs[job.task, job.job_id] = run
            run.atask = asyncio.create_task(self._live(run))
            if self._leases.check_early(run):
                self._in_background(self._leases.renew([run]))
        if reply.jobs:
            self._nothing_runs.clear()
        if reply.fenced == "dead":
            self._identity_lost()

    async def _live(self, run: Run) -> None:
        while self._claims_read:
            self._host.claim_begun(*self._claims_read.popitem())
        try:
            outcome = await self._execution.outcome(run)
            if not run.over:
                await self._end(run, outcome)
        except Exception as error:  # noqa: BLE001 - of ours, the handler has raised none of it; logged
            self._give_up(run, error)

    def _end_without_handler(self, run: Run) -> None:
        self._in_background(self._conclude(run))

    async def _conclude(self, run: Run) -> None:
        try:
            await self._end(run, await self._execution.conclude(run, Interrupted()))
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(run, error)

    def _give_up(self, run: Run, error: Exception) -> None:
        """Leave a job on which we break to whoever recovers it, and is to charge it alone. No drain waits for it."""
        run.over = True
        self._given_up.add(run)
        self._break(f"job {run.job.job_id}", error)
        self._see_what_runs()

    async def _end(self, run: Run, outcome: Settled | None) -> None:
        run.over = True
        try:
            if run.journal is not None:
                await run.journal.flush()
            if (pending := self._before_settle()) is not None:
                await pending
        except Exception:  # whatever is wrong with these, the outcome must be written
            log.exception("task %r job %s: reports are lost", run.job.task, run.job.job_id, extra={"action": "report"})
        if outcome is None:
            self._forget(run.job)
            self._station_of[run.job.task].slots.free(run.job.task)
        else:
            for observe in self.observers:
                observe(run, outcome)
            self._station_of[run.job.task].settling.add(outcome)

    def _settle(self, outcome: Settled) -> None:
        self._station_of[outcome.job.task].settling.add(outcome)

    def _written(self, outcomes: Sequence[Settled]) -> None:
        for outcome in outcomes:
            if outcome.verb == "complete":
                self.done += 1
            elif outcome.verb == "fail":
                self.failed += 1
            self._forget(outcome.job)

    def _forget(self, job: Claimed) -> None:
        run = self.runs.get((job.task, job.job_id))
        if run is not None and run.job is job:  # and not claimed anew since
            del self.runs[job.task, job.job_id]
        if len(self.runs) <= len(self._given_up):
            self._see_what_runs()

    def _see_what_runs(self) -> None:
        if self._given_up.issuperset(self.runs.values()):
            self._nothing_runs.set()

    def _abort(self, run: Run, reason: AbortReason) -> None:
        if run.abort(reason):
            self._execution.abort_after_grace(run)

    def _identity_lost(self) -> None:
        if self._open:
            self.quiet()
            for run in list(self.runs.values()):
                self._abort(run, "lost")
            self._host.identity_lost()

    def _part_ended(self, part: asyncio.Task[None]) -> None:
        """What never ends by itself has ended: what state it left nobody knows, so this worker must not go on."""
        if not part.cancelled() and (error := part.exception()) is not None:
            self._break(part.get_name(), error)

    def _break(self, part: str, error: BaseException) -> None:
        log.critical("%s ended by an error of ours", part, exc_info=error, extra={"action": "bug"})
        self.quiet()
        if not self._broken:
            self._broken = True
            self._host.worker_broken()

    def _journal(self, run: Run) -> Journal:
        def renew() -> None:
            self._in_background(self._leases.renew([run]))

        run.journal = Journal(run.job, self._adapter.leases, renew, self._settings.max_payload)
        return run.journal

    async def _continue_workflow(self, workflow_id: str) -> None:
        while await self._adapter.workflows.continue_workflow(workflow_id).run_async():
            pass

    def _in_background(self, work: Awaitable[None], among: set[asyncio.Task[None]] | None = None) -> None:
        tasks = self._chores if among is None else among
        task = asyncio.ensure_future(_logged(work))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except TaskoraError as error:
        log.warning("%s", error, extra={"action": "chore"})
    except Exception:
        log.exception("a chore ended by an error of ours", extra={"action": "bug"})
