"""Schedules in memory."""

from __future__ import annotations

import asyncio
import builtins

from taskora.adapters.memory.house import leader
from taskora.adapters.memory.store import Store
from taskora.adapters.schedule_store import DueSchedules, ScheduleChange, ScheduleEdit, StoredSchedule
from taskora.call import Call


class MemorySchedules:
    """See ``ScheduleStore`` in the protocol."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> Call[builtins.list[StoredSchedule]]:
        """See ``ScheduleStore``."""
        return self._store.call(lambda _: self._all())

    def find(self, name: str) -> Call[StoredSchedule | None]:
        """See ``ScheduleStore``."""
        return self._store.call(lambda _: self.read(name))

    def edit(self, name: str, change: ScheduleEdit) -> Call[None]:
        """See ``ScheduleStore``."""
        return _Edit(self, self._store, name, change)

    def remove(self, name: str) -> Call[bool]:
        """See ``ScheduleStore``."""
        return self._store.call(lambda _: self._store.schedules.pop(name, None) is not None)

    def due(self) -> Call[DueSchedules]:
        """See ``ScheduleStore``."""

        def act(now_ms: int) -> DueSchedules:
            planned = sorted((one.next_ms, one) for one in self._all() if one.next_ms is not None)
            due = [one for next_ms, one in planned if next_ms <= now_ms]
            later = [next_ms - now_ms for next_ms, _ in planned if next_ms > now_ms]
            return DueSchedules(now_ms, due, later[0] if later else None)

        return self._store.call(act)

    def move_on(self, token: str, before: StoredSchedule, after: ScheduleChange) -> Call[bool]:
        """See ``ScheduleStore``."""

        def act(now_ms: int) -> bool:
            return leader(self._store, now_ms) == token and self.replace(before.name, before, after)

        return self._store.call(act)

    def replace(self, name: str, before: StoredSchedule | None, after: ScheduleChange) -> bool:
        """Store a schedule if it still is as it was read. Under the lock."""
        if self.read(name) != before:
            return False
        self._store.schedules[name] = (after.value, after.next_ms)
        return True

    def read(self, name: str) -> StoredSchedule | None:
        """Read a schedule. Under the lock."""
        found = self._store.schedules.get(name)
        return None if found is None else StoredSchedule(name, *found)

    def _all(self) -> builtins.list[StoredSchedule]:
        return [StoredSchedule(name, *found) for name, found in sorted(self._store.schedules.items())]


class _Edit:
    """Changes a schedule. Who decides what becomes of it does so outside the lock."""

    def __init__(self, schedules: MemorySchedules, store: Store, name: str, change: ScheduleEdit) -> None:
        self._schedules = schedules
        self._store = store
        self._name = name
        self._change = change

    def run(self) -> None:
        """See ``Call``."""
        while not self._try():
            pass  # somebody else was faster

    async def run_async(self) -> None:
        """See ``Call``."""
        await asyncio.sleep(0)
        self.run()

    def _try(self) -> bool:
        before, now_ms = self._store.do(lambda now_ms: (self._schedules.read(self._name), now_ms))
        after = self._change(before, now_ms)
        return after is None or self._store.do(lambda _: self._schedules.replace(self._name, before, after))
