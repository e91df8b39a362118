"""Dispatches of which keys decide, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from taskora.adapters.memory.bells import job_topic
from taskora.adapters.memory.buffers import take_buffer
from taskora.adapters.memory.ending import emit
from taskora.adapters.memory.line import to_waiting
from taskora.adapters.memory.queueing import id_taken, store_job
from taskora.adapters.memory.searching import unindex_job
from taskora.adapters.memory.store import MINUTE_MS, Buffer, Job, Queue, Store
from taskora.call import Call
from taskora.clock import from_ms
from taskora.model import EnqueueSpec, NewJob, State
from taskora.rules import (
    CollectBufferInfo,
    CollectRule,
    DebounceRule,
    DeduplicateRule,
    Rule,
    ThrottleRule,
    Verdict,
)

_STORED = Verdict(stored=True)


class MemoryRules:
    """See ``RuleStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[tuple[NewJob, Rule]]) -> Call[list[Verdict]]:
        """See ``RuleStore``."""
        store = self._store

        def act(now_ms: int) -> list[Verdict]:
            queue = store.queue(task)
            return [_decide(store, queue, now_ms, spec, job, rule) for job, rule in jobs]

        return store.call(act)

    def follow(self, task: str, job_id: str) -> Call[str | None]:
        """See ``RuleStore``."""

        def act(now_ms: int) -> str | None:
            queue = self._store.queue(task)
            at, found = job_id, None
            while (step := queue.replaced.get(at)) is not None and step[1] > now_ms:
                at = found = step[0]
                if at in queue.jobs:
                    break
            return found

        return self._store.call(act)

    def buffered(self, task: str, key: str) -> Call[list[bytes]]:
        """See ``RuleStore``."""

        def act(_: int) -> list[bytes]:
            buffer = self._store.queue(task).buffers.get(key)
            return [] if buffer is None else list(buffer.items)

        return self._store.call(act)

    def buffer_info(self, task: str, key: str) -> Call[CollectBufferInfo | None]:
        """See ``RuleStore``."""

        def act(_: int) -> CollectBufferInfo | None:
            buffer = self._store.queue(task).buffers.get(key)
            if buffer is None:
                return None
            return CollectBufferInfo(len(buffer.items), from_ms(buffer.first_ms), from_ms(buffer.last_ms))

        return self._store.call(act)


def _decide(store: Store, queue: Queue, now_ms: int, spec: EnqueueSpec, new: NewJob, rule: Rule) -> Verdict:
    if new.given:
        earlier = _earlier(queue, new.job_id, now_ms)
        if earlier is not None:
            return earlier
        new = new._replace(given=False)
    if isinstance(rule, CollectRule):
        return _collect(store, queue, now_ms, spec, new, rule)
    if isinstance(rule, ThrottleRule):
        if not _admit(queue, now_ms, rule):
            return Verdict(stored=False)
        store_job(store, queue, now_ms, spec, new)
    elif isinstance(rule, DebounceRule):
        _debounce(store, queue, now_ms, spec, new, rule)
    else:
        existing = _holder(queue, rule)
        if existing is not None:
            return Verdict(stored=False, job_id=existing)
        store_job(store, queue, now_ms, spec, new).dedup_key = rule.key
        queue.dedup[rule.key] = new.job_id
    return _STORED


def _earlier(queue: Queue, job_id: str, now_ms: int) -> Verdict | None:
    """Return what an earlier call decided on the same dispatch."""
    batch = _kept(queue.collected, job_id, now_ms)
    if batch is not None:
        return Verdict(stored=True, job_id=batch)
    replaced = _kept(queue.replaced, job_id, now_ms) is not None
    return _STORED if replaced or id_taken(queue, job_id, now_ms) else None


def _kept(entries: dict[str, tuple[str, int]], name: str, now_ms: int) -> str | None:
    """Read an entry; None when there is none, or when it has run out."""
    found = entries.get(name)
    return found[0] if found is not None and found[1] > now_ms else None


