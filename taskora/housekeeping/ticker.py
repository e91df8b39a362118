"""Fires what is due."""

from __future__ import annotations

import logging
import time

from taskora.adapters.protocol import Adapter
from taskora.adapters.schedule_store import ScheduleChange, StoredSchedule
from taskora.config import TaskOptions
from taskora.duration import to_ms
from taskora.indexing import entries_of
from taskora.model import EnqueueSpec, NewJob, Occurrence
from taskora.payloads import dump
from taskora.schedules.planner import occurrence_id, plan_firing, skip_firing
from taskora.schedules.record import Record, read_record
from taskora.serializer import Serializer

from .roster import Roster
from .term import Term

log: logging.Logger = logging.getLogger("taskora.housekeeping")


class Ticker:
    """Dispatches the jobs of due schedules and moves these on.

    A schedule stays due until its job is stored. Whoever finds it again after a crash in between stores nothing twice:
    the task's slot remembers the last occurrence, and the job's id comes from it.

    Args:
        adapter: Where the schedules are.
        term: The lead under which this is done.
        roster: Finds the options of tasks.
        serializer: Writes payloads.
        poll_s: Longest time between two looks.
    """

    name = "schedules"

    def __init__(self, adapter: Adapter, term: Term, roster: Roster, serializer: Serializer, poll_s: float) -> None:
        self._adapter = adapter
        self._term = term
        self._roster = roster
        self._serializer = serializer
        self._poll_s = poll_s
        self._complaints: dict[str, str] = {}

    async def round(self) -> float:
        """Fire all that is due; returns the seconds until the next look."""
        began_s = time.monotonic()
        table = await self._adapter.schedules.due().run_async()
        waits_ms = [] if table.wait_ms is None else [table.wait_ms]
        for stored in table.due:
            if not self._term.current:
                break
            try:
                next_ms = await self._fire(stored, table.now_ms)
            except Exception as error:  # noqa: BLE001 - one broken schedule must not stop the others; it is logged once
                self._complain(stored.name, f"{type(error).__name__}: {error}")
            else:
                if next_ms is not None:
                    waits_ms.append(next_ms - table.now_ms)
        if not waits_ms:
            return self._poll_s
        return min(self._poll_s, min(waits_ms) / 1000 - (time.monotonic() - began_s))

    async def _fire(self, stored: StoredSchedule, now_ms: int) -> int | None:
        """Run one schedule; returns when it is due next, None when it was not moved on."""
        assert stored.next_ms is not None, "what is due has a time"
        record = read_record(stored.value)
        options = await self._roster.find(record.task)
        if options is None:
            self._complain(
                stored.name, f"no process has published the task {record.task!r}; it stays due until one does"
            )
            return None
        if not record.overlap and await self._still_runs(record):
            log.info("schedule %s: left out, its previous job %s has not ended", stored.name, record.last_job_id)
            after = ScheduleChange(stored.value, skip_firing(record, stored.next_ms, now_ms).next_ms)
        else:
            firing = plan_firing(record, stored.next_ms, now_ms)
            for at_ms in firing.occurrences:
                if not self._term.current:
                    return None
                await self._enqueue(stored.name, record, options, at_ms)
            last_job = occurrence_id(stored.name, firing.occurrences[-1])
            after = ScheduleChange(record.with_members(lastJobId=last_job, lastRun=now_ms), firing.next_ms)
        self._complaints.pop(stored.name, None)
        moved = await self._adapter.schedules.move_on(self._term.token, stored, after).run_async()
        return after.next_ms if moved else None

    async def _still_runs(self, record: Record) -> bool:
        if record.last_job_id is None:
            return False
        outcome = await self._adapter.jobs.outcome(record.task, record.last_job_id).run_async()
        return outcome is not None and not outcome.state.terminal

    async def _enqueue(self, name: str, record: Record, options: TaskOptions, at_ms: int) -> None:
        spec = EnqueueSpec(options.version, options.retry.attempts)
        ttl_ms = 0 if options.ttl is None else to_ms(options.ttl.max)
        data = dump(record.data, self._serializer)
        indexed = entries_of(options.index, data, self._serializer)
        job = NewJob(occurrence_id(name, at_ms), data, ttl_ms=ttl_ms, indexed=indexed)
        await self._adapter.jobs.enqueue_occurrence(record.task, spec, job, Occurrence(name, at_ms)).run_async()

    def _complain(self, name: str, message: str) -> None:
        if self._complaints.get(name) != message:
            self._complaints[name] = message
            log.error("schedule %s did not fire and stays due: %s", name, message)
