"""What an adapter must do for dispatches that are debounced, throttled, deduplicated or collected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from taskora.call import Call
from taskora.model import EnqueueSpec, NewJob
from taskora.rules import CollectBufferInfo, Rule, Verdict


class RuleStore(Protocol):
    """Dispatches of which keys decide."""

    def enqueue(self, task: str, spec: EnqueueSpec, jobs: Sequence[tuple[NewJob, Rule]]) -> Call[list[Verdict]]:
        """Decide on jobs of one task, in order, each in one piece, by the server's clock.

        ``given`` of a job says here that an earlier call may have brought it: if so, its verdict is given again.
        A run that is repeated after a lost reply answers as the first one did.
        """
        ...

    def follow(self, task: str, job_id: str) -> Call[str | None]:
        """Find the job that stands in the place of one that is gone; None when nothing does."""
        ...

    def buffered(self, task: str, key: str) -> Call[list[bytes]]:
        """Read the items that wait for their batch, the oldest first."""
        ...

    def buffer_info(self, task: str, key: str) -> Call[CollectBufferInfo | None]:
        """Count the items that wait for their batch; None when there are none."""
        ...
