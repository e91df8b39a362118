"""A server that answers what a test wants, in the protocol of Redis."""

import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, cast

OK = b"+OK\r\n"


def reply(value: object) -> bytes:
    """Writes a value as a reply: None, numbers, bytes and text, sequences of them; exceptions as errors."""
    if value is None:
        return b"*-1\r\n"
    if isinstance(value, Exception):
        return f"-{value}\r\n".encode()
    if isinstance(value, int):
        return f":{value}\r\n".encode()
    if isinstance(value, (list, tuple)):
        parts = cast("Sequence[object]", value)
        return b"*%d\r\n" % len(parts) + b"".join(map(reply, parts))
    data = value if isinstance(value, bytes) else str(value).encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


class FakeServer:
    """Answers each command with what ``answer`` returns for its words; the answer None is none at all.

    Attributes:
        seen: All commands so far, the first word in upper case.
    """

    def __init__(self, answer: Callable[[list[str]], bytes | None]) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.seen: list[list[str]] = []
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        _shut(self._listener)
        self._listener.close()
        for each in list(self._sockets):
            _shut(each)
        for thread in list(self._threads):
            thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as stream:
            try:
                while line := stream.readline():
                    words = [stream.read(int(stream.readline()[1:]) + 2)[:-2].decode() for _ in range(int(line[1:]))]
                    words[0] = words[0].upper()
                    self.seen.append(words)
                    answer = self._answer(words)
                    if answer is not None:
                        client.sendall(answer)
            except OSError:
                return


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
