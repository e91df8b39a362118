"""Tasks whose jobs are batches of what is dispatched."""

from __future__ import annotations

from collections.abc import Iterable
from types import GenericAlias
from typing import Any, Generic, Never, ParamSpec, TypeVar, cast, get_args, get_origin

from taskora.call import Call, mapped, refuse_on_loop
from taskora.config import TaskOptions, check_flag
from taskora.errors import ConfigError, SerializationError, ValidationError
from taskora.flow_control import Collect, check_key
from taskora.function_task import FunctionTask, Handler
from taskora.handle import Handles, ResultHandle
from taskora.home import TaskHome
from taskora.ids import new_id
from taskora.job import check_items
from taskora.model import NewJob
from taskora.payloads import writes_json
from taskora.ruled import dispatch_ruled
from taskora.rules import CollectBufferInfo
from taskora.schema import Schema
from taskora.serializer import JSON
from taskora.task import Schemas, Task

Item = TypeVar("Item")
Out = TypeVar("Out")
P = ParamSpec("P")
R = TypeVar("R")


class CollectTask(Task[list[Item], Out], Generic[Item, Out]):
    """A task whose handler is given a list of what was dispatched.

    Made by ``Taskora.register``, and, with its handler, by ``Taskora.task(collect=Collect(...))``.

    An item is in the buffer of its key or in exactly one batch. A handle stands for the item's batch: its result is
    the batch's, its ``batch_id`` the batch's job. ``task.handle(batch_id).cancel()`` cancels a batch that has not
    begun together with the items that are buffered for it. In a workflow a step's payload is a whole list.

    Attributes:
        collect: How what is dispatched is gathered.
        item_type: Declared type of an item; ``input_type`` is that of a batch.

    Raises:
        ConfigError: Something else that the task was told excludes ``collect``.
    """

    def __init__(
        self,
        home: TaskHome,
        name: str,
        options: TaskOptions,
        schemas: Schemas,
        collect: Collect[Item],
        item_schema: Schema[object],
    ) -> None:
        super().__init__(home, name, options, schemas)
        self._gathers(collect, item_schema)

    def _gathers(self, collect: Collect[Item], item_schema: Schema[object]) -> None:
        check_alone(self.options)
        serializer = self._home.serializer
        if serializer is not JSON and not writes_json(serializer):
            raise ConfigError(
                f"collect: task {self.name!r} needs a serializer that writes JSON, to join items of a batch; "
                f"{type(serializer).__name__} has no true attribute writes_json"
            )
        self.collect = collect
        self.item_type: object = item_schema.type
        self._item = item_schema

    def follow(self, other: Task[list[Item], Out]) -> None:
        """See ``Task``."""
        super().follow(other)
        if isinstance(other, CollectTask):
            same = cast("CollectTask[Item, Out]", other)
            self._gathers(same.collect, same._item)  # noqa: SLF001 - it is of this very class

    # A batch takes items: a job of it cannot be dispatched as a whole, as the base class would.
    def dispatch(self, item: Item, /, *, skip_validation: bool = False, **excluded: Never) -> ResultHandle[Out]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add an item to its batch.

        In plain code it is stored on return. On a running event loop this returns at once; ``await`` the handle.

        Args:
            item: What the handler gets in its list.
            skip_validation: Serialize it as it is.
            **excluded: No other option goes with ``collect``.

        Raises:
            ValidationError: The item does not have the declared shape.
            SerializationError: It cannot be written as JSON, or is too large.
            ConfigError: There are other options, or the function of the key gave none.
            AdapterError: The server did not answer within 5 seconds, or refused; on an event loop from ``await``.
        """
        if excluded:
            raise ConfigError(f"{min(excluded)}: it excludes collect, which task {self.name!r} has; leave it out")
        return self._push([item], skip_validation)[0]

    def dispatch_many(self, items: Iterable[Item], /, *, skip_validation: bool = False) -> Handles[Out]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Add items to their batches, in order, some hundred of them in one round trip.

        Raises:
            ValidationError: An item does not have the declared shape; then none is stored.
            SerializationError: One cannot be written as JSON, or is too large; then none is stored.
            AdapterError: See ``dispatch``.
        """
        return self._push(check_items(items, self.name), skip_validation)

    def peek_collect(self, key: str) -> list[Item]:
        """Read what waits for its batch, the oldest first, and leave it there; what cannot be read is left out.

        Raises:
            ConfigError: This cannot be a key.
        """
        refuse_on_loop("task.peek_collect")
        return self._peek(key).run()

    async def peek_collect_async(self, key: str) -> list[Item]:
        """See ``peek_collect``."""
        return await self._peek(key).run_async()

    def inspect_collect(self, key: str) -> CollectBufferInfo | None:
        """Count what waits for its batch; None when nothing does.

        Raises:
            ConfigError: This cannot be a key.
        """
        refuse_on_loop("task.inspect_collect")
        return self._inspect(key).run()

    async def inspect_collect_async(self, key: str) -> CollectBufferInfo | None:
        """See ``inspect_collect``."""
        return await self._inspect(key).run_async()

    def _push(self, items: list[Item], skip_validation: bool) -> Handles[Out]:
        check_flag(skip_validation, "skip_validation")
        validate = self._home.validate_on_dispatch and not skip_validation
        jobs = [NewJob(new_id(), self._write(item, validate, self._item)) for item in items]
        rules = [self.collect.rule_for(item, self._home.max_payload) for item in items]
        return dispatch_ruled(self._home, self, self._spec, jobs, rules) if jobs else Handles()

    def _peek(self, key: str) -> Call[list[Item]]:
        return mapped(self._home.adapter.rules.buffered(self.name, check_key(key, "key")), self._items)

    def _inspect(self, key: str) -> Call[CollectBufferInfo | None]:
        return self._home.adapter.rules.buffer_info(self.name, check_key(key, "key"))

    def _items(self, stored: list[bytes]) -> list[Item]:
        items: list[Item] = []
        for raw in stored:
            try:
                items.append(cast("Item", self._read(self._item, raw)))
            except (SerializationError, ValidationError):
                continue
        return items


