"""Looking at schedules and changing them, from any process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from taskora.adapters.protocol import Adapter
from taskora.adapters.schedule_store import StoredSchedule
from taskora.call import Call, CallSteps, Composed, ask, mapped, refuse_on_loop
from taskora.config import Schedule, TaskOptions
from taskora.duration import Duration, to_ms
from taskora.handle import ResultHandle
from taskora.housekeeping.cards import read_card
from taskora.ids import new_id
from taskora.indexing import entries_of
from taskora.keys import check_schedule_name, check_task_name
from taskora.model import EnqueueSpec, NewJob, ScheduleInfo
from taskora.payloads import dump
from taskora.serializer import JSON, Serializer

from . import changes
from .changes import UNSET, Update
from .record import info_of, read_record

Infos: TypeAlias = list[ScheduleInfo]


class Schedules:
    """The stored schedules. No process needs to run a scheduler for any of this.

    Every method comes in a pair: ``x()`` for plain code, ``await x_async()`` on an event loop. All raise
    ``AdapterError`` when the server cannot be reached or refuses.

    Args:
        adapter: Where they are stored.
        known: Options of the tasks that this process knows; of others, what their processes published is used.
        handle: Opens the handle of a triggered job, of a task of this process or of any other.
        serializer: Writes the payloads of triggered jobs.
    """

    def __init__(
        self,
        adapter: Adapter,
        known: Mapping[str, TaskOptions],
        handle: Callable[[str, str], ResultHandle[Any]],
        serializer: Serializer = JSON,
    ) -> None:
        self._adapter = adapter
        self._handle = handle
        self._known = known
        self._serializer = serializer

    def declare(self, name: str, task: str, schedule: Schedule, payload: bytes | None = None) -> Call[None]:
        """Describe the storing of a schedule that code declares, as every start of the code does.

        What is stored keeps its timer, its pause and its last run; only another period or expression sets the timer.

        Args:
            name: Its name; that of the task for one declared with a task.
            task: Name of the task.
            schedule: When it fires.
            payload: The data of each run as JSON; None takes ``schedule.data``.

        Raises:
            ConfigError: The expression or the zone is not understood.
            SerializationError: The data cannot be written as JSON.
        """
        return changes.declaration(self._adapter.schedules, name, task, schedule, payload)

    def list(self) -> Infos:
        """List all schedules by name. One that cannot be read has an empty ``task`` and shows its text as data."""
        refuse_on_loop("list")
        return self._list().run()

    async def list_async(self) -> Infos:
        """See ``list``."""
        return await self._list().run_async()

    def pause(self, name: str) -> None:
        """Have a schedule not fire until it is resumed; nothing happens when it is paused.

        Raises:
            ScheduleNotFoundError: There is no such schedule.
        """
        refuse_on_loop("pause")
        self._pause(name).run()

    async def pause_async(self, name: str) -> None:
        """See ``pause``."""
        await self._pause(name).run_async()

    def resume(self, name: str) -> None:
        """Have a paused schedule fire again; the next run is counted from now. One that is not paused stays as it is.

        Raises:
            ScheduleNotFoundError: There is no such schedule.
            ConfigError: Its stored form cannot be read.
        """
        refuse_on_loop("resume")
        self._resume(name).run()

    async def resume_async(self, name: str) -> None:
        """See ``resume``."""
        await self._resume(name).run_async()

    def update(
        self,
        name: str,
        *,
        every: Duration | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        on_missed: str | None = None,
        overlap: bool | None = None,
        data: object = UNSET,
    ) -> None:
        """Change a schedule; what is not given stays. It stays paused when it is.

        Args:
            name: Its name.
            every: A period in place of the present period or expression; the next run is counted from now.
            cron: An expression in place of the present period or expression.
            timezone: The zone in which the expression is read.
            on_missed: See ``Schedule``.
            overlap: See ``Schedule``.
            data: The payload of each run, a JSON value.

        Raises:
            ScheduleNotFoundError: There is no such schedule.
            ConfigError: An option is wrong, the data is no JSON value, or the schedule's stored form cannot be read.
        """
        refuse_on_loop("update")
        self._update(name, Update(
            every=every, cron=cron, timezone=timezone, on_missed=on_missed, overlap=overlap, data=data
        )).run()  # fmt: skip

    async def update_async(
        self,
        name: str,
        *,
        every: Duration | None = None,
        cron: str | None = None,
        timezone: str | None = None,
        on_missed: str | None = None,
        overlap: bool | None = None,
        data: object = UNSET,
    ) -> None:
        """See ``update``."""
        await self._update(name, Update(
            every=every, cron=cron, timezone=timezone, on_missed=on_missed, overlap=overlap, data=data
        )).run_async()  # fmt: skip

    def remove(self, name: str) -> bool:
        """Delete a schedule; False when there is none. One that is declared in code comes back with its next start."""
        refuse_on_loop("remove")
        return self._remove(name).run()

    async def remove_async(self, name: str) -> bool:
        """See ``remove``."""
        return await self._remove(name).run_async()

    def trigger(self, name: str) -> ResultHandle[Any]:
        """Dispatch a schedule's job now, paused or not; its next run stays as planned, its last run as it was.

        Returns:
            The handle of the job.

        Raises:
            ScheduleNotFoundError: There is no such schedule.
            ConfigError: Its stored form cannot be read.
        """
        refuse_on_loop("trigger")
        return self._trigger(name).run()

    async def trigger_async(self, name: str) -> ResultHandle[Any]:
        """See ``trigger``."""
        return await self._trigger(name).run_async()

    def _list(self) -> Call[Infos]:
        return mapped(self._adapter.schedules.list(), _infos)

    def _pause(self, name: str) -> Call[None]:
        return self._adapter.schedules.edit(check_schedule_name(name), changes.pause(name))

    def _resume(self, name: str) -> Call[None]:
        return self._adapter.schedules.edit(check_schedule_name(name), changes.resume(name))

    def _update(self, name: str, update: Update) -> Call[None]:
        return self._adapter.schedules.edit(check_schedule_name(name), update.edit(name))

    def _remove(self, name: str) -> Call[bool]:
        return self._adapter.schedules.remove(check_schedule_name(name))

    def _trigger(self, name: str) -> Call[ResultHandle[Any]]:
        check_schedule_name(name)

        def steps() -> CallSteps[ResultHandle[Any]]:
            stored = yield from ask(self._adapter.schedules.find(name))
            if stored is None:
                raise changes.not_found(name)
            record = read_record(stored.value)
            check_task_name(record.task, "schedule.task")
            options = self._known.get(record.task) or (yield from self._published(record.task))
            ttl_ms = to_ms(options.ttl.max) if options.ttl else 0
            data = dump(record.data, self._serializer)
            indexed = entries_of(options.index, data, self._serializer)
            job = NewJob(new_id(), data, ttl_ms=ttl_ms, indexed=indexed)
            spec = EnqueueSpec(options.version, options.retry.attempts)
            yield from ask(self._adapter.jobs.enqueue(record.task, spec, [job]))
            return self._handle(record.task, job.job_id)

        return Composed(steps)

    def _published(self, task: str) -> CallSteps[TaskOptions]:
        cards = yield from ask(self._adapter.house.tasks())
        return read_card(cards[task]) if task in cards else TaskOptions()


def _infos(stored: list[StoredSchedule]) -> Infos:
    return [info_of(schedule) for schedule in stored]
