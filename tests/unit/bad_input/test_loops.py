"""What blocks refuses to run on an event loop, by the name of what to await instead."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskora import ConfigError, ResultHandle
from taskora.testing import create_test_runner
from unit.bad_input.surface import Member, members
from unit.bad_input.world import World, handler, valid

# These do what they must apart from a loop that runs, or refuse everywhere.
ANYWHERE = {"TestRunner.clear", "TestRunner.dispose", "Task.peek_collect", "Task.inspect_collect"}
PAIRED = {name: member for name, member in members().items() if member.paired and name not in ANYWHERE}
# Good values for what must be given: nothing else may be the reason of a refusal.
NEEDED: dict[str, object] = {"key": "k", "workflow_id": "w", "name": "report", "task": "plus", "job_id": "j"}


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def _arguments(member: Member, world: World) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in member.required:
        try:
            found[name] = valid(member.name, name, world)
        except KeyError:
            found[name] = NEEDED[name]
    return found


@pytest.mark.parametrize("name", PAIRED)
def test_the_blocking_half_of_a_pair_names_the_other_on_a_running_loop(name: str, world: World) -> None:
    member = PAIRED[name]
    if name.startswith("TestRunner."):
        _ = world.runner
    arguments = _arguments(member, world)
    method = name.rpartition(".")[2]

    async def live() -> None:
        with pytest.raises(RuntimeError, match=rf"{method}\(\) would block .* await .*{method}_async\(\)"):
            world.call_here(member, arguments)

    asyncio.run(live())
    assert not world.stored()


def test_a_dispatch_that_one_loop_sends_is_awaited_on_another_and_waited_for_in_plain_code(world: World) -> None:
    dispatched, go_on = threading.Event(), threading.Event()
    handles: list[ResultHandle[int]] = []

    async def dispatches() -> None:
        handles.extend(world.plus.dispatch(n) for n in range(2))
        dispatched.set()
        assert go_on.wait(5)  # nothing is sent before
        await asyncio.gather(*map(_stored, handles))

    async def awaits() -> bool | None:
        threading.Timer(0.01, go_on.set).start()
        return (await asyncio.wait_for(asyncio.ensure_future(_stored(handles[0])), 4)).enqueued

    thread = threading.Thread(target=lambda: asyncio.run(dispatches()))
    thread.start()
    assert dispatched.wait(5)
    with ThreadPoolExecutor(1) as pool:
        state = pool.submit(handles[1].state)
        assert asyncio.run(awaits())
        assert state.result(4) == "waiting"
    thread.join()


async def _stored(handle: ResultHandle[int]) -> ResultHandle[int]:
    return await handle


def test_a_worker_is_not_started_twice_nor_stopped_by_another_loop_and_outlives_neither_its_loop(world: World) -> None:
    app = world.app
    asyncio.run(app.start())  # ends without close_async
    with pytest.raises(ConfigError, match=r"start: .*already works.* await close_async\(\)"):
        asyncio.run(app.start())

    async def again() -> int:
        await app.close_async()
        await app.start()
        try:
            with pytest.raises(ConfigError, match=r"close_async: .*another event loop"):
                await asyncio.to_thread(lambda: asyncio.run(app.close_async()))
            return await world.plus.dispatch(1).result_async(5)
        finally:
            await app.close_async()

    assert asyncio.run(again()) == 2


def test_an_application_is_used_after_its_close_as_before(world: World) -> None:
    world.plus.dispatch(1)
    world.app.close()
    world.app.close()
    assert world.plus.dispatch(2).enqueued
    assert world.app.inspect().stats().waiting == 2


def test_a_runner_that_was_disposed_of_says_so() -> None:
    runner = create_test_runner()
    runner.app.task("plus", handler)
    runner.dispose()
    runner.dispose()
    with pytest.raises(ConfigError, match="disposed"):
        runner.process_all()
