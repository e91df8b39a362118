"""One child and everything that the master knows of it."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

from .beats import BeatSlot, State
from .nursery import Ends, Nursery, Order, open_pipes
from .pipes import LineReader, LineWriter
from .process import Process
from .retirement import NS, Reason, Retirement, Sentence, Step
from .stacks import StackLog

_log: Final = logging.getLogger(__name__)


class Child:
    """A living process of the fleet, or one that has not been reaped yet."""

    __slots__ = (
        "beat",
        "control",
        "killed",
        "limits",
        "order",
        "process",
        "ready_ns",
        "report",
        "retirement",
        "sentence",
        "stacks",
        "started_ns",
    )

    def __init__(self, order: Order, beat: BeatSlot, process: Process, ends: Ends) -> None:
        self.order: Order = order
        self.beat: BeatSlot = beat
        self.process: Process = process
        self.control: LineWriter = LineWriter(ends.control)
        self.report: LineReader = LineReader(ends.report)
        self.started_ns: int = time.monotonic_ns()
        self.ready_ns: int = 0
        self.retirement: Retirement | None = None
        self.sentence: Sentence | None = None
        self.killed: bool = False
        self.limits: Limits | None = None
        self.stacks: StackLog = StackLog(ends.stacks, self.origin)

    @classmethod
    def bear(cls, nursery: Nursery, order: Order, beat: BeatSlot) -> Child:
        """Have a child born into the cell `beat`.

        Raises:
            OSError: no process, or no descriptors, could be made now.
        """
        ours, theirs = open_pipes()
        beat.assign(slot=order.slot, role=order.role, generation=order.generation)
        try:
            pid = nursery.bear(order, theirs)
        except BaseException:
            beat.release()
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(order, beat, Process(pid), ours)

    @property
    def origin(self) -> dict[str, object]:
        """For log records: slot, pid and generation."""
        slot = self.order.slot if self.order.role == "worker" else "steward"
        return {"slot": slot, "pid": self.process.pid, "generation": self.order.generation}

    @property
    def name(self) -> str:
        """For messages to people."""
        who = f"slot {self.order.slot}" if self.order.role == "worker" else "steward"
        return f"{who} (pid {self.process.pid}, generation {self.order.generation})"

    @property
    def is_ready(self) -> bool:
        """It has said so, and is not on its way out."""
        return self.ready_ns > 0 and self.retirement is None and self.sentence is None

    def notice_ready(self) -> bool:
        """See whether it has become ready since the last look."""
        if self.ready_ns or self.beat.state is State.STARTING:
            return False
        self.ready_ns = time.monotonic_ns()
        return True

    def ready_for_ns(self) -> int:
        """How long it has been ready; 0 when it never was."""
        return time.monotonic_ns() - self.ready_ns if self.ready_ns else 0

    def retire(self, reason: Reason, drain_s: float) -> None:
        """Ask it to drain. A child that drains already keeps its deadline."""
        if self.retirement is not None:
            return
        self.retirement = Retirement.begin(reason, drain_s)
        self.control.send({"do": "drain"})
        self.process.send(signal.SIGTERM)
        _log.info("%s drains (%s)", self.name, reason, extra={"action": "child.drain", **self.origin})

    def interrupt(self) -> None:
        """Tell it to give its running jobs back now. Not by a signal: those merge, and systemd sends them to all."""
        self.control.send({"do": "interrupt"})
        _log.warning(
            "%s is to give its %d job(s) back",
            self.name,
            self.beat.active,
            extra={"action": "child.interrupt", **self.origin},
        )

    def condemn(self, cause: str, evidence_s: float) -> None:
        """Decide to kill it: its locks are extended no more, its stacks go to the log, SIGKILL follows."""
        if self.sentence is not None:
            return
        self.beat.doomed = True
        self.sentence = Sentence(cause, time.monotonic_ns() + int(evidence_s * NS))
        if evidence_s > 0:
            self.process.send(signal.SIGUSR1)
        _log.error("%s is to be killed: %s", self.name, cause, extra={"action": "child.condemn", **self.origin})

    def proceed(self, now_ns: int, interrupt_s: float, evidence_s: float) -> None:
        """Take whatever step on the way out is due."""
        if self.sentence is not None:
            if now_ns >= self.sentence.kill_at_ns and not self.killed:
                self.process.kill()
                self.killed = True
            return
        if self.retirement is None:
            return
        before_kill_s = max(0.0, interrupt_s - evidence_s)
        step = self.retirement.advance(now_ns, before_kill_s)
        if step is Step.INTERRUPT:
            self.interrupt()
        elif step is Step.KILL:
            cause = "wants-end" if self.retirement.reason == "wants-end" else "drain-timeout"
            self.condemn(cause, min(evidence_s, interrupt_s))

    def due_ns(self) -> Iterator[int]:
        """When it needs the master next, as far as that is known."""
        if self.sentence is not None:
            if not self.killed:
                yield self.sentence.kill_at_ns
        elif self.retirement is not None and self.retirement.step is not Step.KILL:
            yield self.retirement.due_ns
        stacks_ns = self.stacks.due_ns()
        if stacks_ns is not None:
            yield stacks_ns

    def close(self) -> None:
        """After it was reaped: close what belonged to it and free its cell."""
        self.stacks.close()
        self.control.close()
        self.report.close()
        self.process.close()
        self.beat.release()


class Limits:
    """One child's own recycling limits, each off by up to a tenth so that a fleet does not recycle in step."""

    __slots__ = ("jobs", "rss_bytes")

    def __init__(self, jobs: int | None, rss_bytes: int | None, factor: float) -> None:
        self.jobs: int | None = None if jobs is None else max(1, round(jobs * factor))
        self.rss_bytes: int | None = None if rss_bytes is None else round(rss_bytes * factor)


def new_nonce() -> str:
    """Eight hex digits."""
    return os.urandom(4).hex()
