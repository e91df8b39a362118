"""The condition of a memory adapter, counters and leftovers."""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence, Sized
from itertools import chain, islice

from taskora.adapters.memory.limits import parked
from taskora.adapters.memory.store import MINUTE_MS, Queue, Store
from taskora.adapters.vitals_store import KeyFacts, Locks, ServerFacts, Throughput, VersionCounts
from taskora.call import Call
from taskora.clock import from_ms
from taskora.errors import ConfigError
from taskora.keys import Keys
from taskora.model import State

_ENDS = (State.COMPLETED, State.FAILED, State.CANCELLED, State.EXPIRED)  # in the order of Throughput
_LAYOUT = "6"  # of the shared format, which what is kept here has the meaning of


class MemoryVitals:
    """See ``VitalsStore`` in the protocol."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys
        self._since_ms = store.clock.now_ms()

    def server(self) -> Call[ServerFacts]:
        """See ``VitalsStore``. Its version is Python's, and its memory what payloads, results and logs take."""

        def act(now_ms: int) -> ServerFacts:
            layout = {"wireVersion": _LAYOUT, "minCompat": _LAYOUT, "writtenBy": "memory"}
            return ServerFacts(
                flavor="memory",
                version=platform.python_version(),
                mode="standalone",
                uptime_s=(now_ms - self._since_ms) // 1000,
                used_memory=sum(map(_size, self._store.queues.values())),
                max_memory=0,
                memory_policy="noeviction",
                clients=len(self._store.bells),
                append_only=False,
                saved_well=True,
                skew_s=now_ms / 1000 - time.time(),
                layout={**layout, "writtenAt": str(self._since_ms)},
            )

        return self._store.call(act)

    def settings(self, names: Sequence[str]) -> Call[dict[str, str]]:
        """See ``VitalsStore``. It has none."""
        return self._store.call(lambda _: {})

    def latencies(self, count: int) -> Call[list[int]]:
        """See ``VitalsStore``."""

        def act(_: int) -> list[int]:
            taken: list[int] = []
            for _number in range(count):
                began_ns = time.perf_counter_ns()
                self._store.clock.now_ms()
                taken.append(max(1, time.perf_counter_ns() - began_ns))
            return taken

        return self._store.call(act)

    def throughput(self, tasks: Sequence[str], bucket_minutes: int, count: int) -> Call[list[Throughput]]:
        """See ``VitalsStore``."""
        width_ms = bucket_minutes * MINUTE_MS

        def act(now_ms: int) -> list[Throughput]:
            queues = [self._store.queue(task) for task in tasks]
            last_ms = now_ms - now_ms % width_ms

            def total(state: State, first_ms: int) -> int:
                minutes = range(first_ms, first_ms + width_ms, MINUTE_MS)
                return sum(queue.counts.get((state, minute), 0) for queue in queues for minute in minutes)

            return [
                Throughput(from_ms(first_ms), *(total(state, first_ms) for state in _ENDS))
                for first_ms in range(last_ms - (count - 1) * width_ms, last_ms + 1, width_ms)
            ]

        return self._store.call(act)

    def locks(self, task: str, limit: int) -> Call[Locks]:
        """See ``VitalsStore``."""

        def act(now_ms: int) -> Locks:
            queue = self._store.queue(task)
            jobs = [queue.jobs[job_id] for job_id in islice(queue.active, limit)]
            return Locks(len(jobs), tuple(job.id for job in jobs if job.token(now_ms) is None), ())

        return self._store.call(act)

    def versions(self, task: str, limit: int) -> Call[VersionCounts]:
        """See ``VitalsStore``."""

        def act(_: int) -> VersionCounts:
            queue = self._store.queue(task)

            def counted(*places: Iterable[str]) -> dict[int, int]:
                return dict(Counter(queue.jobs[job_id].version for job_id in islice(chain(*places), limit)))

            waiting = len(queue.prioritized) + len(queue.waiting) + len(parked(queue))
            return VersionCounts(
                waiting=counted(queue.prioritized, queue.waiting, parked(queue)),
                active=counted(queue.active),
                delayed=counted(queue.delayed),
                complete=max(waiting, len(queue.active), len(queue.delayed)) <= limit,
            )

        return self._store.call(act)

    def fences(self, pairs: Sequence[tuple[str, str]]) -> Call[list[str]]:
        """See ``VitalsStore``."""

        def halt(worker: str, task: str, now_ms: int) -> str:
            fence = self._store.queue(task).fences.get(worker)
            return fence.halt if fence is not None and fence.until_ms > now_ms else ""

        return self._store.call(lambda now_ms: [halt(worker, task, now_ms) for worker, task in pairs])

    def slots(self, tasks: Sequence[str]) -> Call[list[frozenset[int]]]:
        """See ``VitalsStore``. All is in one place."""
        return self._store.call(lambda _: [frozenset({0}) for _task in tasks])

    def keys(self, task: str) -> Call[list[KeyFacts]]:
        """See ``VitalsStore``. Memory is what the places themselves take, without what stands in them."""

        def act(_: int) -> list[KeyFacts]:
            queue = self._store.queue(task)
            places: dict[str, Sized] = {
                "wait": queue.waiting, "prioritized": queue.prioritized, "blocked": parked(queue),
                "active": queue.active, "delayed": queue.delayed,
                **{state.value: queue.ended[state] for state in queue.ended},
                "events": queue.events, "stalled": queue.stalled, "limited": queue.limits, "fires": queue.fires,
            }  # fmt: skip
            return [KeyFacts(name, len(place), sys.getsizeof(place)) for name, place in places.items()]

        return self._store.call(act)

    def erase(self) -> Call[int]:
        """See ``VitalsStore``. Jobs, workflows, schedules and records count."""
        if not self._keys.prefix:
            raise ConfigError("prefix: without one, everything of everybody on the server would be removed")
        return self._store.call(lambda _: self._store.erase())


def _size(queue: Queue) -> int:
    jobs = queue.jobs.values()
    return sum(len(job.data) + len(job.result or b"") + sum(map(len, job.logs)) for job in jobs)
