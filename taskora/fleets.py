"""Supervisors and their children, as the records of their processes tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from taskora.model import WorkerRecord

_MOST_PERCENT: Final = 1e6


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """A worker process of a supervisor. What only its own record tells is None until it has written one.

    Attributes:
        slot: Its place in the fleet, from 0; a replacement gets the same one.
        pid: Its process.
        generation: The roll-out that it belongs to, from 1; a rolling restart adds one.
        state: What it says of itself: ``starting``, ``ready`` or ``draining``; ``hung`` when it is silent without a
            job that explains it, or is about to be killed. Others may come.
        worker: Its id among the workers; empty before it has one.
        active: Jobs that it runs.
        restarts: How often a process of the slot died without being asked to.
        last_cause: Why the slot's last process ended; empty before the first end.
        rss: Its resident memory, bytes.
        started_at: When it started, aware UTC.
        done: Jobs that it completed.
        failed: Runs that failed in it.
        tasks: What it runs.
        pss: Its memory, bytes, of which pages that it shares count by share.
        cpu: Its CPU time, in percent of a core over about the last five seconds.
    """

    slot: int
    pid: int
    generation: int
    state: str
    worker: str
    active: int
    restarts: int
    last_cause: str
    rss: int | None = None
    started_at: datetime | None = None
    done: int | None = None
    failed: int | None = None
    tasks: tuple[str, ...] = ()
    pss: int | None = None
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class SupervisorInfo:
    """A supervisor, as its steward tells of it.

    Attributes:
        id: Names it from its start to its end, and no other one; that of its steward where an older version told none.
        host: Its machine.
        pid: Of the supervisor itself; 0 when the record does not tell.
        leader: Whether it does the housekeeping for all.
        version: Of taskora.
        steward_pid: Of the steward.
        steward_started_at: When the steward started, aware UTC.
        seen_at: When it last wrote, aware UTC.
        children: Its worker processes, by slot and generation.
        procs: How many worker processes it is to have; None when the record does not tell.
        remote_control: Whether it takes requests, see ``Taskora.supervisors``.
    """

    id: str
    host: str
    pid: int
    leader: bool
    version: str
    steward_pid: int
    steward_started_at: datetime
    seen_at: datetime
    children: tuple[ChildInfo, ...]
    procs: int | None = None
    remote_control: bool = False


def read_supervisors(records: Iterable[WorkerRecord]) -> list[SupervisorInfo]:
    """Put supervisors and their children together, by host and process. What cannot be read of one is left out."""
    known = list(records)
    workers = {record.id: record for record in known if record.role == "worker"}
    stewards = sorted((record for record in known if record.role == "steward"), key=lambda record: record.started_at)
    # A steward and its successor may both be there for a while: what the latter tells counts.
    found = {one.id: one for one in (_supervisor(record, workers) for record in stewards)}.values()
    return sorted(found, key=lambda supervisor: (supervisor.host, supervisor.pid, supervisor.id))


def _supervisor(record: WorkerRecord, workers: Mapping[str, WorkerRecord]) -> SupervisorInfo:
    stored = record.extra.get("slots")
    entries = cast("list[object]", stored) if isinstance(stored, list) else []
    read = [_child(cast("dict[object, object]", entry), workers) for entry in entries if isinstance(entry, dict)]
    children = sorted((child for child in read if child is not None), key=lambda child: (child.slot, child.generation))
    own_id = _text(record.extra.get("id"))
    return SupervisorInfo(
        own_id or record.id, record.host, _count(record.extra.get("supervisor")) or 0, record.leader, record.version,
        record.pid, record.started_at, record.seen_at, tuple(children), _count(record.extra.get("procs")),
        bool(own_id) and record.extra.get("remoteControl") is True,
    )  # fmt: skip


def _child(entry: Mapping[object, object], workers: Mapping[str, WorkerRecord]) -> ChildInfo | None:
    slot, pid = _count(entry.get("slot")), _count(entry.get("pid"))
    if slot is None or pid is None:
        return None
    worker = _text(entry.get("worker"))
    own = workers.get(worker)
    said = ChildInfo(
        slot,
        pid,
        _count(entry.get("generation")) or 0,
        _text(entry.get("state")),
        worker,
        _count(entry.get("active")) or 0,
        _count(entry.get("restarts")) or 0,
        _text(entry.get("lastCause")),
        pss=_count(entry.get("pss")),
        cpu=_percent(entry.get("cpu")),
    )
    if own is None:
        return said
    return replace(said, rss=own.rss, started_at=own.started_at, done=own.done, failed=own.failed, tasks=own.tasks)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _percent(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(cast("float", value)) if number and 0 <= cast("float", value) < _MOST_PERCENT else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
