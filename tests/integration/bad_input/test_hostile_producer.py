"""What anybody may write under our keys costs at most its own job, and never another one or the worker."""

import asyncio
from collections.abc import Callable

import pytest

from integration.engine.kit import Engine, working
from support import wait_until_async
from taskora import SchedulerConfig, Stall, Task, Taskora

GOOD = {"data": "1", "ts": "1700000000000", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "waiting"}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def app(engine: Engine) -> Taskora:
    return engine.app(scheduler=SchedulerConfig(poll_interval="50ms", lock_ttl="500ms"))


@pytest.fixture
def plus(app: Taskora) -> Task[int, int]:
    @app.task("plus", concurrency=3, stall=Stall(interval="100ms"))
    async def plus(n: int) -> int:
        return n + 1

    return plus


@pytest.fixture
def other(app: Taskora) -> Task[object, object]:
    @app.task("other", stall=Stall(interval="100ms"))
    def other(value: object) -> object:
        return value

    return other


def job(**fields: str) -> Callable[[Engine], object]:
    return lambda engine: engine.put_raw("plus", GOOD | fields)


def keyed(name: str, *write: str | int) -> Callable[[Engine], object]:
    """A command on a key of the task whose jobs are hostile."""
    return lambda engine: engine.raw.execute_command(write[0], engine.key("plus", name), *write[1:])


def own(name: str, *write: str | int) -> Callable[[Engine], object]:
    """A command on a key of the whole prefix."""
    return lambda engine: engine.raw.execute_command(write[0], f"taskora:{engine.prefix}:{name}", *write[1:])


HOSTILE: dict[str, Callable[[Engine], object]] = {
    "deeply nested JSON": job(data=DEEP),
    "a number beyond all": job(data="1" + "0" * 5000),
    "duplicate keys and a NUL": job(data='{"a\\u0000": 1, "a\\u0000": 2}'),
    "half a surrogate pair": job(data='"\\ud800"'),
    "a workflow that is none": job(_wf="nobody", _wfNode="0"),
    "a workflow with a node that is none": job(_wf="x}{y", _wfNode="-1"),
    "a node without a workflow": job(_wfNode="7"),
    "numbers that are none": job(attempt="nan", ts="inf", maxAttempts="-1", expireAt="1e999", priority="0x10"),
    "huge numbers": job(attempt="9" * 400, ts="9" * 400, maxAttempts="9" * 400, priority="9" * 400),
    "a limit that is none": job(concurrencyKey="k", concurrencyLimit="many"),
    "a key with everything in it": job(concurrencyKey="a:b{c}*?[]\n\0", concurrencyLimit="1"),
    "a deduplication key that is none": job(dedupKey="a:b{c}*?[]\n"),
    "a collect key without a buffer": job(collectKey="nobody"),
    "a cancelled job that waits": job(cancelledAt="soon", cancelReason="x"),
    "a state that is none": job(state="{}"),
    "a cause that is none": job(cause="boredom", crashes="many", stalledCount="lots"),
    "an id with braces and glob characters": lambda engine: engine.put_raw("plus", GOOD, "{a}*?[b]:c"),
    "an id like a key of ours": lambda engine: engine.put_raw("plus", {}, "wait"),
    "an id of 10,000 characters": lambda engine: engine.put_raw("plus", GOOD, "x" * 10_000),
    "the delayed hold what is no job": keyed("delayed", "ZADD", 1, "nobody", "-inf", "", "inf", "{x}"),
    "the prioritized hold what is no job": keyed("prioritized", "ZADD", 1, "nobody"),
    "the active hold what is no job": keyed("active", "LPUSH", "nobody", "", "{x}"),
    "a marker that is none": keyed("marker", "ZADD", "-inf", "x", 0, ""),
    "the stalled hold what is no job": keyed("stalled", "SADD", "nobody", ""),
    "the completed hold what is no job": keyed("completed", "ZADD", 1, "nobody", 1, ""),
    "events of nobody": keyed("events", "XADD", "*", "event", "completed", "jobId", "\0", "x", "y"),
    "an event without fields that matter": keyed("events", "XADD", "*", "x", "y"),
    "a schedule that is no JSON": own("schedules", "HSET", "bad", "{oops"),
    "a schedule of nothing": own("schedules", "HSET", "bad", '{"task":5,"every":"x"}'),
    "a card that is no JSON": own("tasks", "HSET", "nobody", "{oops", "{x}", "5"),
    "a worker's record of another kind": own("workers", "ZADD", 9 * 10**15, "nobody"),
    "workflows that are none": own("workflows", "ZADD", 1, "nobody", 1, "{x}"),
}


async def test_hostile_entries_cost_no_other_job(
    engine: Engine, app: Taskora, plus: Task[int, int], other: Task[object, object]
) -> None:
    inspector = app.inspect()
    async with working(app):
        for kind, write in HOSTILE.items():
            write(engine)
            handles = await plus.dispatch_many(range(3))
            results = asyncio.gather(*(handle.result_async(5) for handle in handles), other.dispatch(9).result_async(5))
            assert await results == [1, 2, 3, 9], kind
            for read in ("stats", "waiting", "active", "delayed", "completed", "failed", "workers", "workflows"):
                await getattr(inspector, f"{read}_async")()
            await app.schedules.list_async()
        await wait_until_async(lambda: not engine.raw.llen(engine.key("plus", "wait")))


async def test_a_key_of_a_wrong_type_costs_its_own_task_and_no_other(
    engine: Engine, app: Taskora, plus: Task[int, int], other: Task[object, object]
) -> None:
    async with working(app, drain=1):
        for name in ("wait", "prioritized", "delayed", "completed", "failed", "events", "stalled", "marker"):
            engine.raw.delete(engine.key("plus", name))
            engine.raw.set(engine.key("plus", name), "a string")
            for n in range(3):
                try:
                    assert await other.dispatch(n).result_async(5) == n, name
                except TimeoutError as error:
                    raise AssertionError(f"the other task stands still while {name!r} is of a wrong type") from error
            engine.raw.delete(engine.key("plus", name))
        assert await plus.dispatch(1).result_async(10) == 2
