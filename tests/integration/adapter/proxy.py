"""A way to the server that loses replies on request."""

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from support import wait_until


class CuttingProxy:
    """Forwards connections of a TCP port to a server's unix socket.

    ``cut(word)`` arms it: the next request that contains ``word`` is forwarded whole, its reply is thrown away when it
    comes, which tells that the server has applied it, and the connection is closed.
    """

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._word = b""
        self._skip = 0
        self._always = False
        self.cuts = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self, word: str, *, skip: int = 0, always: bool = False) -> None:
        """Loses the reply to the next request with ``word``, after ``skip`` others; or all such replies."""
        with self._lock:
            self._word, self._skip, self._always = word.encode(), skip, always

    def mend(self) -> None:
        with self._lock:
            self._word = b""

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._sockets):
            _shut(each)
        for thread in list(self._threads):
            thread.join(5)
        for each in self._sockets:
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait_for_cuts(self, count: int = 1) -> None:
        wait_until(lambda: self.cuts >= count, message="no reply was cut off")

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]  # any of our own methods
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            self._sockets += [client, server]
            try:
                server.connect(str(self._socket_path))
            except OSError:
                _shut(client)
                continue
            doomed = threading.Event()
            self._start(self._pump_requests, client, server, doomed)
            self._start(self._pump_replies, client, server, doomed)

    def _pump_requests(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        while data := _receive(client):
            if self._is_due(data):
                doomed.set()
            try:
                server.sendall(data)
            except OSError:
                break
        _shut(server)

    def _pump_replies(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        while data := _receive(server):
            if doomed.is_set():
                self.cuts += 1
                _shut(server)
                break
            try:
                client.sendall(data)
            except OSError:
                break
        _shut(client)

    def _is_due(self, data: bytes) -> bool:
        with self._lock:
            if not self._word or self._word not in data:
                return False
            if self._skip:
                self._skip -= 1
                return False
            if not self._always:
                self._word = b""
            return True


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 20)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
