"""RQ: one job at a time in a process, here without the fork for each that its default worker does."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

from redis import Redis
from rq import Queue

from peers.marks import Marks
from peers.script import BIN, URL, Outcomes, Workers

NAME = "bench"
marks = Marks()

_SIMPLE = ["--worker-class", "rq.worker.SimpleWorker", "--url", URL, "--quiet"]


def echo(data: object) -> object:
    return data


def tick(sent_s: float) -> None:
    marks.add(sent_s)


class RqPeer:
    workers: Final = {
        "process-1": Workers([str(BIN / "rq"), "worker", *_SIMPLE, "--disable-job-desc-logging", NAME]),
        "fleet-2": Workers([str(BIN / "rq"), "worker-pool", "--num-workers", "2", *_SIMPLE, NAME]),
    }
    outcomes = Outcomes("done", ["ZCARD", f"rq:finished:{NAME}"])
    sends_many = True

    def __init__(self) -> None:
        self._connection = Redis.from_url(URL)
        self._queue = Queue(NAME, connection=self._connection)

    async def open(self) -> None:
        self._connection.ping()

    async def close(self) -> None:
        self._connection.close()

    async def send(self, number: int) -> object:
        return self._queue.enqueue(echo, {"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        return self._queue.enqueue_many([Queue.prepare_data(echo, ({"i": number},)) for number in numbers])

    async def send_tick(self, sent_s: float) -> object:
        return self._queue.enqueue(tick, sent_s)

    async def ask(self, number: int) -> object:
        result = self._queue.enqueue(echo, {"i": number}).latest_result(timeout=30)
        return None if result is None else result.return_value


PEER: Final = RqPeer()
