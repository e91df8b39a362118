"""The adapter that keeps everything in the process's own memory."""

from __future__ import annotations

from taskora.adapters.memory.audit import MemoryAudit
from taskora.adapters.memory.clock import Clock
from taskora.adapters.memory.control import MemoryControl
from taskora.adapters.memory.dead_letters import MemoryDeadLetters
from taskora.adapters.memory.due import hasten_batches, next_due_ms
from taskora.adapters.memory.durations import MemoryDurations
from taskora.adapters.memory.events import MemoryEvents
from taskora.adapters.memory.house import MemoryHouse
from taskora.adapters.memory.jobs import MemoryJobs
from taskora.adapters.memory.leases import MemoryLeases
from taskora.adapters.memory.repairs import MemoryRepairs
from taskora.adapters.memory.requests import MemoryRequests
from taskora.adapters.memory.rules import MemoryRules
from taskora.adapters.memory.schedules import MemorySchedules
from taskora.adapters.memory.store import Store
from taskora.adapters.memory.vitals import MemoryVitals
from taskora.adapters.memory.waiter import MemoryWaiter
from taskora.adapters.memory.workflows import MemoryWorkflows
from taskora.call import Call
from taskora.keys import Keys


class MemoryAdapter:
    """Keeps jobs in memory, for as long as it lives, and for whoever has this very object.

    It may be used from several threads and event loops at once. Closing it ends nothing but waits; what it keeps
    stays. A forked process has a copy of its own.

    Args:
        clock: Tells the time.
        prefix: As other adapters have it; it sets nothing apart here.
    """

    def __init__(self, clock: Clock, prefix: str = "") -> None:
        self.keys: Keys = Keys(prefix)
        self.of_one_process = True
        self._store = store = Store(clock)
        self.jobs: MemoryJobs = MemoryJobs(store)
        self.leases: MemoryLeases = MemoryLeases(store)
        self.workflows: MemoryWorkflows = MemoryWorkflows(store)
        self.house: MemoryHouse = MemoryHouse(store)
        self.schedules: MemorySchedules = MemorySchedules(store)
        self.repairs: MemoryRepairs = MemoryRepairs(store)
        self.rules: MemoryRules = MemoryRules(store)
        self.vitals: MemoryVitals = MemoryVitals(store, self.keys)
        self.dead_letters: MemoryDeadLetters = MemoryDeadLetters(store)
        self.events: MemoryEvents = MemoryEvents(store)
        self.audit: MemoryAudit = MemoryAudit(store)
        self.durations: MemoryDurations = MemoryDurations(store)
        self.control: MemoryControl = MemoryControl(store)
        self.requests: MemoryRequests = MemoryRequests(store)

    @property
    def clock(self) -> Clock:
        """What tells it the time."""
        return self._store.clock

    @property
    def task_names(self) -> list[str]:
        """The tasks of which it keeps something."""
        return self._store.do(lambda _: sorted(self._store.queues))

    @property
    def next_due_ms(self) -> int | None:
        """When a job, a schedule or a workflow's deadline is due next, in epoch milliseconds; None for never."""
        return self._store.do(lambda now_ms: next_due_ms(self._store, now_ms))

    def hasten_batches(self, task: str, key: str | None = None) -> int:
        """Have what is collected be a batch now; returns how many batches that makes.

        Args:
            task: Name of the task.
            key: Whose buffer; None for all of the task.
        """
        return self._store.do(lambda now_ms: hasten_batches(self._store, task, key, now_ms))

    def connect(self) -> Call[None]:
        """See ``Adapter``. There is nothing to reach."""
        return self._store.call(lambda _: None)

    def describe(self) -> str:
        """See ``Adapter``."""
        return "memory of this process"

    def waiter(self) -> MemoryWaiter:
        """See ``Adapter``."""
        return MemoryWaiter(self._store)

    def close(self) -> None:
        """See ``Adapter``. There is no connection."""

    async def close_loop(self) -> None:
        """See ``Adapter``. There is no connection."""

    async def close_async(self) -> None:
        """See ``Adapter``. There is no connection."""
