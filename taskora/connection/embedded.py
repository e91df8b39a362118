"""The embedded server: a real Valkey or Redis in a folder of the project, shared by all processes that ask for it.

It is there while somebody uses it. Each user holds a lock that the kernel drops with the process, however that ends; a
guardian process (see `embedded_guardian`) stops the server once nobody has held it for a moment. The data stays.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from taskora.errors import AdapterError, ConfigError

from .embedded_binary import find_server
from .embedded_folder import default_folder, folder_of_url, known_socket_path, prepare, socket_path
from .embedded_guardian import (
    GUARDIAN_LOCK,
    LOG,
    SERVER_LOCK,
    START_LOCK,
    USERS_LOCK,
    Charge,
    answers,
    ask,
    is_held,
    open_lock,
    own_command,
    try_lock,
)
from .endpoint import Endpoint

DEFAULT_GRACE_S = 1.0
DEFAULT_TIMEOUT_S = 10.0
PAUSE_S = 0.01
SHOWN_LOG_LINES = 12
LONGEST_LOG_BYTES = 1024 * 1024
SERVER_OPTIONS = (
    ("--port", "0"),
    ("--unixsocketperm", "600"),
    ("--dir", "."),
    ("--daemonize", "no"),
    ("--logfile", ""),  # standard output, which is the log file
    ("--always-show-logo", "no"),
    ("--appendonly", "yes"),
    ("--appendfsync", "everysec"),
    ("--save", ""),
    ("--maxmemory-policy", "noeviction"),  # an evicted key is a lost job
    ("--hash-max-listpack-entries", "128"),
    ("--hash-max-listpack-value", "1024"),  # a job's hash stays compact with a payload of up to 1 KB
)

log: logging.Logger = logging.getLogger("taskora.embedded")


class EmbeddedServer:
    """The server of one folder, as one process sees it.

    `ensure` makes this process a user of it until `release` or the end of the process. A forked child shares the
    parent's use: the server stays until both have released or ended.

    Args:
        path: The folder. None: ``.taskora`` in the project, the nearest folder, from the working folder upwards, with
            a pyproject.toml or .git (without one: in the working folder).
        grace_s: Seconds for which the server stays up without users, so that the next command of a script finds it
            warm. Defaults to 1. What the process that starts the server says, holds.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, grace_s: float = DEFAULT_GRACE_S) -> None:
        if grace_s < 0:
            raise ConfigError(f"grace_s: must be 0 or more seconds, got {grace_s!r}")
        self._given = path
        self._grace_s = grace_s
        self._folder: Path | None = None
        self._use: int | None = None
        self._use_guard = threading.Lock()
        self._announced = False

    @classmethod
    def from_url(cls, url: str, *, grace_s: float = DEFAULT_GRACE_S) -> EmbeddedServer:
        """The server of ``embedded://PATH``; a bare ``embedded://`` means the default folder.

        Raises:
            ConfigError: The URL is of another kind.
        """
        return cls(folder_of_url(url), grace_s=grace_s)

    @property
    def folder(self) -> Path:
        """Absolute path of the folder with data, log, socket and locks; fixed when first asked for."""
        if self._folder is None:
            self._folder = default_folder() if self._given is None else Path(self._given).expanduser().absolute()
        return self._folder

    def ensure(self, timeout_s: float = DEFAULT_TIMEOUT_S) -> Endpoint:
        """Have the server running and become its user; however many ask at the same time, one server starts.

        Blocks. Starting takes about a tenth of a second, plus the time to load the data.

        Args:
            timeout_s: Seconds until it gives up.

        Raises:
            AdapterError: There is no server program, it does not start, or it is not ready in time.
        """
        deadline_s = time.monotonic() + timeout_s
        prepare(self.folder)
        with self._start_lock(deadline_s):
            had_use = self._use is not None
            try:
                self._become_user(deadline_s)
                path = socket_path(self.folder)
                self._have_it_answer(path, deadline_s)
            except BaseException:
                if not had_use:
                    self.release()
                raise
        self._announce()
        return Endpoint.unix(str(path))

    def release(self) -> None:
        """Stop being a user. The last one's leaving stops the server after the grace; the data stays."""
        with self._use_guard:
            use, self._use = self._use, None
        if use is not None:
            os.close(use)  # never unlocked: a forked child, or the parent, may still use the same lock

    def running(self) -> bool:
        """Whether the server is up and answers."""
        path = known_socket_path(self.folder)
        return path is not None and is_held(self.folder / SERVER_LOCK) and answers(str(path))

    def stop(self, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Stop the server although it may have users; returns when it is gone. Nothing happens if none runs.

        Raises:
            AdapterError: It is still there after ``timeout_s`` seconds.
        """
        if not (self.folder / START_LOCK).exists():
            return
        deadline_s = time.monotonic() + timeout_s
        with self._start_lock(deadline_s):
            told: set[int] = set()
            self._wait("the embedded server did not stop", deadline_s, lambda: self._is_gone(told))

    @contextmanager
    def _start_lock(self, deadline_s: float) -> Generator[None, None, None]:
        fd = open_lock(self.folder / START_LOCK)
        try:
            self._wait(
                "another process has been starting or stopping the embedded server all the time",
                deadline_s,
                lambda: try_lock(fd, fcntl.LOCK_EX),
            )
            try:
                yield
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)  # a process forked meanwhile has a copy: closing ours would not do
        finally:
            os.close(fd)

    def _become_user(self, deadline_s: float) -> None:
        path = self.folder / USERS_LOCK
        if self._use is not None and path.exists() and os.path.samestat(path.stat(), os.fstat(self._use)):
            return
        self.release()  # of a folder that was removed
        fd = open_lock(path)
        try:
            self._wait(
                "the embedded server has been stopping all the time",
                deadline_s,
                lambda: try_lock(fd, fcntl.LOCK_SH),
            )
        except BaseException:
            os.close(fd)
            raise
        with self._use_guard:
            self._use = fd

    def _have_it_answer(self, path: Path, deadline_s: float) -> None:
        def answers_or_started() -> bool:
            if not is_held(self.folder / GUARDIAN_LOCK):
                self._launch(path, deadline_s)
            return answers(str(path))

        self._wait("the embedded server did not get ready", deadline_s, answers_or_started)

    def _launch(self, path: Path, deadline_s: float) -> None:
        options = [word for option in SERVER_OPTIONS for word in option]
        where = path.name if path.parent == self.folder else str(path)
        command = [str(find_server()), *options, "--unixsocket", where]
        charge = Charge(str(self.folder), str(path), self._grace_s, command)
        seen = self._fresh_log()
        try:
            launched = subprocess.run(
                own_command("launch", charge),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C on the terminal is not for the server
                timeout=max(deadline_s - time.monotonic(), PAUSE_S),
            )
        except subprocess.TimeoutExpired:
            raise self._error("the embedded server did not get ready in time") from None
        except OSError as error:
            raise self._error(f"the embedded server cannot be started: {error}") from error
        if launched.returncode != 0:
            raise self._error("the embedded server does not start", self._log_since(seen))

    def _is_gone(self, told: set[int]) -> bool:
        if is_held(self.folder / GUARDIAN_LOCK):
            with suppress(OSError, ValueError):  # it ends just now, or has not written its process id yet
                guardian = int((self.folder / GUARDIAN_LOCK).read_text())
                if guardian not in told:
                    os.kill(guardian, signal.SIGTERM)
                    told.add(guardian)
            return False
        if not is_held(self.folder / SERVER_LOCK):
            return True
        if (path := known_socket_path(self.folder)) is not None:
            ask(str(path), b"SHUTDOWN")
        return False

    def _wait(self, otherwise: str, deadline_s: float, condition: Callable[[], bool]) -> None:
        while not condition():
            if time.monotonic() >= deadline_s:
                raise self._error(f"{otherwise} within the time given")
            time.sleep(PAUSE_S)

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            log.info("embedded server in %s", self.folder, extra={"action": "embedded", "folder": str(self.folder)})

    def _error(self, what: str, lines: str = "") -> AdapterError:
        logged = f"\n{lines}" if lines else ""
        return AdapterError(f"{what}. Folder: {self.folder}; its log: {self.folder / LOG}{logged}")

    def _fresh_log(self) -> int:
        """Size of the log, after putting a long one aside."""
        path = self.folder / LOG
        try:
            if (size := path.stat().st_size) <= LONGEST_LOG_BYTES:
                return size
            path.replace(path.with_suffix(".log.1"))
        except FileNotFoundError:
            pass
        return 0

    def _log_since(self, offset: int) -> str:
        try:
            written = (self.folder / LOG).read_bytes()[offset:]
        except OSError:
            return ""
        return "\n".join(written.decode(errors="replace").splitlines()[-SHOWN_LOG_LINES:])
