"""What the table of heartbeats keeps of a slot when its process is gone."""

from __future__ import annotations

from typing import Final

from .shared_text import SharedText

RECORD_WORDS: Final = 16
CAUSE_BYTES: Final = 56


class SlotRecord:
    """What outlives a slot's processes: how often it was refilled, and why last.

    The master writes it, the steward reads it.
    """

    __slots__ = ("_at", "_cause", "_words")

    def __init__(self, words: memoryview[int], octets: memoryview[int], at: int) -> None:
        self._words = words
        self._at = at
        self._cause = SharedText(words, octets, at + 1, CAUSE_BYTES)

    @property
    def restarts(self) -> int:
        """Deaths that nobody had asked for."""
        return self._words[self._at]

    @property
    def last_cause(self) -> str:
        """Why the slot's last process ended, "" before the first end."""
        return self._cause.read()

    def ended(self, cause: str, *, unexpected: bool) -> None:
        """Note an end; only an unexpected one counts as a restart."""
        self._words[self._at] += int(unexpected)
        self._cause.write(cause)

    def clear(self) -> None:
        """The slot was given up."""
        self._words[self._at] = 0
        self._cause.write("")
