"""A worker's claiming and settling in memory. What it claims is in its hands at once: no reply can be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from taskora.adapters.lane import Arrived
from taskora.adapters.memory.bells import Bell, work_topic, worker_topic
from taskora.adapters.memory.claiming import Claim, Step, claim_all, fence_of, set_fence, settle_all
from taskora.adapters.memory.flows import settle_debts
from taskora.adapters.memory.queueing import promote
from taskora.adapters.memory.store import HOUR_MS, Owed, Store
from taskora.model import ClaimReply, Settled, Want


@dataclass(slots=True)
class MemoryLane:
    """See ``Lane`` in the protocol."""

    store: Store
    worker: str
    tasks: Sequence[str]
    lock_ttl_ms: int
    _discarding: set[str] = field(init=False, default_factory=set[str])

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Arrived | None = None) -> ClaimReply:
        """See ``Lane``. It also ends when a delayed job becomes due."""
        await asyncio.sleep(0)
        bell = Bell()
        topics = [worker_topic(self.worker), *(work_topic(want.task) for want in wants)]
        ends_ms = self.store.clock.now_ms() + block_ms
        with self.store.lock:
            self.store.bells.hang(bell, topics)
        try:
            while True:
                reply = self._claim((), wants)
                if self._ends(reply, ends_ms):
                    return _given(reply, arrived)
                if reply.next_due_ms == 0:
                    continue  # more is due than one promotion takes
                due_ms = ends_ms if reply.next_due_ms is None else self.store.clock.now_ms() + reply.next_due_ms
                await bell.wait_until(self.store.clock, min(ends_ms, due_ms))
        finally:
            with self.store.lock:
                self.store.bells.take_down(bell, topics)

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Arrived | None = None
    ) -> ClaimReply:
        """See ``Lane``."""
        await asyncio.sleep(0)
        return _given(self._claim(settled, wants), arrived)

    async def promote(self, tasks: Sequence[str]) -> int | None:
        """See ``Lane``."""

        def act(now_ms: int) -> int | None:
            owed: Owed = {}
            discarding = self._discarding
            waits = [promote(self.store, self.store.queue(task), now_ms, task in discarding, owed) for task in tasks]
            settle_debts(self.store, owed, now_ms)
            return min((due_ms for due_ms in waits if due_ms is not None), default=None)

        return await self.store.call(act).run_async()

    async def wake(self) -> None:
        """See ``Lane``."""
        self.store.do(self._wake)

    async def stop_claiming(self) -> None:
        """See ``Lane``."""

        def act(now_ms: int) -> None:
            for task in self.tasks:
                queue = self.store.queue(task)
                if fence_of(queue, self.worker, now_ms) != "dead":
                    set_fence(queue, self.worker, now_ms, HOUR_MS).draining = True
            self._wake(now_ms)

        self.store.do(act)

    async def close(self) -> None:
        """See ``Lane``."""
        with self.store.lock:
            self.store.woken.discard(self.worker)

    def _wake(self, _: int) -> None:
        self.store.woken.add(self.worker)
        self.store.bells.ring(worker_topic(self.worker))

    def _claim(self, settled: Sequence[Settled], wants: Sequence[Want]) -> ClaimReply:
        self._discarding.update(want.task for want in wants if want.on_expire == "discard")

        def act(now_ms: int) -> ClaimReply:
            self.store.claims += 1
            claim = Claim(self.worker, f"{self.worker}.{self.store.claims}", self.lock_ttl_ms)
            step = Step(now_ms)
            settle_all(self.store, step, settled)
            claim_all(self.store, step, wants, claim)
            return step.reply()

        return self.store.do(act)

    def _ends(self, reply: ClaimReply, ends_ms: int) -> bool:
        """Tell whether a wait is over with this reply."""
        with self.store.lock:
            if self.worker in self.store.woken:
                self.store.woken.remove(self.worker)
                return True
        return bool(reply.jobs or reply.owed or reply.fenced) or self.store.clock.now_ms() >= ends_ms


def _given(reply: ClaimReply, arrived: Arrived | None) -> ClaimReply:
    if arrived is not None:
        arrived(reply)
    return reply
