"""A schedule as it is stored: one JSON object that other implementations write too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import orjson

from taskora.adapters.schedule_store import StoredSchedule
from taskora.clock import from_ms, within_reach
from taskora.config import Schedule, catch_up_limit
from taskora.duration import to_ms
from taskora.errors import ConfigError, SerializationError, ValidationError
from taskora.model import ScheduleInfo
from taskora.quoting import quoted
from taskora.serializer import JSON

from .cron import parse_cron
from .occurrences import next_occurrence, read_zone

_TIMING = ("every", "cron", "timezone")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule fires: ``every_ms`` or ``cron`` with its ``timezone``."""

    every_ms: int | None
    cron: str | None
    timezone: str

    def check(self) -> None:
        """Refuse what does not fire.

        Raises:
            ConfigError: The expression or the zone is not understood.
        """
        if self.cron is not None:
            parse_cron(self.cron)
            read_zone(self.timezone)

    def after(self, planned_ms: int, now_ms: int) -> int:
        """Return the first occurrence after now of a schedule of which one was planned for ``planned_ms``.

        Periods are counted from what was planned, not from now: they do not drift.
        """
        if self.every_ms is not None:
            return planned_ms + (max(0, now_ms - planned_ms) // self.every_ms + 1) * self.every_ms
        assert self.cron is not None, "a timing has a period or an expression"
        return next_occurrence(self.cron, self.timezone, max(planned_ms, now_ms))


@dataclass(frozen=True, slots=True)
class Record:
    """The members of a stored schedule, those that we do not know included.

    Attributes:
        task: The task that it dispatches.
        last_run_ms: When it last fired.
    """

    members: Mapping[str, object]
    task: str
    timing: Timing
    overlap: bool
    on_missed: str
    last_job_id: str | None
    last_run_ms: int | None

    @property
    def data(self) -> object:
        """Payload of each run; None when there is none."""
        return self.members.get("data")

    def with_members(self, **changes: object) -> bytes:
        """Write it with some members set."""
        return orjson.dumps({**self.members, **changes})


def read_record(raw: bytes) -> Record:
    """Read a stored schedule.

    Raises:
        ConfigError: It is not JSON, or one of its members is not what it should be.
    """
    try:
        parsed: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"schedule: it is stored as something that is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ConfigError("schedule: it is stored as something that is not a JSON object")
    members = cast("dict[str, object]", parsed)
    task, on_missed = members.get("task"), members.get("onMissed", "skip")
    if not isinstance(task, str) or not task:
        raise ConfigError(f"schedule.task: expected the name of a task, got {task!r}")
    if not isinstance(on_missed, str):
        raise ConfigError(f"schedule.on_missed: expected a text, got {on_missed!r}")
    catch_up_limit(on_missed)
    last_job = members.get("lastJobId")
    return Record(
        members=members,
        task=task,
        timing=timing_of(members),
        overlap=members.get("overlap") is True,
        on_missed=on_missed,
        last_job_id=last_job if isinstance(last_job, str) and last_job else None,
        last_run_ms=_number(members.get("lastRun")),
    )


def timing_of(members: Mapping[str, object]) -> Timing:
    """Read when a schedule fires from its members.

    Raises:
        ConfigError: They have neither a period nor an expression.
    """
    every_ms, cron, zone = _number(members.get("every")), members.get("cron"), members.get("timezone")
    if every_ms is not None and every_ms > 0:
        return Timing(every_ms, None, "UTC")
    if not isinstance(cron, str):
        raise ConfigError(f"schedule: it has no period in every and no expression in cron, but {dict(members)!r}")
    return Timing(None, cron, zone if isinstance(zone, str) and zone else "UTC")


class Takes(Protocol):
    """A task, as far as a schedule of it must know."""

    @property
    def name(self) -> str: ...

    def encode(self, data: object, /) -> bytes:
        """Check a payload and write it."""
        ...


def check_schedule(schedule: Schedule, task: Takes | None = None) -> None:
    """Refuse a schedule that could not fire, or whose every run would fail, when it is defined.

    Args:
        schedule: It.
        task: Its task; None when that is not known in this process.

    Raises:
        ConfigError: The expression or the zone is not understood, or the data is no JSON value or none that the task
            takes.
    """
    declared_members("task", schedule, None)
    if schedule.data is not None:
        run_data(schedule.data)
    if task is not None:
        try:
            task.encode(schedule.data)
        except (ValidationError, SerializationError) as error:
            why = f"task {task.name!r} does not take {quoted(schedule.data)}"
            raise ConfigError(f"schedule.data: {why}: {error}") from error


def run_data(data: object) -> bytes:
    """Write the payload of a schedule's runs, as schedules store it: as JSON, whatever the application's serializer.

    Raises:
        ConfigError: It is no JSON value.
    """
    try:
        return JSON.dumps(data)
    except SerializationError as error:
        raise ConfigError(f"schedule.data: {error}; got {quoted(data)}") from error


def declared_members(task: str, schedule: Schedule, payload: bytes | None) -> dict[str, object]:
    """Return the members of a schedule as it is declared in code.

    Args:
        task: Its task.
        schedule: What was declared.
        payload: Its data as JSON; None when there is none.

    Raises:
        ConfigError: The expression or the zone is not understood.
    """
    members: dict[str, object] = {"task": task, "overlap": schedule.overlap, "onMissed": schedule.on_missed}
    if payload is not None:
        members["data"] = orjson.Fragment(payload)
    if schedule.every is not None:
        members["every"] = to_ms(schedule.every, "schedule.every")
    else:
        members["cron"], members["timezone"] = schedule.cron, schedule.timezone
    timing_of(members).check()
    return members


def merge_declared(stored: bytes | None, declared: Mapping[str, object]) -> bytes:
    """Write a declaration over what is stored, which keeps the last run and all members that are not declared."""
    kept: dict[str, object] = {}
    if stored is not None:
        try:
            kept = dict(read_record(stored).members)
        except ConfigError:
            kept = {}  # what is declared repairs what cannot be read
    for name in (*_TIMING, "data"):
        kept.pop(name, None)
    return orjson.dumps({**declared, **{name: value for name, value in kept.items() if name not in declared}})


def info_of(stored: StoredSchedule) -> ScheduleInfo:
    """Return a stored schedule as people see it; one that cannot be read shows what is stored as its data."""
    next_run = None if stored.next_ms is None else from_ms(within_reach(stored.next_ms))
    try:
        record = read_record(stored.value)
    except ConfigError:
        text = stored.value.decode(errors="replace")
        return ScheduleInfo(
            stored.name, "", None, None, "UTC", False, "skip", text, next_run, None, None, next_run is None
        )
    timing = record.timing
    return ScheduleInfo(
        name=stored.name,
        task=record.task,
        every=None if timing.every_ms is None else timing.every_ms / 1000,
        cron=timing.cron,
        timezone=timing.timezone,
        overlap=record.overlap,
        on_missed=record.on_missed,
        data=record.data,
        next_run=next_run,
        last_run=None if record.last_run_ms is None else from_ms(record.last_run_ms),
        last_job_id=record.last_job_id,
        paused=next_run is None,
    )


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return within_reach(value)
