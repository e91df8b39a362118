"""What an adapter must do with jobs that ended badly: read why, queue them anew, remove them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from taskora.call import Call
from taskora.model import State

PER_CALL = 1000  # jobs that one call may remove


class Failure(NamedTuple):
    """Why a job failed.

    Attributes:
        job_id: The job.
        at_ms: When it failed, in epoch milliseconds.
        error_type: Class name of the error; empty when its worker did not write it.
        error: Its message.
    """

    job_id: str
    at_ms: int
    error_type: str
    error: str


class Requeued(NamedTuple):
    """What one call queued anew.

    Attributes:
        jobs: How many.
        more: Whether there may be more of them.
        until_ms: When the first of these calls was made: to be given to those that follow.
    """

    jobs: int
    more: bool
    until_ms: int


class DeadLetterStore(Protocol):
    """Jobs that ended badly. A run that is repeated after a lost reply answers as the first one did."""

    def requeue(self, task: str, job_id: str) -> Call[bool]:
        """Queue a failed or cancelled job as if it were new; False when there is none in such a state.

        Its payload, priority, concurrency key, logs and progress stay. Its attempts, errors, stalls, crashes, deadline
        and cancel are gone, and so is the workflow that it was a node of.
        """
        ...

    def requeue_failed(self, task: str, until_ms: int | None, limit: int) -> Call[Requeued]:
        """Queue up to ``limit`` failed jobs, the oldest first, that failed until a time; None for now."""
        ...

    def requeue_named(self, task: str, job_ids: Sequence[str]) -> Call[int]:
        """Queue some jobs, as ``requeue`` does; returns how many. About 100 at once, for the server's sake."""
        ...

    def failures(self, task: str, limit: int, offset: int = 0) -> Call[list[Failure]]:
        """Read why ``limit`` failed jobs failed, the newest first, after passing over ``offset`` of them.

        Those that are queued anew at the same moment are left out.
        """
        ...

    def clean(self, task: str, state: State, until_ms: int, limit: int) -> Call[int]:
        """Remove up to ``limit`` jobs, ``PER_CALL`` at most, that ended in a state until a time, the oldest first."""
        ...
