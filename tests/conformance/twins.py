"""Two adapters that are to do the same, and the time that moves by hand on both."""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import redis
from hypothesis.stateful import RuleBasedStateMachine, invariant

import taskora.lua
from support import Server
from taskora.adapters.memory import ManualClock, memory_adapter
from taskora.adapters.protocol import Adapter, Lane
from taskora.adapters.redis import redis_adapter
from taskora.call import Call, mapped
from taskora.model import Claimed, State

T = TypeVar("T")
START_MS = 1_795_544_727_026
CLOCK_KEY = "test:clock"
LOCK_MS = 32_500
TASKS = ("mail", "b")
WORKERS = ("w1", "w10")
PAGE = 25
MOVE_SCRIPT = """
local ms = tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local left = redis.call('PTTL', key)
  if left > ms then redis.call('PEXPIRE', key, left - ms) elseif left >= 0 then redis.call('DEL', key) end
end
return redis.call('INCRBY', KEYS[1], ms)
"""


@contextmanager
def moved_by_hand() -> Generator[None]:
    """Has scripts take the time from a key."""
    text = taskora.lua._text  # pyright: ignore[reportPrivateUsage] - nothing public replaces an include

    def replaced(path: str, parents: tuple[str, ...]) -> str:
        if path == "includes/clock.lua":
            return f"local function now_ms() return tonumber(redis.call('GET', '{CLOCK_KEY}')) end"
        return text(path, parents)

    taskora.lua._text = replaced  # pyright: ignore[reportPrivateUsage] - the same
    taskora.lua.load.cache_clear()
    try:
        yield
    finally:
        taskora.lua._text = text  # pyright: ignore[reportPrivateUsage] - the same
        taskora.lua.load.cache_clear()


class Pair:
    """One job in the hands of a worker, on both."""

    def __init__(self, on_server: Claimed, in_memory: Claimed) -> None:
        self.both = (on_server, in_memory)

    @property
    def id(self) -> str:
        return self.both[0].job_id


class Twins(RuleBasedStateMachine):
    """An adapter on a server and one in memory, of which everything that can be read is compared after each step."""

    runner: asyncio.Runner
    server: Server
    count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.prefix = f"d{self.count}"
        self.raw: Any = cast("Any", redis.Redis).from_url(self.server.url, decode_responses=True, protocol=2)
        self.raw.set(CLOCK_KEY, START_MS)
        self.clock = ManualClock(START_MS)
        self.memory = memory_adapter(self.clock, prefix=self.prefix)
        self.adapters: tuple[Adapter, Adapter] = (redis_adapter(self.server.url, prefix=self.prefix), self.memory)
        self.lanes: dict[str, tuple[Lane, ...]] = {}
        self.dead: dict[str, int] = dict.fromkeys(WORKERS, 0)
        self.made: int = 0
        self.ids: list[tuple[str, str]] = []
        self.runs: list[Pair] = []
        self.settled: list[Pair] = []
        self.flows: list[str] = []
        self.wide = False

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.raw.delete(*self.raw.keys(f"taskora:{self.prefix}:*"))
        self.raw.close()

    async def _close(self) -> None:
        for lanes in self.lanes.values():
            for lane in lanes:
                await lane.close()
        for adapter in self.adapters:
            await adapter.close_async()

    def both(self, on_server: Call[T], in_memory: Call[T]) -> tuple[T, T]:
        async def ask() -> tuple[T, T]:
            return await on_server.run_async(), await in_memory.run_async()

        return self.runner.run(ask())

    def same(self, on_server: Call[T], in_memory: Call[T]) -> T:
        first, second = self.both(on_server, in_memory)
        assert first == second
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
        now = self.raw.eval(MOVE_SCRIPT, 1, CLOCK_KEY, f"taskora:{self.prefix}:*", ms)
        assert now == self.clock.now_ms()

    @invariant()
    def everything_that_can_be_read_is_the_same(self) -> None:
        on_server, in_memory = (list(self._readings(one)) for one in self.adapters)

        async def compare() -> None:
            for first, second in zip(on_server, in_memory, strict=True):
                assert await first.run_async() == await second.run_async()

        self.runner.run(compare())

    def _readings(self, one: Adapter) -> Iterator[Call[object]]:
        for task in TASKS:
            yield one.jobs.stats(task)
            yield from (one.jobs.jobs(task, state, 0, PAGE) for state in State)
            yield one.vitals.fences([(self.name(worker), task) for worker in WORKERS])
            # Of several jobs that nobody holds, the order is not promised.
            yield mapped(one.vitals.locks(task, PAGE), lambda locks: (locks.looked_at, sorted(locks.without)))
            yield one.dead_letters.failures(task, PAGE)
            for key in ("k", "ä"):
                yield one.rules.buffered(task, key)
                yield one.rules.buffer_info(task, key)
        for task, job_id in self.ids[-5:]:
            yield one.jobs.outcome(task, job_id)
            yield one.rules.follow(task, job_id)
        for workflow_id in self.flows:
            yield one.workflows.workflow_outcome(workflow_id)
            yield one.workflows.workflow(workflow_id)
            yield one.repairs.broken_nodes(workflow_id)
        yield one.workflows.list_workflows(None, 0, PAGE)
        yield one.house.owed_workflows(-(10**12), PAGE)
        yield one.schedules.list()
        yield one.schedules.due()
