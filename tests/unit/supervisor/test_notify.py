"""systemd's protocol, with a socket in systemd's place."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskora.supervisor.notify import Notifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(2)
        yield receiver


def test_every_message_has_systemds_form(systemd: socket.socket) -> None:
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.ready("2/2 ready")
    assert systemd.recv(100) == b"READY=1\nSTATUS=2/2 ready"
    notifier.status("1/2 ready")
    assert systemd.recv(100) == b"STATUS=1/2 ready"
    notifier.reloading()
    kind, clock = systemd.recv(100).split(b"\n")
    assert kind == b"RELOADING=1"
    assert int(clock.removeprefix(b"MONOTONIC_USEC=")) > 0
    notifier.stopping()
    assert systemd.recv(100) == b"STOPPING=1"
    notifier.watchdog()
    assert systemd.recv(100) == b"WATCHDOG=1"


def test_abstract_sockets_are_spoken_to() -> None:
    name = f"taskora-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        receiver.settimeout(2)
        Notifier.from_environ({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert receiver.recv(100) == b"STOPPING=1"


def test_the_children_do_not_inherit_the_settings_and_the_watchdog_is_due_at_half_time() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "PATH": "/bin"}
    assert Notifier.from_environ(environ).watchdog_ns == 1_500_000_000
    assert environ == {"PATH": "/bin"}


def test_a_watchdog_that_is_meant_for_another_process_is_left_alone() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}
    assert Notifier.from_environ(environ).watchdog_ns is None


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    Notifier.from_environ({}).ready("fine")
    Notifier.from_environ({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("fine")
