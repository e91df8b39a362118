"""The process that holds an embedded server as its child and stops it when its last user is gone.

It is run as a file, by its path, with ``-I -S``: only the standard library, nothing of taskora, up in a few hundredths
of a second. `embedded` imports the names of the shared files and the lock calls from here.

Every fact about "who is alive" is a lock that the kernel drops with the process, however that ends:

- ``users.lock`` is held shared by each user and tried exclusively by the guardian. While the guardian stops an unused
  server it keeps it, so that a new user waits and then starts a new one.
- ``guardian.lock`` is held by the guardian and contains its process id.
- ``server.lock`` is held by the server through an inherited descriptor: no second server opens the same data.
- ``start.lock`` is held by whoever starts or stops, for that long.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

USERS_LOCK = "users.lock"
GUARDIAN_LOCK = "guardian.lock"
SERVER_LOCK = "server.lock"
START_LOCK = "start.lock"
SOCKET = "server.sock"
SOCKET_RECORD = "socket.path"
LOG = "server.log"

READY = b"ready\n"
PING_TIMEOUT_S = 0.5
BOOT_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.25
PREDECESSOR_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0
SHORT_LIFE_S = 5.0
RESTART_PAUSE_S = 0.2
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Charge:
    """What one guardian looks after; travels as JSON on its command line.

    Attributes:
        folder: Absolute path of the folder with data, locks and log.
        socket: Absolute path of the server's socket.
        grace_s: How long the server stays up without users.
        command: The server's command line, relative to ``folder``.
    """

    folder: str
    socket: str
    grace_s: float
    command: list[str]

    @classmethod
    def from_json(cls, text: str) -> Charge:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Write all fields as one JSON object."""
        return json.dumps(asdict(self))


def open_lock(path: Path) -> int:
    """Open (or create, 0600) a lock file; the descriptor is not passed on to other programs."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(fd: int, kind: int) -> bool:
    """Take ``LOCK_SH`` or ``LOCK_EX`` if it is free at once."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock file exclusively."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if not try_lock(fd, fcntl.LOCK_SH):
            return True
        fcntl.flock(fd, fcntl.LOCK_UN)  # a fork in another thread may have copied the descriptor: closing would not do
        return False
    finally:
        os.close(fd)


