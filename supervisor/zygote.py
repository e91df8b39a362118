"""The zygote: a process with one thread that imports the app once and forks the workers from there.

A worker is forked twice, so that the process between them ends and the worker becomes a child of the master (which is a
subreaper): the master reaps it, reads its exit status and signals it like one that it forked itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypedDict

from .beats import Role
from .exitcodes import ExitCode
from .fork import ForkFromThreadsError, fork_child, require_one_thread
from .logs import name_origin
from .nursery import Ends, Order, Upbringing
from .pipes import Message, decode, encode
from .process import Process
from .stacks import StackLog, offer_stacks

_log: Final = logging.getLogger(__name__)
_PR_SET_CHILD_SUBREAPER: Final = 36
_ANSWER_S: Final = 2.0
_MESSAGE_BYTES: Final = 4_096


def become_subreaper() -> None:
    """Let processes whose parent ends become this process's children.

    Raises:
        OSError: the kernel or a seccomp profile refuses; without it `--preload` cannot work.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"--preload needs prctl(PR_SET_CHILD_SUBREAPER): {os.strerror(number)}")


class _OrderFields(TypedDict):
    slot: int
    role: Role
    generation: int
    nonce: str
    cell: int
    cpus: list[int]


class Zygote:
    """The master's end of one zygote. Also a nursery, once it has loaded the app."""

    __slots__ = ("_socket", "failed_birth", "generation", "process", "ready", "stacks", "started_ns")

    def __init__(self, process: Process, end: socket.socket, stacks: StackLog, generation: int) -> None:
        self.process: Process = process
        self.generation: int = generation
        self.started_ns: int = time.monotonic_ns()
        self.ready: bool = False
        self.failed_birth: bool = False
        self.stacks: StackLog = stacks
        self._socket = end

    @classmethod
    def start(cls, upbringing: Upbringing, generation: int) -> Zygote:
        """Fork a zygote, which begins to import the app.

        Raises:
            OSError: no process could be made now.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stacks_r, stacks_w = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(stacks_r, False)
        try:
            keep = (theirs.fileno(), stacks_w)
            pid = fork_child(lambda: _run(upbringing, theirs, stacks_w, generation), keep=keep)
        except BaseException:
            os.close(stacks_r)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(stacks_w)
        origin: dict[str, object] = {"slot": "zygote", "pid": pid, "generation": generation}
        return cls(Process(pid), ours, StackLog(stacks_r, origin), generation)

    def fileno(self) -> int:
        """Readable when it has something to say."""
        return self._socket.fileno()

    @property
    def open(self) -> bool:
        """It has loaded the app and answers."""
        return self.ready and not self.failed_birth

    def hear(self) -> bool:
        """Take its one unasked message: that the app is loaded. False when there is nothing more to hear."""
        self._socket.setblocking(False)
        try:
            data = self._socket.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        message = decode(data)
        self.ready = self.ready or (message is not None and message.get("ready") is True)
        return bool(data)

    def bear(self, order: Order, ends: Ends) -> int:
        """Have it fork a worker, and wait for the worker's id.

        Raises:
            OSError: it could not, or did not answer within two seconds; then it is to be replaced.
        """
        try:
            self._socket.settimeout(_ANSWER_S)
            socket.send_fds(self._socket, [encode(asdict(order))], list(ends.all()))
            answer = decode(self._socket.recv(_MESSAGE_BYTES))
        except OSError:
            self.failed_birth = True
            raise
        pid = answer.get("pid") if answer is not None else None
        if isinstance(pid, int):
            return pid
        if answer is None:
            self.failed_birth = True
            raise ConnectionResetError("the zygote has ended")
        number = answer.get("errno")
        raise OSError(number if isinstance(number, int) else 0, str(answer.get("error")))

    def retire(self) -> None:
        """Let it go: it ends when its line does. Our end stays open until it is reaped, for the selector's sake."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End it now."""
        self.process.kill()

    def close(self) -> None:
        """After it was reaped."""
        self._socket.close()
        self.stacks.close()
        self.process.close()


