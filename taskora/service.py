"""What runs in a process that works: the worker, its record among the workers, and, on its own, the housekeeping."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from taskora.adapters.protocol import Adapter
from taskora.config import Defaults
from taskora.duration import to_ms, to_seconds
from taskora.errors import AdapterError, ConfigError, TaskoraError
from taskora.housekeeping import Housekeeper, card_of
from taskora.latency import Stopwatch
from taskora.listening import Listening
from taskora.model import WorkerRecord
from taskora.protocols import Runnable
from taskora.version import VERSION
from taskora.worker import Host, Worker, WorkerSettings

log: logging.Logger = logging.getLogger("taskora")
_RECORD_TTL_MS = 15_000
_RECORD_EVERY_S = 5.0
_WITHDRAW_S = 1.0
_PUBLISH_EVERY_S = 1.0


class Registration:
    """Keeps a process's record among the workers, until it is withdrawn or the process dies.

    Args:
        adapter: Where the record is kept.
        read: Returns the record as it is now.
    """

    def __init__(self, adapter: Adapter, read: Callable[[], WorkerRecord]) -> None:
        self._adapter = adapter
        self._read = read
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._renew(), name="taskora-registration")

    async def stop(self) -> None:
        """Withdraw the record."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(_WITHDRAW_S):
                await self._adapter.house.unregister(self._read().id).run_async()
        except (TaskoraError, TimeoutError) as error:
            log.debug("the record could not be withdrawn, it ends by itself: %s", error)

    async def _renew(self) -> None:
        while True:
            try:
                await self._adapter.house.register(self._read(), _RECORD_TTL_MS).run_async()
            except TaskoraError as error:
                log.debug("the record could not be renewed: %s", error)
            await asyncio.sleep(_RECORD_EVERY_S)


class Publication:
    """Tells of a process's tasks, for whoever dispatches by name. Workers do without while the server refuses it.

    Args:
        adapter: Where that is stored.
        tasks: What this process works on.
    """

    def __init__(self, adapter: Adapter, tasks: Mapping[str, Runnable]) -> None:
        self._adapter = adapter
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Publish now, or go on trying on the running loop."""
        try:
            await self._publish()
        except AdapterError as error:
            # One that is out of memory still gives its jobs out, and has room again when they are done.
            log.warning("the tasks could not be published, trying on: %s", error, extra={"action": "publish"})
            self._task = asyncio.create_task(self._try_on(), name="taskora-publication")

    async def stop(self) -> None:
        """Give up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _publish(self) -> None:
        cards = {name: card_of(task.options) for name, task in self._tasks.items()}
        await self._adapter.house.publish_tasks(cards).run_async()

    async def _try_on(self) -> None:
        while True:
            await asyncio.sleep(_PUBLISH_EVERY_S)
            try:
                await self._publish()
            except AdapterError as error:
                log.debug("the tasks could not be published: %s", error)
            else:
                log.info("the tasks are published", extra={"action": "publish"})
                return


def worker_settings(defaults: Defaults, hang_timeout_s: float, max_payload: int) -> WorkerSettings:
    """Read how an application's workers behave from what it says of its tasks.

    Args:
        defaults: Of the application.
        hang_timeout_s: How long a job without a timeout may keep the process from answering.
        max_payload: Largest progress that a handler may report, in bytes.
    """
    return WorkerSettings(
        lock_ttl_ms=to_ms(defaults.lock_ttl),
        cancel_grace_s=to_seconds(defaults.cancel_grace),
        hang_timeout_s=hang_timeout_s,
        max_payload=max_payload,
    )


class Service:
    """A worker with all that belongs to it.

    Args:
        adapter: Where the jobs are.
        tasks: What it runs.
        settings: How the worker behaves.
        host: The process that it lives in.
        before_settle: See ``Worker``.
        housekeeper: Leads when elected; None where another process of the supervisor does.
        listening: The process's listeners. They are told of what happens from the start to the end of all else.
    """

    def __init__(
        self,
        adapter: Adapter,
        tasks: Mapping[str, Runnable],
        settings: WorkerSettings,
        host: Host,
        before_settle: Callable[[], Awaitable[object] | None],
        housekeeper: Housekeeper | None,
        listening: Listening,
    ) -> None:
        self.worker: Worker = Worker(
            adapter, tasks, settings, host, before_settle, lambda error: listening.tell("worker:error", error)
        )
        self._listening = listening
        self.housekeeper = housekeeper
        self.extra: dict[str, object] = {}
        self._adapter = adapter
        self._started_at = datetime.now(UTC)
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._registration = Registration(adapter, self._record)
        self._publication = Publication(adapter, tasks)
        self._stopwatch = Stopwatch(adapter.durations, tuple(tasks))
        self.worker.observers.append(self._stopwatch.observe)

    async def start(self) -> None:
        """Start all; on return the worker claims."""
        self._home = os.getpid(), asyncio.get_running_loop()
        await self._adapter.connect().run_async()
        await self._publication.start()
        await self._listening.start()
        await self.worker.start()
        self._registration.start()
        self._stopwatch.start()
        if self.housekeeper is not None:
            await self.housekeeper.start()
        self._listening.tell("worker:ready")

    async def stop(self, timeout_s: float | None, interrupt: asyncio.Event | None = None) -> int:
        """Drain the worker and stop the rest; see ``Worker.stop``."""
        if self._is_orphan:
            return 0
        self._listening.tell("worker:closing")
        given_back = await self.worker.stop(timeout_s, interrupt)
        if self.housekeeper is not None:
            await self.housekeeper.stop()
        await self._publication.stop()
        await self._stopwatch.stop()
        await self._registration.stop()
        await self._listening.stop()
        return given_back

    def check_here(self) -> None:
        """Refuse to be stopped by another event loop than the one that it works on.

        Raises:
            ConfigError: That one still runs.
        """
        elsewhere = self._home is not None and self._home[1] is not asyncio.get_running_loop()
        if elsewhere and not self._is_orphan:
            raise ConfigError("close_async: this application works on another event loop; await close_async() there")

    @property
    def _is_orphan(self) -> bool:
        """Whether nothing of it is left to stop: its event loop has ended, or is that of a parent process."""
        return self._home is not None and (self._home[0] != os.getpid() or self._home[1].is_closed())

    def _record(self) -> WorkerRecord:
        worker = self.worker
        leads = self.housekeeper is not None and self.housekeeper.is_leader
        return worker_record(
            worker.identity, "worker", self._started_at, tasks=tuple(worker.tasks), active=len(worker.runs),
            done=worker.done, failed=worker.failed, leader=leads, extra=self.extra,
        )  # fmt: skip


def worker_record(
    identity: str,
    role: str,
    started_at: datetime,
    *,
    tasks: tuple[str, ...] = (),
    active: int = 0,
    done: int = 0,
    failed: int = 0,
    leader: bool = False,
    extra: dict[str, object] | None = None,
) -> WorkerRecord:
    """Describe this process as it is now."""
    return WorkerRecord(
        id=identity, role=role, host=socket.gethostname(), pid=os.getpid(), tasks=tasks, active=active, done=done,
        failed=failed, rss=_resident_bytes(), started_at=started_at, seen_at=datetime.now(UTC),
        version=VERSION, leader=leader, extra=extra or {},
    )  # fmt: skip


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
