"""The application: where tasks are defined, and what runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from taskora.adapters.opening import open_adapter
from taskora.adapters.protocol import Adapter
from taskora.call import on_running_loop, refuse_on_loop
from taskora.collecting import CollectTask
from taskora.config import Defaults, Retention, Schedule, SchedulerConfig, check_count, check_flag, check_instance
from taskora.contracts import AnyContract, CollectContract, TaskContract
from taskora.defining import TaskDefiner
from taskora.definition import caller_names, define, options_of
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError
from taskora.function_task import AnyTask, FunctionTask
from taskora.housekeeping import Housekeeper
from taskora.implementing import Contracts, Implement
from taskora.keys import check_schedule_name, check_task_name, check_workflow_id
from taskora.listening import Listening, OnApp
from taskora.middleware import Middleware, check_middleware
from taskora.outbox import Outbox
from taskora.payloads import check_serializer
from taskora.protocols import WorkflowEngine
from taskora.quoting import quoted
from taskora.running import Running
from taskora.schedules import Schedules, check_schedule
from taskora.schema import ANY
from taskora.serializer import JSON, Serializer
from taskora.service import Service, worker_settings
from taskora.settings import TaskSettings
from taskora.task import Task
from taskora.waiting import Waiting
from taskora.worker import Alone, Host
from taskora.workflow_engine import StoredWorkflows
from taskora.workflows import WorkflowHandle

if TYPE_CHECKING:
    from taskora.dead_letters import DeadLetters
    from taskora.inspector import Inspector
    from taskora.supervising import Supervisors

In = TypeVar("In")
Item = TypeVar("Item")
Out = TypeVar("Out")
Own = TypeVar("Own", bound=AnyTask)
_NO_DEFAULTS = Defaults()


class Taskora:
    """An application: its tasks and where their jobs are kept. Connections are made when first used.

    Args:
        adapter: An adapter, or a URL: ``redis://``, ``rediss://``, each also with ``+sentinel`` or ``+cluster``,
            ``unix://``, ``embedded://PATH``, or ``memory://``, which is private to this application and ends with it.
            None takes ``$TASKORA_URL``, else the embedded server with its data in ``.taskora/`` of the project.
        prefix: Text that sets the keys apart from those of others on the same server.
        serializer: Writes payloads and results. Defaults to JSON.
        defaults: What tasks take when they say nothing.
        retention: What is kept of ended jobs and workflows; None for ``Retention()``.
        scheduler: The leader that dispatches schedules and keeps house; None for ``SchedulerConfig()``.
        validate_on_dispatch: Check payloads against their types before they are stored. Defaults to True.
        max_payload: Largest payload, result and batch in bytes. Defaults to 8 MiB.

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
        max_payload: int = 8 * 1024 * 1024,
    ) -> None:
        check_count(max_payload, "max_payload")
        check_flag(validate_on_dispatch, "validate_on_dispatch")
        self.serializer: Serializer = check_serializer(serializer)
        self.defaults: Defaults = check_instance(defaults, Defaults, "defaults")
        self.retention: Retention = (
            Retention() if retention is None else check_instance(retention, Retention, "retention")
        )
        self.scheduler: SchedulerConfig = (
            SchedulerConfig() if scheduler is None else check_instance(scheduler, SchedulerConfig, "scheduler")
        )
        self.adapter: Adapter = open_adapter(adapter, prefix)
        self.validate_on_dispatch = validate_on_dispatch
        self.max_payload = max_payload
        self.outbox: Outbox = Outbox(self.adapter)
        self.waiting: Waiting = Waiting(self.adapter)
        self.listening: Listening = Listening(
            self.adapter.events,
            lambda: (*self._tasks, *self._contracts.registered),
            lambda name: self.find_task(name).decode_result,
        )
        self.workflow_engine: WorkflowEngine = StoredWorkflows(self)
        self.middleware: tuple[Middleware, ...] = ()
        self._tasks: dict[str, AnyTask] = {}
        self._contracts = Contracts(self, self._define)
        self._schedules: dict[str, tuple[str, Schedule]] = {}
        self._running = Running(self)

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
        check_task_name(name)
        known = self._tasks.get(name) or self._contracts.registered.get(name)
        if known is not None:
            return known
        return Task(self, name, options_of({}, self.defaults, self.retention), (ANY, ANY))

    # Defining

    @property
    def task(self) -> TaskDefiner:
        """Define a task: as ``@taskora.task``, ``@taskora.task("name", retry=…)`` or ``taskora.task("name", fn)``.

        The handler is ``async def`` or ``def``, and takes the payload, the payload and the context, or nothing. A plain
        ``def`` runs in a thread. Without a name the function's is taken: ``resize_image_task`` is ``resize-image``.
        Options are those of ``TaskSettings``, and ``collect`` for handlers that take batches. Calling it raises
        ``ConfigError`` when a name is taken or not allowed, an option is wrong, or an annotation cannot be used.
        """
        return TaskDefiner(self._define)

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
        if check_schedule_name(name) in self._schedules:
            raise ConfigError(f"name: there is already a schedule {name!r}")
        target = check_task_name(task.name if isinstance(task, Task) else task, "task")
        schedule = Schedule(every=every, cron=cron, timezone=timezone, overlap=overlap, on_missed=on_missed, data=data)
        check_schedule(schedule, task if isinstance(task, Task) else self._tasks.get(task))
        self._schedules[name] = (target, schedule)

    def _define(self, name: str | None, handler: Callable[..., object], settings: TaskSettings) -> AnyTask:
        task = define(self, name, handler, settings, caller_names())
        self._add(task)
        return task

    def adopt(self, task: Own, /) -> Own:
        """Run a task of another application in this one too, with its handler, options, schedule and all middleware.

        Returns:
            The task of this application. What the handler dispatches by itself still goes where it went.

        Raises:
            ConfigError: The name is taken here, or this process already works.
        """
        if not isinstance(task, FunctionTask):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
            raise ConfigError(f"task: expected one that has its handler in this process, got {quoted(task)}")
        twin = task.moved_to(self)
        self._add(twin)
        return twin

    def _add(self, task: AnyTask) -> None:
        if task.name in self._tasks:
            raise ConfigError(f"name: there is already a task {task.name!r}; give one of them another name")
        if self._running.service is not None:
            raise ConfigError(f"task {task.name!r}: this process already works; define tasks before start()")
        if task.options.schedule is not None:
            check_schedule(task.options.schedule, task)
        self._contracts.follow(task)
        self._tasks[task.name] = task
        if task.options.schedule is not None:
            self._schedules[task.name] = (task.name, task.options.schedule)

    @overload
    def register(self, contract: CollectContract[Item, Out], /) -> CollectTask[Item, Out]: ...
    @overload
    def register(self, contract: TaskContract[In, Out], /) -> Task[In, Out]: ...
    def register(self, contract: AnyContract, /) -> Task[Any, Any]:
        """Make a task of a contract that other processes run: it dispatches, composes and waits, and has no handler.

        Returns:
            The task; the same one each time. ``implement``, called later, makes it run here as well.

        Raises:
            ConfigError: There is a different contract of that name, or a task of that name that gathers otherwise.
        """
        return self._contracts.register(contract)

    @property
    def implement(self) -> Implement:
        """Give a contract its handler: ``@taskora.implement(contract)``, or ``taskora.implement(contract, handler)``.

        Options are those of ``HandlerSettings``. One that is given here counts more than the contract's, and that more
        than the application's default. The handler's annotations, where it has any, must agree with the contract.
        Calling it raises ``ConfigError`` when they do not, or when the contract is implemented already.
        """
        return Implement(self._contracts)

    def check_runnable(self) -> None:
        """Refuse to work where there are only contracts of others; for supervisors.

        Raises:
            ConfigError: Contracts were registered, and no task has a handler.
        """
        self._contracts.check_runnable()

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
        if self._running.service is not None:
            raise ConfigError(f"use: this process already works; give {quoted(middleware)} before start()")
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
            ConfigError: It works already, or has nothing but contracts of others.
            AdapterError: See ``connect``.
        """
        self.check_runnable()
        await self._running.start(self.service(Alone(self._running.ended), self.housekeeper()))

    def run(self, *, drain_timeout: Duration = 30) -> None:
        """Work until SIGTERM or SIGINT, then drain: the whole of a single-process worker.

        Args:
            drain_timeout: How long running jobs may go on; what does not end is given back. A second signal ends the
                wait at once.

        Raises:
            TaskoraError: The worker could not go on; the log says why.
            AdapterError: The server cannot be reached, or stores another layout.
        """
        from taskora.standalone import run_until_signal

        if on_running_loop():
            raise RuntimeError("run() would block the running event loop; use: await start(), then await close_async()")
        run_until_signal(self, to_seconds(drain_timeout, "drain_timeout"), self._running.ended)

    async def close_async(self, timeout: Duration | None = 30, *, interrupt: asyncio.Event | None = None) -> None:
        """Stop working and close every connection of this loop.

        Args:
            timeout: How long running jobs may go on; what does not end is given back. None: for ever.
            interrupt: Ends that time early when set.

        Raises:
            ConfigError: It works on another event loop, which alone can stop it; or the timeout is no duration.
        """
        await self._running.close(None if timeout is None else to_seconds(timeout, "timeout"), interrupt)

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
        settings = worker_settings(self.defaults, hang_timeout_s, self.max_payload)
        chosen = self._tasks if tasks is None else tasks
        return Service(self.adapter, chosen, settings, host, self.outbox.pending, housekeeper, self.listening)

    def housekeeper(self, token: str | None = None) -> Housekeeper:
        """Compose what leads and keeps house; for supervisors. Nothing is started."""
        options = {name: task.options for name, task in self._tasks.items()}
        return Housekeeper(
            self.adapter, options, self._schedules, self.scheduler, self.retention, serializer=self.serializer,
            token=token,
        )  # fmt: skip

    # Workflows and schedules

    def workflow(self, workflow_id: str) -> WorkflowHandle[object]:
        """Return the handle of a workflow that exists; its result is plain JSON.

        Raises:
            ConfigError: This cannot be the id of a workflow.
        """
        return WorkflowHandle(self.workflow_engine, check_workflow_id(workflow_id))

    @property
    def schedules(self) -> Schedules:
        """The stored schedules: list, pause, resume, update, remove, trigger."""
        known = {name: task.options for name, task in self._tasks.items()}
        return Schedules(self.adapter, known, lambda task, job_id: self.find_task(task).handle(job_id), self.serializer)

    @property
    def dead_letters(self) -> DeadLetters:
        """The failed jobs: list, group, retry."""
        # Here and below: what looks at everything takes a worker that never does so a third of a megabyte.
        from taskora.dead_letters import DeadLetters

        return DeadLetters(self.adapter, self.inspect())

    @property
    def supervisors(self) -> Supervisors:
        """The supervisors that run: recycle their workers, scale and drain them; ``inspect()`` lists them."""
        from taskora.supervising import Supervisors

        return Supervisors(self.adapter)

    def inspect(self) -> Inspector:
        """Look at what is stored: jobs by state, counts, workflows, workers, throughput."""
        from taskora.inspector import Inspector

        return Inspector(self.adapter, {**self._contracts.registered, **self._tasks}, self.serializer)
