"""Schedules in Redis: a hash of JSON objects, and a zset of next runs in which a paused one is missing."""

from __future__ import annotations

import builtins

from taskora.adapters.redis.complaints import Complaints
from taskora.adapters.redis.link import Link
from taskora.adapters.redis.records import name_of, read_time_ms, text
from taskora.adapters.schedule_store import DueSchedules, ScheduleChange, ScheduleEdit, StoredSchedule
from taskora.call import Call
from taskora.clock import within_reach
from taskora.connection.request import Command, Producer, ScriptCall, Steps
from taskora.errors import AdapterError
from taskora.lua import load

_TRIES = 100  # each refusal means that somebody else's write went through: so many in a row point to an error of ours


class RedisSchedules:
    """See ``ScheduleStore`` in the protocol."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._complaints = Complaints()
        self._key = link.keys.own("schedules")

    def list(self) -> Call[builtins.list[StoredSchedule]]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[builtins.list[StoredSchedule]]:
            planned, raw = yield [("ZRANGE", f"{self._key}:next", 0, -1, "WITHSCORES"), ("HGETALL", self._key)]
            next_ms = {name: _score(score) for name, score in zip(planned[::2], planned[1::2], strict=True)}
            rows = sorted(zip(raw[::2], raw[1::2], strict=True))
            return [StoredSchedule(text(name) or "", value, next_ms.get(name)) for name, value in rows]

        return self._link.call(steps)

    def find(self, name: str) -> Call[StoredSchedule | None]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[StoredSchedule | None]:
            value, score = yield self._read(name)
            return _stored(name, value, score)

        return self._link.call(steps)

    def edit(self, name: str, change: ScheduleEdit) -> Call[None]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[None]:
            for _try in range(_TRIES):
                value, score, time = yield [*self._read(name), ("TIME",)]
                before = _stored(name, value, score)
                after = change(before, read_time_ms(time))
                if after is None:
                    return
                (stored,) = yield [self._write("", name, before, after)]
                if stored:
                    return
            raise AdapterError(f"schedule {name!r}: somebody else changed it {_TRIES} times in a row; try again")

        return self._link.call(steps)

    def remove(self, name: str) -> Call[bool]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (removed,) = yield [ScriptCall(load("remove_schedule"), (self._key,), (name,))]
            return bool(removed == 1)

        return self._link.call(steps)

    def due(self) -> Call[DueSchedules]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[DueSchedules]:
            ((now, rows, wait),) = yield [ScriptCall(load("due_schedules"), (self._key,), ())]
            named = [(name_of(name), score, value) for name, score, value in rows]
            due = [StoredSchedule(name, value, _score(score)) for name, score, value in named if name is not None]
            if len(due) < len(named):
                raw = (name for name, *_ in rows if name_of(name) is None)
                self._complaints.tell((b"a schedule has a name that is no text: " + name for name in raw), "schedules")
            return DueSchedules(now, due, None if wait < 0 else wait)

        return self._link.call(steps)

    def move_on(self, token: str, before: StoredSchedule, after: ScheduleChange) -> Call[bool]:
        """See ``ScheduleStore``."""

        def steps(_: Producer) -> Steps[bool]:
            (stored,) = yield [self._write(token, before.name, before, after)]
            return bool(stored == 1)

        return self._link.call(steps)

    def _read(self, name: str) -> builtins.list[Command]:
        return [("HGET", self._key, name), ("ZSCORE", f"{self._key}:next", name)]

    def _write(self, token: str, name: str, before: StoredSchedule | None, after: ScheduleChange) -> ScriptCall:
        value, planned = (b"", "") if before is None else (before.value, _written(before.next_ms))
        args = (name, value, planned, after.value, _written(after.next_ms), token)
        return ScriptCall(load("write_schedule"), (self._key,), args)


def _stored(name: str, value: bytes | None, score: bytes | None) -> StoredSchedule | None:
    return None if value is None else StoredSchedule(name, value, None if score is None else _score(score))


def _score(raw: bytes) -> int:
    return within_reach(float(raw))


def _written(next_ms: int | None) -> str:
    return "" if next_ms is None else str(next_ms)
