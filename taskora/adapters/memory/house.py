"""What the leader does for everybody, and who is there, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from taskora.adapters.memory.ending import forget_job
from taskora.adapters.memory.flows import settle_debts
from taskora.adapters.memory.ranked import Ranked
from taskora.adapters.memory.reclaiming import sweep
from taskora.adapters.memory.store import DAY_MS, Lock, Owed, Presence, Store
from taskora.call import Call
from taskora.clock import from_ms, to_epoch_ms
from taskora.config import Keep
from taskora.duration import to_ms
from taskora.model import State, WorkerRecord


class MemoryHouse:
    """See ``HouseStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lead(self, token: str, ttl_ms: int) -> Call[bool]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> bool:
            if leader(self._store, now_ms) not in (None, token):
                return False
            self._store.leader = Lock(token, now_ms + ttl_ms)
            return True

        return self._store.call(act)

    def resign(self, token: str) -> Call[None]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> None:
            if leader(self._store, now_ms) == token:
                self._store.leader = None

        return self._store.call(act)

    def sweep(self, task: str, max_stalls: int, grace_ms: int = 0) -> Call[int]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> int:
            owed: Owed = {}
            count = sweep(self._store, self._store.queue(task), now_ms, max_stalls, grace_ms, owed)
            settle_debts(self._store, owed, now_ms)
            return count

        return self._store.call(act)

    def trim(self, task: str, state: State, keep: Keep, limit: int) -> Call[int]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> int:
            queue = self._store.queue(task)
            ids = _old(queue.ended[state], keep, limit, now_ms)
            queue.ended[state].remove_all(ids)
            for job_id in ids:
                forget_job(queue, job_id, now_ms)
            return len(ids)

        return self._store.call(act)

    def trim_workflows(self, completed: bool, keep: Keep, limit: int) -> Call[int]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> int:
            flows = self._store.flows
            ended = flows.completed if completed else flows.failed
            ids = _old(ended, keep, limit, now_ms)
            for places in (ended, flows.created, flows.owed):
                places.remove_all(ids)
            for workflow_id in ids:
                del flows.by_id[workflow_id]
            return len(ids)

        return self._store.call(act)

    def overdue_workflows(self, limit: int) -> Call[list[str]]:
        """See ``HouseStore``."""
        return self._store.call(lambda now_ms: self._store.flows.deadlines.up_to(now_ms, limit))

    def owed_workflows(self, older_ms: int, limit: int) -> Call[list[str]]:
        """See ``HouseStore``."""
        return self._store.call(lambda now_ms: self._store.flows.owed.up_to(now_ms - older_ms, limit))

    def publish_tasks(self, cards: Mapping[str, bytes]) -> Call[None]:
        """See ``HouseStore``."""
        return self._store.call(lambda _: self._store.cards.update(cards))

    def tasks(self) -> Call[dict[str, bytes]]:
        """See ``HouseStore``."""
        return self._store.call(lambda _: dict(self._store.cards))

    def register(self, record: WorkerRecord, ttl_ms: int) -> Call[None]:
        """See ``HouseStore``."""
        # What its process changes afterwards is not what it told.
        kept = replace(
            record,
            started_at=from_ms(to_epoch_ms(record.started_at)),
            seen_at=from_ms(to_epoch_ms(record.seen_at)),
            extra=orjson.loads(orjson.dumps(record.extra)),
        )

        def act(now_ms: int) -> None:
            workers = self._store.workers
            workers[record.id] = Presence(kept, now_ms + ttl_ms)
            # The leader removes names much sooner. This is for where nobody leads.
            forgotten = from_ms(to_epoch_ms(record.seen_at) - DAY_MS)
            for name in [name for name, one in workers.items() if one.record.seen_at <= forgotten]:
                del workers[name]

        return self._store.call(act)

    def unregister(self, worker: str) -> Call[None]:
        """See ``HouseStore``."""

        def act(_: int) -> None:
            self._store.workers.pop(worker, None)

        return self._store.call(act)

    def workers(self) -> Call[list[WorkerRecord]]:
        """See ``HouseStore``."""

        def act(now_ms: int) -> list[WorkerRecord]:
            records = [one.record for one in self._store.workers.values() if one.until_ms > now_ms]
            return sorted(records, key=lambda record: (record.seen_at, record.id))

        return self._store.call(act)


def leader(store: Store, now_ms: int) -> str | None:
    """Return the token that leads; None when nobody does."""
    held = store.leader
    return held.token if held is not None and held.until_ms > now_ms else None


def _old(ended: Ranked[int], keep: Keep, limit: int, now_ms: int) -> list[str]:
    """Return what retention removes now, the oldest first: by age, then by count."""
    ids = [] if keep.max_age is None else ended.up_to(now_ms - to_ms(keep.max_age), limit)
    if keep.max_items is None:
        return ids
    excess = min(len(ended) - keep.max_items, limit)
    if excess <= len(ids):
        return ids
    counted = ended.up_to(now_ms - to_ms(keep.min_age), excess)
    return max(ids, counted, key=len)