class CollectFunctionTask(CollectTask[Item, Out], FunctionTask[list[Item], Out, P, R], Generic[Item, Out, P, R]):  # pyright: ignore[reportIncompatibleMethodOverride] - it is dispatched as the first says
    """A ``CollectTask`` with its handler in this process; see ``FunctionTask``."""

    def __init__(
        self,
        home: TaskHome,
        name: str,
        options: TaskOptions,
        schemas: Schemas,
        handler: Handler[P, R],
        collect: Collect[Item],
        item_schema: Schema[object],
    ) -> None:
        FunctionTask.__init__(self, home, name, options, schemas, handler)  # pyright: ignore[reportUnknownMemberType] - it has no type arguments at run time
        self._gathers(collect, item_schema)

    def _newer(self, older: object, version: int, where: str) -> object:
        """Bring a batch to the current version: the migrations are of items."""
        if not isinstance(older, list):
            return older
        bring = super()._newer
        return [bring(item, version, f"an item of {where}") for item in cast("list[object]", older)]


def check_alone(options: TaskOptions) -> None:
    """Refuse options that ``collect`` excludes.

    Raises:
        ConfigError: There is one.
    """
    if options.index:
        raise ConfigError("index: it excludes collect: what a batch holds is known in the server alone")
    if options.ttl is not None or options.schedule is not None:
        excluded = "schedule" if options.ttl is None else "ttl"
        raise ConfigError(f"{excluded}: it excludes collect, whose jobs are batches with times of their own")


def list_of(item: object) -> object:
    """Return the type of a batch of items of a type, which may be any object that a payload's type may be."""
    return GenericAlias(list, (item,))


def item_type(declared: object, task: str) -> object:
    """Return the type of the items of a list that a handler takes.

    Raises:
        ConfigError: It takes no list.
    """
    if declared is object or declared is Any or declared is list:
        return object
    if get_origin(declared) is list:
        return get_args(declared)[0]
    raise ConfigError(
        f"collect: the handler of task {task!r} is given a list of items; annotate its payload as list[...], not "
        f"{declared!r}"
    )
