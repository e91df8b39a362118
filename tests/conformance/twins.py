"""Two adapters that are to do the same, and the time that moves by hand on both."""

import asyncio
import sys
from typing import TypeVar

from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant

from conformance.by_hand import ROUNDING_MS, START_MS, Hand, finished
from conformance.readings import Readings, readers, readers_of_jobs
from conformance.stored import Kept, ServerDump, stored_in_memory
from taskora.adapters.event_store import EventFeed, StoredEvent
from taskora.adapters.lane import Lane
from taskora.adapters.memory import ManualClock, memory_adapter
from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import redis_adapter
from taskora.call import Call
from taskora.model import Claimed

T = TypeVar("T")
# See ROUNDING_MS.
LOCK_MS = 60_000
SHORT_LOCK_MS = 30_000
LATE_MS = 60_000
TASKS = ("mail", "b")
WORKERS = ("w1", "w10")
KEYS = ("k", "ä")
_LOOK_EACH = 8
_MOST_LOOKED_AT = 6


def _all(_task: str, _name: str, _job_id: str) -> bool:
    return True


class Pair:
    """One job in the hands of a worker, on both."""

    def __init__(self, on_server: Claimed, in_memory: Claimed) -> None:
        self.both = (on_server, in_memory)

    @property
    def id(self) -> str:
        return self.both[0].job_id


class Twins(RuleBasedStateMachine):
    """An adapter on a server and one in memory. What is stored is compared after each step, what is read less often."""

    runner: asyncio.Runner
    hand: Hand

    def __init__(self) -> None:
        super().__init__()
        self.hand.begin()
        self.hand.again = False
        self.clock = ManualClock(START_MS)
        self.memory = memory_adapter(self.clock, prefix="d")
        self.adapters: tuple[Adapter, Adapter] = (redis_adapter("unix:///nowhere", prefix="d"), self.memory)
        self.store = self.memory._store  # pyright: ignore[reportPrivateUsage] - what is stored is compared
        self.dump = ServerDump(self.hand, self.memory.keys)
        self.readings = Readings(self.hand)
        self.feeds: list[EventFeed] = [one.events.feed(_all) for one in self.adapters]
        for feed in self.feeds:
            finished(feed.follow(TASKS))
        self.lanes: dict[str, tuple[Lane, ...]] = {}
        self.tokens: dict[str, str] = {}
        self.dead: dict[str, int] = dict.fromkeys(WORKERS, 0)
        self.steps: int = 0
        self.made: int = 0
        self.ids: list[tuple[str, str]] = []
        self.runs: list[Pair] = []
        self.settled: list[Pair] = []
        self.flows: list[str] = []

    def teardown(self) -> None:
        if sys.exc_info()[0] is not None:
            return  # what was found must not be covered by what follows from it
        self.look()
        for one in self.adapters:
            one.vitals.erase().run()
        assert self.dump.read({}).values == stored_in_memory(self.store, self.clock.now_ms()).values == {}

    def same(self, on_server: Call[T], in_memory: Call[T], *, again: bool = False) -> T:
        """Run a call on both; ``again``: on the server twice, as if the first answer had been lost."""
        self.hand.again = again
        try:
            first = on_server.run()
        finally:
            self.hand.again = False
        second = in_memory.run()
        assert first == second, f"{first} on the server, {second} in memory"
        return first

    def name(self, worker: str) -> str:
        """The identity of a worker: another one after each death."""
        return f"{worker}-{self.dead[worker]}"

    def lane(self, worker: str) -> tuple[Lane, ...]:
        name = self.name(worker)
        if name not in self.lanes:
            made = (one.leases.lane(name, TASKS, LOCK_MS, lambda _: ()) for one in self.adapters)
            self.lanes[name] = tuple(made)
        return self.lanes[name]

    def run_at(self, pick: int) -> Pair | None:
        """One of the jobs in hand, seldom one that was settled."""
        pool = self.settled if pick % 8 == 7 and self.settled else self.runs
        return pool[-1 - pick // 8 % len(pool)] if pool else None

    def move(self, ms: int) -> None:
        """Moves both clocks."""
        self.clock.advance(ms)
        assert self.hand.move(f"{self.memory.keys.root}:*", ms) == self.clock.now_ms()

    # -- comparing

    @invariant()
    def the_same_is_stored(self) -> None:
        on_server = self.dump.read(self.tokens)
        in_memory = stored_in_memory(self.store, self.clock.now_ms())
        self._compare(on_server, in_memory)
        self.steps += 1
        if self.steps % _LOOK_EACH == 0:
            self.look()

    def _compare(self, on_server: Kept, in_memory: Kept) -> None:
        if on_server.values != in_memory.values:
            for name in sorted(on_server.values.keys() | in_memory.values.keys()):
                first, second = on_server.values.get(name), in_memory.values.get(name)
                if first != second:
                    note(f"{name}\n    on the server: {first}\n    in memory:     {second}")
            raise AssertionError("what is stored is not the same; see above")
        for name, left_ms in in_memory.left_ms.items():
            first_ms = on_server.left_ms.get(name)
            assert first_ms is not None, f"{name} has no end on the server, and {left_ms} ms in memory"
            assert abs(left_ms - first_ms) < ROUNDING_MS, f"{name} has {first_ms} ms on the server, {left_ms} in memory"

    def look(self) -> None:
        """Compares what all readers show, and what was told since the last time."""
        workers = [self.name(worker) for worker in WORKERS]
        sides = (
            (*readers(one, TASKS, KEYS, workers, self.flows), *readers_of_jobs(one, self.ids[-_MOST_LOOKED_AT:]))
            for one in self.adapters
        )
        self.readings.compare(*sides)
        first, second = (self.runner.run(self._told(feed)) for feed in self.feeds)
        for task in TASKS:
            told = [[event for event in events if event.task == task] for events in (first, second)]
            assert told[0] == told[1], f"{told[0]} on the server, {told[1]} in memory"

    @staticmethod
    async def _told(feed: EventFeed) -> list[StoredEvent]:
        events: list[StoredEvent] = []
        while True:
            batch = await feed.read(0)
            assert not batch.gap
            events += batch.events
            if not batch.more:
                return events
