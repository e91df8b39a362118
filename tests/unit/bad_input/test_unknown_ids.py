"""What does not exist: an error that names it and retention, or the answer that is documented, both ways alike."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from taskora import JobNotFoundError, QueueStats
from taskora.errors import ScheduleNotFoundError, SupervisorNotFoundError, TaskoraError
from unit.bad_input.world import World

MISSING: dict[str, list[tuple[str, tuple[object, ...], type[TaskoraError]]]] = {
    "ResultHandle": [(name, (), JobNotFoundError) for name in ("result", "state", "progress", "logs", "info")],
    "WorkflowHandle": [
        (name, (), JobNotFoundError) for name in ("result", "state", "graph", "to_json", "to_mermaid", "to_dot")
    ],
    "Schedules": [(name, ("nobody",), ScheduleNotFoundError) for name in ("pause", "resume", "trigger", "update")],
    "Supervisors": [
        ("recycle", ("nobody",), SupervisorNotFoundError),
        ("scale", ("nobody", 2), SupervisorNotFoundError),
        ("drain", ("nobody",), SupervisorNotFoundError),
    ],
}
ANSWERS: list[tuple[str, str, tuple[object, ...], object]] = [
    ("ResultHandle", "cancel", (), "not_cancellable"),
    ("WorkflowHandle", "cancel", (), False),
    ("Inspector", "find", ("nobody",), None),
    ("Inspector", "find", ("plus", "nobody"), None),
    ("Inspector", "find", ("unknown-task", "nobody"), None),
    ("Inspector", "workflow", ("nobody",), None),
    ("Inspector", "stats", ("unknown-task",), QueueStats()),
    ("Inspector", "failed", ("unknown-task",), []),
    ("DeadLetters", "retry", ("nobody",), False),
    ("DeadLetters", "retry", ("unknown-task", "nobody"), False),
    ("DeadLetters", "retry_all", ("unknown-task",), 0),
    ("DeadLetters", "groups", ("unknown-task",), []),
    ("Schedules", "remove", ("nobody",), False),
    ("CollectTask", "peek_collect", ("nobody",), []),
    ("CollectTask", "inspect_collect", ("nobody",), None),
]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def both(world: World, owner: str, name: str, arguments: tuple[object, ...]) -> list[Callable[[], object]]:
    async def live() -> Any:
        try:
            return await getattr(world.owner(owner), f"{name}_async")(*arguments)
        finally:
            await world.app.close_async()

    return [lambda: getattr(world.owner(owner), name)(*arguments), lambda: asyncio.run(live())]


@pytest.mark.parametrize("owner", MISSING)
def test_what_is_not_there_is_named(owner: str, world: World) -> None:
    for name, arguments, error in MISSING[owner]:
        for call in both(world, owner, name, arguments):
            with pytest.raises(error, match=r"nobody.*(retention|stored)"):
                call()
    assert world.app.inspect().stats() == QueueStats()


@pytest.mark.parametrize(("owner", "name", "arguments", "answer"), ANSWERS, ids=str)
def test_what_is_not_there_has_its_documented_answer(
    owner: str, name: str, arguments: tuple[object, ...], answer: object, world: World
) -> None:
    assert [call() for call in both(world, owner, name, arguments)] == [answer, answer]
    assert world.app.inspect().stats() == QueueStats()


async def test_the_events_of_a_job_that_is_not_there_end_at_once(world: World) -> None:
    with pytest.raises(JobNotFoundError, match="nobody"):
        _ = [event async for event in world.plus.handle("nobody").events()]
    await world.app.close_async()
