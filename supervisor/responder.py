"""Answers GET over HTTP from the master's own loop, which no client may hold up.

Nothing here waits: what a client has sent is read, what fits is written, and the rest is left to the next turn. A
client gets two seconds, four kilobytes for its question, and one answer; of too many at once the oldest goes.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from taskora.errors import ConfigError

from .config import SupervisorConfig
from .listening import Listening

_log: Final = logging.getLogger(__name__)
MOST_CLIENTS: Final = 16
LONGEST_QUESTION: Final = 4096
PATIENCE_NS: Final = 2_000_000_000
_BACKLOG: Final = 32
_DEAF_NS: Final = 500_000_000
_CHUNK: Final = 65_536
_REASONS: Final = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client is told.

    Attributes:
        status: The HTTP status.
        content_type: What the body is.
        body: The body.
    """

    status: int
    content_type: str
    body: bytes


Pages = Mapping[str, Callable[[], Answer]]
"""What is at each path. Made when it is asked for, on the master's thread: quick, and without waiting."""


class _Client:
    """One connection."""

    __slots__ = ("answer", "question", "socket", "until_ns")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.question = b""
        self.answer: memoryview | None = None
        self.until_ns = time.monotonic_ns() + PATIENCE_NS


class Responder:
    """A port and its clients.

    Args:
        listening: What the master waits on.
        host: Address to listen at.
        port: Port; 0 for any that is free.
        pages: What is served.
        option: The option that named the port, for messages.
    """

    def __init__(self, listening: Listening, host: str, port: int, pages: Pages, option: str) -> None:
        self._listening = listening
        self._address = (host, port)
        self._pages = pages
        self._option = option
        self._socket: socket.socket | None = None
        self._clients: list[_Client] = []
        self._deaf_until_ns = 0

    def open(self) -> None:
        """Listen.

        Raises:
            ConfigError: The address is not one of this host, or somebody has the port.
        """
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(self._address)
            found.listen(_BACKLOG)
        except OSError as error:
            found.close()
            raise ConfigError(
                f"{self._option}: cannot listen at {host}, port {port} ({error}); give an IP address of this host and "
                "a port that is free"
            ) from error
        self._socket = found
        self._listening.add(found, self._admit)
        where = f"[{host}]" if ":" in host else host
        _log.info(
            "listening at http://%s:%d for %s", where, self.port, " ".join(self._pages), extra={"action": "http.open"}
        )

    @property
    def port(self) -> int:
        """The port that it listens at."""
        assert self._socket is not None
        port: int = self._socket.getsockname()[1]
        return port

    def close(self) -> None:
        """Leave the port, and all clients."""
        for client in list(self._clients):
            self._leave(client)
        if self._socket is not None:
            self._listening.drop(self._socket)
            self._socket.close()
            self._socket = None

    def tend(self) -> None:
        """Leave clients whose time is over."""
        now_ns = time.monotonic_ns()
        if self._deaf_until_ns and self._socket is not None and now_ns >= self._deaf_until_ns:
            self._deaf_until_ns = 0
            self._listening.add(self._socket, self._admit)
        for client in [client for client in self._clients if now_ns >= client.until_ns]:
            self._leave(client)

    def due_ns(self) -> Iterator[int]:
        """When the first client's time is over, CLOCK_MONOTONIC."""
        yield from (client.until_ns for client in self._clients[:1])
        if self._deaf_until_ns:
            yield self._deaf_until_ns

    def _admit(self) -> bool:
        """Take in who knocks: so many in one turn as there are places, not as there are who knock."""
        assert self._socket is not None
        for _ in range(MOST_CLIENTS):
            try:
                connection, _address = self._socket.accept()
            except BlockingIOError:
                break
            except OSError:
                # No descriptor is left: who knocks would be heard again at once, and for ever.
                self._listening.drop(self._socket)
                self._deaf_until_ns = time.monotonic_ns() + _DEAF_NS
                break
            connection.setblocking(False)
            if len(self._clients) >= MOST_CLIENTS:
                self._leave(self._clients[0])
            client = _Client(connection)
            self._clients.append(client)
            self._listening.add(connection, partial(self._hear, client))
        return True

    def _leave(self, client: _Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._listening.drop(client.socket)
            client.socket.close()

    def _hear(self, client: _Client) -> bool:
        """Read what has come; True while more may."""
        try:
            chunk = client.socket.recv(LONGEST_QUESTION)
        except BlockingIOError:
            return True
        except OSError:
            chunk = b""
        client.question += chunk
        if chunk and b"\r\n\r\n" not in client.question and len(client.question) < LONGEST_QUESTION:
            return True
        if not chunk:
            self._leave(client)
            return True
        client.answer = memoryview(self._answer(client.question))
        self._listening.drop(client.socket)
        self._tell(client)
        if client in self._clients:
            self._listening.add(client.socket, partial(self._tell, client), writes=True)
        return True

    def _tell(self, client: _Client) -> bool:
        """Write what fits, and leave once all is written."""
        assert client.answer is not None
        try:
            written = client.socket.send(client.answer[:_CHUNK])
        except BlockingIOError:
            return True
        except OSError:
            self._leave(client)
            return True
        client.answer = client.answer[written:]
        if not client.answer:
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_WR)
            self._leave(client)
        return True

    def _answer(self, question: bytes) -> bytes:
        head = question.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if b"\r\n\r\n" not in question:
            answer = Answer(431, _TEXT, b"the question is too long\n")
        elif len(head) != 3 or not head[2].startswith("HTTP/1."):
            answer = Answer(400, _TEXT, b"this is not HTTP/1\n")
        elif head[0] not in ("GET", "HEAD"):
            answer = Answer(405, _TEXT, b"only GET and HEAD\n")
        else:
            answer = self._page(head[1].partition("?")[0])
        lines = [
            f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            "Cache-Control: no-store",
            "Connection: close",
        ]
        if answer.status == 405:
            lines.append("Allow: GET, HEAD")
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if head[0] == "HEAD" else answer.body)

    def _page(self, path: str) -> Answer:
        page = self._pages.get(path)
        if page is None:
            return Answer(404, _TEXT, f"there is {' and '.join(self._pages)}\n".encode())
        try:
            return page()
        except Exception:  # noqa: BLE001 -- logged; the fleet is worth more than a page
            _log.exception("%s could not be made", path, extra={"action": "http.error"})
            return Answer(500, _TEXT, b"an error of ours; it is in the log\n")


def responders(config: SupervisorConfig, listening: Listening, probes: Pages, metrics: Pages) -> list[Responder]:
    """Those that were asked for: one where both have the same place."""
    health_at, metrics_at = (config.health_host, config.health_port), (config.metrics_host, config.metrics_port)
    if config.health_port and health_at == metrics_at:
        return [Responder(listening, config.health_host, config.health_port, {**probes, **metrics}, "health_port")]
    found: list[Responder] = []
    if config.health_port is not None:
        found.append(Responder(listening, config.health_host, config.health_port, probes, "health_port"))
    if config.metrics_port is not None:
        found.append(Responder(listening, config.metrics_host, config.metrics_port, metrics, "metrics_port"))
    return found
