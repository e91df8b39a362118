"""What a worker's hot path is done on: the waiting, claiming and settling of one server's jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeAlias

from taskora.model import ClaimReply, Settled, Want

HeldIds: TypeAlias = Callable[[str], Collection[str]]
Arrived: TypeAlias = Callable[[ClaimReply], None]
"""Takes what a claim brought."""
Answered: TypeAlias = Callable[[str, int], None]
"""Is told whose claim was answered: the connection's name, and the claim's number, which grows."""


class Lane(Protocol):
    """A worker's claiming and settling on one server. Only awaited, on one event loop."""

    async def wait_and_claim(self, wants: Sequence[Want], block_ms: int, arrived: Arrived | None = None) -> ClaimReply:
        """Wait until one of the tasks may have work, or the time is over, or ``wake``; then claim.

        ``arrived`` is called with the reply as soon as it is there, perhaps a turn of the loop before this returns.
        """
        ...

    async def step(
        self, settled: Sequence[Settled], wants: Sequence[Want], arrived: Arrived | None = None
    ) -> ClaimReply:
        """Write outcomes and claim into the freed slots, in one round trip; several may be under way at a time.

        ``arrived`` is called as by ``wait_and_claim``.
        """
        ...

    async def promote(self, tasks: Sequence[str]) -> int | None:
        """Move due jobs to their queues and wake workers; returns ms until the next one is due, None for none."""
        ...

    async def wake(self) -> None:
        """End this worker's own wait at once."""
        ...

    async def stop_claiming(self) -> None:
        """Have every claim refused from now on, those already sent included, and end a wait under way."""
        ...

    async def close(self) -> None:
        """Close the connections, and give back what a claim brought whose reply was never read."""
        ...
