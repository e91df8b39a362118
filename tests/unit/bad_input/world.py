"""An application in memory with one of everything, and a second one whose parts do not belong to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import taskora
import taskora.board
import taskora.testing
from taskora import Collect, Context, Job, Schedule, Taskora, define_task, memory_adapter
from taskora.adapters.memory import MemoryAdapter
from taskora.adapters.protocol import Adapter
from unit.bad_input.surface import Member


@dataclass(frozen=True, slots=True)
class Of:
    """A value that is taken from the world when it is needed."""

    take: Callable[["World"], object]


class World:
    """Has nothing stored, so that whatever is written by a call that was refused shows."""

    def __init__(self, adapter: Adapter | None = None) -> None:
        self.adapter: MemoryAdapter = memory_adapter()
        self.app = app = Taskora(self.adapter if adapter is None else adapter, max_payload=1000)
        self.other = Taskora(memory_adapter())

        @app.task("plus")
        async def plus(n: int) -> int:
            return n + 1

        @app.task("any")
        def anything(value: object, ctx: Context) -> object:
            return value

        @app.task("rows", collect=Collect("all", delay=1))
        def rows(rows: list[int]) -> None: ...

        @self.other.task("stranger")
        def stranger(n: int) -> int:
            return n

        self.plus, self.anything, self.rows, self.stranger = plus, anything, rows, stranger
        self.contract = define_task("agreed", input=int, output=int)
        self.registered = app.register(self.contract)
        self._runner: taskora.testing.TestRunner | None = None

    @property
    def runner(self) -> taskora.testing.TestRunner:
        """A runner of the application; its memory takes the place of the adapter's."""
        if self._runner is None:
            self._runner = taskora.testing.create_test_runner(from_app=self.app)
        return self._runner

    def owner(self, name: str) -> Any:
        """An object of a public class."""
        owners: dict[str, Callable[[], object]] = {
            "Taskora": lambda: self.app,
            "TaskDefiner": lambda: self.app.task,
            "Task": lambda: self.plus,
            "FunctionTask": lambda: self.plus,
            "CollectTask": lambda: self.rows,
            "ResultHandle": lambda: self.plus.handle("nobody"),
            "WorkflowHandle": lambda: self.app.workflow("nobody"),
            "Bound": lambda: self.plus.s(1),
            "Signature": self.plus.s,
            "Inspector": self.app.inspect,
            "DeadLetters": lambda: self.app.dead_letters,
            "Schedules": lambda: self.app.schedules,
            "Supervisors": lambda: self.app.supervisors,
            "OnApp": lambda: self.app.on,
            "OnTask": lambda: self.plus.on,
            "Implement": lambda: self.app.implement,
            "TestRunner": lambda: self.runner,
            "JsonSerializer": taskora.JsonSerializer,
            "Collect": lambda: Collect(_itself, delay=1),
            "Board": lambda: taskora.board.create_board(self.app),
        }
        return owners[name]()

    def function(self, target: str) -> Callable[..., Any]:
        """A public function, constructor or bound method."""
        owner, _, method = target.partition(".")
        if method:
            return getattr(self.owner(owner), method)  # type: ignore[no-any-return]
        modules = (taskora, taskora.testing, taskora.board)
        found: Callable[..., Any] = next(getattr(module, target) for module in modules if hasattr(module, target))
        return found

    def call(self, member: Member, arguments: dict[str, object], *, twin: bool = False) -> object:
        """Call it in plain code, or its twin on an event loop; a coroutine, and a handle there, is awaited."""
        if not twin:
            result = self.call_here(member, arguments)
            return asyncio.run(_awaited(result)) if asyncio.iscoroutine(result) else result

        async def live() -> object:
            return await _awaited(self.call_here(member, arguments, suffix="_async"))

        return asyncio.run(live())

    def call_here(self, member: Member, arguments: dict[str, object], suffix: str = "") -> object:
        """Call it here and now."""
        names = dict(arguments)
        positional = [names.pop(name) for name in POSITIONAL.get(member.name, ()) if name in names]
        return self.function(member.name + suffix)(*positional, **names)

    def stored(self) -> list[object]:
        """Everything that is kept."""
        if self._runner is not None and (self._runner.jobs or self._runner.steps):
            return [*self._runner.jobs, *self._runner.steps]
        adapter = self.adapter
        return [
            *adapter.task_names,
            *adapter.workflows.list_workflows(None, 0, 10).run(),
            *adapter.schedules.list().run(),
        ]

    def close(self) -> None:
        """End it."""
        if self._runner is not None:
            self._runner.dispose()
        self.app.close()
        self.other.close()


def _itself(item: str) -> str:
    return item


async def _awaited(value: Any) -> object:
    return await value if hasattr(value, "__await__") else value


