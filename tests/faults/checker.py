"""Holds what was promised and done against what is stored, once the storm is over and the queues are at rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from faults import check_jobs, check_rest, check_runs
from faults.circumstances import Circumstances
from faults.ledger import Records
from faults.snapshot import Snapshot
from faults.violation import Violation


@dataclass(frozen=True, slots=True)
class Exit:
    """How a program ended.

    Attributes:
        asked: The signal that was to end it, ``stop``, ``no server`` of one that could not start, or empty.
    """

    program: str
    code: int
    asked: str


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was left on the machine.

    Attributes:
        exits: Of every supervisor and producer.
        processes: Those that should have ended, described.
    """

    exits: list[Exit] = field(default_factory=list[Exit])
    processes: list[str] = field(default_factory=list[str])


def violations(
    records: Records, snapshot: Snapshot, circumstances: Circumstances, aftermath: Aftermath, prefix: str = ""
) -> list[Violation]:
    """All rules; an empty list is a storm that was weathered."""
    return [
        *check_jobs.check(records, snapshot),
        *check_runs.check(records, snapshot, circumstances),
        *check_rest.check(snapshot, circumstances, prefix),
        *_left_behind(aftermath),
    ]


def _left_behind(aftermath: Aftermath) -> Iterator[Violation]:
    for exit_ in aftermath.exits:
        allowed = {"": (), "SIGTERM": (0, 75), "stop": (0,), "SIGKILL": (-9,), "no server": (3,)}[exit_.asked]
        if exit_.code not in allowed:
            why = f"after: {exit_.asked}" if exit_.asked else "for no reason"
            yield Violation("exit", f"{exit_.program} ended with {exit_.code} {why}")
    for process in aftermath.processes:
        yield Violation("orphan", process)
