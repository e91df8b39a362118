"""A worker gets a job again that it still runs: it had lost it."""

import asyncio
from types import SimpleNamespace
from typing import Any

from support import wait_until_async
from taskora.config import TaskOptions
from taskora.model import Claimed, ClaimReply
from taskora.worker import Worker, WorkerSettings
from taskora.worker.host import Alone


class OneServer:
    """As much of an adapter as a worker needs that is not started."""

    def __init__(self) -> None:
        self.leases = self

    def shares(self, tasks: list[str]) -> list[list[str]]:
        return [tasks]

    def lane(self, *_: object) -> Any:
        return SimpleNamespace()


def claim(token: str) -> ClaimReply:
    return ClaimReply([Claimed("mail", "id", b"1", 1, 1, 0, token, 0, "")], None, "", (), ())


async def test_the_earlier_run_of_a_job_that_is_claimed_anew_is_lost_and_the_later_one_stays_known() -> None:
    ends: list[str] = []
    may_end = asyncio.Event()

    async def handler(data: object, context: object) -> None:
        number = len(ends)
        ends.append("runs")
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            ends[number] = "cancelled"
            raise
        ends[number] = "ended"

    task = SimpleNamespace(
        options=TaskOptions(concurrency=2), is_async=True, middleware=None, checks=False, wants_context=False,
        call=handler, on_cancel=None, decode_input=lambda *_: None, encode_result=lambda _: b"null",
    )  # fmt: skip
    tasks: Any = {"mail": task}
    adapter: Any = OneServer()
    worker = Worker(adapter, tasks, WorkerSettings(cancel_grace_s=0.01), Alone(), lambda: None)
    worker._take(claim("first"))
    await wait_until_async(lambda: ends == ["runs"])
    worker._take(claim("second"))
    await wait_until_async(lambda: ends == ["cancelled", "runs"])
    await asyncio.sleep(0)
    assert [run.job.token for run in worker.runs.values()] == ["second"]
    (later,) = worker.runs.values()
    assert later.aborted is None
    may_end.set()
    await wait_until_async(lambda: ends == ["cancelled", "ended"])
    assert later.atask is not None
    await later.atask