def ask(path: str, command: bytes) -> bytes:
    """Send one command to the server behind a socket and return its first line; empty when nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
        connection.settimeout(PING_TIMEOUT_S)
        connection.connect(path)
        connection.sendall(command + b"\r\n")
        return connection.recv(256)
    return b""


def answers(path: str) -> bool:
    """Whether a server is behind the socket and has loaded its data."""
    return ask(path, b"PING").startswith(b"+PONG")


class Guardian:
    """One guardian's life: take the locks, hold the server, leave when the users have left."""

    def __init__(self, charge: Charge) -> None:
        self._charge = charge
        self._folder = Path(charge.folder)
        self._users = -1
        self._own_lock = -1
        self._server_lock = -1
        self._wakeup = -1
        self._server: subprocess.Popen[bytes] | None = None
        self._up_since_s: float | None = None
        self._unused_since_s: float | None = None

    def run(self) -> int:
        """Guard until told to stop, until nobody uses the server, or until it cannot be started; the exit code."""
        if not self._take_locks():
            _log("an earlier guardian or server of this folder does not end")
            return 1
        self._wakeup = _wake_on_signals()
        while True:
            server = self._server or self._start()
            if server.poll() is not None:
                if not self._may_restart(server):
                    return 1
                self._server = None
                continue
            if not self._owns_folder():
                _log("the folder was removed or replaced")
                server.kill()  # gracefully it would remove the socket of a successor
                server.wait()
                return 1
            if self._up_since_s is None and answers(self._charge.socket):
                self._announce()
            elif self._up_since_s is not None and not Path(self._charge.socket).exists():
                server.terminate()  # unreachable for new connections; the next start makes a new socket
            if signal.SIGTERM in self._pause() or self._unused():
                self._stop(server)
                return 0

    def _take_locks(self) -> bool:
        self._users = open_lock(self._folder / USERS_LOCK)
        self._own_lock = own = open_lock(self._folder / GUARDIAN_LOCK)
        self._server_lock = open_lock(self._folder / SERVER_LOCK)
        # Somebody who looks whether the lock is held holds it for an instant: hence the waiting.
        if not _within(PREDECESSOR_TIMEOUT_S, lambda: try_lock(own, fcntl.LOCK_EX)):
            return False
        os.ftruncate(own, 0)
        os.pwrite(own, str(os.getpid()).encode(), 0)
        if try_lock(self._server_lock, fcntl.LOCK_EX):
            return True
        # The last guardian was killed and its server still runs. By its socket, because its process id proves nothing.
        ask(self._charge.socket, b"SHUTDOWN")
        return _within(PREDECESSOR_TIMEOUT_S, lambda: try_lock(self._server_lock, fcntl.LOCK_EX))

    def _owns_folder(self) -> bool:
        try:
            return os.path.samestat((self._folder / GUARDIAN_LOCK).stat(), os.fstat(self._own_lock))
        except OSError:
            return False

    def _start(self) -> subprocess.Popen[bytes]:
        self._up_since_s = None
        with (self._folder / LOG).open("ab") as log:
            self._server = subprocess.Popen(
                self._charge.command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._server_lock,),
                preexec_fn=_die_with_parent(),  # safe: this process has one thread
            )
        return self._server

    def _may_restart(self, server: subprocess.Popen[bytes]) -> bool:
        if self._up_since_s is None:
            _log(f"the server ended with {server.returncode} before it was ready")
            return False
        _log(f"the server ended with {server.returncode}; it is started again")
        if time.monotonic() - self._up_since_s < SHORT_LIFE_S:
            time.sleep(RESTART_PAUSE_S)
        return True

    def _announce(self) -> None:
        self._up_since_s = time.monotonic()
        with suppress(OSError):  # whoever waited for this may be gone
            os.write(sys.stdout.fileno(), READY)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def _pause(self) -> bytes:
        longest_s = BOOT_PAUSE_S
        if self._up_since_s is not None:
            longest_s = min(max(self._charge.grace_s / 4, BOOT_PAUSE_S), LONGEST_PAUSE_S)
        readable, _, _ = select.select([self._wakeup], [], [], longest_s)
        return os.read(self._wakeup, 64) if readable else b""

    def _unused(self) -> bool:
        """Whether nobody has used the server for the grace; if so, ``users.lock`` stays taken."""
        if not try_lock(self._users, fcntl.LOCK_EX):
            self._unused_since_s = None
            return False
        now_s = time.monotonic()
        self._unused_since_s = now_s if self._unused_since_s is None else self._unused_since_s
        if now_s - self._unused_since_s >= self._charge.grace_s:
            return True
        fcntl.flock(self._users, fcntl.LOCK_UN)
        return False

    def _stop(self, server: subprocess.Popen[bytes]) -> None:
        server.terminate()
        try:
            server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _log(f"the server did not stop within {STOP_TIMEOUT_S:g} s and is killed")
            server.kill()
            server.wait()
        path = Path(self._charge.socket)
        with suppress(OSError):
            path.unlink(missing_ok=True)
            if path.parent != self._folder:
                path.parent.rmdir()
                (self._folder / SOCKET_RECORD).unlink(missing_ok=True)


def launch(charge: Charge) -> int:
    """Start a guardian that is nobody's child and wait until its server answers; 0 if it does."""
    with (Path(charge.folder) / LOG).open("ab") as log:
        guardian = subprocess.Popen(
            own_command("guard", charge),
            cwd=charge.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert guardian.stdout is not None
    return 0 if guardian.stdout.readline() == READY else 1


def own_command(step: str, charge: Charge) -> list[str]:
    """The command line that runs this file."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), step, charge.to_json()]


def _wake_on_signals() -> int:
    """Make SIGTERM and the end of a child readable on the returned descriptor; SIGINT and SIGHUP do nothing."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whoever started us may have blocked some
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, _noted)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reading


def _noted(number: int, frame: FrameType | None) -> None:
    """Does nothing; a signal is written to the wake-up descriptor only if it has a handler."""


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux: a function for the new process that has it ended (gracefully) when the guardian is killed."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    guardian = os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != guardian:
            os._exit(1)

    return bind


def _within(timeout_s: float, condition: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(BOOT_PAUSE_S)
    return True


def _log(message: str) -> None:
    sys.stderr.write(f"guardian {os.getpid()}: {message}\n")
    sys.stderr.flush()


def main(step: str, charge: Charge) -> int:
    """Run one step: ``launch`` or ``guard``."""
    os.umask(0o077)
    return launch(charge) if step == "launch" else Guardian(charge).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Charge.from_json(sys.argv[2])))
