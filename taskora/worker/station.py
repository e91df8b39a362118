"""Where a worker meets the server: a lane, with what claims and settles on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from taskora.adapters.lane import Lane
from taskora.errors import TaskoraError
from taskora.model import ClaimReply, Settled
from taskora.protocols import Runnable
from taskora.worker.claiming import Claiming
from taskora.worker.due import DueTimer
from taskora.worker.settling import Settling
from taskora.worker.slots import Slots

log: logging.Logger = logging.getLogger("taskora.worker")
_STOP_CLAIMING_S = 2.0
_WRITE_S = 5.0


class Station:
    """Claims and settles the jobs of some tasks, apart from others. A worker has one; on a cluster, one for each slot.

    Attributes:
        slots: How many jobs may still be claimed.
        settling: Writes outcomes.

    Args:
        lane: The way to the server.
        tasks: Those that the lane serves, by name.
        take: Called with what was claimed.
        written: Called with outcomes that are written; what their reply brought is for ``take`` too.
        troubled: Told of what keeps it from claiming or writing, once each time it begins.
        ended: Called with what has ended and should not have.
    """

    def __init__(
        self,
        lane: Lane,
        tasks: Mapping[str, Runnable],
        take: Callable[[ClaimReply], None],
        written: Callable[[Sequence[Settled]], None],
        troubled: Callable[[Exception], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._lane = lane
        self._take_jobs = take
        self._forget = written
        self._ended = ended
        self._due = DueTimer(lane, list(tasks))
        self.slots: Slots = Slots(tasks)
        self._claiming = Claiming(lane, self.slots, self._take, troubled)
        self.settling: Settling = Settling(lane, self.slots, self._written, self._claiming.include, troubled)
        self._claimer: asyncio.Task[None] | None = None
        self._settler: asyncio.Task[None] | None = None

    @property
    def turned_ns(self) -> int:
        """Monotonic time of the last turn of the claim loop; 0 while no slot is free."""
        return self._claiming.turned_ns

    def start(self) -> None:
        """Begin to claim, on the running loop."""
        self._settler = asyncio.create_task(self.settling.run(), name="taskora-settle")
        self._claimer = asyncio.create_task(self._claiming.run(), name="taskora-claim")
        for task in (self._settler, self._claimer):
            task.add_done_callback(self._ended)
        self._settler.add_done_callback(self._settle_on)

    async def stop_claiming(self) -> None:
        """Claim nothing more, and take what the last claim brings. The slots are closed before."""
        if self._claimer is None or self._claimer.done():
            return
        try:
            async with asyncio.timeout(_STOP_CLAIMING_S):
                await self._lane.stop_claiming()
                await asyncio.shield(self._claimer)
        except (TaskoraError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            log.warning("the last claim was cut short: %s", why, extra={"action": "drain"})
            self._claimer.cancel()
            await asyncio.gather(self._claimer, return_exceptions=True)

    async def write_the_rest(self) -> None:
        """Wait until all outcomes are written, but not for ever."""
        try:
            await asyncio.wait_for(self.settling.wait_until_written(), _WRITE_S)
        except TimeoutError:
            log.critical(
                "the server did not answer: outcomes of the last jobs are not written", extra={"action": "drain"}
            )

    def end(self) -> list[asyncio.Task[None]]:
        """Begin to end what goes on in the background; returns what is to be waited for."""
        self._due.stop()
        if self._settler is None:
            return []
        self._settler.cancel()
        return [self._settler]

    async def close(self) -> None:
        """Close the connections."""
        await self._lane.close()

    def _settle_on(self, settler: asyncio.Task[None]) -> None:
        """Go on in a simpler way when settling has ended by an error: the jobs are innocent of it."""
        if not settler.cancelled() and settler.exception() is not None:
            self._settler = asyncio.create_task(self.settling.run_singly(), name="taskora-settle-singly")
            self._settler.add_done_callback(self._ended)

    def _take(self, reply: ClaimReply) -> None:
        self._due.learn(reply.next_due_ms)
        self._take_jobs(reply)

    def _written(self, outcomes: Sequence[Settled], reply: ClaimReply) -> None:
        self._forget(outcomes)
        self._take(reply)
