"""Following what happens to jobs, on one connection that blocks on the streams of the tasks concerned.

The positions are kept here, so that a lost connection loses no event. A stream is capped: whoever reads slower than it
is written is overtaken in the end. Then the oldest entry that is kept is the first one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, cast

from taskora.adapters.event_store import EventBatch, StoredEvent, Wanted
from taskora.adapters.redis import records
from taskora.adapters.redis.link import Link
from taskora.connection.refusals import given_up
from taskora.connection.request import Command, Disconnected, Producer, Replies, Request, Steps
from taskora.connection.wire import REPLY_TIMEOUT_S
from taskora.connection.wires import AnyLoopWire, loop_wire
from taskora.errors import AdapterError

_COUNT = 1000
_KEPT = 10_000
# What workers of other implementations leave out of an entry is read from the job, as it is by then.
_NEEDED = {
    "active": {"attempt"},
    "completed": {"attempt", "duration", "result"},
    "failed": {"attempt", "error"},
    "retrying": {"error"},
}


class RedisEvents:
    """See ``EventStore``."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def feed(self, wanted: Wanted) -> RedisFeed:
        """See ``EventStore``."""
        return RedisFeed(self._link, wanted)


class RedisFeed:
    """See ``EventFeed``."""

    def __init__(self, link: Link, wanted: Wanted) -> None:
        self._link = link
        self._wanted = wanted
        self._cursors: dict[str, bytes] = {}
        self._wire: AnyLoopWire | None = None
        self._reading: asyncio.Task[Replies] | None = None
        self._changed = asyncio.Event()

    async def follow(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        names = [task for task in tasks if task not in self._cursors]
        if not names:
            return
        streams = [self._link.keys.events(task) for task in names]

        def steps(_: Producer) -> Steps[list[bytes]]:
            replies = yield [("XREVRANGE", stream, "+", "-", "COUNT", 1) for stream in streams]
            return [entries[0][0] if entries else b"0-0" for entries in replies]

        for task, newest in zip(names, await self._link.run_async(steps), strict=True):
            self._cursors.setdefault(task, newest)
        self._interrupt()

    def leave(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        for task in tasks:
            self._cursors.pop(task, None)
        self._interrupt()

    async def read(self, block_ms: int) -> EventBatch:
        """See ``EventFeed``."""
        self._changed.clear()
        if not self._cursors:
            if block_ms:
                await self._changed.wait()
            return EventBatch([])
        try:
            return await self._read(block_ms)
        except Disconnected as error:
            raise given_up(error) from error

    async def close(self) -> None:
        """See ``EventFeed``."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _read(self, block_ms: int) -> EventBatch:
        await self._link.connect_async()
        wire = self._wire = self._wire or loop_wire(self._link.endpoint)
        if not self._cursors:
            return EventBatch([])
        by_stream = {self._link.keys.events(task).encode(): task for task in self._cursors}
        block = ("BLOCK", block_ms) if block_ms else ()
        command: Command = ("XREAD", "COUNT", _COUNT, *block, "STREAMS", *by_stream, *self._cursors.values())
        replies = await self._unless_interrupted(wire, [command], block_ms / 1000 + REPLY_TIMEOUT_S)
        if replies is None:
            return EventBatch([])
        rows = [(by_stream[stream], entries) for stream, entries in cast("list[Any]", replies[0] or ())]
        events = [event for task, entries in rows for event in self._chosen(task, entries)]
        full = [(task, entries[0][0]) for task, entries in rows if len(entries) == _COUNT]
        gap = await self._complete(wire, events, full)
        # Only now: whatever went wrong before this is read again.
        for task, entries in rows:
            if task in self._cursors:
                self._cursors[task] = entries[-1][0]
        return EventBatch(events, gap, bool(full))

    async def _unless_interrupted(self, wire: AnyLoopWire, request: Request, timeout_s: float) -> Replies | None:
        """Exchange; None when the tasks have changed meanwhile."""
        reading = self._reading = asyncio.ensure_future(wire.exchange(request, timeout_s))
        try:
            await asyncio.wait((reading,))
        finally:
            self._reading = None
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        return None if reading.cancelled() else reading.result()

    def _interrupt(self) -> None:
        self._changed.set()
        if self._reading is not None:
            self._reading.cancel()

    def _chosen(self, task: str, entries: list[Any]) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        for _, flat in entries:
            # Every entry starts with: event, its name, jobId, the id.
            if len(flat) < 4:
                continue
            name, job_id = flat[1].decode(errors="replace"), flat[3].decode(errors="replace")
            if self._wanted(task, name, job_id):
                fields = {flat[at].decode(errors="replace"): flat[at + 1] for at in range(4, len(flat) - 1, 2)}
                found.append(StoredEvent(task, name, job_id, fields))
        return found

    async def _complete(self, wire: AnyLoopWire, events: list[StoredEvent], full: list[tuple[str, bytes]]) -> bool:
        """Add to events what their entries do not carry.

        Returns:
            Whether entries were trimmed before they were read. Only a full reply can begin behind such a gap.
        """
        short = [at for at, event in enumerate(events) if not event.fields.keys() >= _NEEDED.get(event.name, set())]
        requests = [self._ask(events[at]) for at in short]
        for task, _ in full:
            stream = self._link.keys.events(task)
            requests += (("XLEN", stream), ("XRANGE", stream, "-", "+", "COUNT", 1))
        try:
            replies: Replies = (await wire.exchange(requests)) if requests else []
        except AdapterError:
            # A key of another kind in a job's place must not cost the others.
            replies = [await self._ask_alone(wire, request) for request in requests]
        for at, row in zip(short, replies, strict=False):
            told, needed = _told_by(row), _NEEDED[events[at].name]
            missing = {name: value for name, value in told.items() if name in needed}
            events[at] = events[at]._replace(fields={**missing, **events[at].fields})
        heads = replies[len(short) :]
        return any(_is_behind(heads[2 * at], heads[2 * at + 1], first) for at, (_, first) in enumerate(full))

    def _ask(self, event: StoredEvent) -> Command:
        result = ("result",) if event.name == "completed" else ()
        job = self._link.keys.job(event.task, event.job_id)
        return ("HMGET", job, "attempt", "processedOn", "finishedOn", "error", *result)

    @staticmethod
    async def _ask_alone(wire: AnyLoopWire, request: Command) -> Any:
        try:
            (reply,) = await wire.exchange([request])
        except AdapterError:
            return [None] * 4
        return reply


def _is_behind(length: int, head: list[Any], first_read: bytes) -> bool:
    """Tell whether what was read begins where a trimmed stream does: entries before it may have been trimmed."""
    return length >= _KEPT and bool(head) and _number(head[0][0]) >= _number(first_read)


def _told_by(row: list[bytes | None]) -> dict[str, bytes]:
    attempt, began, ended, error, *result = row
    begin_ms, end_ms = records.number(began), records.number(ended)
    duration = b"%d" % (end_ms - begin_ms) if begin_ms is not None and end_ms is not None else None
    found = {"attempt": attempt, "duration": duration, "error": error, "result": result[0] if result else None}
    return {name: value for name, value in found.items() if value is not None}


def _number(entry: bytes) -> tuple[int, int]:
    ms, _, sequence = entry.partition(b"-")
    return int(ms), int(sequence or 0)
