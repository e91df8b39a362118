"""The way to one server: found and agreed with when first used, then shared by all calls."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Generic, Protocol, TypeVar

from taskora.adapters.redis.gate import Gate, MigrationWatch
from taskora.adapters.redis.handshake import greet, look_again
from taskora.connection.pool import BlockingPool, LoopPools
from taskora.connection.request import Operation, Producer, Steps
from taskora.connection.route import Route
from taskora.errors import AdapterError, SchemaVersionMismatchError
from taskora.keys import Keys

T = TypeVar("T")


class Source(Protocol):
    """Where the server is."""

    def ensure(self) -> Route:
        """Have the server run, where it is ours to start, and return how to reach it. May block."""
        ...

    async def ensure_async(self) -> Route:
        """As ``ensure``, on the running loop: in a thread only where it has to wait for something."""
        ...

    def describe(self) -> str:
        """Say where the server is, without secrets."""
        ...

    def release(self) -> None:
        """This process needs the server no longer."""
        ...


class Link:
    """Runs operations on the server that a source names.

    While another process migrates the stored data, they wait. An event loop watches for that in the background; plain
    code looks when it calls and the last look is too old. Both survive a fork.

    Attributes:
        gate: Whether operations may pass now.
    """

    def __init__(self, source: Source, keys: Keys) -> None:
        self.source = source
        self.keys = keys
        self.gate: Gate = Gate()
        self._watch: MigrationWatch | None = None
        self._lock = threading.Lock()
        self._endpoint: Route | None = None
        self._blocking: BlockingPool | None = None
        self._looped: LoopPools | None = None
        self._greeted = False
        self._greetings: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}

    @property
    def endpoint(self) -> Route:
        """How to reach the server. Only after ``connect``."""
        assert self._endpoint is not None, "the link is not connected"
        return self._endpoint

    def call(self, operation: Operation[T]) -> RedisCall[T]:
        """Describe an operation as a call."""
        return RedisCall(self, operation)

    def connect(self) -> None:
        """Find the server and agree on the layout, once; wait while somebody migrates it.

        Raises:
            AdapterError: It cannot be reached, is too old, or stores another layout.
        """
        if self._passes():
            return
        greeting = self._greeting()
        while (wait_s := self._looked(self._pools()[0].run(greeting))) is not None:
            time.sleep(wait_s)

    async def connect_async(self) -> None:
        """Find the server and agree on the layout, once; wait while somebody migrates it.

        Raises:
            AdapterError: It cannot be reached, is too old, or stores another layout.
        """
        if self._passes():
            return
        # A burst of first calls shares one connection and one answer, whatever it is.
        loop = asyncio.get_running_loop()
        greeting = self._greetings.get(loop)
        if greeting is None:
            greeting = self._greetings[loop] = loop.create_task(self._greet(), name="taskora-connect")
            greeting.add_done_callback(self._greeting_ended)
        try:
            await asyncio.shield(greeting)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if greeting.cancelled() and task is not None and not task.cancelling():
                raise AdapterError("the connection was closed while a call waited for it") from None
            raise

    async def _greet(self) -> None:
        if self._endpoint is None:
            self._use(await self.source.ensure_async())
        greeting = self._greeting()
        wait_s = self._looked(await self._pools()[1].run(greeting))
        while wait_s is not None:
            await asyncio.sleep(wait_s)
            wait_s = self._looked(await self._pools()[1].run(greeting))
        self.watch()

    def _greeting_ended(self, greeting: asyncio.Task[None]) -> None:
        self._greetings.pop(greeting.get_loop(), None)
        if not greeting.cancelled():
            greeting.exception()  # whoever waited has it; nobody may be left

    def _greeting(self) -> Operation[float | None]:
        self.gate.raise_refusal()
        if not self._greeted:
            return greet(self.keys)

        def steps(producer: Producer) -> Steps[float | None]:
            try:
                return (yield from look_again(self.keys)(producer))
            except SchemaVersionMismatchError as error:
                self.gate.refuse(error)
                raise

        return steps

    def _passes(self) -> bool:
        return self.gate.open and time.monotonic() < self.gate.check_at_s

    def _looked(self, wait_s: float | None) -> float | None:
        if wait_s is None:
            self._greeted = True
            self.gate.let_pass(self._watch is not None and self._watch.alive)
        else:
            self.gate.halt()
        return wait_s

    def watch(self) -> None:
        """Have the running loop watch for migrations, unless one does. Only after ``connect``."""
        if self._watch is None or not self._watch.alive:
            self._watch = MigrationWatch(self.endpoint, self.keys.own("migration:broadcast"), self._check)

    async def _check(self) -> None:
        self.gate.check_at_s = 0.0
        await self.connect_async()

    def run(self, operation: Operation[T]) -> T:
        """Perform an operation and block until it is done."""
        if not self.gate.open or time.monotonic() >= self.gate.check_at_s:
            self.connect()
        return self._pools()[0].run(operation)

    async def run_async(self, operation: Operation[T]) -> T:
        """Perform an operation on the running loop."""
        if not self.gate.open or time.monotonic() >= self.gate.check_at_s:
            await self.connect_async()
        return await self._pools()[1].run(operation)

    def close(self) -> None:
        """Close the idle connections of plain code."""
        if self._blocking is not None:
            self._blocking.close()

    async def close_loop(self) -> None:
        """Close the idle connections of the running loop."""
        if self._watch is not None and self._watch.alive and self._watch.is_here:
            await self._watch.stop()
            self._watch, self.gate.check_at_s = None, 0.0  # whoever calls next looks anew
        greeting = self._greetings.get(asyncio.get_running_loop())
        if greeting is not None:
            greeting.cancel()
            await asyncio.wait([greeting])
        if self._looped is not None:
            await self._looped.close()

    def _pools(self) -> tuple[BlockingPool, LoopPools]:
        if self._blocking is None or self._looped is None:
            return self._use(self.source.ensure())
        return self._blocking, self._looped

    def _use(self, endpoint: Route) -> tuple[BlockingPool, LoopPools]:
        with self._lock:
            if self._blocking is None or self._looped is None:
                self._endpoint = endpoint
                self._looped = LoopPools(endpoint, self.source.ensure_async)
                self._blocking = BlockingPool(endpoint, self.source.ensure)
            return self._blocking, self._looped


class RedisCall(Generic[T]):
    """An operation on a link, run either way."""

    __slots__ = ("_link", "_operation")

    def __init__(self, link: Link, operation: Operation[T]) -> None:
        self._link = link
        self._operation = operation

    def run(self) -> T:
        """Perform it and block until it is done."""
        return self._link.run(self._operation)

    async def run_async(self) -> T:
        """Perform it on the running event loop."""
        return await self._link.run_async(self._operation)


class Connecting:
    """The call that only connects."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def run(self) -> None:
        """Connect and block until it is done."""
        self._link.connect()

    async def run_async(self) -> None:
        """Connect on the running event loop."""
        await self._link.connect_async()
