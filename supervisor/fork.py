"""Forking: one thread, held signals, and a child that never comes back into its parent's stack."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from .exitcodes import ExitCode
from .signals import reset_signals, signals_held

_log: Final = logging.getLogger(__name__)
_TASKS: Final = Path("/proc/self/task")
_FDS: Final = Path("/proc/self/fd")


class ForkFromThreadsError(RuntimeError):
    """A process with threads was asked to fork."""


def require_one_thread() -> None:
    """Refuse to fork beside other threads: a lock that one of them holds would stay held in the child for ever.

    Raises:
        ForkFromThreadsError: this process has more than one thread.
    """
    threads = len(os.listdir(_TASKS))  # noqa: PTH208 -- names only, before every fork
    if threads != 1:
        raise ForkFromThreadsError(
            f"process {os.getpid()} has {threads} threads and cannot fork: a lock that another one holds would never "
            "be released in the child. Find what started the thread (with --preload, it is the app's import: start "
            "threads and connections on first use) or leave out --preload."
        )


def fork_child(body: Callable[[], int], *, keep: Collection[int] | None) -> int:
    """Fork; the child runs `body` and ends with the code that it returns.

    Args:
        body: called in the child, with every handled signal still held.
        keep: the child's own descriptors. Of the rest it keeps what is not close-on-exec: what this process itself was
            given, such as its log; what the parent opened for itself is closed. None keeps everything.

    Returns:
        The child's process id, in the parent only.

    Raises:
        ForkFromThreadsError: this process has more than one thread.
        OSError: the kernel refused (EAGAIN, ENOMEM).
    """
    require_one_thread()
    # What is in these buffers would be written twice.
    flush_output()
    with signals_held():
        pid = os.fork()
        if pid == 0:
            _live(body, keep)
        return pid


def _live(body: Callable[[], int], keep: Collection[int] | None) -> None:
    code = int(ExitCode.INTERNAL)
    try:
        reset_signals()
        if keep is not None:
            _close_private(keep)
        random.seed()
        code = body()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- the child ends here in any case
        _log.exception("process %d ended by an error of its own", os.getpid(), extra={"action": "child.error"})
    finally:
        flush_output()
        # Never back into the parent's frames: its `finally` blocks are not the child's to run.
        os._exit(code)


def _close_private(keep: Collection[int]) -> None:
    """Close the parent's own descriptors: a pipe whose write end a sibling holds never ends."""
    for name in os.listdir(_FDS):  # noqa: PTH208
        fd = int(name)
        if fd in keep:
            continue
        with contextlib.suppress(OSError):
            if not os.get_inheritable(fd):
                os.close(fd)


def flush_output() -> None:
    """Write out what stdout and stderr still hold."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
