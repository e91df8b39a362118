"""The service that competes for the lead and, while it has it, does the chores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from taskora.adapters.protocol import Adapter
from taskora.config import Retention, Schedule, SchedulerConfig, TaskOptions
from taskora.duration import to_seconds
from taskora.errors import AdapterError
from taskora.schedules.changes import declaration
from taskora.serializer import JSON, Serializer

from .janitor import Janitor
from .mender import Mender
from .overseer import Overseer
from .pace import Pace
from .registrar import Registrar
from .roster import Roster
from .sweeper import Sweeper
from .term import Term
from .ticker import Ticker

log: logging.Logger = logging.getLogger("taskora.housekeeping")
_RESIGN_S = 2.0
_AFTER_FAILURE_S = 1.0


class Chore(Protocol):
    """Something that the leader does again and again."""

    @property
    def name(self) -> str: ...

    async def round(self) -> float:
        """Do it once; returns the seconds until it is to be done again."""
        ...


class Housekeeper:
    """Runs in every supervisor and every process that works without one; one of them at a time does the work.

    Args:
        adapter: Where everything is.
        known: Options of the tasks that this process knows; those of others are read from what they published.
        schedules: Those that this process declares, each with the name of its task; stored at the start.
        config: How often to look for due schedules, and the lease of the lead.
        retention: What is kept of workflows.
        serializer: Writes the payloads of scheduled jobs.
        pace: How often the other chores are done.
        token: What tells its lead from any other's; made up when there is none. Whoever knows the token of a process
            that died can give its lead up.

    Attributes:
        stalled: Jobs that its sweeps took from workers that vanished.

    Raises:
        ConfigError: A schedule's expression or zone is not understood.
        SerializationError: A schedule's data cannot be written as JSON.
    """

    def __init__(
        self,
        adapter: Adapter,
        known: Mapping[str, TaskOptions],
        schedules: Mapping[str, tuple[str, Schedule]] | None = None,
        config: SchedulerConfig | None = None,
        retention: Retention | None = None,
        *,
        serializer: Serializer = JSON,
        pace: Pace | None = None,
        token: str | None = None,
    ) -> None:
        config = SchedulerConfig() if config is None else config
        self._adapter = adapter
        self._known = known
        self._poll_s = to_seconds(config.poll_interval)
        self._ttl_s = to_seconds(config.lock_ttl)
        self._retention = Retention() if retention is None else retention
        self._serializer = serializer
        self._pace = Pace() if pace is None else pace
        self._term = Term(adapter.house, self._ttl_s, token)
        self._task: asyncio.Task[None] | None = None
        self._unreachable = False
        self.stalled: int = 0
        self._undeclared = {
            name: declaration(adapter.schedules, name, task, schedule, None)
            for name, (task, schedule) in (schedules or {}).items()
        }

    @property
    def is_leader(self) -> bool:
        """Whether this one has the lead; False as soon as its lease may have run out."""
        return self._term.current

    async def start(self) -> None:
        """Store the declared schedules and begin to compete for the lead. Started again, it does nothing.

        Never raises for a lost server: then it does both as soon as the server is there.
        """
        if self._task is None:
            await self._declare()
            self._task = asyncio.create_task(self._run(), name="taskora-housekeeper")

    async def stop(self) -> None:
        """End the chores and give up the lead, so that another takes it at once. Never raises for a lost server."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # A request for the lead may have been granted after its answer was no longer awaited.
        try:
            async with asyncio.timeout(_RESIGN_S):
                await self._term.resign()
        except (AdapterError, TimeoutError) as error:
            log.warning("the lead could not be given up; another process takes it in %g s: %s", self._ttl_s, error)

    async def _declare(self) -> None:
        for name, call in list(self._undeclared.items()):
            try:
                await call.run_async()
            except AdapterError as error:
                log.warning("schedule %s could not be stored; tries on: %s", name, error)
                return
            del self._undeclared[name]

    async def _run(self) -> None:
        while True:
            try:
                if self._undeclared:
                    await self._declare()
                if await self._elected():
                    await self._lead()
            except Exception:  # of ours; without it nobody would ever lead again
                log.exception("housekeeping failed; tries on", extra={"action": "bug"})
            await asyncio.sleep(self._poll_s)

    async def _elected(self) -> bool:
        try:
            elected = await self._term.renew()
        except AdapterError as error:
            if not self._unreachable:
                log.warning("cannot ask for the lead; tries on: %s", error)
            self._unreachable = True
            return False
        self._unreachable = False
        return elected

    async def _lead(self) -> None:
        log.info("leading")
        try:
            await self._serve()
        finally:
            log.info("no longer leading")
        self._term = Term(self._adapter.house, self._ttl_s)

    async def _serve(self) -> None:
        """Do the chores until the lead is lost."""
        running = [asyncio.create_task(self._repeat(chore), name=f"taskora-{chore.name}") for chore in self._chores()]
        try:
            await self._keep_lead()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _keep_lead(self) -> None:
        pause_s = self._ttl_s / 3
        while True:
            await asyncio.sleep(min(pause_s, self._term.left_s))
            if not self._term.current:
                log.warning("lost the lead: it was not renewed within %g s", self._ttl_s)
                return
            try:
                async with asyncio.timeout(self._term.left_s):
                    if not await self._term.renew():
                        log.warning("lost the lead to another process")
                        return
                pause_s = self._ttl_s / 3
            except (AdapterError, TimeoutError) as error:
                log.warning("the lead could not be renewed: %s", str(error) or "no answer in time")
                pause_s = self._ttl_s / 20

    async def _repeat(self, chore: Chore) -> None:
        failing = False
        while True:
            try:
                pause_s = await chore.round()
                failing = False
            except AdapterError as error:
                if not failing:
                    log.warning("%s failed; tries on: %s", chore.name, error)
                pause_s, failing = _AFTER_FAILURE_S, True
            except Exception:
                log.exception("%s failed; tries on", chore.name)
                pause_s = _AFTER_FAILURE_S
            await asyncio.sleep(max(0.0, pause_s))

    def _count_stalled(self, jobs: int) -> None:
        self.stalled += jobs

    def _chores(self) -> Sequence[Chore]:
        adapter, pace = self._adapter, self._pace
        roster = Roster(adapter.house, self._known, pace.roster_s)
        return (
            Ticker(adapter, self._term, roster, self._serializer, self._poll_s),
            Sweeper(adapter.house, roster, self._count_stalled),
            Janitor(adapter.house, roster, self._retention, pace),
            Overseer(adapter.house, adapter.workflows, pace),
            Registrar(adapter.repairs, pace.registry_s),
            Mender(adapter.repairs, pace),
        )
