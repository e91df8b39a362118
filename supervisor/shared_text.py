"""A text that one process writes and others read, without locks.

A reader that meets a half-written one knows by its checksum and reads again.
"""

from __future__ import annotations

import zlib
from typing import Final

_ATTEMPTS: Final = 16


class SharedText:
    """A short text in shared memory, behind one word that holds its length and checksum.

    Args:
        words: The memory, by words.
        octets: The same memory, by bytes.
        word: Index of the word; the text follows it.
        limit: Its room in bytes.
    """

    __slots__ = ("_bytes", "_limit", "_start", "_word", "_words")

    def __init__(self, words: memoryview[int], octets: memoryview[int], word: int, limit: int) -> None:
        self._words = words
        self._bytes = octets
        self._word = word
        self._start = (word + 1) * 8
        self._limit = limit

    def write(self, text: str) -> None:
        """Write it, cut to its room."""
        data = text.encode()[: self._limit]
        self._words[self._word] = 0
        self._bytes[self._start : self._start + len(data)] = data
        self._words[self._word] = len(data) << 32 | zlib.crc32(data)

    def read(self) -> str:
        """Read it; "" when it was never written, or is being written all the time."""
        for _ in range(_ATTEMPTS):
            header = self._words[self._word]
            size, checksum = header >> 32, header & 0xFFFF_FFFF
            data = bytes(self._bytes[self._start : self._start + min(size, self._limit)])
            if zlib.crc32(data) == checksum:
                return data.decode(errors="replace")
        return ""
