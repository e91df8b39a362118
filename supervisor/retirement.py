"""How one child is brought to its end: drain, then give back, then die."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

NS: Final = 1_000_000_000

Reason = Literal["stop", "roll", "scale", "recycle:jobs", "recycle:memory", "recycle:request", "wants-end"]


class Step(Enum):
    """Where on the way down a child is."""

    DRAIN = "drain"
    INTERRUPT = "interrupt"
    KILL = "kill"


@dataclass(slots=True)
class Retirement:
    """A child that has been asked to drain.

    Attributes:
        reason: why.
        step: what it has been told last.
        due_ns: when the next step is taken, CLOCK_MONOTONIC.
    """

    reason: Reason
    step: Step
    due_ns: int

    @classmethod
    def begin(cls, reason: Reason, drain_s: float) -> Retirement:
        """Start with the drain."""
        return cls(reason, Step.DRAIN, time.monotonic_ns() + int(drain_s * NS))

    def hurry(self) -> None:
        """Take the next step from the drain at once."""
        if self.step is Step.DRAIN:
            self.due_ns = time.monotonic_ns()

    def advance(self, now_ns: int, interrupt_s: float) -> Step | None:
        """The step to take now, None while there is time."""
        if now_ns < self.due_ns or self.step is Step.KILL:
            return None
        self.step = Step.INTERRUPT if self.step is Step.DRAIN else Step.KILL
        self.due_ns = now_ns + int(interrupt_s * NS)
        return self.step


@dataclass(frozen=True, slots=True)
class Sentence:
    """The master's decision to kill a child.

    Attributes:
        cause: `hung`, `stopped`, `boot-timeout`, `drain-timeout`, `wants-end` or `quit`.
        kill_at_ns: SIGKILL goes out then, CLOCK_MONOTONIC: its stacks are read until then.
    """

    cause: str
    kill_at_ns: int
