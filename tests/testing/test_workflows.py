"""Workflows in the runner: their steps, their deadlines."""

import asyncio

import pytest

from taskora import WorkflowFailedError, chain, chord, group
from taskora.testing import TestRunner


def test_a_chain_runs_step_by_step(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("add")
    async def add(data: dict[str, int]) -> int:
        return data["x"] + data["y"]

    @app.task("double")
    async def double(data: int) -> int:
        return data * 2

    handle = chain(add.s({"x": 3, "y": 4}), double.s()).dispatch()
    assert [step.state for step in taskora_runner.steps] == ["active", "pending"]

    assert taskora_runner.process_all() == 2

    assert handle.state() == "completed"
    assert handle.result() == 14
    assert [(step.node_index, step.task_name, step.state) for step in taskora_runner.steps] == [
        (0, "add", "completed"),
        (1, "double", "completed"),
    ]


def test_waiting_for_a_workflow_runs_it(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("square")
    def square(data: int) -> int:
        return data * data

    @app.task("total")
    async def total(data: list[int]) -> int:
        return sum(data)

    assert chord([square.s(2), square.s(3)], total.s()).dispatch().result() == 13
    assert group(square.s(4), square.s(5)).dispatch().result() == (16, 25)
    assert square.map([1, 2, 3]).result() == [1, 4, 9]


def test_a_workflow_is_cancelled_at_its_deadline(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("slow")
    async def slow(data: int) -> int:
        await asyncio.sleep(3600)
        return data

    @app.task("after")
    async def after(data: int) -> int:
        return data

    handle = chain(slow.s(1), after.s()).dispatch(ttl="5m")
    taskora_runner.advance_time("4m")
    assert handle.state() == "running"
    taskora_runner.advance_time("2m")

    assert handle.state() == "cancelled"
    assert [step.state for step in taskora_runner.steps] == ["cancelled", "cancelled"]


def test_a_step_that_fails_ends_its_workflow(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("broken")
    async def broken(data: int) -> int:
        raise OSError("disk full")

    @app.task("never")
    async def never(data: int) -> int:
        return data

    handle = chain(broken.s(1), never.s()).dispatch()
    with pytest.raises(WorkflowFailedError, match="disk full"):
        handle.result()
