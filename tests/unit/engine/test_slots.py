"""Each free slot has one owner."""

import asyncio
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskora.config import TaskOptions
from taskora.worker.slots import Slots


def slots_of(**capacity: int) -> Slots:
    tasks: Any = {
        name: SimpleNamespace(name=name, options=TaskOptions(concurrency=count)) for name, count in capacity.items()
    }
    return Slots(tasks)


def test_what_one_has_reserved_the_other_leaves_alone() -> None:
    slots = slots_of(a=3, b=1)
    assert {want.task: want.slots for want in slots.reserve()} == {"a": 3, "b": 1}
    assert slots.reserve() == []
    assert slots.exchange({"a": 0}) == []


def test_an_answer_keeps_what_it_brought_and_frees_the_rest() -> None:
    slots = slots_of(a=3, b=1)
    assert slots.answer(slots.reserve(), {"a": 2, "b": 1}) == {"a"}
    assert {want.task: want.slots for want in slots.reserve()} == {"a": 1}


def test_slots_of_ended_runs_are_reserved_in_the_same_go() -> None:
    slots = slots_of(a=2)
    slots.answer(slots.reserve(), {"a": 2})
    assert [want.slots for want in slots.exchange({"a": 2})] == [2]


async def test_freeing_wakes_who_waits_and_closing_too() -> None:
    slots = slots_of(a=1)
    slots.answer(slots.reserve(), {"a": 1})
    waiting = asyncio.ensure_future(slots.wait_for_free())
    await asyncio.sleep(0)
    assert not waiting.done()
    slots.free("a")
    await asyncio.wait_for(waiting, 1)
    slots.reserve()
    waiting = asyncio.ensure_future(slots.wait_for_free())
    slots.close()
    await asyncio.wait_for(waiting, 1)
    assert slots.reserve() == []


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
def test_running_and_reserved_never_exceed_the_capacity(capacity: int, steps: list[tuple[bool, int]]) -> None:
    slots, running = slots_of(a=capacity), 0
    for settle, brought in steps:
        ended = min(running, brought) if settle else 0
        running -= ended
        wants = slots.exchange({"a": ended}) if settle else slots.reserve()
        room = sum(want.slots for want in wants)
        assert room == capacity - running
        got = min(room, brought)
        slots.answer(wants, {"a": got})
        running += got
        assert running <= capacity


def test_a_singleton_task_has_one_slot_and_says_so() -> None:
    tasks: Any = {"a": SimpleNamespace(name="a", options=TaskOptions(concurrency=5, singleton=True))}
    (want,) = Slots(tasks).reserve()
    assert (want.slots, want.singleton) == (1, True)
