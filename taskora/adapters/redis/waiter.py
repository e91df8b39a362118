"""Waiting for many jobs and workflows to end, on one connection.

Ends are pushed: the streams of the tasks concerned, and that of the workflows, are read from where they stood before
the first look at a state, so that nothing falls between. A stream is read far slower than a full-speed worker can
write it, and it is trimmed: when the cursor may have been overtaken, and after a lost connection, all pending states
are looked up. The same look-up every two seconds covers what others end without an event of ours. Where a stream
cannot be read, it is all there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from taskora.adapters.redis import records, workflow_records
from taskora.adapters.redis.link import Link
from taskora.connection.refusals import refusal
from taskora.connection.request import Command, Disconnected, Replies
from taskora.connection.wires import AnyLoopWire, loop_wire
from taskora.errors import AdapterError
from taskora.model import TERMINAL, Outcome
from taskora.workflow_model import WorkflowOutcome

log: logging.Logger = logging.getLogger("taskora.waiter")
_BLOCK_MS = 1000
_CHECK_AFTER_S = 2.0
_CATCH_UP_AFTER_S = 0.1
_LINGER_S = 2.0
_COUNT = 1000
_PIPELINE = 500
_PAUSE_S = 0.1
_REFUSED_PAUSE_S = 1.0
_ENDS = frozenset({b"completed", b"failed", b"cancelled", b"expired", b"debounced"})
_RUNNING = object()


@dataclass(slots=True, eq=False)
class _Pending:
    """One job or workflow that somebody waits for.

    Attributes:
        command: Asks for its state.
        read: Turns the answer into the outcome: None for missing, ``_RUNNING`` when it has not ended.
    """

    stream: bytes
    command: Command
    read: Callable[[Sequence[bytes | None]], object]
    futures: list[asyncio.Future[object]] = field(default_factory=list["asyncio.Future[object]"])


class RedisWaiter:
    """See ``Waiter``. Two connections, however many wait: one blocks on streams, one looks up states."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._pending: dict[tuple[bytes, bytes], _Pending] = {}  # by stream and id
        self._unchecked: list[_Pending] = []
        self._cursors: dict[bytes, bytes] = {}
        self._reader: asyncio.Task[None] | None = None
        self._checker: asyncio.Task[None] | None = None
        self._wire: AnyLoopWire | None = None
        self._complaint = ""
        self._closed = False

    async def job(self, task: str, job_id: str) -> Outcome | None:
        """See ``Waiter``."""
        command = records.outcome_command(self._link.keys.job(task, job_id))
        found = await self._wait(self._link.keys.events(task), job_id, command, _read_job)
        return cast("Outcome | None", found)

    async def workflow(self, workflow_id: str) -> WorkflowOutcome | None:
        """See ``Waiter``."""
        command = workflow_records.outcome_command(self._link.keys.workflow(workflow_id))
        found = await self._wait(
            f"{self._link.keys.flows(workflow_id)}:workflows:events", workflow_id, command, _read_workflow
        )
        return cast("WorkflowOutcome | None", found)

    async def close(self) -> None:
        """See ``Waiter``."""
        self._closed = True
        for task in (self._reader, self._checker):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._wire is not None:
            await self._wire.close()
        for pending in self._pending.values():
            for future in pending.futures:
                if not future.done():
                    future.set_exception(AdapterError("the application was closed while this result was awaited"))

    async def _wait(
        self, stream: str, item: str, command: Command, read: Callable[[Sequence[bytes | None]], object]
    ) -> object:
        await self._link.connect_async()
        if self._closed:
            raise AdapterError("the application is closed; a result can no longer be awaited")
        key = (stream.encode(), item.encode())
        pending = self._pending.get(key)
        if pending is None:
            pending = self._pending[key] = _Pending(key[0], command, read)
            self._unchecked.append(pending)
            if self._checker is None or self._checker.done():
                self._checker = asyncio.create_task(self._check_new(), name="taskora-waiter-check")
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        pending.futures.append(future)
        try:
            return await future
        finally:
            pending.futures.remove(future)
            if not pending.futures and self._pending.get(key) is pending:
                del self._pending[key]

    async def _check_new(self) -> None:
        """Look at the states of what was added: it may have ended before anybody listened."""
        wire = self._wire = self._wire or loop_wire(self._link.endpoint)
        while self._unchecked:
            batch, self._unchecked = self._unchecked, []
            try:
                await self._follow(wire, {pending.stream for pending in batch})
                await self._look_up(wire, batch)
            except (Disconnected, AdapterError) as error:
                self._unchecked += [pending for pending in batch if pending.futures]
                await self._pause_after(error)

    async def _follow(self, wire: AnyLoopWire, streams: set[bytes]) -> None:
        """Have the reader read these streams from where they stand now."""
        new = [stream for stream in streams if stream not in self._cursors]
        if new:
            replies = await self._ask(wire, [("XREVRANGE", stream, "+", "-", "COUNT", 1) for stream in new])
            for stream, entries in zip(new, replies, strict=True):
                self._cursors[stream] = b"0-0" if isinstance(entries, AdapterError) or not entries else entries[0][0]
            if self._reader is not None:
                self._reader.cancel()
                self._reader = None
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_streams(), name="taskora-waiter-read")

    async def _look_up(self, wire: AnyLoopWire, batch: Iterable[_Pending]) -> None:
        todo = [pending for pending in batch if pending.futures]
        for first in range(0, len(todo), _PIPELINE):
            chunk = todo[first : first + _PIPELINE]
            rows = await self._ask(wire, [pending.command for pending in chunk])
            for pending, row in zip(chunk, rows, strict=True):
                refused = isinstance(row, AdapterError)
                outcome = None if refused else pending.read(row)
                if outcome is _RUNNING:
                    continue
                for future in pending.futures:
                    if future.done():
                        continue
                    if refused:
                        future.set_exception(row)
                    else:
                        future.set_result(outcome)

    async def _ask(self, wire: AnyLoopWire, commands: Sequence[Command]) -> Replies:
        """Read the replies to many; a refusal of one, as an ``AdapterError`` in its place, must not cost the others."""
        replies = await wire.answers(commands)
        for at, reply in enumerate(replies):
            if isinstance(reply, Exception):
                replies[at] = refusal(reply, commands[at], self._link.endpoint.masked)
                if isinstance(replies[at], Disconnected):
                    raise replies[at] from reply
        return replies

    async def _pause_after(self, error: Disconnected | AdapterError) -> None:
        """Wait before trying again. A lost connection is nothing to speak of; a refusal may last."""
        if isinstance(error, Disconnected):
            await asyncio.sleep(_PAUSE_S)
            return
        if str(error) != self._complaint:
            self._complaint = str(error)
            log.warning("results are looked up once a second, because: %s", error, extra={"action": "wait"})
        await asyncio.sleep(_REFUSED_PAUSE_S)

    async def _read_streams(self) -> None:
        wire = loop_wire(self._link.endpoint)
        checked_at = used_at = time.monotonic()
        behind = False
        try:
            while self._pending or time.monotonic() - used_at < _LINGER_S:
                used_at = time.monotonic() if self._pending else used_at
                try:
                    if time.monotonic() - checked_at > (_CATCH_UP_AFTER_S if behind else _CHECK_AFTER_S):
                        checked_at = time.monotonic()
                        await self._look_up(wire, list(self._pending.values()))
                    ended, behind, cursors = await self._next_ends(wire)
                    await self._look_up(wire, ended)
                    # Only now: a new reader takes over from here when this one is cancelled or disconnected.
                    self._cursors.update(cursors)
                except (Disconnected, AdapterError) as error:
                    checked_at = 0.0
                    await self._pause_after(error)
            # Nobody waits: forget where the streams stood. No await between the condition and this.
            self._cursors.clear()
            self._reader = None
        finally:
            await wire.close()

    async def _next_ends(self, wire: AnyLoopWire) -> tuple[list[_Pending], bool, dict[bytes, bytes]]:
        """Read on.

        Returns:
            What of the pending has ended, whether there is more to read than one reply holds, and the new cursors.
        """
        streams = list(self._cursors)
        command: Command = (
            "XREAD", "COUNT", _COUNT, "BLOCK", _BLOCK_MS, "STREAMS", *streams, *(self._cursors[s] for s in streams),
        )  # fmt: skip
        (reply,) = await wire.exchange([command])
        ended: list[_Pending] = []
        behind = False
        cursors: dict[bytes, bytes] = {}
        for stream, entries in cast("list[Any]", reply or ()):
            behind = behind or len(entries) == _COUNT
            for _, fields in entries:
                # Every entry starts with: event, its name, jobId or workflowId, the id.
                if len(fields) > 3 and fields[1] in _ENDS:
                    pending = self._pending.get((stream, fields[3]))
                    if pending is not None:
                        ended.append(pending)
            cursors[stream] = entries[-1][0]
        return ended, behind, cursors


def _read_job(row: Sequence[bytes | None]) -> object:
    outcome = records.read_outcome(row)
    return outcome if outcome is None or outcome.state in TERMINAL else _RUNNING


def _read_workflow(row: Sequence[bytes | None]) -> object:
    outcome = workflow_records.read_outcome(row)
    return outcome if outcome is None or outcome.state != "running" else _RUNNING
