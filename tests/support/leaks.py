"""Finding the processes that a test run forgot."""

import os
import uuid
from contextlib import suppress

import psutil

from support.waiting import wait_until

_MARK = "TASKORA_TEST_RUN"


def mark_descendants() -> str:
    """Marks, through the environment, every process that this one will start; returns the mark."""
    os.environ[_MARK] = mark = uuid.uuid4().hex
    return mark


def left_behind(mark: str) -> list[psutil.Process]:
    """The processes that this run started and that still exist.

    Those that were orphaned on the way count too: the mark finds them. The helper process of `multiprocessing` does
    not: it ends with its parent.
    """
    children = psutil.Process().children(recursive=True)
    marked = [process for process in psutil.process_iter() if _has_mark(process, mark)]
    return [process for process in {*children, *marked} if process.pid != os.getpid() and not _is_helper(process)]


def end_and_describe(mark: str, timeout_s: float = 3.0) -> list[str]:
    """Gives what is still ending ``timeout_s`` seconds, then kills the rest and says what it was."""
    with suppress(AssertionError):
        wait_until(lambda: not left_behind(mark), timeout_s)
    left = left_behind(mark)
    described = [_describe(process) for process in left]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return described


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(_MARK) == mark
    except (psutil.Error, OSError):
        return False


def _is_helper(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing.resource_tracker" in word for word in process.cmdline())
    except psutil.Error:
        return False


def _describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} ({process.status()}): {' '.join(process.cmdline())}"
    except psutil.Error:
        return str(process.pid)
