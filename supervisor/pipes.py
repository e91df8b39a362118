"""Newline-delimited JSON over pipes, for a loop that must never wait on one of them."""

from __future__ import annotations

import json
import os
from typing import Final

Message = dict[str, object]

_CHUNK: Final = 65_536
_BACKLOG_BYTES: Final = 1 << 20


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """One line's message; None for what is no JSON object."""
    try:
        value: object = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    return {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- json's dict has unknown members


class LineReader:
    """Reads whole lines from a descriptor that does not block."""

    __slots__ = ("_rest", "closed", "fd")

    def __init__(self, fd: int) -> None:
        """Take over `fd`, which the caller has made non-blocking."""
        self.fd: int = fd
        self.closed: bool = False
        self._rest = b""

    def fileno(self) -> int:
        """For selectors and event loops."""
        return self.fd

    def read_lines(self) -> list[bytes]:
        """Every whole line that is there now. Sets `closed` at the end of the stream."""
        while not self.closed:
            try:
                chunk = os.read(self.fd, _CHUNK)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            self.closed = not chunk
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return lines

    def read(self) -> list[Message]:
        """Every whole message that is there now; lines that are none are dropped."""
        return [message for line in self.read_lines() if (message := decode(line)) is not None]

    def close(self) -> None:
        """Close the descriptor, once."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self.closed = True


class LineWriter:
    """Writes lines to a descriptor that does not block, keeping what does not fit yet."""

    __slots__ = ("_backlog", "fd")

    def __init__(self, fd: int) -> None:
        """Take over `fd`, which the caller has made non-blocking."""
        self.fd: int = fd
        self._backlog = b""

    def send(self, message: Message) -> bool:
        """Queue one message and write what fits; False when the reader is gone or a megabyte behind."""
        if self.fd < 0 or len(self._backlog) > _BACKLOG_BYTES:
            return False
        self._backlog += encode(message)
        return self.flush()

    def flush(self) -> bool:
        """Write what is waiting and fits; False when the reader is gone."""
        while self._backlog:
            try:
                written = os.write(self.fd, self._backlog)
            except BlockingIOError:
                return True
            except OSError:
                return False
            self._backlog = self._backlog[written:]
        return True

    def close(self) -> None:
        """Close the descriptor, once: the reader sees the end of the stream."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
