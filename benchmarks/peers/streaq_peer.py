"""streaQ: asyncio on uvloop, streams."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from streaq import Worker

from peers.marks import Marks
from peers.script import CONCURRENCY, PYTHON, URL, Outcomes, Workers

worker: Worker = Worker(redis_url=URL, concurrency=CONCURRENCY, anyio_kwargs={"use_uvloop": True})
marks = Marks()


@worker.task
async def echo(data: dict[str, int]) -> dict[str, int]:
    return data


@worker.task
async def tick(sent_s: float) -> None:
    marks.add(sent_s)


def _workers(at_once: int, copies: int = 1) -> Workers:
    # Not by its own command, which logs two lines a job.
    return Workers([PYTHON, "-m", "peers.streaq_peer"], at_once, copies)


class StreaqPeer:
    workers: Final = {
        "process-1": _workers(1),
        "process-10": _workers(10),
        "process-100": _workers(100),
        "fleet-2": _workers(100, copies=2),
    }
    outcomes = Outcomes("done", ["ZCARD", "streaq:default:index:results"], "streaq:default:task:results:*")
    sends_many = True

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        await self._stack.enter_async_context(worker)

    async def close(self) -> None:
        await self._stack.aclose()

    async def send(self, number: int) -> object:
        return await echo.enqueue({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        return await worker.enqueue_many([echo.enqueue({"i": number}) for number in numbers])

    async def send_tick(self, sent_s: float) -> object:
        return await tick.enqueue(sent_s)

    async def ask(self, number: int) -> object:
        sent = await echo.enqueue({"i": number})
        return (await sent.result(30)).result


PEER: Final = StreaqPeer()


if __name__ == "__main__":
    from peers.streaq_peer import worker as named  # its tasks are named by their module

    named.run_sync()
