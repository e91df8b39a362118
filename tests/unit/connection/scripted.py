"""A server that does with its connections what a test says."""

import contextlib
import socket
import threading
from collections.abc import Callable


class Scripted:
    """Serves in a thread until it is closed.

    Args:
        listener: Where.
        serve: What it does, until the listener is closed.
    """

    def __init__(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        self._listener = listener
        self._serve = serve
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _live(self) -> None:
        with contextlib.suppress(OSError):
            self._serve(self._listener)
