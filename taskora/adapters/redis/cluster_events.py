"""Following what happens to jobs on a cluster: a blocking read covers one slot, so each task has a feed of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from taskora.adapters.event_store import EventBatch, Wanted
from taskora.adapters.redis.events import RedisFeed
from taskora.adapters.redis.link import Link

_LONGEST_MS = 5000


class ClusterEvents:
    """See ``EventStore``."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def feed(self, wanted: Wanted) -> ClusterFeed:
        """See ``EventStore``."""
        return ClusterFeed(self._link, wanted)


class ClusterFeed:
    """See ``EventFeed``. Reads go on between two calls of ``read``; what they brought meanwhile is not lost."""

    def __init__(self, link: Link, wanted: Wanted) -> None:
        self._link = link
        self._wanted = wanted
        self._feeds: dict[str, RedisFeed] = {}
        self._reads: dict[str, asyncio.Task[EventBatch]] = {}
        self._left: list[RedisFeed] = []
        self._changed = asyncio.Event()

    async def follow(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        new = {task: RedisFeed(self._link, self._wanted) for task in tasks if task not in self._feeds}
        await asyncio.gather(*(feed.follow([task]) for task, feed in new.items()))
        for task, feed in new.items():
            self._feeds.setdefault(task, feed)
        if new:
            self._changed.set()

    def leave(self, tasks: Collection[str]) -> None:
        """See ``EventFeed``."""
        for task in tasks:
            feed = self._feeds.pop(task, None)
            read = self._reads.pop(task, None)
            if read is not None:
                read.cancel()
            if feed is not None:
                self._left.append(feed)
        self._changed.set()

    async def read(self, block_ms: int) -> EventBatch:
        """See ``EventFeed``."""
        self._changed.clear()
        await self._close_left()
        if not block_ms:
            await self._end_reads()
            batches = await asyncio.gather(*(self._now(task) for task in list(self._feeds)))
            return _merged(batches)
        for task, feed in self._feeds.items():
            if task not in self._reads:
                self._reads[task] = asyncio.create_task(feed.read(_LONGEST_MS), name="taskora-events-of-task")
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait(
                (*self._reads.values(), changed), timeout=block_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()
        done = [task for task, read in self._reads.items() if read.done()]
        # A failure comes first: what others brought stays where it is until the next read.
        for task in done:
            if self._reads[task].cancelled() or self._reads[task].exception() is not None:
                read = self._reads.pop(task)
                read.result()
        return _merged([self._reads.pop(task).result() for task in done])

    async def close(self) -> None:
        """See ``EventFeed``."""
        await self._end_reads()
        await self._close_left()
        for feed in self._feeds.values():
            await feed.close()

    async def _now(self, task: str) -> EventBatch:
        """Read what is there, after what an earlier read has brought."""
        read = self._reads.pop(task, None)
        batch = await self._feeds[task].read(0)
        return batch if read is None else _merged([read.result(), batch])

    async def _end_reads(self) -> None:
        """End what is under way. Events that are not returned are read again; those that were brought are kept."""
        reads = list(self._reads.values())
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        self._reads = {
            task: read for task, read in self._reads.items() if not read.cancelled() and read.exception() is None
        }

    async def _close_left(self) -> None:
        left, self._left = self._left, []
        for feed in left:
            await feed.close()


def _merged(batches: Collection[EventBatch]) -> EventBatch:
    return EventBatch(
        [event for batch in batches for event in batch.events],
        any(batch.gap for batch in batches),
        any(batch.more for batch in batches),
    )
