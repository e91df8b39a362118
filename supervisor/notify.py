"""systemd's notification protocol: READY, STATUS, RELOADING, STOPPING, WATCHDOG."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

_log: Final = logging.getLogger(__name__)
_NS_PER_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class Notifier:
    """Sends to `NOTIFY_SOCKET`; without one every call does nothing.

    Attributes:
        address: the datagram socket's path, abstract ones beginning with `@`; None when systemd did not start us.
        watchdog_ns: how often WATCHDOG=1 is due, nanoseconds: half of `WATCHDOG_USEC`; None without a watchdog.
    """

    address: str | None
    watchdog_ns: int | None

    @classmethod
    def from_environ(cls, environ: MutableMapping[str, str]) -> Notifier:
        """Take the settings out of the environment, so that no child speaks for the master."""
        address = environ.pop("NOTIFY_SOCKET", None)
        usec = environ.pop("WATCHDOG_USEC", None)
        owner = environ.pop("WATCHDOG_PID", None)
        mine = owner is None or owner == str(os.getpid())
        watched = address is not None and mine and usec is not None and usec.isdigit() and int(usec) > 0
        return cls(address, int(usec or 0) * _NS_PER_US // 2 if watched else None)

    def ready(self, status: str) -> None:
        """The service is up."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """A rolling restart began; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // _NS_PER_US}")

    def stopping(self) -> None:
        """The service drains."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """The master's loop turns."""
        self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if self.address is None:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                # A full receiver must not hold up the loop that watches the children.
                sender.setblocking(False)
                sender.sendto(text.encode(), address)
        except OSError as error:
            _log.debug("systemd's socket %s refused %r: %s", self.address, text, error)
