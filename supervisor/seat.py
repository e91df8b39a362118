"""What a forked child gets: the contract between the master and the bodies of its children."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from .beats import Beats, BeatSlot, Role, State
from .config import SupervisorConfig
from .pipes import Message, encode
from .tallies import Area

STEWARD_SLOT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A child's place.

    Attributes:
        slot: the fleet's slot, from 0; -1 for the steward. A replacement gets the same one.
        generation: the roll-out, from 1; each rolling restart adds one.
        role: `worker` or `steward`.
        nonce: eight hex digits, new for each process: what tells it from its predecessors.
        beat: this process's own cell of the table. Its `worker` must be set before the first claim.
        beats: the whole table, for the steward.
        control_fd: non-blocking; newline-delimited JSON from the master. Its end means that the master is gone.
        report_fd: blocking; newline-delimited JSON to the master.
        cpus: the CPUs that this process has been bound to; empty when it has not.
        config: the supervisor's settings.
        area: where this process counts its jobs; None when nobody asks for them.

    What the master says on `control_fd`:

    - `{"do": "drain"}`: end once running jobs have; claim no more. A worker gets SIGTERM as well, and takes either.
    - `{"do": "interrupt"}`: give running jobs back now, uncharged, then end.
    - `{"dead": worker, "slot": 0, "cause": "signal:9", "charged": true, "active": 1, "holders": [], "answered": {}}`,
      to the steward only: that worker has been reaped; recover its jobs and answer with `recovered`. It may be repeated
      to a later steward.
    - `{"left": steward}`, to the steward only: a former one, named by what it wrote as its `beat.worker`, died; give up
      its lead and answer with `recovered`.

    Any number of SIGTERMs means drain: systemd sends one to every process of a service, and the master another. For the
    same reason the steward passes SIGTERM by and ends on the message only, after the workers.

    Every signal but SIGUSR1 is held when the body begins: it calls `taskora.supervisor.signals.leave_to_master`,
    installs its own SIGTERM handler and then calls `unblock_signals`. SIGUSR1 already dumps stacks to the master's log.
    """

    slot: int
    generation: int
    role: Role
    nonce: str
    beat: BeatSlot
    beats: Beats
    control_fd: int
    report_fd: int
    cpus: tuple[int, ...]
    config: SupervisorConfig
    area: Area | None = None

    def ready(self) -> None:
        """Say that the first job can be claimed, or, for the steward, that dead workers can be reported."""
        self.beat.beat()
        self.beat.state = State.READY
        self.report({"ready": True})

    def ask_to_end(self, why: str) -> None:
        """Ask to be drained and replaced, e.g. for a thread that cannot be stopped."""
        self.beat.wants_end = True
        self.report({"wants_end": why})

    def request(self, request_id: str, action: str, *, slot: int | None = None, procs: int | None = None) -> None:
        """Hand on what somebody asks the supervisor for (the steward); the master acts on each id once."""
        self.report({"request": request_id, "action": action, "slot": slot, "procs": procs})

    def recovered(self, worker: str) -> None:
        """Acknowledge a `dead` message: that worker's jobs are back (the steward)."""
        self.report({"recovered": worker})

    def report(self, message: Message) -> None:
        """Write one message to the master; nothing happens when it is gone."""
        with contextlib.suppress(BrokenPipeError):
            # Whole: lines below PIPE_BUF (4,096 bytes) do not interleave with those of other threads.
            os.write(self.report_fd, encode(message))


ChildMain = Callable[[Seat], int]
"""The body of a child: runs until it should end, returns its exit code (`taskora.supervisor.exitcodes`)."""

Preload = Callable[[SupervisorConfig], None]
"""Imports the app, in the zygote. It starts no thread and opens no connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """The bodies of all children.

    Attributes:
        worker: claims and runs jobs.
        steward: does what needs Redis or the app; runs no job.
        preload: imports the app; None when `--preload` is not offered.
    """

    worker: ChildMain
    steward: ChildMain
    preload: Preload | None = None
