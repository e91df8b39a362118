"""One lane over several slots of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence

from taskora.adapters.lane import Arrived
from taskora.adapters.redis.lane import RedisLane
from taskora.model import ClaimReply, Settled, Want


class ClusterLane:
    """See ``Lane`` in the protocol. A worker has a lane for each slot instead, so that none waits for another."""

    def __init__(self, lanes: Sequence[RedisLane]) -> None:
        self._lanes = {task: lane for lane in lanes for task in lane.tasks}
        self._all = lanes

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Arrived | None = None) -> ClaimReply:
        """See ``Lane``. When one of the waits is over, the others are ended."""
        shares = self._divided((), wants)
        waits = {asyncio.create_task(lane.wait_and_claim(some, block_ms)): lane for lane, (_, some) in shares.items()}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(lane.wake() for wait, lane in waits.items() if not wait.done()))
            replies = await asyncio.gather(*waits)
        except BaseException:
            await self._give_up(list(waits))
            raise
        return _told(replies, arrived)

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Arrived | None = None
    ) -> ClaimReply:
        """See ``Lane``. Each slot by itself is written whole or not at all."""
        shares = self._divided(settled, wants)
        steps = [asyncio.create_task(lane.step(ended, some)) for lane, (ended, some) in shares.items()]
        try:
            replies = await asyncio.gather(*steps)
        except BaseException:
            await self._give_up(steps)
            raise
        return _told(replies, arrived)

    async def promote(self, tasks: Sequence[str]) -> int | None:
        """See ``Lane``."""
        due = await asyncio.gather(*(self._lanes[task].promote([task]) for task in tasks))
        return min((ms for ms in due if ms is not None), default=None)

    async def wake(self) -> None:
        """See ``Lane``."""
        await self._each(lane.wake() for lane in self._all)

    async def stop_claiming(self) -> None:
        """See ``Lane``."""
        await self._each(lane.stop_claiming() for lane in self._all)

    async def close(self) -> None:
        """See ``Lane``."""
        await self._each(lane.close() for lane in self._all)

    def _divided(
        self, settled: Sequence[Settled], wants: Sequence[Want]
    ) -> dict[RedisLane, tuple[list[Settled], list[Want]]]:
        shares: dict[RedisLane, tuple[list[Settled], list[Want]]] = {}
        for outcome in settled:
            shares.setdefault(self._lanes[outcome.job.task], ([], []))[0].append(outcome)
        for want in wants:
            shares.setdefault(self._lanes[want.task], ([], []))[1].append(want)
        return shares

    async def _give_up(self, steps: Sequence[asyncio.Task[ClaimReply]]) -> None:
        """Give back what some brought when others failed: nobody will be told of it."""
        for step in steps:
            step.cancel()
        for lane in self._all:
            lane.lose()
        await asyncio.gather(*steps, return_exceptions=True)

    @staticmethod
    async def _each(calls: Iterable[Awaitable[None]]) -> None:
        await asyncio.gather(*calls)


def _told(replies: Sequence[ClaimReply], arrived: Arrived | None) -> ClaimReply:
    due = [reply.next_due_ms for reply in replies if reply.next_due_ms is not None]
    fences = {reply.fenced for reply in replies}
    merged = ClaimReply(
        [job for reply in replies for job in reply.jobs],
        min(due, default=None),
        "dead" if "dead" in fences else "halt" if "halt" in fences else "",
        tuple(job_id for reply in replies for job_id in reply.lost),
        tuple(workflow for reply in replies for workflow in reply.owed),
    )
    if arrived is not None:
        arrived(merged)
    return merged
