"""What a worker tells the process that it lives in."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

log: logging.Logger = logging.getLogger("taskora.worker")


class Host(Protocol):
    """The process around a worker: a supervised child, or the user's own."""

    @property
    def watches(self) -> bool:
        """Whether ``hold`` and ``let_go`` are of interest."""
        ...

    def hold(self, job_id: str, deadline_ns: int) -> None:
        """A job's code gets the interpreter, and may keep it; until this monotonic time silence is not a hang.

        A job that holds it already may do so once more: its middleware's step starts its handler's thread.
        """
        ...

    def let_go(self, job_id: str) -> None:
        """That job's code has given the interpreter back, as often as it held it."""
        ...

    def claim_begun(self, connection: str, number: int) -> None:
        """What a claim of one of the worker's connections brought begins to run, and so may what earlier ones did."""
        ...

    def thread_stuck(self, task: str, job_id: str) -> bool:
        """A sync handler cannot be stopped. True: this process will be ended once its other jobs are done."""
        ...

    def identity_lost(self) -> None:
        """The worker was taken for dead and its jobs were given to others: this process must end."""
        ...

    def worker_broken(self) -> None:
        """A part of the worker ended by an error of ours: this process must end, once its running jobs have."""
        ...


class Alone:
    """A process without a supervisor.

    Args:
        ended: Set when the worker in it cannot go on; None when nobody waits for that.
    """

    watches = False

    def __init__(self, ended: asyncio.Event | None = None) -> None:
        self._ended = asyncio.Event() if ended is None else ended

    def hold(self, job_id: str, deadline_ns: int) -> None:
        """Nobody watches."""

    def let_go(self, job_id: str) -> None:
        """Nobody watches."""

    def claim_begun(self, connection: str, number: int) -> None:
        """Nobody recovers what this process leaves but the sweep, which charges no crash."""

    def thread_stuck(self, task: str, job_id: str) -> bool:
        """Say so; the thread stays until the process ends, and another takes its place."""
        log.error(
            "task %r job %s: its handler ignores every interruption and keeps a thread for itself; run under "
            "taskora-supervise, which replaces the process",
            task, job_id, extra={"action": "stuck"},
        )  # fmt: skip
        return False

    def identity_lost(self) -> None:
        """Say so."""
        log.critical("this worker was taken for dead and its jobs run elsewhere; it stops", extra={"action": "lost"})
        self._ended.set()

    def worker_broken(self) -> None:
        """Say so."""
        log.critical("this worker claims no more; restart the process", extra={"action": "bug"})
        self._ended.set()
