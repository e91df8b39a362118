"""Workflows and schedules of an application on any adapter, with a worker at work."""

from typing import Any

import pytest

from conformance.kit import PATIENCE_S, working
from support import forever, wait_until_async
from taskora import CancelledError, Schedule, Taskora, WorkflowFailedError, chain, chord, group


async def test_a_workflow_gives_its_result(app: Taskora) -> None:
    @app.task(concurrency=10)
    async def add_one_task(n: int) -> int:
        return n + 1

    @app.task
    def total_task(numbers: list[int]) -> int:
        return sum(numbers)

    async with working(app):
        flow = chain(add_one_task.s(1), group(add_one_task.s(), add_one_task.s()))
        assert await flow.dispatch().result_async(PATIENCE_S) == (3, 3)
        wide = chord([add_one_task.s(n) for n in range(50)], total_task.s()).dispatch()
        assert await wide.result_async(PATIENCE_S) == sum(range(1, 51))
        assert await wide.state_async() == "completed"


async def test_a_workflow_fails_with_its_node(app: Taskora) -> None:
    @app.task
    async def fine_task(n: int) -> int:
        return n

    @app.task
    async def broken_task(n: int) -> int:
        raise ValueError("broken")

    async with working(app):
        handle = chain(fine_task.s(1), broken_task.s(), fine_task.s()).dispatch()
        with pytest.raises(WorkflowFailedError, match="broken") as caught:
            await handle.result_async(PATIENCE_S)
        assert (caught.value.node, caught.value.task) == (1, "broken")


async def test_a_workflow_ends_at_its_deadline(app: Taskora) -> None:
    @app.task
    async def stuck_task(n: int) -> int:
        await forever()
        return n

    async with working(app):
        handle = chain(stuck_task.s(1), stuck_task.s()).dispatch(ttl=0.1)
        with pytest.raises(CancelledError, match="timeout"):
            await handle.result_async(PATIENCE_S)


async def test_a_schedule_fires_again_and_again(app: Taskora) -> None:
    runs: list[Any] = []

    @app.task(schedule=Schedule(every=0.1, data={"a": 1}))
    async def tick_task(data: dict[str, int]) -> None:
        runs.append(data)

    async with working(app):
        await wait_until_async(lambda: len(runs) >= 3)
        await app.schedules.pause_async("tick")
        (info,) = await app.schedules.list_async()
        assert (info.paused, info.task, info.every) == (True, "tick", 0.1)
    assert runs[:3] == [{"a": 1}] * 3


async def test_a_triggered_schedule_runs_now(app: Taskora) -> None:
    @app.task(schedule=Schedule(every="1h", data=4))
    async def rare_task(n: int) -> int:
        return n * 2

    async with working(app):
        handle = await app.schedules.trigger_async("rare")
        assert await handle.result_async(PATIENCE_S) == 8
