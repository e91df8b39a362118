"""Dispatches made on an event loop: all of one tick travel together, and none is lost with its loop.

What is not confirmed yet is finished although its loop's tasks are cancelled, and sent from plain code when the
process exits. A forked child drops what its parent had not sent: the parent sends it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from taskora.adapters.protocol import Adapter
from taskora.call import Call
from taskora.errors import TaskoraError
from taskora.model import EnqueueSpec, NewJob
from taskora.rules import Rule, Verdict

log: logging.Logger = logging.getLogger("taskora")
_CALLS_AT_A_TIME = 4  # each on a connection of its own, which costs more to open than a call
_SENT_WITHIN_S = 6.0  # a dispatch is given up after 5


class Sending(Protocol):
    """A dispatch that somebody follows."""

    @property
    def trace_context(self) -> str:
        """What the traces of its jobs go on from; see ``Origin``."""
        ...

    def end(self, error: BaseException | None) -> None:
        """It is stored, or failed."""
        ...


class Tracing(Protocol):
    """Follows jobs from their producers to their handlers."""

    def send(self, task: str, job_ids: Sequence[str]) -> Sending:
        """Jobs of one task are being dispatched."""
        ...

    def start(self, workflow_id: str, name: str, nodes: int) -> Sending:
        """A workflow is being started."""
        ...

    async def flush(self) -> None:
        """Hand over what has ended so far: the process may end without another chance. Never fails."""
        ...


class Parcel:
    """What one dispatch sends. Awaiting it, any number of times, ends once it is stored, or raises why it is not.

    Attributes:
        stored: For each job whether it was stored; False means that its id was taken. None until known.
        rules: For each job what decides on it; empty where nothing does.
        raises: Whether a refusal is an error to whoever awaits it.
        verdicts: For each job what its rule decided, once known.
    """

    __slots__ = (
        "_awaited",
        "_error",
        "_waiters",
        "call",
        "jobs",
        "raises",
        "rules",
        "spec",
        "stored",
        "task",
        "verdicts",
    )

    def __init__(
        self,
        task: str = "",
        spec: EnqueueSpec | None = None,
        jobs: Sequence[NewJob] = (),
        call: Call[None] | None = None,
        rules: Sequence[Rule] = (),
        raises: bool = False,
    ) -> None:
        self.task: str = task
        self.spec: EnqueueSpec = spec or EnqueueSpec()
        self.jobs: Sequence[NewJob] = jobs
        self.call: Call[None] | None = call
        self.rules: Sequence[Rule] = rules
        self.raises: bool = raises
        self.verdicts: Sequence[Verdict] = ()
        self.stored: list[bool] | None = None
        self._error: TaskoraError | None = None
        self._awaited = False
        self._waiters: list[Callable[[], None]] = []

    def __await__(self) -> Generator[object, None, None]:
        self._awaited = True
        if self.pending:
            loop = asyncio.get_running_loop()
            ready = asyncio.Event()
            # It may be sent by another loop, in another thread, than the one that awaits it here.
            self._waiters.append(lambda: _wake(loop, ready))
            if self.pending:  # looked at again: that thread may have been quicker
                yield from ready.wait().__await__()
        if self._error is not None:
            raise self._error

    def wait(self) -> None:
        """Wait in plain code, while an event loop of another thread sends it.

        Raises:
            TaskoraError: Why it is not stored; or its loop does not run, so that nobody sends it.
        """
        self._awaited = True
        if self.pending:
            ready = threading.Event()
            self._waiters.append(ready.set)
            if self.pending and not ready.wait(_SENT_WITHIN_S):
                raise TaskoraError(
                    f"task {self.task!r}: it was dispatched on an event loop that does not run, and is not stored yet; "
                    "await its handle there"
                )
        if self._error is not None:
            raise self._error

    @property
    def pending(self) -> bool:
        """Whether it is neither stored nor failed."""
        return self.stored is None and self._error is None

    def when_done(self, told: Callable[[BaseException | None], None]) -> None:
        """Have somebody told once it is stored, or why it is not; before it is put."""
        self._waiters.append(lambda: told(self._error))

    def deliver(self, stored: list[bool], verdicts: Sequence[Verdict] = ()) -> None:
        """It is stored."""
        self.stored, self.verdicts = stored, verdicts
        for verdict in verdicts:
            if verdict.damage and not self._awaited:
                log.error("a job of task %r is not stored, and nobody awaits it: %s", self.task, verdict.damage,
                          extra={"action": "dispatch"})  # fmt: skip
        if self.raises and not self._awaited and not all(stored):
            log.error(
                "a dispatch of task %r was refused for its key, and nobody awaits it", self.task,
                extra={"action": "dispatch"},
            )  # fmt: skip
        self.jobs = ()
        self._wake_all()

    def fail(self, error: TaskoraError) -> None:
        """It could not be stored."""
        self._error = error
        if not self._awaited:
            what = f"{len(self.jobs)} jobs of task {self.task!r}" if self.task else "a workflow"
            log.error("%s could not be dispatched, and nobody awaits it: %s", what, error, extra={"action": "dispatch"})
        self._wake_all()

    def _wake_all(self) -> None:
        while self._waiters:
            self._waiters.pop()()


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        ready.set()
        return
    with contextlib.suppress(RuntimeError):  # a loop that was closed since has nobody waiting
        loop.call_soon_threadsafe(ready.set)


@dataclass(slots=True, eq=False)
class _LoopBox:
    """The parcels of one loop that are not confirmed."""

    waiting: list[Parcel] = field(default_factory=list[Parcel])
    under_way: list[Parcel] = field(default_factory=list[Parcel])
    flush: asyncio.Task[None] | None = None


class Outbox:
    """Collects dispatches of event loops and sends them, one call per task and tick.

    Attributes:
        tracing: Who follows what is dispatched, on an event loop or not; None for nobody.
    """

    def __init__(self, adapter: Adapter, tracing: Tracing | None = None) -> None:
        self._adapter = adapter
        self.tracing = tracing
        self._pid = os.getpid()
        self._boxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopBox] = weakref.WeakKeyDictionary()
        self._unsent: set[_LoopBox] = set()

    def put(self, parcel: Parcel) -> Parcel:
        """Send a parcel with all others of this tick of the running loop."""
        box = self._box()
        box.waiting.append(parcel)
        if box.flush is None:
            box.flush = asyncio.get_running_loop().create_task(self._flush(box), name="taskora-outbox")
            box.flush.add_done_callback(lambda _: self._flush_ended(box))
            self._unsent.add(box)
            _AT_EXIT.add(self)
        return parcel

    def pending(self) -> asyncio.Future[None] | None:
        """Return what to await until all parcels of the running loop are confirmed; None when they are."""
        if not self._boxes:
            return None
        box = self._boxes.get(asyncio.get_running_loop())
        if box is None or box.flush is None:
            return None
        return asyncio.shield(box.flush)

    async def close_async(self) -> None:
        """Wait until all parcels of the running loop are confirmed, and whoever follows them has handed that over."""
        pending = self.pending()
        if pending is not None:
            await pending
        if self.tracing is not None:
            await self.tracing.flush()

    def _box(self) -> _LoopBox:
        if os.getpid() != self._pid:
            self._pid, self._unsent = os.getpid(), set()
            self._boxes = weakref.WeakKeyDictionary()
        loop = asyncio.get_running_loop()
        box = self._boxes.get(loop)
        if box is None:
            box = self._boxes[loop] = _LoopBox()
        return box

    async def _flush(self, box: _LoopBox) -> None:
        while box.waiting:
            box.under_way, box.waiting = box.waiting, []
            try:
                await self._send(box.under_way)
            except asyncio.CancelledError:
                # The loop is being closed. What was under way may have arrived.
                await self._send(_by_id(box.under_way))
                await self._adapter.close_loop()
            box.under_way = []

    def _flush_ended(self, box: _LoopBox) -> None:
        box.flush = None
        self._unsent.discard(box)
        if not self._unsent:
            _AT_EXIT.discard(self)
        if box.waiting or box.under_way:
            # It was cancelled, perhaps before its first step: this loop ends and will run no other.
            self._send_now([box])

    async def _send(self, parcels: Sequence[Parcel]) -> None:
        groups = _grouped(parcels)
        calls = [parcel for parcel in parcels if parcel.call is not None]
        in_turn = iter(calls)
        senders = [self._send_calls(in_turn) for _ in range(min(_CALLS_AT_A_TIME, len(calls)))]
        await asyncio.gather(*(self._send_group(group) for group in groups), *senders)

    async def _send_calls(self, parcels: Iterator[Parcel]) -> None:
        for parcel in parcels:
            await self._send_call(parcel)

    async def _send_group(self, group: Sequence[Parcel]) -> None:
        try:
            if group[0].rules:
                _deliver_verdicts(group, await self._ruled(group).run_async())
            else:
                _deliver(group, await self._plain(group).run_async())
        except TaskoraError as error:
            for parcel in group:
                parcel.fail(error)

    def _plain(self, group: Sequence[Parcel]) -> Call[list[bool]]:
        jobs = [job for parcel in group for job in parcel.jobs]
        return self._adapter.jobs.enqueue(group[0].task, group[0].spec, jobs)

    def _ruled(self, group: Sequence[Parcel]) -> Call[list[Verdict]]:
        jobs = [pair for parcel in group for pair in zip(parcel.jobs, parcel.rules, strict=True)]
        return self._adapter.rules.enqueue(group[0].task, group[0].spec, jobs)

    async def _send_call(self, parcel: Parcel) -> None:
        assert parcel.call is not None
        try:
            await parcel.call.run_async()
        except TaskoraError as error:
            parcel.fail(error)
        else:
            parcel.deliver([True])

    def send_what_is_left(self) -> None:
        """At exit: send what no loop will send any more."""
        if os.getpid() == self._pid:
            self._send_now(list(self._unsent))

    def _send_now(self, boxes: Sequence[_LoopBox]) -> None:
        left = [parcel for box in boxes for parcel in (*box.under_way, *box.waiting) if parcel.pending]
        for box in boxes:
            box.under_way, box.waiting = [], []
        if not left:
            return
        log.warning("%d dispatches were not sent when their event loop ended; sending them now", len(left))
        for group in _grouped(_by_id(left)):
            self._send_group_now(group)
        for parcel in left:
            if parcel.call is not None:
                self._send_call_now(parcel)

    def _send_group_now(self, group: Sequence[Parcel]) -> None:
        try:
            if group[0].rules:
                _deliver_verdicts(group, self._ruled(group).run())
            else:
                _deliver(group, self._plain(group).run())
        except TaskoraError as error:
            for parcel in group:
                parcel.fail(error)

    def _send_call_now(self, parcel: Parcel) -> None:
        assert parcel.call is not None
        try:
            parcel.call.run()
        except TaskoraError as error:
            parcel.fail(error)
        else:
            parcel.deliver([True])


class _AtExit:
    """The outboxes that this process may have to empty when it exits, and none that has sent everything."""

    def __init__(self) -> None:
        self._outboxes: set[Outbox] = set()
        self._registered = False

    def add(self, outbox: Outbox) -> None:
        if not self._registered:
            self._registered = True
            atexit.register(self._empty)
        self._outboxes.add(outbox)

    def discard(self, outbox: Outbox) -> None:
        self._outboxes.discard(outbox)

    def _empty(self) -> None:
        for outbox in tuple(self._outboxes):
            outbox.send_what_is_left()


# The end of a process has no owner. Registering each outbox by itself would keep its application until then.
_AT_EXIT = _AtExit()


def _grouped(parcels: Sequence[Parcel]) -> list[list[Parcel]]:
    """Put together what one call can carry, in the order of dispatch."""
    groups: dict[tuple[str, EnqueueSpec, bool], list[Parcel]] = {}
    for parcel in parcels:
        if parcel.call is None:
            groups.setdefault((parcel.task, parcel.spec, bool(parcel.rules)), []).append(parcel)
    return list(groups.values())


def _by_id(parcels: Sequence[Parcel]) -> list[Parcel]:
    """Have jobs that may have been stored recognised by their ids, since this is no repetition of the same call."""
    for parcel in parcels:
        parcel.jobs = [job._replace(given=True) for job in parcel.jobs]
    return list(parcels)


def _deliver(group: Sequence[Parcel], flags: list[bool]) -> None:
    first = 0
    for parcel in group:
        last = first + len(parcel.jobs)
        parcel.deliver(flags[first:last])
        first = last


def _deliver_verdicts(group: Sequence[Parcel], verdicts: list[Verdict]) -> None:
    first = 0
    for parcel in group:
        last = first + len(parcel.jobs)
        its = verdicts[first:last]
        parcel.deliver([verdict.stored for verdict in its], its)
        first = last
