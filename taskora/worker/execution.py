"""Running one job: from its stored payload to the outcome that is to be written."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from taskora.context import Interrupted
from taskora.errors import SerializationError, TimeoutError, ValidationError
from taskora.model import Settled
from taskora.retry import delay_of_retry
from taskora.worker.host import Host
from taskora.worker.run import Run
from taskora.worker.threads import ThreadPool, Work

log = logging.getLogger("taskora.worker")
_STUCK_AFTER_S = 0.5  # a thread that was interrupted so long ago is in code that cannot be interrupted
_ASK_AGAIN_S = 1.0
_DEFER_MS = 5000
_LONGEST_TRACE = 16_384


class _TooNew(Exception):  # noqa: N818 - never leaves this file
    """The payload is for a newer worker."""


@dataclass(slots=True)
class Execution:
    """Runs jobs on the running loop, sync handlers in threads.

    Attributes:
        cancel_grace_s: Time between a signal and the interruption of the handler.
    """

    threads: ThreadPool
    host: Host
    cancel_grace_s: float

    async def outcome(self, run: Run) -> Settled | None:
        """Run a job. None when its outcome must not be written: its lock was lost."""
        timer = self._start_timer(run)
        data: object = None
        try:
            data = self._payload(run)
            value = await self._call(run, data)
            result = Settled(run.job, "complete", run.task.encode_result(value))
        except asyncio.CancelledError as error:
            result = self._failed(run, error) if run.aborted is None else self._interrupted(run, error)
        except _TooNew:
            result = Settled(run.job, "defer", delay_ms=_DEFER_MS)
        except Exception as error:  # noqa: BLE001 - the user's code; written and logged
            result = self._failed(run, error) if run.aborted is None else self._interrupted(run, error)
        except Interrupted as error:
            result = self._interrupted(run, error)
        finally:
            if timer is not None:
                timer.cancel()
        if run.aborted == "lost":
            return None
        if run.aborted == "cancelled":
            await self._clean_up(run, data)
            return Settled(run.job, "cancel")
        return result

    def abort_after_grace(self, run: Run) -> None:
        """Interrupt a run whose signal has fired, unless it ends by itself within the grace."""
        asyncio.get_running_loop().call_later(self.cancel_grace_s, self._interrupt, run)

    def _start_timer(self, run: Run) -> asyncio.TimerHandle | None:
        timeout_s = run.task.options.timeout_s
        if timeout_s is None:
            return None
        return asyncio.get_running_loop().call_later(timeout_s, self._time_is_over, run)

    def _time_is_over(self, run: Run) -> None:
        if run.abort("timeout"):
            self.abort_after_grace(run)

    def _interrupt(self, run: Run) -> None:
        atask = run.atask
        if atask is None or atask.done():
            return
        if run.interrupt is not None:
            run.interrupt()
        else:
            atask.cancel()
            # A handler may swallow it; ask again until it has ended.
            asyncio.get_running_loop().call_later(_ASK_AGAIN_S, self._interrupt, run)

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
        return run.task.decode_input(job.data)

    async def _call(self, run: Run, data: object) -> object:
        context = run.context if run.task.wants_context else None
        if run.task.is_async:
            return await cast("Awaitable[object]", run.task.call(data, context))
        call = run.task.call
        work = self.threads.submit(lambda: call(data, context))
        run.interrupt = lambda: self._interrupt_thread(run, work)
        try:
            return await work.done
        finally:
            run.interrupt = None

    def _interrupt_thread(self, run: Run, work: Work) -> None:
        self.threads.interrupt(work)
        asyncio.get_running_loop().call_later(_STUCK_AFTER_S, self._give_thread_up, run, work)

    def _give_thread_up(self, run: Run, work: Work) -> None:
        if work.done.done():
            return
        # The job must not wait for the thread; what the handler still returns is ignored.
        work.done.set_exception(Interrupted())
        if run.aborted != "shutdown" and not self.host.thread_stuck(run.job.task, run.job.job_id):
            self.threads.abandon(work)

    async def _clean_up(self, run: Run, data: object) -> None:
        hook = run.task.on_cancel
        if hook is None:
            return
        context = run.context
        try:
            if inspect.iscoroutinefunction(hook):
                await cast("Awaitable[object]", hook(data, context))
            else:
                await self.threads.submit(lambda: hook(data, context)).done
        except (Exception, Interrupted):
            log.exception("task %r job %s: on_cancel failed", run.job.task, run.job.job_id, extra={"action": "cancel"})

    def _interrupted(self, run: Run, error: BaseException) -> Settled:
        """The run was told to stop and did so with an error."""
        if run.aborted == "shutdown":
            return Settled(run.job, "return")
        if run.aborted == "timeout":
            timeout = self._timeout(run)
            timeout.__cause__ = error if isinstance(error, Exception) else None
            return self._failed(run, timeout)
        return Settled(run.job, "cancel")

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
        message = (str(error) or type(error).__name__).encode(errors="replace")
        trace = "".join(traceback.format_exception(error))[-_LONGEST_TRACE:]
        trace = trace.encode(errors="replace").decode()
        if delay_s is None:
            return Settled(job, "fail", message, 0, type(error).__name__, trace)
        return Settled(job, "retry", message, max(0, round(delay_s * 1000)), type(error).__name__, trace)
