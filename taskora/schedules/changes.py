"""How a stored schedule is changed: declared anew, paused, resumed, updated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import orjson

from taskora.adapters.schedule_store import ScheduleChange, ScheduleEdit, ScheduleStore, StoredSchedule
from taskora.call import Call
from taskora.config import Schedule, catch_up_limit, check_flag, check_period
from taskora.duration import Duration, to_ms
from taskora.errors import ConfigError, ScheduleNotFoundError

from .cron import parse_cron
from .occurrences import read_zone
from .record import declared_members, merge_declared, read_record, run_data, timing_of


class Unset(Enum):
    """Stands for an argument that was not given, where None is a value."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


def declare(members: Mapping[str, object]) -> ScheduleEdit:
    """Store a schedule that code declares, as each start of the code does.

    It neither resets the timer, unless the period or the expression is another one, nor resumes what is paused, nor
    forgets the last run.
    """

    def change(stored: StoredSchedule | None, now_ms: int) -> ScheduleChange | None:
        timing = timing_of(members)
        if stored is None:
            return ScheduleChange(merge_declared(None, members), timing.after(now_ms, now_ms))
        value = merge_declared(stored.value, members)
        if orjson.loads(value) == _loaded(stored.value):
            return None
        next_ms = stored.next_ms
        if next_ms is not None and timing != _timing_or_none(stored):
            next_ms = timing.after(now_ms, now_ms)
        return ScheduleChange(value, next_ms)

    return change


def declaration(store: ScheduleStore, name: str, task: str, schedule: Schedule, payload: bytes | None) -> Call[None]:
    """Describe the storing of a schedule that code declares. See ``declare``.

    Args:
        store: Where schedules are.
        name: Its name.
        task: Name of its task.
        schedule: When it fires.
        payload: The data of each run as JSON; None takes ``schedule.data``.

    Raises:
        ConfigError: The expression or the zone is not understood, or the data cannot be written as JSON.
    """
    if payload is None and schedule.data is not None:
        payload = run_data(schedule.data)
    return store.edit(name, declare(declared_members(task, schedule, payload)))


def pause(name: str) -> ScheduleEdit:
    """Have a schedule not fire."""

    def change(stored: StoredSchedule | None, _now_ms: int) -> ScheduleChange | None:
        found = _found(stored, name)
        return None if found.next_ms is None else ScheduleChange(found.value, None)

    return change


def resume(name: str) -> ScheduleEdit:
    """Have a paused schedule fire again, counted from now."""

    def change(stored: StoredSchedule | None, now_ms: int) -> ScheduleChange | None:
        found = _found(stored, name)
        if found.next_ms is not None:
            return None
        return ScheduleChange(found.value, read_record(found.value).timing.after(now_ms, now_ms))

    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What to change of a schedule; what is None, or not given, stays."""

    every: Duration | None = None
    cron: str | None = None
    timezone: str | None = None
    on_missed: str | None = None
    overlap: bool | None = None
    data: object = UNSET

    def __post_init__(self) -> None:
        if self.every is not None and self.cron is not None:
            raise ConfigError("schedule: give every= or cron=, not both")
        if self.every is not None:
            check_period(self.every)
        if self.cron is not None:
            parse_cron(self.cron)
        if self.timezone is not None:
            read_zone(self.timezone)
        if self.on_missed is not None:
            catch_up_limit(self.on_missed)
        if self.overlap is not None:
            check_flag(self.overlap, "schedule.overlap")
        if self.data is not UNSET:
            run_data(self.data)

    def edit(self, name: str) -> ScheduleEdit:
        """Build the edit that makes the change. A paused schedule stays paused."""
        data = None if self.data is UNSET else run_data(self.data)

        def change(stored: StoredSchedule | None, now_ms: int) -> ScheduleChange | None:
            found = _found(stored, name)
            before = read_record(found.value)
            members = self._merged(before.members)
            if data is not None:
                members["data"] = orjson.Fragment(data)
            timing = timing_of(members)
            timing.check()
            next_ms = found.next_ms
            if next_ms is not None and timing != before.timing:
                next_ms = timing.after(now_ms, now_ms)
            return ScheduleChange(orjson.dumps(members), next_ms)

        return change

    def _merged(self, before: Mapping[str, object]) -> dict[str, object]:
        members = dict(before)
        if self.every is not None:
            for member in ("cron", "timezone"):
                members.pop(member, None)
            members["every"] = to_ms(self.every, "schedule.every")
        if self.cron is not None:
            members.pop("every", None)
            members["cron"] = self.cron
        if self.timezone is not None:
            if "every" in members:
                raise ConfigError("schedule.timezone: the schedule has a period; a zone belongs to a cron expression")
            members["timezone"] = self.timezone
        if self.on_missed is not None:
            members["onMissed"] = self.on_missed
        if self.overlap is not None:
            members["overlap"] = self.overlap
        return members


def _found(stored: StoredSchedule | None, name: str) -> StoredSchedule:
    if stored is None:
        raise not_found(name)
    return stored


def not_found(name: str) -> ScheduleNotFoundError:
    """Make the error that names a schedule that is not stored."""
    return ScheduleNotFoundError(
        f"there is no schedule {name!r}; schedules.list() shows those that are stored, and one that is declared in "
        "code is stored when its process starts",
        name=name,
    )


def _loaded(value: bytes) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _timing_or_none(stored: StoredSchedule) -> object:
    try:
        return read_record(stored.value).timing
    except ConfigError:
        return None
