"""The master's port: answers, and clients that would hold it up."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from support import wait_until
from taskora.errors import ConfigError
from taskora.supervisor.listening import Listening
from taskora.supervisor.responder import LONGEST_QUESTION, MOST_CLIENTS, Answer, Responder

LARGE = b"x" * 4_000_000
TURN_NS = 20_000_000


def broken() -> Answer:
    raise RuntimeError("a page that fails")


PAGES = {
    "/small": lambda: Answer(200, "text/plain", b"small"),
    "/large": lambda: Answer(200, "text/plain", LARGE),
    "/broken": broken,
}


class Loop:
    """A master's loop with a port and nothing else."""

    def __init__(self) -> None:
        self._listening = Listening()
        self.responder = Responder(self._listening, "127.0.0.1", 0, PAGES, "port")
        self.responder.open()
        self.port = self.responder.port
        self.longest_turn_s = 0.0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            began_s = time.monotonic()
            due_ns = min([time.monotonic_ns() + TURN_NS, *self.responder.due_ns()])
            self._listening.wait_until(due_ns)
            self.responder.tend()
            self.longest_turn_s = max(self.longest_turn_s, time.monotonic() - began_s)
        self.responder.close()

    def close(self) -> None:
        self._ends.set()
        self._thread.join()

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(20.0)
        return connection

    def ask(self, question: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(question)
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    """Until the other side has closed it, in whichever way."""
    found = b""
    try:
        while chunk := connection.recv(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_a_page_is_given(loop: Loop) -> None:
    answer = loop.ask(b"GET /small?x=1 HTTP/1.1\r\nHost: here\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\nsmall")


def test_a_page_larger_than_the_buffers_arrives_whole(loop: Loop) -> None:
    assert loop.ask(b"GET /large HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2] == LARGE


def test_head_gives_the_head(loop: Loop) -> None:
    answer = loop.ask(b"HEAD /small HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 5" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /small HTTP/1.1\r\n\r\n", 405),
        (b"GET /broken HTTP/1.1\r\n\r\n", 500),
        (b"\x16\x03\x01\x02\xff\r\n\r\n", 400),
        (b"GET /small\r\n\r\n", 400),
        (b"x" * LONGEST_QUESTION, 431),
    ],
)
def test_what_is_no_question_for_a_page_is_refused(loop: Loop, question: bytes, status: int) -> None:
    assert loop.ask(question).startswith(f"HTTP/1.1 {status} ".encode())


def test_clients_that_say_nothing_are_left_and_hold_up_nobody(loop: Loop) -> None:
    silent = [loop.connect() for _ in range(MOST_CLIENTS)]
    slow = loop.connect()
    slow.sendall(b"GET /la")
    try:
        for _ in range(3 * MOST_CLIENTS):
            assert loop.ask(b"GET /small HTTP/1.1\r\n\r\n").endswith(b"small")
        for connection in [*silent, slow]:
            assert everything(connection) == b""
    finally:
        for connection in [*silent, slow]:
            connection.close()


def test_a_client_that_reads_nothing_is_left_and_holds_up_nobody(loop: Loop) -> None:
    with loop.connect() as lazy:
        lazy.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        assert loop.ask(b"GET /small HTTP/1.1\r\n\r\n").endswith(b"small")
        wait_until(lambda: not list(loop.responder.due_ns()), 20, "the lazy client should be left")
        assert len(everything(lazy)) < len(LARGE)


def test_a_client_that_goes_in_the_middle_harms_nobody(loop: Loop) -> None:
    for question in (b"", b"GET /sm", b"GET /large HTTP/1.1\r\n\r\n"):
        with loop.connect() as gone:
            gone.sendall(question)
    assert loop.ask(b"GET /small HTTP/1.1\r\n\r\n").endswith(b"small")


def test_a_port_that_somebody_has_is_refused_with_the_option_that_named_it(loop: Loop) -> None:
    second = Responder(Listening(), "127.0.0.1", loop.port, PAGES, "health_port")
    with pytest.raises(ConfigError, match=r"health_port: cannot listen at 127\.0\.0\.1, port"):
        second.open()
