"""The runner: what a test holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, cast, overload

from taskora.adapters.memory import ManualClock, MemoryAdapter, memory_adapter
from taskora.app import Taskora
from taskora.call import on_running_loop, refuse_on_loop
from taskora.clock import to_epoch_ms
from taskora.collecting import CollectTask
from taskora.config import check_instance
from taskora.duration import Duration, to_ms
from taskora.errors import ConfigError, ValidationError
from taskora.flow_control import check_key
from taskora.function_task import AnyTask, FunctionTask
from taskora.handle import ResultHandle
from taskora.job import DispatchOptions
from taskora.model import JobInfo, State
from taskora.outbox import Outbox
from taskora.payloads import shown
from taskora.quoting import quoted
from taskora.serializer import JSON, Serializer
from taskora.task import Task
from taskora.testing.direct import Direct
from taskora.testing.records import Execution, WorkflowStep
from taskora.testing.stage import Stage
from taskora.testing.waiting import WorkingWaiting

In = TypeVar("In")
Out = TypeVar("Out")
Item = TypeVar("Item")
Own = TypeVar("Own", bound=AnyTask)
T = TypeVar("T")
_NOT_GIVEN = object()
_ALL = 1_000_000


class TestRunner:
    """Runs an application's jobs in memory, when a test says so and in no time. Made by ``create_test_runner``.

    Handlers run by production's own worker, in the thread of the test, or beside its event loop in another one. Time
    is the ``clock``'s: delays, retries, timeouts, schedules, deadlines and ``asyncio.sleep`` pass at once. Nothing
    runs between two calls; waiting for a result, as by ``handle.result()``, works like ``execute``.

    Every method that waits has a twin for tests that are coroutines: ``x_async()``.

    Attributes:
        app: The application: define tasks with ``@runner.app.task``, or the one that was given.
        clock: The time. Moving it by itself, ``runner.clock.advance(ms)``, is time in which nobody works.
    """

    __test__ = False  # pytest takes whatever begins with Test

    def __init__(self, app: Taskora, adapter: MemoryAdapter, clock: ManualClock) -> None:
        self.app = app
        self.clock = clock
        self._adapter = adapter
        self._before = (app.adapter, app.outbox, app.waiting, app.listening)
        self._stage = Stage(app, adapter, clock)
        app.adapter, app.outbox = adapter, Outbox(adapter, app.outbox.tracing)
        app.waiting = self._waiting = WorkingWaiting(adapter, self._stage)
        app.listening = app.listening.moved_to(adapter.events)

    def __repr__(self) -> str:
        return f"<TestRunner of {self.app!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.dispose()

    # Running

    @overload
    def run(self, task: Task[None, Out], /) -> Out: ...
    @overload
    def run(self, task: Task[In, Out], data: In, /) -> Out: ...
    def run(self, task: Task[Any, Out], data: object = None, /) -> Out:
        """Run a handler as a job of it would be run, without a queue: validation, middleware, timeout, retries.

        What the handler dispatches waits for ``process_all``; its progress and logs are not kept.

        Raises:
            Exception: What the handler raised last.
            ValidationError: The payload, or the result, does not have the declared shape.
            TimeoutError: It ran longer than the task's timeout.
            ConfigError: The task has no handler.
        """
        refuse_on_loop("runner.run")
        return self._run(task, data)

    @overload
    async def run_async(self, task: Task[None, Out], /) -> Out: ...
    @overload
    async def run_async(self, task: Task[In, Out], data: In, /) -> Out: ...
    async def run_async(self, task: Task[Any, Out], data: object = None, /) -> Out:
        """See ``run``."""
        return await self._beside(lambda: self._run(task, data))

    def _run(self, task: Task[Any, Out], data: object) -> Out:
        own = self._own(task)
        raw = own.encode(data)
        return cast("Out", own.decode_result(Direct(self.app, self._adapter, self.clock).run(own, raw)))

    @overload
    def execute(self, task: Task[None, Out], /, **options: Unpack[DispatchOptions]) -> Execution[Out]: ...
    @overload
    def execute(
        self, task: CollectTask[Item, Out], data: Item, /, **options: Unpack[DispatchOptions]
    ) -> Execution[Out]: ...
    @overload
    def execute(self, task: Task[In, Out], data: In, /, **options: Unpack[DispatchOptions]) -> Execution[Out]: ...
    def execute(
        self, task: Task[Any, Out], data: object = None, /, **options: Unpack[DispatchOptions]
    ) -> Execution[Out]:
        """Dispatch a job and do what is due until it has ended, and with it whatever it had done.

        Time moves on to the job's retries, its delay, the end of a sleep. A payload that does not have the declared
        shape is a failed job, as it is when a producer that does not check has dispatched it.

        Args:
            task: Its task.
            data: Its payload.
            **options: Those of ``Task.dispatch``.

        Raises:
            ConfigError: An option is wrong, or the task has no handler.
            ThrottledError: The dispatch was throttled.
            TaskoraError: The job can never end.
        """
        refuse_on_loop("runner.execute")
        return self._finish(self._dispatch_unchecked(self._own(task), data, options))

    @overload
    async def execute_async(self, task: Task[None, Out], /, **options: Unpack[DispatchOptions]) -> Execution[Out]: ...
    @overload
    async def execute_async(
        self, task: CollectTask[Item, Out], data: Item, /, **options: Unpack[DispatchOptions]
    ) -> Execution[Out]: ...
    @overload
    async def execute_async(
        self, task: Task[In, Out], data: In, /, **options: Unpack[DispatchOptions]
    ) -> Execution[Out]: ...
    async def execute_async(
        self, task: Task[Any, Out], data: object = None, /, **options: Unpack[DispatchOptions]
    ) -> Execution[Out]:
        """See ``execute``."""
        handle = await self._dispatch_unchecked(self._own(task), data, options)
        return await self._beside(lambda: self._finish(handle))

    @overload
    def dispatch(self, task: Task[None, Out], /, **options: Unpack[DispatchOptions]) -> ResultHandle[Out]: ...
    @overload
    def dispatch(
        self, task: CollectTask[Item, Out], data: Item, /, **options: Unpack[DispatchOptions]
    ) -> ResultHandle[Out]: ...
    @overload
    def dispatch(self, task: Task[In, Out], data: In, /, **options: Unpack[DispatchOptions]) -> ResultHandle[Out]: ...
    def dispatch(
        self, task: Task[Any, Out], data: object = None, /, **options: Unpack[DispatchOptions]
    ) -> ResultHandle[Out]:
        """Dispatch a job, as ``Task.dispatch`` does; it runs when the test has work done.

        Raises:
            Exception: See ``Task.dispatch``.
            ConfigError: The task has no handler.
        """
        return cast("ResultHandle[Out]", self._own(task).dispatch(data, **options))

    def process_all(self) -> int:
        """Do all that is due, and what follows from it, until nothing runs.

        Time stands still, but for handlers that sleep.

        Returns:
            How often a handler ran.
        """
        refuse_on_loop("runner.process_all")
        return self._stage.process_all()

    async def process_all_async(self) -> int:
        """See ``process_all``."""
        return await self._beside(self._stage.process_all)

    def advance_time(self, duration: Duration, /) -> None:
        """Let time pass: what is due now is done, then the clock goes to the next due time, and so on to the end.

        A handler that sleeps beyond the end goes on the next time.

        Args:
            duration: How much time.
        """
        refuse_on_loop("runner.advance_time")
        self._stage.advance(to_ms(duration, "duration"))

    async def advance_time_async(self, duration: Duration, /) -> None:
        """See ``advance_time``."""
        await self._beside(lambda: self._stage.advance(to_ms(duration, "duration")))

    def flush(self, task: Task[Any, Any], key: str | None = None, /) -> int:
        """Have what is collected be a batch now, and do all that is due.

        Args:
            task: A task that collects.
            key: Whose buffer; None for all of the task.

        Returns:
            See ``process_all``.
        """
        refuse_on_loop("runner.flush")
        return self._flush(task, key)

    async def flush_async(self, task: Task[Any, Any], key: str | None = None, /) -> int:
        """See ``flush``."""
        return await self._beside(lambda: self._flush(task, key))

    def _flush(self, task: Task[Any, Any], key: str | None) -> int:
        _check_task(task)
        if not isinstance(task, CollectTask):
            raise ConfigError(f"flush: task {task.name!r} does not collect")
        if key is not None:
            check_key(key, "key")
        self._adapter.hasten_batches(task.name, key)
        return self._stage.process_all()

    # Looking

    @property
    def jobs(self) -> list[JobInfo]:
        """All jobs, in whatever state, the oldest first. None is removed before ``clear``."""
        show, store = shown(self.app.serializer), self._adapter.jobs
        listed = [
            store.job(task, job.id).run()  # lists leave the logs out
            for task in self._adapter.task_names
            for state in State
            for job in store.jobs(task, state, 0, _ALL).run()
        ]
        found = [show(job) for job in listed if job is not None]
        return sorted(found, key=lambda job: (job.timestamp, job.id))

    @property
    def steps(self) -> list[WorkflowStep]:
        """The nodes of all workflows, those of the oldest workflow first."""
        summaries = self._adapter.workflows.list_workflows(None, 0, _ALL).run()
        records = [self._adapter.workflows.workflow(summary.id).run() for summary in reversed(summaries)]
        return [
            WorkflowStep(record.id, node.index, node.task, node.state, node.job_id)
            for record in records
            if record is not None
            for node in record.nodes
        ]

    # Setting up and clearing away

    def import_task(self, task: Own, /) -> Own:
        """Have a task of another application be run here, with its options and middleware.

        What its handler dispatches by itself still goes to its own application: ``create_test_runner(from_app=…)`` is
        for those.

        Returns:
            The task of ``app``. The runner's methods take the original as well.

        Raises:
            ConfigError: ``app`` has a task of that name.
        """
        return self.app.adopt(task)

    def clear(self) -> None:
        """Forget all jobs, workflows and stored schedules; tasks stay. What runs is cancelled."""
        self._apart(self._clear)

    async def clear_async(self) -> None:
        """See ``clear``."""
        await self._beside(self._clear)

    def _clear(self) -> None:
        self._stage.close()
        self._waiting.close()
        self._adapter.vitals.erase().run()

    def dispose(self) -> None:
        """End it, and give an application that was given its own adapter back. A second time it does nothing.

        Raises:
            ConfigError: Another runner has taken the application since; dispose of that one first.
        """
        if self._stage.ended:
            return
        if self.app.adapter is not self._adapter:
            raise ConfigError("dispose: another runner was made of this application since; dispose of that one first")
        self._stage.ended = True
        self._apart(self._clear)
        self.app.adapter, self.app.outbox, self.app.waiting, self.app.listening = self._before

    async def dispose_async(self) -> None:
        """See ``dispose``."""
        await self._unsent()
        await asyncio.to_thread(self.dispose)

    def _own(self, task: Task[Any, Any]) -> AnyTask:
        """Return the task of this application for one that may be another's."""
        self._stage.check()
        _check_task(task)
        own = self.app.tasks.get(task.name)
        other = cast("AnyTask", task) if isinstance(task, FunctionTask) else None
        if own is not None:
            if other is not None and other.handler is not own.handler:
                raise ConfigError(
                    f"task {task.name!r}: the runner has another task of that name; give it one of the two"
                )
            return own
        if other is None:
            raise ConfigError(f"task {task.name!r} has no handler here; implement its contract in runner.app")
        return self.app.adopt(other)

    @staticmethod
    def _dispatch_unchecked(task: AnyTask, data: object, options: DispatchOptions) -> ResultHandle[Any]:
        try:
            return task.dispatch(data, **options)
        except ValidationError:
            unchecked: DispatchOptions = {**options, "skip_validation": True}
            return task.dispatch(data, **unchecked)

    def _finish(self, handle: ResultHandle[Any]) -> Execution[Any]:
        task = self.app.tasks[handle.task]
        if handle.enqueued is False and handle.existing_id is None:
            handle.result()  # says why there is no job
        job_id = handle.batch_id or handle.existing_id or handle.id
        outcome = task.wait(job_id, None).run()
        self._stage.process_all()
        info = task.read(job_id).run()
        completed = outcome.state is State.COMPLETED
        return Execution(
            state=outcome.state,
            result=task.decode_result(outcome.result or b"") if completed else None,
            attempts=info.attempt,
            logs=info.logs,
            progress=info.progress,
            error=None if completed else info.error or info.cancel_reason,
            handle=handle,
        )

    async def _unsent(self) -> None:
        if (pending := self.app.outbox.pending()) is not None:
            await pending

    async def _beside(self, act: Callable[[], T]) -> T:
        """Do something in a thread, beside the test's event loop, once what the test dispatched is stored."""
        await self._unsent()
        return await asyncio.to_thread(act)

    @staticmethod
    def _apart(act: Callable[[], None]) -> None:
        """Do something that needs an event loop of its own, even where one runs."""
        if not on_running_loop():
            act()
            return
        with ThreadPoolExecutor(1) as pool:
            pool.submit(act).result()


def _check_task(task: object) -> None:
    if not isinstance(task, Task):
        raise ConfigError(f"task: expected a task, got {quoted(task)}")


def create_test_runner(
    *, from_app: Taskora | None = None, serializer: Serializer = JSON, now: datetime | None = None
) -> TestRunner:
    """Make a runner.

    Args:
        from_app: An application whose tasks are to be tested. Until the runner is disposed of, all that it and its
            tasks dispatch, wait for and read is in the runner's memory; its server is not connected to.
        serializer: Of the application that the runner makes. Defaults to JSON.
        now: What time it is, aware. Defaults to the system's.

    Raises:
        ConfigError: An argument is wrong.
    """
    if now is not None and check_instance(now, datetime, "now").tzinfo is None:
        raise ConfigError(f"now: {now!r} has no time zone; take datetime.now(UTC), for example")
    if from_app is not None:
        check_instance(from_app, Taskora, "from_app")
    clock = ManualClock(None if now is None else to_epoch_ms(now))
    adapter = memory_adapter(clock, prefix="test")  # erased as a whole, which takes one
    app = Taskora(adapter, serializer=serializer) if from_app is None else from_app
    return TestRunner(app, adapter, clock)
