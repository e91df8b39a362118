"""What dispatches and tasks can be told of limits, and that workers obey."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from integration.engine.kit import Engine, echo_of, working
from taskora import ConfigError, Debounce, Deduplicate, Job, Throttle
from taskora.model import State


def stored_limit(engine: Engine, job_id: str) -> tuple[str | None, str | None]:
    fields = engine.hash("idle", job_id)
    return fields.get("concurrencyKey"), fields.get("concurrencyLimit")


def test_the_limit_is_the_dispatchs_else_the_tasks_else_one(engine: Engine) -> None:
    plain = echo_of(engine.app())
    limited = echo_of(engine.app(), concurrency_limit=4)
    assert stored_limit(engine, plain.dispatch(1, concurrency_key="k").id) == ("k", "1")
    assert stored_limit(engine, limited.dispatch(1, concurrency_key="k").id) == ("k", "4")
    assert stored_limit(engine, limited.dispatch(1, concurrency_key="k", concurrency_limit=2).id) == ("k", "2")
    assert stored_limit(engine, limited.dispatch(1, concurrency_key="k", concurrency_limit=0).id) == ("k", "0")
    assert stored_limit(engine, limited.dispatch(1).id) == (None, None)
    many = limited.dispatch_many([Job(1, concurrency_key="a"), Job(2, concurrency_key="b", concurrency_limit=7), 3])
    assert [stored_limit(engine, handle.id) for handle in many] == [("a", "4"), ("b", "7"), (None, None)]


def test_a_key_goes_with_every_rule_of_flow_control(engine: Engine) -> None:
    task = echo_of(engine.app())
    rules: list[dict[str, Any]] = [
        {"debounce": Debounce("d", delay=60)},
        {"throttle": Throttle("t", max=2, window=60)},
        {"deduplicate": Deduplicate("u")},
    ]
    for rule in rules:
        handle = task.dispatch(1, concurrency_key="k, with a comma", concurrency_limit=3, **rule)
        assert stored_limit(engine, handle.id) == ("k, with a comma", "3")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"concurrency_limit": 2}, "concurrency_limit"),
        ({"concurrency_key": ""}, "concurrency_key"),
        ({"concurrency_key": "k" * 201}, "concurrency_key"),
        ({"concurrency_key": 5}, "concurrency_key"),
        ({"concurrency_key": "k", "concurrency_limit": -1}, "concurrency_limit"),
        ({"concurrency_key": "k", "concurrency_limit": True}, "concurrency_limit"),
    ],
)
def test_a_wrong_limit_is_refused_at_the_call(engine: Engine, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=f"^{named}: "):
        echo_of(engine.app()).dispatch(1, **options)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"concurrency_limit": 0}, "concurrency_limit"), ({"singleton": 1}, "singleton")],
)
def test_a_wrong_limit_of_a_task_is_refused_at_its_definition(
    engine: Engine, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{named}: "):
        echo_of(engine.app(), **options)


@pytest.mark.parametrize("where", ["server", "memory"])
async def test_workers_run_no_more_jobs_of_a_key_than_its_limit(engine: Engine, where: str) -> None:
    app = engine.app("memory://" if where == "memory" else None)
    running, most, order = Counter[str](), Counter[str](), list[tuple[str, int]]()

    async def run(job: list[Any]) -> int:
        key, n = job
        running[key] += 1
        most[key] = max(most[key], running[key])
        order.append((key, n))
        await asyncio.sleep(0.002)
        running[key] -= 1
        return int(n)

    task = app.task("keyed", run, concurrency=20, concurrency_limit=2)
    async with working(app):
        jobs = [Job([key, n], concurrency_key=key, concurrency_limit=1 if key == "c" else None)
                for n in range(15) for key in "abc"]  # fmt: skip
        handles = await task.dispatch_many(jobs)
        assert [await handle.result_async(10) for handle in handles] == [n for n in range(15) for _ in "abc"]
        stats = await app.adapter.jobs.stats("keyed").run_async()
        assert (stats.waiting, stats.completed) == (0, 45)
    assert most == {"a": 2, "b": 2, "c": 1}
    assert [n for key, n in order if key == "c"] == list(range(15))


async def test_a_blocked_job_can_be_cancelled_by_its_handle(engine: Engine) -> None:
    app, gate = engine.app(), asyncio.Event()

    async def run(n: int) -> int:
        await gate.wait()
        return n

    task = app.task("keyed", run, concurrency=5)
    async with working(app):
        first = await task.dispatch(1, concurrency_key="k")
        second = await task.dispatch(2, concurrency_key="k")
        third = await task.dispatch(3, concurrency_key="k")
        assert await second.cancel_async("no") == "cancelled"
        assert await second.state_async() == State.CANCELLED
        gate.set()
        assert [await first.result_async(5), await third.result_async(5)] == [1, 3]
