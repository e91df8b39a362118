"""The adapter for Redis and Valkey."""

from __future__ import annotations

from taskora.adapters.event_store import EventStore
from taskora.adapters.protocol import HouseStore, Waiter, WorkflowStore
from taskora.adapters.redis.audit import RedisAudit
from taskora.adapters.redis.control import RedisControl
from taskora.adapters.redis.dead_letters import RedisDeadLetters
from taskora.adapters.redis.durations import RedisDurations
from taskora.adapters.redis.events import RedisEvents
from taskora.adapters.redis.house import RedisHouse
from taskora.adapters.redis.jobs import RedisJobs
from taskora.adapters.redis.leases import RedisLeases
from taskora.adapters.redis.link import Connecting, Link, Source
from taskora.adapters.redis.repairs import RedisRepairs
from taskora.adapters.redis.requests import RedisRequests
from taskora.adapters.redis.rules import RedisRules
from taskora.adapters.redis.schedules import RedisSchedules
from taskora.adapters.redis.vitals import RedisVitals
from taskora.adapters.redis.waiter import RedisWaiter
from taskora.adapters.redis.workflows import RedisWorkflows
from taskora.adapters.schedule_store import RepairStore
from taskora.adapters.vitals_store import VitalsStore
from taskora.call import Call
from taskora.keys import Keys


class RedisAdapter:
    """Keeps jobs in a Redis or Valkey server. Connections are made when first used; use after a fork is safe.

    Args:
        source: Where the server is.
        prefix: Text that sets its keys apart from those of others on the same server.
        keys: Its keys, where they are not named as usual.
    """

    def __init__(self, source: Source, prefix: str = "", keys: Keys | None = None) -> None:
        self.keys: Keys = keys or Keys(prefix)
        self.of_one_process = False
        self._link = Link(source, self.keys)
        self.jobs: RedisJobs = RedisJobs(self._link)
        self.leases: RedisLeases = RedisLeases(self._link)
        self.workflows: WorkflowStore = RedisWorkflows(self._link)
        self.house: HouseStore = RedisHouse(self._link)
        self.schedules: RedisSchedules = RedisSchedules(self._link)
        self.repairs: RepairStore = RedisRepairs(self._link)
        self.rules: RedisRules = RedisRules(self._link)
        self.vitals: VitalsStore = RedisVitals(self._link)
        self.dead_letters: RedisDeadLetters = RedisDeadLetters(self._link)
        self.events: EventStore = RedisEvents(self._link)
        self.audit: RedisAudit = RedisAudit(self._link)
        self.durations: RedisDurations = RedisDurations(self._link)
        self.control: RedisControl = RedisControl(self._link)
        self.requests: RedisRequests = RedisRequests(self._link)

    def connect(self) -> Call[None]:
        """See ``Adapter``."""
        return Connecting(self._link)

    def describe(self) -> str:
        """See ``Adapter``."""
        return self._link.source.describe()

    def waiter(self) -> Waiter:
        """See ``Adapter``."""
        return RedisWaiter(self._link)

    def close(self) -> None:
        """See ``Adapter``."""
        self._link.close()
        self._link.source.release()

    async def close_loop(self) -> None:
        """See ``Adapter``."""
        await self._link.close_loop()

    async def close_async(self) -> None:
        """See ``Adapter``."""
        await self._link.close_loop()
        self._link.close()
        self._link.source.release()
