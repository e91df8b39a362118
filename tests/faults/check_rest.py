"""What else is stored: schedules, the registry, and keys that nobody would ever remove."""

import re
from collections.abc import Iterator

from faults.app import EVERY_MS
from faults.circumstances import Circumstances
from faults.snapshot import Snapshot
from faults.violation import Violation
from taskora.keys import Keys

# One small entry for each task, schedule, process or workflow, or capped: see WIRE_FORMAT.md, "Every key has an end".
_OF_ALL = ("meta", "tasks", "schedules", "schedules:next", "workflows", "workflows:completed", "workflows:failed",
           "workflows:events", "workers")  # fmt: skip
_OF_TASK = ("completed", "failed", "expired", "cancelled", "events", "fires")
_LONGEST_MS = 26 * 3600 * 1000  # of the hours in which durations are counted
_RECORD_NS = 16_000_000_000


def check(snapshot: Snapshot, circumstances: Circumstances, prefix: str = "") -> Iterator[Violation]:
    """Everything but jobs and workflows themselves."""
    yield from _occurrences(snapshot)
    yield from _registry(snapshot, circumstances)
    yield from keys_without_end(snapshot, prefix)
    if snapshot.longest_ms[0] > _LONGEST_MS:
        yield Violation("key", f"{snapshot.longest_ms[1]} lives for another {snapshot.longest_ms[0]} ms")


def _occurrences(snapshot: Snapshot) -> Iterator[Violation]:
    """Of each occurrence there is one job: the id begins with the time for which it was planned."""
    planned_ms = sorted(int(job.id.replace("-", "")[:12], 16) for job in snapshot.jobs.values() if job.task == "tick")
    if not planned_ms:
        return
    due_ms = list(range(planned_ms[0], planned_ms[-1] + 1, EVERY_MS))
    if planned_ms != due_ms:
        missing, extra = sorted(set(due_ms) - set(planned_ms)), sorted(set(planned_ms) - set(due_ms))
        yield Violation("schedule", f"{len(planned_ms)} occurrences; missing {missing}, beside the plan {extra}")
    last_ms = snapshot.fires.get("tick", 0)
    if last_ms != planned_ms[-1]:
        yield Violation("schedule", f"the last occurrence is {last_ms}, the last job's {planned_ms[-1]}")


def _registry(snapshot: Snapshot, circumstances: Circumstances) -> Iterator[Violation]:
    """Who ended in order is registered no more; the record of who was killed goes by itself, soon."""
    killed = {
        str(life.pid)
        for life in circumstances.lives
        if life.gone_ns and circumstances.told_ns - _RECORD_NS < life.gone_ns < circumstances.told_ns
    }
    for worker in snapshot.workers:
        if worker.split(":")[1] not in killed:
            yield Violation("registry", f"{worker} is registered")


def keys_without_end(snapshot: Snapshot, prefix: str = "") -> Iterator[Violation]:
    """Keys that live for ever and that nothing of what is stored explains."""
    keys = Keys(prefix)
    permanent = {keys.own(name) for name in _OF_ALL}
    of_task = re.compile(re.escape(keys.root) + r":\{(?P<task>[^}]+)\}:(?P<rest>.+)")
    of_flow = re.compile(re.escape(keys.root) + r":wf:\{(?P<flow>[^}]+)\}")
    for key in snapshot.lasting:
        if key in permanent:
            continue
        if (match := of_flow.fullmatch(key)) is not None:
            if match["flow"] not in snapshot.flow_ids:
                yield Violation("key", f"{key} stands in no index")
            continue
        match = of_task.fullmatch(key)
        owner = match["rest"].removesuffix(":logs") if match is not None else ""
        if match is None or (owner not in _OF_TASK and owner not in snapshot.jobs):
            yield Violation("key", f"{key} has no time to live and no owner")
