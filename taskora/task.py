"""A task: a name with types and options, from which jobs are dispatched and workflows composed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Generic, Never, TypeAlias, TypeVar, Unpack, cast, overload

from taskora.call import Call, CallSteps, Composed, ask, mapped, on_running_loop
from taskora.config import MAX_PRIORITY, TaskOptions, check_count, check_flag
from taskora.duration import to_ms
from taskora.errors import ConfigError, SerializationError
from taskora.events import JobEvent
from taskora.flow_control import RuleOptions, ruling
from taskora.handle import Handles, ResultHandle, not_found
from taskora.home import TaskHome
from taskora.ids import new_id
from taskora.indexing import entries_of
from taskora.job import DispatchOptions, Job, JobOptions, check_items
from taskora.keys import check_job_id, check_limit_key
from taskora.listening import OnTask
from taskora.model import CancelOutcome, EnqueueSpec, JobInfo, LogEntry, NewJob, Outcome
from taskora.outbox import Parcel
from taskora.payloads import dump, load, shown
from taskora.protocols import WorkflowEngine
from taskora.quoting import quoted
from taskora.ruled import dispatch_ruled, followed, wait_followed
from taskora.schema import ANY, Schema
from taskora.serializer import JSON
from taskora.tracing import dispatch_traced
from taskora.waiting import WaitCall
from taskora.workflows import Bound, Signature, WorkflowHandle, bind, chunk_items, map_items, unbound

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
Schemas: TypeAlias = tuple[Schema[object], Schema[object]]
"""Of the payload, of the result."""
_NOT_GIVEN = object()
_NOT_OF_JOBS = frozenset({"skip_validation", *RuleOptions.__annotations__})


class Task(Generic[In, Out]):
    """What jobs are dispatched to. Made by ``Taskora.register``, and, with its handler, by ``Taskora.task``.

    ``Task[None, Out]`` is one whose handler takes no payload.

    Attributes:
        name: What jobs and keys call it.
        options: What it was told, with the application's defaults filled in.
        input_type: Declared type of the payload.
        output_type: Declared type of the result.
    """

    def __init__(self, home: TaskHome, name: str, options: TaskOptions, schemas: Schemas) -> None:
        self.name = name
        self._home = home
        self._told(options, schemas)

    def _told(self, options: TaskOptions, schemas: Schemas) -> None:
        self.options = options
        self._input, self._output = schemas
        self.input_type: object = self._input.type
        self.output_type: object = self._output.type
        self._spec = EnqueueSpec(options.version, options.retry.attempts)
        self._ttl_ms = 0 if options.ttl is None else to_ms(options.ttl.max)

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    def follow(self, other: Task[In, Out]) -> None:
        """Take over options and types of the same task, where this process defines it after it registered it."""
        self._told(other.options, (other._input, other._output))

    # Dispatching

    @overload
    def dispatch(self: Task[None, Out], /, **options: Unpack[DispatchOptions]) -> ResultHandle[Out]: ...
    @overload
    def dispatch(self, data: In, /, **options: Unpack[DispatchOptions]) -> ResultHandle[Out]: ...
    def dispatch(self, data: object = _NOT_GIVEN, /, **options: Unpack[DispatchOptions]) -> ResultHandle[Out]:
        """Have a job done.

        In plain code the job is stored on return. On a running event loop this returns at once; ``await`` the handle
        to know that the job is stored.

        Args:
            data: The payload: the declared type, or the plain JSON value that stands for it.
            **options: See ``DispatchOptions``.

        Raises:
            TypeError: The task takes a payload and got none, or there is no such option.
            ValidationError: The payload does not have the declared shape.
            SerializationError: It cannot be written as JSON, or is too large.
            ConfigError: An option is wrong.
            AdapterError: The server did not answer within 5 seconds, or refused; on an event loop from ``await``.
            ThrottledError: With ``raise_on_reject``, likewise: the throttle's window is full.
            DuplicateJobError: With ``raise_on_reject``, likewise: another job holds the key.
        """
        if data is _NOT_GIVEN:
            if self.input_type is not None:
                raise TypeError(f"task {self.name!r} takes a payload: dispatch(payload, ...)")
            data = None
        if isinstance(data, Job):
            raise ConfigError("data: Job(...) is for dispatch_many(); give those options to dispatch() itself")
        if options:
            rule = ruling(options)
            job = self._new_job(self._job(cast("In", data), options), options.get("skip_validation", False))
            if rule is not None:
                raises = options.get("raise_on_reject", False)
                return dispatch_ruled(self._home, self, self._spec, (job,), (rule,), raises=raises)[0]
        else:
            job = self._plain_job(data, False)
        if self._home.outbox.tracing is not None:
            return dispatch_traced(self._home, self._home.outbox.tracing.send, self, self._spec, (job,))[0]
        if on_running_loop():
            parcel = self._home.outbox.put(Parcel(self.name, self._spec, (job,)))
            return ResultHandle(self, job.job_id, stored=None, parcel=parcel)
        (stored,) = self._home.adapter.jobs.enqueue(self.name, self._spec, (job,)).run()
        return ResultHandle(self, job.job_id, stored=stored)

    def dispatch_many(self, items: Iterable[In | Job[In]], /, *, skip_validation: bool = False) -> Handles[Out]:
        """Have many jobs done, some hundred of them in one round trip.

        Args:
            items: Payloads, or ``Job(payload, …)`` for those with options.
            skip_validation: Serialize the payloads as they are.

        Returns:
            The handles, in order, as a list that can be awaited. An id that was taken does not affect the others.

        Raises:
            ValidationError: A payload does not have the declared shape; then none is stored.
            SerializationError: One cannot be written as JSON, or is too large; then none is stored.
            ConfigError: An option is wrong, or this is no list; likewise.
            AdapterError: See ``dispatch``.
        """
        given = check_items(items, self.name)
        if skip_validation is not False:
            check_flag(skip_validation, "skip_validation")
        jobs = [
            self._new_job(cast("Job[In]", item), skip_validation)
            if isinstance(item, Job)
            else self._plain_job(item, skip_validation)
            for item in given
        ]
        if not jobs:
            return Handles()
        if self._home.outbox.tracing is not None:
            return dispatch_traced(self._home, self._home.outbox.tracing.send, self, self._spec, jobs)
        if on_running_loop():
            parcel = self._home.outbox.put(Parcel(self.name, self._spec, jobs))
            return Handles(
                ResultHandle(self, job.job_id, stored=None, parcel=parcel, at=at) for at, job in enumerate(jobs)
            )
        flags = self._home.adapter.jobs.enqueue(self.name, self._spec, jobs).run()
        return Handles(ResultHandle(self, job.job_id, stored=stored) for job, stored in zip(jobs, flags, strict=True))

    def handle(self, job_id: str) -> ResultHandle[Out]:
        """Return the handle of a job that exists.

        Raises:
            ConfigError: This cannot be the id of a job.
        """
        return ResultHandle(self, check_job_id(job_id), stored=True)

    # Composing

    @overload
    def s(self: Task[None, Out], /) -> Bound[Out]: ...
    # mypy does not see that what takes more is the narrower signature.
    @overload
    def s(self: Task[list[T], Out], /) -> Signature[list[T] | tuple[T, ...], Out]: ...  # type: ignore[overload-overlap]
    @overload
    def s(self: Task[In, Out], /) -> Signature[In, Out]: ...
    @overload
    def s(self, data: In, /) -> Bound[Out]: ...
    def s(self, data: object = _NOT_GIVEN, /) -> Signature[Never, Out]:
        """Make a step of a workflow: with a payload it ignores what comes before, without one it receives it.

        Raises:
            ValidationError: The payload does not have the declared shape.
        """
        if data is not _NOT_GIVEN:
            return bind(self, data)
        return bind(self, None) if self.input_type is None else unbound(self)

    def map(self, items: Iterable[In], /) -> WorkflowHandle[list[Out]]:
        """Run a job for each item, all at the same time; the workflow's result is the list of their results."""
        return map_items(self, check_items(items, self.name)).dispatch()

    def chunk(self, items: Iterable[In], /, *, size: int) -> WorkflowHandle[list[Out]]:
        """Run a job for each item, ``size`` of them at a time; the result is one list in the items' order."""
        return chunk_items(self, check_items(items, self.name), size).dispatch()

    if not TYPE_CHECKING:
        # Type checkers are to find that a task has no such methods unless it collects; whoever has none is told here.

        def peek_collect(self, key: str) -> Never:
            """Refuse; see ``CollectTask``."""
            raise self._collects_nothing("peek_collect")

        async def peek_collect_async(self, key: str) -> Never:
            """Refuse; see ``CollectTask``."""
            raise self._collects_nothing("peek_collect_async")

        def inspect_collect(self, key: str) -> Never:
            """Refuse; see ``CollectTask``."""
            raise self._collects_nothing("inspect_collect")

        async def inspect_collect_async(self, key: str) -> Never:
            """Refuse; see ``CollectTask``."""
            raise self._collects_nothing("inspect_collect_async")

        def _collects_nothing(self, method: str) -> ConfigError:
            return ConfigError(
                f"{method}: task {self.name!r} does not collect, as far as this process knows; define it with "
                "collect=Collect(...), or register its contract, if that has one"
            )

    @property
    def on(self) -> OnTask:
        """Listen: ``@task.on("completed")``, or ``task.on("completed", fn)``, which returns an unsubscribe function."""
        return OnTask(self._home.listening, self.name)

    # What workflows, handles and workers ask for

    @property
    def engine(self) -> WorkflowEngine:
        """The application's."""
        return self._home.workflow_engine

    def encode(self, data: object, /) -> bytes:
        """Validate a payload and serialize it.

        Raises:
            ValidationError: It does not have the declared shape.
            SerializationError: It cannot be written, or is too large.
        """
        return self._write(data, self._home.validate_on_dispatch)

    def encode_result(self, value: object, /) -> bytes:
        """Check a result and serialize it. Raises ``ValidationError`` or ``SerializationError``."""
        return self._limited(value if self._output is ANY else self._output.encode(value), "result")

    def decode_result(self, raw: bytes, /) -> Out:
        """Read a stored result as the declared type. Raises ``ValidationError`` or ``SerializationError``."""
        if not raw:
            return cast("Out", None)
        return cast("Out", self._read(self._output, raw))

    def wait(self, job_id: str, timeout_s: float | None) -> Call[Outcome]:
        """Wait until a job ends."""
        return WaitCall(
            self._home.waiting,
            lambda waiter: wait_followed(self._home.adapter, waiter, self.name, job_id),
            timeout_s,
            f"job {job_id} of task {self.name!r}",
            lambda: not_found(self.name, job_id),
        )

    def read(self, job_id: str) -> Call[JobInfo]:
        """Read all of a job."""
        show = shown(self._home.serializer)
        adapter = self._home.adapter
        return mapped(followed(adapter, self.name, job_id, lambda at: adapter.jobs.job(self.name, at)), show)

    def read_outcome(self, job_id: str) -> Call[Outcome]:
        """Read how a job stands."""
        adapter = self._home.adapter
        return followed(adapter, self.name, job_id, lambda at: adapter.jobs.outcome(self.name, at))

    def read_progress(self, job_id: str) -> Call[object]:
        """Read a job's progress."""
        return self._of_existing(job_id, self._home.adapter.jobs.progress(self.name, job_id))

    def read_logs(self, job_id: str) -> Call[list[LogEntry]]:
        """Read a job's log."""
        return self._of_existing(job_id, self._home.adapter.jobs.logs(self.name, job_id))

    def _of_existing(self, job_id: str, call: Call[T]) -> Call[T]:
        """Tell a job that has nothing yet from one that is not there."""

        def steps() -> CallSteps[T]:
            read = yield from ask(call)
            if not read:
                yield from ask(self.read_outcome(job_id))
            return read

        return Composed(steps)

    def follow_job(self, job_id: str, stored: Callable[[], Awaitable[str]]) -> AsyncGenerator[JobEvent, None]:
        """Follow what happens to a job."""
        return self._home.listening.follow(self, job_id, stored)

    def cancel_job(self, job_id: str, reason: str) -> Call[CancelOutcome]:
        """Cancel a job."""
        return self._home.adapter.jobs.cancel(self.name, job_id, reason)

    def _write(self, data: object, validate: bool, schema: Schema[object] | None = None) -> bytes:
        schema = schema or self._input
        return self._limited(schema.encode(data) if validate and schema is not ANY else data, "payload")

    def _read(self, schema: Schema[object], raw: bytes) -> object:
        serializer = self._home.serializer
        # JSON text is read by the library of the declared type, where it has a reader of its own.
        return schema.decode_bytes(raw) if serializer is JSON else schema.decode(load(raw, serializer))

    def _limited(self, value: object, what: str) -> bytes:
        try:
            raw = dump(value, self._home.serializer)
        except SerializationError as error:
            raise SerializationError(f"task {self.name!r}: the {what}: {error}") from error
        if len(raw) > self._home.max_payload:
            raise SerializationError(
                f"task {self.name!r}: the {what} has {len(raw):,} bytes, max_payload is {self._home.max_payload:,}; "
                "keep large data elsewhere and pass a reference"
            )
        return raw

    def _plain_job(self, data: object, skip_validation: bool) -> NewJob:
        """Make a job without options, as most are."""
        written = self._write(data, self._home.validate_on_dispatch and not skip_validation)
        if self.options.index:
            return NewJob(new_id(), written, 0, 0, self._ttl_ms, indexed=self._indexed(written))
        return NewJob(new_id(), written, 0, 0, self._ttl_ms)

    def _new_job(self, job: Job[In], skip_validation: bool) -> NewJob:
        if skip_validation is not False:
            check_flag(skip_validation, "skip_validation")
        data = self._write(job.data, self._home.validate_on_dispatch and not skip_validation)
        key, limit = self._limit(job)
        check_count(job.priority, "priority", 0, MAX_PRIORITY)
        ttl_ms = self._ttl_ms if job.ttl is None else to_ms(job.ttl, "ttl")
        if job.ttl is not None and ttl_ms == 0:
            raise ConfigError(f"ttl: must be more than 0, got {quoted(job.ttl)}; None takes the task's")
        given = job.job_id is not None
        job_id = new_id() if job.job_id is None else check_job_id(job.job_id)
        delay_ms, indexed = to_ms(job.delay, "delay"), self._indexed(data)
        return NewJob(job_id, data, delay_ms, job.priority, ttl_ms, given, key, limit, indexed)

    def _indexed(self, data: bytes) -> tuple[str, ...]:
        return entries_of(self.options.index, data, self._home.serializer)

    def _limit(self, job: Job[In]) -> tuple[str, int]:
        """Return the job's concurrency key, empty for none, with its limit."""
        key, limit = job.concurrency_key, job.concurrency_limit
        if limit is not None:
            check_count(limit, "concurrency_limit", 0)
        if key is None:
            if limit is not None:
                raise ConfigError("concurrency_limit: it limits the jobs of a key; give concurrency_key too")
            return "", 0
        check_limit_key(key)
        return key, self.options.concurrency_limit or 1 if limit is None else limit

    def _job(self, data: In, options: DispatchOptions) -> Job[In]:
        settings = {name: value for name, value in options.items() if name not in _NOT_OF_JOBS}
        try:
            return Job(data, **cast("JobOptions", settings))
        except TypeError:
            unknown = sorted(settings.keys() - DispatchOptions.__annotations__.keys())
            known = ", ".join(DispatchOptions.__annotations__)
            given = ", ".join(unknown)
            raise TypeError(f"task {self.name!r}: dispatch has no option {given}; there are: {known}") from None
