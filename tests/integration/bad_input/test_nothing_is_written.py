"""A call that is refused writes nothing to a real server either: not a key, not a field."""

import uuid
from typing import Any

import pytest
import redis

from support import Server
from taskora import TaskoraError, redis_adapter
from unit.bad_input.case import Case
from unit.bad_input.surface import members
from unit.bad_input.table import TABLE
from unit.bad_input.world import World

WRITING = (
    "Task.dispatch", "Task.dispatch_many", "Task.map", "Task.chunk", "CollectTask.dispatch",
    "CollectTask.dispatch_many", "Bound.dispatch", "ResultHandle.cancel", "WorkflowHandle.cancel",
    "DeadLetters.retry", "DeadLetters.retry_all", "Inspector.clean", "Schedules.pause", "Schedules.resume",
    "Schedules.update", "Schedules.remove", "Schedules.trigger",
)  # fmt: skip
MEMBERS = members()


@pytest.mark.parametrize("target", WRITING)
def test_a_call_that_is_refused_leaves_the_keyspace_empty(target: str, server: Server, url: str) -> None:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    world = World(redis_adapter(url, prefix=prefix))
    raw: Any = redis.Redis.from_url(url, protocol=2)  # pyright: ignore[reportUnknownMemberType]
    try:
        for parameter, wrongs in TABLE[target].items():
            for wrong in wrongs:
                for value in wrong.values:
                    case = Case(MEMBERS[target], parameter, value, wrong)
                    with pytest.raises((TaskoraError, TypeError)):
                        world.call(case.member, case.options(world))
        assert raw.keys("*") == []
    finally:
        raw.close()
        world.close()