def _run(upbringing: Upbringing, line: socket.socket, stacks_fd: int, generation: int) -> int:
    """The zygote's life: import, freeze, then one fork for each order until the master closes the line."""
    offer_stacks(stacks_fd)
    name_origin("zygote", generation)
    code = _preload(upbringing)
    if code != ExitCode.DONE:
        return code
    # What is collected here is not written to later: its pages stay shared with every worker.
    gc.collect()
    gc.freeze()
    line.sendall(encode({"ready": True}))
    while True:
        data, fds, _, _ = socket.recv_fds(line, _MESSAGE_BYTES, 3)
        if not data:
            return ExitCode.DONE
        ends = Ends(*fds)
        order = _order(data)
        try:
            answer = _bear(upbringing, order, ends, line, stacks_fd)
        finally:
            ends.close()
        line.sendall(encode(answer))


def _preload(upbringing: Upbringing) -> int:
    preload = upbringing.bodies.preload
    if preload is None:
        return ExitCode.DONE
    before = _sockets()
    try:
        preload(upbringing.config)
    except Exception:  # noqa: BLE001 -- whatever the app raises while it is imported
        _log.exception("%s could not be loaded", upbringing.config.target, extra={"action": "zygote.load"})
        return ExitCode.APP_LOAD_FAILED
    try:
        require_one_thread()
    except ForkFromThreadsError as error:
        _log.error("%s", error, extra={"action": "zygote.threads"})
        return ExitCode.APP_LOAD_FAILED
    opened = _sockets() - before
    if opened:
        _log.warning(
            "%s opened %d socket(s) while it was imported; with --preload all workers share them and mix up their "
            "bytes. Open connections on first use.",
            upbringing.config.target,
            len(opened),
            extra={"action": "zygote.sockets"},
        )
    return ExitCode.DONE


def _sockets() -> set[int]:
    found: set[int] = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            if stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def _order(data: bytes) -> Order:
    fields: _OrderFields = json.loads(data)
    return Order(
        slot=fields["slot"],
        role=fields["role"],
        generation=fields["generation"],
        nonce=fields["nonce"],
        cell=fields["cell"],
        cpus=tuple(fields["cpus"]),
    )


def _bear(upbringing: Upbringing, order: Order, ends: Ends, line: socket.socket, stacks_fd: int) -> Message:
    """Fork twice; the worker's id comes back through a pipe from the process between."""
    ids_r, ids_w = os.pipe2(os.O_CLOEXEC)

    def live() -> int:
        # The zygote's own; everything else that is open here belongs to the app.
        line.close()
        os.close(stacks_fd)
        os.close(ids_r)
        return upbringing.live(order, ends)

    try:
        between = fork_child(lambda: _hand_over(live, ids_w), keep=None)
        os.close(ids_w)
        ids_w = -1
        answer = os.read(ids_r, 256)
        # Once it is reaped, the worker is the master's child.
        os.waitpid(between, 0)
    except OSError as error:
        return {"errno": error.errno or 0, "error": str(error)}
    except ForkFromThreadsError as error:
        return {"errno": 0, "error": str(error)}
    finally:
        os.close(ids_r)
        if ids_w >= 0:
            os.close(ids_w)
    return decode(answer) or {"errno": 0, "error": "the process between ended without an answer"}


def _hand_over(live: Callable[[], int], ids_w: int) -> int:
    # A signal to the process between must not leave an unreported worker behind: they are all held here.
    try:
        answer: Message = {"pid": fork_child(lambda: _start(live, ids_w), keep=None)}
    except OSError as error:
        answer = {"errno": error.errno or 0, "error": str(error)}
    os.write(ids_w, encode(answer))
    return ExitCode.DONE


def _start(live: Callable[[], int], ids_w: int) -> int:
    os.close(ids_w)
    return live()
