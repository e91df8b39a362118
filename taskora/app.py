"""The application: where tasks are defined, and what runs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from taskora.adapters.memory import memory_adapter
from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import redis_adapter
from taskora.call import Call, on_running_loop, refuse_on_loop
from taskora.collecting import CollectDecorator
from taskora.config import Defaults, Retention, Schedule, SchedulerConfig, check_count
from taskora.context import Context
from taskora.contracts import TaskContract
from taskora.dead_letters import DeadLetters
from taskora.definition import CollectSettings, TaskDecorator, TaskSettings, caller_names, define, options_of
from taskora.duration import Duration, to_ms, to_seconds
from taskora.errors import ConfigError, JobNotFoundError
from taskora.flow_control import Collect
from taskora.housekeeping import Housekeeper
from taskora.implementing import Contracts, Implement
from taskora.inspector import Inspector
from taskora.keys import check_task_name
from taskora.listening import Listening, OnApp
from taskora.middleware import Middleware, check_middleware
from taskora.model import Plan, WorkflowOutcome, WorkflowRecord
from taskora.outbox import Outbox, Parcel
from taskora.protocols import Confirmation
from taskora.schedules import Schedules, check_schedule
from taskora.schema import ANY
from taskora.serializer import JSON, Serializer
from taskora.service import Service
from taskora.task import FunctionTask, Task
from taskora.waiting import WaitCall, Waiting
from taskora.worker import Alone, Host, WorkerSettings
from taskora.workflows import WorkflowHandle

In = TypeVar("In")
Out = TypeVar("Out")
P = ParamSpec("P")
R = TypeVar("R")
AnyTask = FunctionTask[Any, Any, ..., Any]
_NO_DEFAULTS = Defaults()
_MEBIBYTE = 1024 * 1024


class Taskora:
    """An application: its tasks and where their jobs are kept. Connections are made when first used.

    Args:
        adapter: A URL (``redis://``, ``rediss://``, ``unix://``, ``embedded://PATH``, or ``memory://``, which is
            private to this application and ends with it) or an adapter. None takes ``$TASKORA_URL``, else the embedded
            server with its data in ``.taskora/`` of the project.
        prefix: Text that sets the keys apart from those of others on the same server.
        serializer: Writes payloads and results. Defaults to JSON.
        defaults: What tasks take when they say nothing.
        retention: What is kept of ended jobs and workflows.
        scheduler: The leader that dispatches schedules and keeps house.
        validate_on_dispatch: Check payloads against their types before they are stored.
        max_payload: Largest payload and result in bytes. Defaults to 8 MiB.

    Raises:
        ConfigError: An argument is wrong.
    """

    def __init__(
        self,
        adapter: str | Adapter | None = None,
        *,
        prefix: str | None = None,
        serializer: Serializer = JSON,
        defaults: Defaults = _NO_DEFAULTS,
        retention: Retention | None = None,
        scheduler: SchedulerConfig | None = None,
        validate_on_dispatch: bool = True,
        max_payload: int = 8 * _MEBIBYTE,
    ) -> None:
        check_count(max_payload, "max_payload")
        self.adapter = _adapter(adapter, prefix)
        self.serializer = serializer
        self.defaults = defaults
        self.retention = retention or Retention()
        self.scheduler = scheduler or SchedulerConfig()
        self.validate_on_dispatch = validate_on_dispatch
        self.max_payload = max_payload
        self.outbox = Outbox(self.adapter)
        self.waiting = Waiting(self.adapter)
        self.listening = Listening(
            self.adapter.events, lambda: self._tasks, lambda name: self.find_task(name).decode_result
        )
        self.middleware: tuple[Middleware, ...] = ()
        self._tasks: dict[str, AnyTask] = {}
        self._contracts = Contracts(self, self._define)
        self._schedules: dict[str, tuple[str, Schedule]] = {}
        self._service: Service | None = None
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Taskora {self.adapter.describe()}, {len(self._tasks)} tasks>"

    @property
    def tasks(self) -> Mapping[str, AnyTask]:
        """The tasks that are defined in this process, by name."""
        return self._tasks

    def find_task(self, name: str) -> Task[Any, Any]:
        """Return a task of this process, or one that other processes run, with payloads and results as plain JSON.

        Raises:
            ConfigError: This cannot name a task.
        """
        known = self._tasks.get(name) or self._contracts.registered.get(name)
        if known is not None:
            return known
        options = options_of({}, self.defaults, self.retention)
        return Task(self, check_task_name(name), options, ANY, ANY)

    # Defining

    @overload
    def task(
        self, handler: Callable[[In, Context], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[In, Out, [In, Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(
        self, handler: Callable[[In], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[In, Out, [In], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(
        self, handler: Callable[[], Coroutine[Any, Any, Out]], /
    ) -> FunctionTask[None, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(self, handler: Callable[[In, Context], Out], /) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def task(self, handler: Callable[[In], Out], /) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def task(self, handler: Callable[[], Out], /) -> FunctionTask[None, Out, [], Out]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[In, Context], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In, Context], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[In], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[], Coroutine[Any, Any, Out]], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[None, Out, [], Coroutine[Any, Any, Out]]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[In, Context], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In, Context], Out]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[In], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[In, Out, [In], Out]: ...
    @overload
    def task(
        self, name: str, handler: Callable[[], Out], **settings: Unpack[TaskSettings]
    ) -> FunctionTask[None, Out, [], Out]: ...
    @overload
    def task(
        self, name: str | None = None, /, *, collect: Collect[Any], **settings: Unpack[TaskSettings]
    ) -> CollectDecorator: ...
    @overload
    def task(self, name: str | None = None, /, **settings: Unpack[TaskSettings]) -> TaskDecorator: ...
    def task(
        self,
        name: str | Callable[..., object] | None = None,
        handler: Callable[..., object] | None = None,
        **settings: Unpack[CollectSettings],
    ) -> Any:
        """Define a task: as ``@taskora.task``, ``@taskora.task("name", retry=…)`` or ``taskora.task("name", fn)``.

        The handler is ``async def`` or ``def``, and takes the payload, the payload and the context, or nothing. A plain
        ``def`` runs in a thread. Without a name the function's is taken: ``resize_image_task`` is ``resize-image``.

        Args:
            name: The task's name, or the handler itself.
            handler: The handler, when this is not used as a decorator.
            **settings: See ``TaskSettings`` and, for batches, ``CollectSettings``.

        Raises:
            ConfigError: A name is taken or not allowed, an option is wrong, or an annotation cannot be used.
        """
        if callable(name):
            return self._define(None, name, settings)
        if handler is not None:
            return self._define(name, handler, settings)

        def decorate(function: Callable[..., object]) -> AnyTask:
            return self._define(name, function, settings)

        return decorate

    def schedule(
        self,
        name: str,
        *,
        task: str | Task[Any, Any],
        every: Duration | None = None,
        cron: str | None = None,
        timezone: str = "UTC",
        overlap: bool = False,
        on_missed: str = "skip",
        data: object = None,
    ) -> None:
        """Have a task dispatched by itself; stored when this process starts to work. See ``Schedule``.

        Raises:
            ConfigError: The name is taken, or an argument is wrong.
        """
        if name in self._schedules:
            raise ConfigError(f"name: there is already a schedule {name!r}")
        target = task if isinstance(task, str) else task.name
        schedule = Schedule(every=every, cron=cron, timezone=timezone, overlap=overlap, on_missed=on_missed, data=data)
        check_schedule(schedule)
        self._schedules[name] = (target, schedule)

    def _define(self, name: str | None, handler: Callable[..., object], settings: TaskSettings) -> AnyTask:
        names = caller_names()
        task = define(self, self.defaults, self.retention, name, handler, settings, names)
        self._add(task)
        return task

    def adopt(self, task: FunctionTask[In, Out, P, R], /) -> FunctionTask[In, Out, P, R]:
        """Run a task of another application in this one too, with its handler, options, schedule and all middleware.

        Returns:
            The task of this application. What the handler dispatches by itself still goes where it went.

        Raises:
            ConfigError: The name is taken here, or this process already works.
        """
        twin = task.moved_to(self)
        self._add(twin)
        return twin

    def _add(self, task: AnyTask) -> None:
        if task.name in self._tasks:
            raise ConfigError(f"name: there is already a task {task.name!r}; give one of them another name")
        if self._service is not None:
            raise ConfigError(f"task {task.name!r}: this process already works; define tasks before start()")
        self._tasks[task.name] = task
        self._contracts.follow(task)
        if task.options.schedule is not None:
            check_schedule(task.options.schedule)
            self._schedules[task.name] = (task.name, task.options.schedule)

    def register(self, contract: TaskContract[In, Out], /) -> Task[In, Out]:
        """Make a task of a contract that other processes run: it dispatches, composes and waits, and has no handler.

        Returns:
            The task; the same one each time. ``implement``, called later, makes it run here as well.

        Raises:
            ConfigError: There is a different contract of that name.
        """
        return self._contracts.register(contract)

    @property
    def implement(self) -> Implement:
        """Give a contract its handler: ``@taskora.implement(contract)``, or ``taskora.implement(contract, handler)``.

        Options are those of ``task`` without the types. One that is given here counts more than the contract's, and
        that more than the application's default. The handler's annotations, where it has any, must agree with the
        contract. Calling it raises ``ConfigError`` when they do not, or when the contract is implemented already.
        """
        return Implement(self._contracts)

    def use(self, middleware: Middleware, /) -> Middleware:
        """Have a middleware run around every handler, outside of those that tasks have of their own.

        ``@taskora.use`` over ``async def timing(ctx, next)``: it runs after the payload was read and checked, calls
        ``await next()`` to have the job done, and may read and change ``ctx.data`` before and ``ctx.result`` after.
        Several run in the order in which they were given, the first outermost.

        Returns:
            The middleware.

        Raises:
            ConfigError: It is no async function, or this process works already.
        """
        if self._service is not None:
            raise ConfigError(f"use: this process already works; give {middleware!r} before start()")
        self.middleware = (*self.middleware, check_middleware(middleware, "use"))
        return middleware

    @property
    def on(self) -> OnApp:
        """Listen to all tasks, ``@taskora.on("task:failed")``, or to the worker, ``taskora.on("worker:ready", fn)``."""
        return OnApp(self.listening)

    async def listen(self) -> None:
        """Tell this process's listeners of what happens from now on, without working: ``start`` does that too.

        Raises:
            AdapterError: See ``connect``.
        """
        await self.listening.start()

    # Working

    def connect(self) -> None:
        """Reach the server and agree on the stored layout; nothing is run.

        Raises:
            AdapterError: It cannot be reached, is too old, or stores another layout.
        """
        refuse_on_loop("connect")
        self.adapter.connect().run()

    async def connect_async(self) -> None:
        """See ``connect``."""
        await self.adapter.connect().run_async()

    async def start(self) -> None:
        """Run this process's tasks, schedules and a share of the housekeeping; returns when the first job can come.

        Raises:
            ConfigError: It runs already, or there is no task with a handler.
            AdapterError: See ``connect``.
        """
        if self._service is not None:
            raise ConfigError("start: this application already works in this process")
        self._contracts.check_runnable()
        service = self.service(Alone(), self.housekeeper())
        self._service = service
        try:
            await service.start()
        except BaseException:
            self._service = None
            await service.stop(0)
            raise

    def run(self, *, drain_timeout: Duration = 30) -> None:
        """Work until SIGTERM or SIGINT, then drain: the whole of a single-process worker.

        Args:
            drain_timeout: How long running jobs may go on; what does not end is given back. A second signal ends the
                wait at once.
        """
        from taskora.standalone import run_until_signal

        if on_running_loop():
            raise RuntimeError("run() would block the running event loop; use: await start(), then await close_async()")
        run_until_signal(self, to_seconds(drain_timeout, "drain_timeout"))

    async def close_async(self, timeout: Duration | None = 30, *, interrupt: asyncio.Event | None = None) -> None:
        """Stop working and close every connection of this loop.

        Args:
            timeout: How long running jobs may go on; what does not end is given back. None: for ever.
            interrupt: Ends that time early when set.
        """
        timeout_s = None if timeout is None else to_seconds(timeout, "timeout")
        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(self._close(timeout_s, interrupt), name="taskora-close")
        # Half closed would be the worst: whoever is cancelled here, a handler perhaps, does not stop it.
        await asyncio.shield(self._closing)

    async def _close(self, timeout_s: float | None, interrupt: asyncio.Event | None) -> None:
        service, self._service = self._service, None
        try:
            if service is not None:
                await service.stop(timeout_s, interrupt)
            pending = self.outbox.pending()
            if pending is not None:
                await pending
        finally:
            await self.listening.close_async()
            await self.waiting.close_async()
            await self.adapter.close_async()

    def close(self, timeout: Duration | None = 30) -> None:
        """Close every connection of plain code.

        Args:
            timeout: As for ``close_async``, which is what stops a worker.
        """
        refuse_on_loop("close")
        if timeout is not None:
            to_seconds(timeout, "timeout")
        self.waiting.close()
        self.adapter.close()

    def service(
        self,
        host: Host,
        housekeeper: Housekeeper | None,
        *,
        tasks: Mapping[str, AnyTask] | None = None,
        hang_timeout_s: float = 300.0,
    ) -> Service:
        """Compose what runs in a process that works; for supervisors. Nothing is started."""
        settings = WorkerSettings(
            lock_ttl_ms=to_ms(self.defaults.lock_ttl),
            cancel_grace_s=to_seconds(self.defaults.cancel_grace),
            hang_timeout_s=hang_timeout_s,
        )
        chosen = self._tasks if tasks is None else tasks
        return Service(self.adapter, chosen, settings, host, self.outbox.pending, housekeeper, self.listening)

    def housekeeper(self) -> Housekeeper:
        """Compose what leads and keeps house; for supervisors. Nothing is started."""
        options = {name: task.options for name, task in self._tasks.items()}
        return Housekeeper(
            self.adapter, options, self._schedules, self.scheduler, self.retention, serializer=self.serializer
        )

    # Workflows and schedules

    def workflow(self, workflow_id: str) -> WorkflowHandle[object]:
        """Return the handle of a workflow that exists; its result is plain JSON."""
        return WorkflowHandle(self, workflow_id)

    @property
    def schedules(self) -> Schedules:
        """The stored schedules: list, pause, resume, update, remove, trigger."""
        known = {name: task.options for name, task in self._tasks.items()}
        return Schedules(self.adapter, known, lambda task, job_id: self.find_task(task).handle(job_id), self.serializer)

    @property
    def dead_letters(self) -> DeadLetters:
        """The failed jobs: list, group, retry."""
        return DeadLetters(self.adapter, self.inspect())

    def inspect(self) -> Inspector:
        """Look at what is stored: jobs by state, counts, workflows, workers, throughput."""
        return Inspector(self.adapter, {**self._contracts.registered, **self._tasks}, self.serializer)

    def store_workflow(self, plan: Plan) -> Confirmation:
        """See ``WorkflowEngine``."""
        parcel = Parcel(call=self.adapter.workflows.create_workflow(plan))
        if on_running_loop():
            return self.outbox.put(parcel)
        self.adapter.workflows.create_workflow(plan).run()
        parcel.deliver([True])
        return parcel

    def wait_workflow(self, workflow_id: str, timeout_s: float | None) -> Call[WorkflowOutcome]:
        """See ``WorkflowEngine``."""
        return WaitCall(
            self.waiting,
            lambda waiter: waiter.workflow(workflow_id),
            timeout_s,
            f"workflow {workflow_id}",
            lambda: JobNotFoundError(
                f"there is no workflow {workflow_id}: it never existed, or retention removed it", job_id=workflow_id
            ),
        )

    def read_workflow(self, workflow_id: str) -> Call[WorkflowRecord | None]:
        """See ``WorkflowEngine``."""
        return self.adapter.workflows.workflow(workflow_id)

    def workflow_outcome(self, workflow_id: str) -> Call[WorkflowOutcome | None]:
        """See ``WorkflowEngine``."""
        return self.adapter.workflows.workflow_outcome(workflow_id)

    def cancel_workflow(self, workflow_id: str, reason: str) -> Call[bool]:
        """See ``WorkflowEngine``."""
        return self.adapter.workflows.cancel_workflow(workflow_id, reason)


def _adapter(given: str | Adapter | None, prefix: str | None) -> Adapter:
    if given is None:
        given = os.environ.get("TASKORA_URL") or "embedded://"
    if isinstance(given, str):
        if given.startswith("memory:"):
            if given != "memory://":
                raise ConfigError(
                    f"adapter: {given!r} names a memory, but each application has its own: write memory://, or give "
                    "the same memory_adapter() to those that are to share one"
                )
            return memory_adapter(prefix=prefix or "")
        return redis_adapter(given, prefix=prefix or "")
    if prefix is not None:
        raise ConfigError("prefix: an adapter has its own; give it there")
    return given
