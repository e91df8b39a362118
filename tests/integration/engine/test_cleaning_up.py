"""``on_cancel`` has a limit: the job it belongs to ends."""

import asyncio
import logging
import time
from typing import Any

import pytest

from integration.engine.kit import Engine, state_is
from support import forever, wait_until_async
from taskora.worker import Alone


async def endless(_data: object, _ctx: object) -> None:
    await forever()


def endless_in_thread(_data: object, _ctx: object) -> None:
    while True:
        time.sleep(0.01)


@pytest.mark.parametrize("hook", [endless, endless_in_thread])
async def test_a_hook_that_does_not_end_keeps_no_job_from_its_end(
    engine: Engine, hook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "taskora")
    app, begun = engine.app(), asyncio.Event()

    @app.task("work", on_cancel=hook)
    async def work(n: int) -> int:
        begun.set()
        if n == 0:
            await forever()
        return n

    service = app.service(Alone(), None, hang_timeout_s=0.3)
    await service.start()
    try:
        handle = await work.dispatch(0)
        await asyncio.wait_for(begun.wait(), 20)
        await handle.cancel_async()
        await state_is(handle, "cancelled", 20)
        await wait_until_async(lambda: "on_cancel failed" in caplog.text, 20)
        assert await work.dispatch(1).result_async(20) == 1
    finally:
        await service.stop(1)
        await app.close_async()
