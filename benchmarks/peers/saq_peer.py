"""SAQ: asyncio, orjson. Who waits for a result polls: here each millisecond instead of each half second."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

import orjson
from saq import Queue

from peers.marks import Marks
from peers.script import BIN, CONCURRENCY, URL, Outcomes, Workers

NAME = "bench"
queue = Queue.from_url(URL, name=NAME, dump=orjson.dumps, load=orjson.loads, max_concurrent_ops=200)
marks = Marks()


async def echo(_context: object, *, data: object) -> object:
    return data


async def tick(_context: object, *, sent_s: float) -> None:
    marks.add(sent_s)


functions: list[object] = [echo, tick]
settings = {"queue": queue, "functions": functions, "concurrency": CONCURRENCY}


def _workers(processes: int, at_once: int) -> Workers:
    return Workers([str(BIN / "saq"), "peers.saq_peer.settings", "--workers", str(processes), "--quiet"], at_once)


class SaqPeer:
    workers: Final = {
        "process-1": _workers(1, 1),
        "process-10": _workers(1, 10),
        "process-100": _workers(1, 100),
        "fleet-2": _workers(2, 100),
    }
    outcomes = Outcomes("left", ["ZCARD", f"saq:{NAME}:incomplete"])
    sends_many = False

    async def open(self) -> None:
        await queue.connect()

    async def close(self) -> None:
        await queue.disconnect()

    async def send(self, number: int) -> object:
        return await queue.enqueue("echo", data={"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return await queue.enqueue("tick", sent_s=sent_s)

    async def ask(self, number: int) -> object:
        return await queue.apply("echo", timeout=30, poll_interval=0.001, data={"i": number})


PEER: Final = SaqPeer()
