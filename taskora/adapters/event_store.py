"""What an adapter must do so that others can follow what happens to jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol, TypeAlias


class StoredEvent(NamedTuple):
    """Something that happened to a job.

    Attributes:
        task: Its task.
        name: ``active``, ``progress``, ``completed``, ``failed``, ``retrying``, ``stalled``, ``cancelled``,
            ``expired``, or another that nobody listens for.
        job_id: The job.
        fields: What belonged to it at that moment. ``active``, ``completed``, ``failed`` have ``attempt``; ``retrying``
            has ``attempt``, the number of the run to come, and ``nextAttemptAt`` in epoch ms; ``failed`` and
            ``retrying`` have ``error``; ``completed`` has ``duration`` in ms, and ``result`` while the job is kept;
            ``progress`` has ``value``; ``stalled`` has ``count`` and ``action``; ``cancelled`` may have ``reason``.
    """

    task: str
    name: str
    job_id: str
    fields: Mapping[str, bytes]


class EventBatch(NamedTuple):
    """What one read brought.

    Attributes:
        events: In the order in which they happened, for each task.
        gap: Whether some before them may be missing: the reader was so slow that they are no longer kept.
        more: Whether there are more to read at once.
    """

    events: list[StoredEvent]
    gap: bool = False
    more: bool = False


Wanted: TypeAlias = Callable[[str, str, str], bool]
"""Tells whether an event is of interest, by its task, name and job id. Asked when it is read."""


class EventFeed(Protocol):
    """Follows the events of some tasks, on one event loop and one connection."""

    async def follow(self, tasks: Collection[str]) -> None:
        """Follow these tasks too: what happens after the return will be read. One that is followed stays where it is.

        Raises:
            AdapterError: The server cannot be reached or refuses; none of them is followed.
        """
        ...

    def leave(self, tasks: Collection[str]) -> None:
        """Follow these tasks no longer."""
        ...

    async def read(self, block_ms: int) -> EventBatch:
        """Wait for events and return them; nothing when the time is over, or when ``follow`` or ``leave`` was called.

        Args:
            block_ms: How long to wait; 0 for not at all.

        Raises:
            AdapterError: The server cannot be reached or refuses; nothing is lost, the next read begins anew.
        """
        ...

    async def close(self) -> None:
        """Close the connection; the next read opens another and goes on where this one stood."""
        ...


class EventStore(Protocol):
    """What happens to jobs, kept for a while for whoever listens: about the newest 10,000 events of each task."""

    def feed(self, wanted: Wanted) -> EventFeed:
        """Make a feed, of which ``read`` returns what is wanted. Nothing is opened before it is used."""
        ...
