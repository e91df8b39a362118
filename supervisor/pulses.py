"""What a process says of itself beyond being alive: that a worker's claims go on, that the steward's server answers."""

from __future__ import annotations

import time
from typing import Final

# Words of a cell of the table that the beats leave free; wiped with it.
CLAIM: Final = 22
_ANSWERED, _ROUND_TRIP = 28, 29


class Pulse:
    """These words of one cell; its process writes them, the master reads them.

    Args:
        words: The table of heartbeats, by words.
        at: Where the cell begins.
    """

    __slots__ = ("_at", "_words")

    def __init__(self, words: memoryview[int], at: int) -> None:
        self._words = words
        self._at = at

    @property
    def claim_ns(self) -> int:
        """CLOCK_MONOTONIC of the last turn of the worker's claim loop; 0 before the first."""
        return self._words[self._at + CLAIM]

    @claim_ns.setter
    def claim_ns(self, turned_ns: int) -> None:
        self._words[self._at + CLAIM] = turned_ns

    @property
    def answered_ns(self) -> int:
        """CLOCK_MONOTONIC of the server's last answer to the steward; 0 before the first, and after a failure."""
        return self._words[self._at + _ANSWERED]

    @property
    def round_trip_ns(self) -> int:
        """How long that answer took."""
        return self._words[self._at + _ROUND_TRIP]

    def server_answered(self, round_trip_ns: int) -> None:
        """The server answers the steward."""
        self._words[self._at + _ROUND_TRIP] = round_trip_ns
        self._words[self._at + _ANSWERED] = time.monotonic_ns()

    def server_failed(self) -> None:
        """The server did not answer the steward, or refused."""
        self._words[self._at + _ANSWERED] = 0
