"""Running one job: from its stored payload to the outcome that is to be written."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from taskora.context import Interrupted
from taskora.errors import SerializationError, TimeoutError, ValidationError
from taskora.middleware import Middleware, run_through
from taskora.model import Settled
from taskora.retry import delay_of_retry
from taskora.worker.host import Host
from taskora.worker.run import Run
from taskora.worker.threads import ThreadPool, Work
from taskora.worker.watched import watched

T = TypeVar("T")
log: logging.Logger = logging.getLogger("taskora.worker")
_STUCK_AFTER_S = 0.5  # a thread that was interrupted so long ago is in code that cannot be interrupted
_ASK_AGAIN_S = 2.0
_HANG_SLACK_S = 2.0  # between a timeout and the moment at which a silent process counts as hung for it
_DEFER_MS = 5000
_LONGEST_TEXT = 16_384


class _TooNew(Exception):  # noqa: N818 - never leaves this file
    """The payload is for a newer worker."""


@dataclass(slots=True)
class Execution:
    """Runs jobs on the running loop, sync handlers in threads.

    Attributes:
        cancel_grace_s: Time between a signal and the interruption of the handler.
        hang_timeout_s: How long a job without a timeout may keep the process from answering, and how long ``on_cancel``
            may take.
        end_without_handler: Called for a run whose handler does not end when cancelled.
        chains: Middleware of the tasks that have some.
    """

    threads: ThreadPool
    host: Host
    cancel_grace_s: float
    hang_timeout_s: float
    end_without_handler: Callable[[Run], None]
    chains: Mapping[str, Sequence[Middleware]] = field(default_factory=dict[str, Sequence[Middleware]])

    async def outcome(self, run: Run) -> Settled | None:
        """Run a job. None when its outcome must not be written: its lock was lost, or it was given up."""
        timer = self._start_timer(run)
        try:
            # Reading and writing may be code of the user's: the job is blamed when it never ends.
            blamed = run.task.checks and self.host.watches
            run.data = self._blamed(run, lambda: self._payload(run)) if blamed else self._payload(run)
            chain = self.chains.get(run.job.task)
            value = await (self._call(run) if chain is None else self._call_through(chain, run))
            encode = run.task.encode_result
            ending: bytes | BaseException = self._blamed(run, lambda: encode(value)) if blamed else encode(value)
        except BaseException as error:  # noqa: BLE001 - the user's code; written and logged
            ending = error
        finally:
            if timer is not None:
                timer.cancel()
        return None if run.over else await self.conclude(run, ending)

    def _blamed(self, run: Run, code: Callable[[], T]) -> T:
        self.host.hold(run.job.job_id, self._hang_deadline_ns(run))
        try:
            return code()
        finally:
            self.host.let_go(run.job.job_id)

    async def conclude(self, run: Run, ending: bytes | BaseException) -> Settled | None:
        """Decide what a run's end means.

        Args:
            run: The job.
            ending: The serialized result, or what the handler raised.
        """
        if run.aborted == "lost":
            return None
        if run.aborted == "cancelled":
            await self._clean_up(run)
            return Settled(run.job, "cancel")
        if isinstance(ending, bytes):
            return Settled(run.job, "complete", ending)
        if isinstance(ending, _TooNew):
            return Settled(run.job, "defer", delay_ms=_DEFER_MS)
        if run.aborted == "shutdown":
            return Settled(run.job, "return")
        if run.aborted == "timeout":
            timeout = self._timeout(run)
            timeout.__cause__ = ending if isinstance(ending, Exception) else None
            return self._failed(run, timeout)
        return self._failed(run, ending)

    def abort_after_grace(self, run: Run) -> None:
        """Interrupt a run whose signal has fired, unless it ends by itself within the grace."""
        asyncio.get_running_loop().call_later(self.cancel_grace_s, self._stop, run)

    def _start_timer(self, run: Run) -> asyncio.TimerHandle | None:
        timeout_s = run.task.options.timeout_s
        if timeout_s is None:
            return None
        return asyncio.get_running_loop().call_later(timeout_s, self._time_is_over, run)

    def _time_is_over(self, run: Run) -> None:
        if run.abort("timeout"):
            self.abort_after_grace(run)

    @staticmethod
    def _stop(run: Run) -> None:
        if run.stop is not None:
            run.stop()

    def _payload(self, run: Run) -> object:
        job, options = run.job, run.task.options
        if job.cause == "timeout":
            # The process that ran it held on past its time and was ended for it.
            raise self._timeout(run)
        if job.version > options.version:
            raise _TooNew
        if job.version < options.since:
            raise ValidationError(
                f"job {job.job_id} of task {job.task!r} has a payload of version {job.version}; this worker reads "
                f"{options.since} to {options.version}",
                task=job.task,
            )
        if job.data is None:
            raise SerializationError(f"job {job.job_id} of task {job.task!r} has no payload stored")
        return run.task.decode_input(job.data, job.version, job.job_id)

    async def _call_through(self, chain: Sequence[Middleware], run: Run) -> object:
        if run.aborted is not None:
            raise Interrupted
        context = run.middleware_context()
        context.data = run.data

        async def handler() -> None:
            run.data = context.data
            context.result = await self._call(run)

        await self._on_loop(run, run_through(chain, context, handler), watch=True)
        return context.result

    async def _call(self, run: Run) -> object:
        if run.aborted is not None:
            raise Interrupted
        run.handled = True
        data, context = run.data, run.context if run.task.wants_context else None
        call = run.task.call
        if run.task.is_async:
            return await self._on_loop(run, cast("Awaitable[object]", call(data, context)), watch=run.stop is None)
        self.host.hold(run.job.job_id, self._hang_deadline_ns(run))
        value = await self._in_thread(run, self.threads.submit(lambda: call(data, context)))
        # A decorator may hide that its function is async.
        return await self._on_loop(run, value, watch=True) if inspect.iscoroutine(value) else value

    async def _on_loop(self, run: Run, handler: Awaitable[object], *, watch: bool) -> object:
        around, run.stop = run.stop, lambda: self._cancel(run)
        if watch and self.host.watches and inspect.iscoroutine(handler):
            handler = watched(handler, self.host, run.job.job_id, self._hang_deadline_ns(run))
        try:
            return await handler
        finally:
            run.stop = around

    def _hang_deadline_ns(self, run: Run) -> int:
        timeout_s = run.task.options.timeout_s
        patience_s = self.hang_timeout_s if timeout_s is None else timeout_s + _HANG_SLACK_S
        return int((run.started_s + patience_s) * 1e9)

    def _cancel(self, run: Run) -> None:
        assert run.atask is not None
        run.atask.cancel()
        asyncio.get_running_loop().call_later(_ASK_AGAIN_S, self._cancel_again, run)

    def _cancel_again(self, run: Run) -> None:
        if run.stop is None:
            return
        if not run.over:
            log.error(
                "task %r job %s: its handler goes on although it was cancelled; its job ends without it",
                run.job.task, run.job.job_id, extra={"action": "stuck"},
            )  # fmt: skip
            run.over = True
            self.end_without_handler(run)
        run.stop()

    async def _in_thread(self, run: Run, work: Work) -> object:
        around, run.stop = run.stop, lambda: self._interrupt_thread(run, work)
        try:
            return await work.done
        finally:
            run.stop = around
            self.host.let_go(run.job.job_id)

    def _interrupt_thread(self, run: Run, work: Work) -> None:
        self.threads.interrupt(work)
        loop = asyncio.get_running_loop()
        loop.call_later(_STUCK_AFTER_S, self._give_thread_up, run, work)
        loop.call_later(_ASK_AGAIN_S, self._cancel_again, run)  # its middleware, if it goes on

    def _give_thread_up(self, run: Run, work: Work) -> None:
        if work.done.done():
            return
        # The job must not wait for the thread; what the handler still returns is ignored.
        work.done.set_exception(Interrupted())
        if run.aborted != "shutdown" and not self.host.thread_stuck(run.job.task, run.job.job_id):
            self.threads.abandon(work)

    async def _clean_up(self, run: Run) -> None:
        hook = run.task.on_cancel
        if hook is None or not run.handled:
            return
        job_id, data, context = run.job.job_id, run.data, run.context
        deadline_ns = int((time.monotonic() + self.hang_timeout_s) * 1e9)
        try:
            self.host.hold(job_id, deadline_ns)
            try:
                pending = await self._hook_in_thread(run, self.threads.submit(lambda: hook(data, context)))
            finally:
                self.host.let_go(job_id)
            if inspect.iscoroutine(pending) and self.host.watches:
                pending = watched(pending, self.host, job_id, deadline_ns)
            if inspect.isawaitable(pending):
                async with asyncio.timeout(self.hang_timeout_s):
                    await pending
        except BaseException:  # the user's code; the job is cancelled whatever it raises
            log.exception("task %r job %s: on_cancel failed", run.job.task, run.job.job_id, extra={"action": "cancel"})

    async def _hook_in_thread(self, run: Run, work: Work) -> object:
        await asyncio.wait([work.done], timeout=self.hang_timeout_s)
        if not work.done.done():
            work.done.add_done_callback(lambda done: done.exception())  # nobody waits for it any more
            self.threads.interrupt(work)
            asyncio.get_running_loop().call_later(_STUCK_AFTER_S, self._give_thread_up, run, work)
            raise TimeoutError(f"it ran longer than {self.hang_timeout_s:g} s; the job ends without it")
        return work.done.result()

    def _timeout(self, run: Run) -> TimeoutError:
        job, timeout_s = run.job, run.task.options.timeout_s
        limit = "its process was ended because it hung" if timeout_s is None else f"it ran longer than {timeout_s:g} s"
        return TimeoutError(
            f"job {job.job_id} of task {job.task!r}: {limit}", timeout=timeout_s, job_id=job.job_id, task=job.task
        )

    def _failed(self, run: Run, error: BaseException) -> Settled:
        job, retry = run.job, run.task.options.retry
        try:
            delay_s = delay_of_retry(error, job.attempt, retry)
        except Exception as broken:  # the task's own back-off function
            log.exception("task %r: its back-off failed; the failure is final", job.task, extra={"action": "retry"})
            error.add_note(f"and the back-off failed: {broken}")
            delay_s = None
        if run.task.logs_failures:
            outlook = "final" if delay_s is None else f"will retry in {delay_s:.3g} s"
            log.error(
                "task %r job %s failed (attempt %d/%d, %s)", job.task, job.job_id, job.attempt, retry.attempts, outlook,
                exc_info=error, extra={"action": "failed"},
            )  # fmt: skip
        message = _message(error).encode(errors="replace")
        trace = "".join(traceback.format_exception(error))[-_LONGEST_TEXT:]
        trace = trace.encode(errors="replace").decode()
        if delay_s is None:
            return Settled(job, "fail", message, 0, type(error).__name__, trace)
        return Settled(job, "retry", message, max(0, round(delay_s * 1000)), type(error).__name__, trace)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the user's code; its class says what is left to say
        text = ""
    return text[:_LONGEST_TEXT] or type(error).__name__
