"""Whatever becomes of a job or a workflow: whoever waits for it is told, and at once, not by the next look-up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from conformance.kit import PATIENCE_S, blocked, soon, working
from support import wait_until_async
from taskora import (
    CancelledError,
    Collect,
    Debounce,
    Deduplicate,
    ExpiredError,
    JobFailedError,
    JobNotFoundError,
    Taskora,
    Ttl,
    WorkflowFailedError,
    chain,
)

PUSHED_S = 1.5  # a look-up of what is waited for comes every two seconds
Waited: TypeAlias = Any  # a handle of a job or of a workflow
Act: TypeAlias = Callable[[], Awaitable[object]]


class Stage:
    """An application with a worker whose handlers run until the gate is open."""

    def __init__(self, app: Taskora) -> None:
        self.app = app
        self.gate = asyncio.Event()
        self.running = 0

        async def run(n: int) -> int:
            self.running += 1
            await self.gate.wait()
            if n < 0:
                raise ValueError("below nothing")
            return n

        async def gather(items: list[int]) -> int:
            return sum(items)

        self.run = app.task("run", run)
        self.discard = app.task("discard", run, ttl=Ttl("20ms", on_expire="discard"))
        self.gather: Any = app.task("gather", gather, collect=Collect("k", 60, max_size=2))

    async def open(self) -> None:
        self.gate.set()

    async def begun(self) -> None:
        await wait_until_async(lambda: self.running > 0)

    async def too_late(self) -> None:
        """Opens the gate once what waits behind it has expired."""
        began_s = time.monotonic()
        await wait_until_async(lambda: time.monotonic() > began_s + 0.03)
        self.gate.set()


async def completes(stage: Stage) -> tuple[Waited, Act]:
    return await stage.run.dispatch(1), stage.open


async def fails(stage: Stage) -> tuple[Waited, Act]:
    return await stage.run.dispatch(-1), stage.open


async def is_cancelled_in_the_queue(stage: Stage) -> tuple[Waited, Act]:
    handle = await stage.run.dispatch(1, delay=60)
    return handle, handle.cancel_async


async def is_cancelled_while_it_runs(stage: Stage) -> tuple[Waited, Act]:
    handle = await stage.run.dispatch(1)
    await stage.begun()
    return handle, handle.cancel_async


async def expires(stage: Stage) -> tuple[Waited, Act]:
    await stage.run.dispatch(0)
    await stage.begun()
    return await stage.run.dispatch(1, ttl="20ms"), stage.too_late


async def is_discarded(stage: Stage) -> tuple[Waited, Act]:
    await stage.discard.dispatch(0)
    await stage.begun()
    return await stage.discard.dispatch(1), stage.too_late


async def is_replaced(stage: Stage) -> tuple[Waited, Act]:
    async def replace() -> None:
        stage.gate.set()
        await stage.run.dispatch(2, debounce=Debounce("k", "1ms"))

    return await stage.run.dispatch(1, debounce=Debounce("k", 60)), replace


async def is_replaced_by_one_that_is_cancelled(stage: Stage) -> tuple[Waited, Act]:
    async def replace() -> None:
        await (await stage.run.dispatch(2, debounce=Debounce("k", 60))).cancel_async()

    return await stage.run.dispatch(1, debounce=Debounce("k", 60)), replace


async def is_a_duplicate(stage: Stage) -> tuple[Waited, Act]:
    await stage.run.dispatch(3, deduplicate=Deduplicate("k"))
    return await stage.run.dispatch(4, deduplicate=Deduplicate("k")), stage.open


async def is_collected(stage: Stage) -> tuple[Waited, Act]:
    return await stage.gather.dispatch(1), lambda: stage.gather.dispatch(4)


async def is_in_a_cancelled_batch(stage: Stage) -> tuple[Waited, Act]:
    handle = await stage.gather.dispatch(1)
    return handle, stage.gather.handle(handle.batch_id).cancel_async


async def workflow_completes(stage: Stage) -> tuple[Waited, Act]:
    return await chain(stage.run.s(1), stage.run.s()).dispatch(), stage.open


async def workflow_fails(stage: Stage) -> tuple[Waited, Act]:
    return await chain(stage.run.s(-1), stage.run.s()).dispatch(), stage.open


async def workflow_is_cancelled(stage: Stage) -> tuple[Waited, Act]:
    handle = await chain(stage.run.s(1), stage.run.s()).dispatch()
    return handle, handle.cancel_async


async def job_of_a_workflow_is_cancelled(stage: Stage) -> tuple[Waited, Act]:
    handle = await chain(stage.run.s(1), stage.run.s()).dispatch()
    graph = await handle.graph_async()
    return handle, stage.run.handle(graph.nodes[0]["job_id"]).cancel_async


async def workflow_takes_too_long(stage: Stage) -> tuple[Waited, Act]:
    return await chain(stage.run.s(1), stage.run.s()).dispatch(ttl="100ms"), blocked


ENDS: list[tuple[Callable[[Stage], Awaitable[tuple[Waited, Act]]], object]] = [
    (completes, 1),
    (fails, JobFailedError),
    (is_cancelled_in_the_queue, CancelledError),
    (is_cancelled_while_it_runs, CancelledError),
    (expires, ExpiredError),
    (is_discarded, JobNotFoundError),
    (is_replaced, 2),
    (is_replaced_by_one_that_is_cancelled, CancelledError),
    (is_a_duplicate, 3),
    (is_collected, 5),
    (is_in_a_cancelled_batch, CancelledError),
    (workflow_completes, 1),
    (workflow_fails, WorkflowFailedError),
    (workflow_is_cancelled, CancelledError),
    (job_of_a_workflow_is_cancelled, CancelledError),
]


async def told(handle: Waited, act: Act, within_s: float) -> object:
    """Wait before it happens; returns the result, or the class of the error."""
    waiting = asyncio.ensure_future(handle.result_async(PATIENCE_S))
    await blocked()
    assert not waiting.done()
    await act()
    try:
        return await soon(asyncio.shield(waiting), within_s)
    except Exception as error:  # noqa: BLE001 - its class is what the test is about
        return type(error)


@pytest.mark.parametrize(("begin", "end"), ENDS, ids=[begin.__name__ for begin, _ in ENDS])
async def test_whoever_waits_is_told_at_once_of_what(
    app: Taskora, begin: Callable[[Stage], Awaitable[tuple[Waited, Act]]], end: object
) -> None:
    stage = Stage(app)
    async with working(app):
        handle, act = await begin(stage)
        assert await told(handle, act, PUSHED_S) == end
        stage.gate.set()


async def test_whoever_waits_is_told_when_a_workflow_takes_too_long(app: Taskora) -> None:
    stage = Stage(app)
    async with working(app):
        handle, act = await workflow_takes_too_long(stage)
        assert await told(handle, act, PATIENCE_S) is CancelledError
        stage.gate.set()


async def test_whoever_waits_for_what_is_gone_or_never_was_is_told_so(app: Taskora) -> None:
    stage = Stage(app)
    async with working(app):
        stage.gate.set()
        handle = await stage.run.dispatch(1)
        assert await handle.result_async(PATIENCE_S) == 1
        ended = await handle.info_async()
        assert ended.finished_on is not None
        assert await app.inspect().clean_async("run", "completed", ended.finished_on) == 1
        for gone in (handle, stage.run.handle("nobody"), app.workflow("nothing")):
            with pytest.raises(JobNotFoundError):
                await soon(gone.result_async(), PUSHED_S)
