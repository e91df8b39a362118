"""BullMQ's Python port: asyncio. It has no supervisor; two processes are started by hand."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
import signal
from typing import Any, Final

from bullmq import Queue, QueueEvents, Worker

from peers.marks import Marks
from peers.script import CONCURRENCY, PYTHON, URL, Outcomes, Workers

NAME = "bench"
CONNECTION = {"connection": URL}


def _workers(at_once: int, copies: int = 1) -> Workers:
    return Workers([PYTHON, "-m", "peers.bullmq_peer"], at_once, copies)


class BullmqPeer:
    workers: Final = {
        "process-1": _workers(1),
        "process-10": _workers(10),
        "process-100": _workers(100),
        "fleet-2": _workers(100, copies=2),
    }
    outcomes = Outcomes("done", ["ZCARD", f"bull:{NAME}:completed"])
    sends_many = True

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[object]] = {}
        self._early: dict[str, object] = {}
        self._events: QueueEvents | None = None

    async def open(self) -> None:
        self._queue = Queue(NAME, CONNECTION)

    async def close(self) -> None:
        if self._events is not None:
            await self._events.close()
        await self._queue.close()

    async def send(self, number: int) -> object:
        return await self._queue.add("echo", {"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        return await self._queue.addBulk([{"name": "echo", "data": {"i": number}, "opts": {}} for number in numbers])

    async def send_tick(self, sent_s: float) -> object:
        return await self._queue.add("tick", {"t": sent_s})

    async def ask(self, number: int) -> object:
        if self._events is None:
            events = self._events = QueueEvents(NAME, CONNECTION)
            events.on("completed", self._completed)
            await asyncio.sleep(0.5)  # it reads what comes after its first look
        job = await self._queue.add("echo", {"i": number})
        if job.id in self._early:
            return self._early.pop(job.id)
        self._waiting[job.id] = asyncio.get_running_loop().create_future()
        return await asyncio.wait_for(self._waiting[job.id], 30)

    def _completed(self, event: dict[str, object], *_: object) -> None:
        job_id, result = str(event["jobId"]), event["returnvalue"]
        future = self._waiting.pop(job_id, None)
        if future is None:
            self._early[job_id] = result
        else:
            future.set_result(result)


async def work() -> None:
    marks = Marks()

    async def process(job: Any, _token: str) -> object:
        if job.name == "tick":
            marks.add(job.data["t"])
            return None
        return job.data

    worker = Worker(NAME, process, {**CONNECTION, "concurrency": CONCURRENCY})
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await worker.close(force=True)


PEER: Final = BullmqPeer()


if __name__ == "__main__":
    import uvloop

    uvloop.run(work())