def _debounce(store: Store, queue: Queue, now_ms: int, spec: EnqueueSpec, new: NewJob, rule: DebounceRule) -> None:
    last = queue.debounced.get(rule.key)
    old = queue.jobs.get(last[0]) if last is not None and last[1] > now_ms else None
    if old is not None and old.state is State.DELAYED:
        queue.delayed.remove(old.id)
        unindex_job(queue, queue.jobs.pop(old.id))
        _drop_outdated(queue.replaced, now_ms)
        queue.replaced[old.id] = (new.job_id, now_ms + 2 * rule.delay_ms + 10 * MINUTE_MS)
        emit(queue, now_ms, "debounced", old.id, replacedBy=new.job_id)
        store.bells.ring(job_topic(queue.task, old.id))
    store_job(store, queue, now_ms, spec, new._replace(delay_ms=rule.delay_ms))
    _drop_outdated(queue.debounced, now_ms)
    queue.debounced[rule.key] = (new.job_id, now_ms + 2 * rule.delay_ms)


def _admit(queue: Queue, now_ms: int, rule: ThrottleRule) -> bool:
    count, until_ms = queue.throttled.get(rule.key, (0, 0))
    if until_ms <= now_ms:
        for key in [key for key, window in queue.throttled.items() if window[1] <= now_ms]:
            del queue.throttled[key]
        count, until_ms = 0, now_ms + rule.window_ms
    if count >= rule.max:
        return False
    queue.throttled[rule.key] = (count + 1, until_ms)
    return True


def _holder(queue: Queue, rule: DeduplicateRule) -> str | None:
    job = queue.jobs.get(queue.dedup.get(rule.key, ""))
    if job is None:
        return None
    state = State.ACTIVE if job.state is State.RETRYING else job.state
    return job.id if state.value in rule.states else None


def _collect(store: Store, queue: Queue, now_ms: int, spec: EnqueueSpec, new: NewJob, rule: CollectRule) -> Verdict:
    size = len(new.data) + 1  # with a comma or bracket
    buffer, batch = _open_buffer(queue, now_ms, spec, rule, size)
    buffer.items.append(new.data)
    buffer.size += size
    buffer.last_ms = now_ms
    if 0 < rule.max_size <= len(buffer.items):
        flush_batch(queue, now_ms, batch)
    else:
        if batch.state is State.DELAYED:
            due_ms = now_ms + rule.delay_ms
            if rule.max_wait_ms:
                due_ms = min(due_ms, buffer.first_ms + rule.max_wait_ms)
            queue.delayed.put(batch.id, due_ms)
        emit(queue, now_ms, "collect", batch.id, count=len(buffer.items), key=rule.key)
    store.wake(queue.task)
    _drop_outdated(queue.collected, now_ms)
    queue.collected[new.job_id] = (batch.id, now_ms + MINUTE_MS)
    return Verdict(stored=True, job_id=batch.id)


def _open_buffer(queue: Queue, now_ms: int, spec: EnqueueSpec, rule: CollectRule, size: int) -> tuple[Buffer, Job]:
    """Find or begin the buffer of a key.

    One without room goes at once: a batch is of one version, and has no more bytes than it may.
    """
    buffer = queue.buffers.get(rule.key)
    if buffer is not None:
        batch = queue.jobs[buffer.batch_id]
        fits = not rule.max_bytes or buffer.size + size + 1 <= rule.max_bytes
        if fits and batch.version == spec.version:
            return buffer, batch
        flush_batch(queue, now_ms, batch)
    buffer = queue.buffers[rule.key] = Buffer(rule.batch_id, now_ms)
    batch = Job(rule.batch_id, now_ms, b"[]", spec.version, State.DELAYED, collect_key=rule.key)
    queue.jobs[batch.id] = batch
    return buffer, batch


def flush_batch(queue: Queue, now_ms: int, batch: Job) -> None:
    """Have what is collected be a batch at once."""
    take_buffer(queue, batch)
    if batch.state is State.DELAYED:
        queue.delayed.remove(batch.id)
        batch.state = State.WAITING
        to_waiting(queue, batch, front=False)
        emit(queue, now_ms, "waiting", batch.id)


def _drop_outdated(entries: dict[str, tuple[str, int]], now_ms: int) -> None:
    """Forget what has run out, of two entries; those that are kept go behind all others, so that each has its turn."""
    for name in list(islice(entries, 2)):
        entry = entries.pop(name)
        if entry[1] > now_ms:
            entries[name] = entry