# Parameters that cannot be named in a call.
POSITIONAL: dict[str, tuple[str, ...]] = {
    "chord": ("header", "callback"),
    "chain": ("steps",),
    "group": ("members",),
    "into": ("model", "step"),
    "Collect.rule_for": ("item",),
    "CollectTask.dispatch": ("item",),
    "CollectTask.dispatch_many": ("items",),
    "Task.dispatch": ("data",),
    "Task.dispatch_many": ("items",),
    "Task.s": ("data",),
    "Task.map": ("items",),
    "Task.chunk": ("items",),
    "Task.encode": ("data",),
    "Taskora.adopt": ("task",),
    "Taskora.register": ("contract",),
    "TaskDefiner.__call__": ("name",),
    "Taskora.use": ("middleware",),
    "Signature.pipe": ("then",),
    "Signature.__or__": ("then",),
    "Bound.pipe": ("then",),
    "Bound.__or__": ("then",),
    "Inspector.find": ("first", "second"),
    "DeadLetters.retry": ("first", "second"),
    "OnApp.__call__": ("event", "listener"),
    "OnTask.__call__": ("event", "listener"),
    "Implement.__call__": ("contract", "handler"),
    "TestRunner.run": ("task", "data"),
    "TestRunner.execute": ("task", "data"),
    "TestRunner.dispatch": ("task", "data"),
    "TestRunner.advance_time": ("duration",),
    "TestRunner.flush": ("task", "key"),
    "TestRunner.import_task": ("task",),
    "JsonSerializer.dumps": ("value",),
    "JsonSerializer.loads": ("data",),
}


def handler(n: int) -> int:
    """A good handler."""
    return n


def listener(event: object) -> None:
    """A good listener."""


def authenticate(name: str, password: str) -> None:
    """A good function that lets nobody in."""


# What the other parameters are given, so that one alone is wrong. "target.parameter" counts more than "parameter".
VALID: dict[str, object] = {
    "name": "report",
    "task": "plus",
    "Taskora.schedule.every": 60,
    "Collect.key": "all",
    "Collect.delay": 1,
    "Debounce.key": "k",
    "Debounce.delay": 1,
    "Deduplicate.key": "k",
    "Throttle.key": "k",
    "Throttle.max": 1,
    "Throttle.window": 1,
    "Ttl.max": 1,
    "Job.data": 1,
    "CollectTask.dispatch.item": 1,
    "CollectTask.dispatch_many.items": [1],
    "Task.dispatch.data": 1,
    "Task.dispatch_many.items": [1],
    "Task.chunk.items": [1],
    "Task.chunk.size": 2,
    "Task.handle.job_id": "j",
    "chord.header": Of(lambda world: [world.plus.s(1)]),
    "chord.callback": Of(lambda world: world.anything.s()),
    "into.model": int,
    "into.step": handler,
    "define_task.input": int,
    "define_task.output": int,
    "TaskContract.input": int,
    "TaskContract.output": int,
    "CollectContract.input": int,
    "CollectContract.output": int,
    "CollectContract.collect": Collect("k", delay=1),
    "redis_adapter.target": "redis://localhost",
    "Taskora.adapter": "memory://",
    "TaskDefiner.__call__.handler": handler,
    "Taskora.adopt.task": Of(lambda world: world.stranger),
    "Implement.__call__.contract": Of(lambda world: world.contract),
    "Implement.__call__.handler": handler,
    "Inspector.search.path": "user_id",
    "Inspector.search.value": 1,
    "Inspector.find.first": "plus",
    "Inspector.find.second": "j",
    "DeadLetters.retry.first": "plus",
    "DeadLetters.retry.second": "j",
    "DeadLetters.retry_group.fingerprint": "boom",
    "Inspector.clean.state": "failed",
    "Inspector.clean.before": datetime.now(UTC),
    "Inspector.workflow.workflow_id": "w",
    "supervisor_id": "nobody",
    "Supervisors.scale.procs": 2,
    "Supervisors.outcome.request_id": "01890000-0000-7000-8000-000000000000",
    "Inspector.peek_collect.key": "k",
    "Inspector.flush_collect.key": "k",
    "OnApp.__call__.event": "task:failed",
    "OnApp.__call__.listener": listener,
    "OnTask.__call__.event": "failed",
    "OnTask.__call__.listener": listener,
    "TestRunner.run.task": Of(lambda world: world.plus),
    "TestRunner.run.data": 1,
    "TestRunner.execute.task": Of(lambda world: world.plus),
    "TestRunner.execute.data": 1,
    "TestRunner.dispatch.task": Of(lambda world: world.plus),
    "TestRunner.dispatch.data": 1,
    "TestRunner.flush.task": Of(lambda world: world.rows),
    "TestRunner.import_task.task": Of(lambda world: world.stranger),
    "TestRunner.advance_time.duration": 1,
    "Schedule.every": 60,
    "create_board.app": Of(lambda world: world.app),
    "SessionLogin.cookie_password": "k" * 32,
    "SessionLogin.authenticate": authenticate,
    "User.name": "ada",
    "Task.dispatch_many.item": Job(1),
    "Schedule.data": Schedule(every=1),
    **{f"AuditEntry.{field}": "ada" for field in ("who", "role", "action")},
}


# What is given besides what must be.
GIVEN: dict[str, tuple[str, ...]] = {
    "Task.dispatch": ("data",),
    "TaskDefiner.__call__": ("handler",),
    "Implement.__call__": ("handler",),
    "Schedule": ("every",),
    "Taskora.schedule": ("every",),
    "Taskora": ("adapter",),
    "Inspector.find": ("second",),
    "DeadLetters.retry": ("second",),
    "TestRunner.run": ("data",),
    "TestRunner.execute": ("data",),
    "TestRunner.dispatch": ("data",),
}


def valid(target: str, parameter: str, world: World) -> object:
    """A good value for a parameter."""
    value = VALID[full] if (full := f"{target}.{parameter}") in VALID else VALID[parameter]
    return value.take(world) if isinstance(value, Of) else value
