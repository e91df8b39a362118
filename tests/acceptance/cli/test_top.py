"""`taskora top` at a terminal, and without one."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest

from acceptance.cli.terminal import TASKORA, Shell
from support import wait_until

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Window:
    """A pseudo-terminal with the command in it."""

    def __init__(self, shell: Shell, *words: str, lines: int = 24, columns: int = 80) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(lines, columns)
        self.before: list[object] = termios.tcgetattr(self._slave)
        environment = {**shell.merged(), "TERM": "xterm"}
        self.process = subprocess.Popen(
            [TASKORA, "top", *words], cwd=shell.folder, env=environment, stdin=self._slave, stdout=self._slave,
            stderr=self._slave, start_new_session=True,
        )  # fmt: skip
        self.text = ""

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self) -> str:
        """All that it has written so far."""
        while select.select([self._master], [], [], 0)[0]:
            self.text += os.read(self._master, 65_536).decode(errors="replace")
        return self.text

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.read(), 30, f"{text!r} should be on the screen: {self.text!r}")

    def press(self, key: str) -> None:
        os.write(self._master, key.encode())

    def wait_end(self) -> int:
        def ended() -> bool:
            self.read()
            return self.process.poll() is not None

        wait_until(ended, 30, f"it should end: {self.text!r}")
        self.read()
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def is_as_before(self) -> bool:
        """Whether keys work as they did, and the former screen is back."""
        now: list[object] = termios.tcgetattr(self._slave)
        return now == self.before and self.text.rfind(LEAVE) > self.text.rfind(ENTER) >= 0

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def window(fleet: Shell) -> Iterator[Window]:
    made = Window(fleet, "--interval", "500ms")
    yield made
    made.close()


def test_it_looks_again_and_again_until_q(window: Window) -> None:
    window.wait_for("double")
    assert ENTER in window.text
    drawn = window.text.count("\x1b[H")
    wait_until(lambda: window.read().count("\x1b[H") >= drawn + 2, 30, "it should look again")
    window.press("q")
    assert window.wait_end() == 0
    assert window.is_as_before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_the_terminal_as_it_was(window: Window, number: signal.Signals) -> None:
    window.wait_for("double")
    os.kill(window.process.pid, number)
    assert window.wait_end() == (143 if number == signal.SIGTERM else 0)
    assert window.is_as_before


def test_a_new_size_is_drawn_for_at_once(fleet: Shell) -> None:
    window = Window(fleet, "--interval", "1h")
    try:
        window.wait_for("q quits, any other key looks again")
        window.text = ""
        window.resize(24, 20)
        window.wait_for("q quits, any other …")
        window.press("q")
        assert window.wait_end() == 0
    finally:
        window.close()


def test_without_a_terminal_it_looks_once_and_writes_no_escapes(fleet: Shell) -> None:
    for words in ((), ("--once",)):
        done = fleet.ok("top", *words)
        assert "double" in done.out
        assert "1 workers" in done.out
        assert "\x1b" not in done.out + done.err


def test_programs_get_json(fleet: Shell) -> None:
    found = fleet.ok("top", "--json").json
    assert {"boom", "double", "slow", "total"} <= {line["task"] for line in found["tasks"]}
    assert {"worker", "steward"} == {worker["role"] for worker in found["workers"]}


def test_rates_are_those_of_what_ends(fleet: Shell) -> None:
    fleet.ok("dispatch", "double", "21", "--wait")
    began_s = time.monotonic()
    (line,) = [line for line in fleet.ok("top", "--json").json["tasks"] if line["task"] == "double"]
    assert line["completed_per_s"] > 0 or time.monotonic() - began_s > 60


@pytest.mark.parametrize("words", [("--interval", "10ms"), ("--interval", "soon")])
def test_a_wrong_interval_is_refused(bare: Shell, words: tuple[str, ...]) -> None:
    done = bare.run("top", *words)
    assert done.code == 5
    assert "interval" in done.err


def test_a_server_that_does_not_answer_is_said(bare: Shell) -> None:
    assert bare.run("top", "--once", "--url", "redis://127.0.0.1:1").code == 69
