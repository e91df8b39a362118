"""arq: asyncio. It polls: here each millisecond instead of each half second, which is all in its favour."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

from arq import create_pool, run_worker
from arq.connections import ArqRedis, RedisSettings

from peers.marks import Marks
from peers.script import CONCURRENCY, PYTHON, URL, Outcomes, Workers

marks = Marks()


async def echo(_context: object, data: object) -> object:
    return data


async def tick(_context: object, sent_s: float) -> None:
    marks.add(sent_s)


class WorkerSettings:
    functions: Final = [echo, tick]
    redis_settings = RedisSettings.from_dsn(URL)
    max_jobs = CONCURRENCY
    poll_delay = 0.001
    log_results = False


def _workers(at_once: int, copies: int = 1) -> Workers:
    # Not by its own command, which logs two lines a job.
    return Workers([PYTHON, "-m", "peers.arq_peer"], at_once, copies)


class ArqPeer:
    workers: Final = {
        "process-1": _workers(1),
        "process-10": _workers(10),
        "process-100": _workers(100),
        "fleet-2": _workers(100, copies=2),
    }
    outcomes = Outcomes("left", ["ZCARD", "arq:queue"], "arq:result:*")
    sends_many = False
    _pool: ArqRedis

    async def open(self) -> None:
        self._pool = await create_pool(RedisSettings.from_dsn(URL))

    async def close(self) -> None:
        await self._pool.aclose()

    async def send(self, number: int) -> object:
        return await self._pool.enqueue_job("echo", {"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return await self._pool.enqueue_job("tick", sent_s)

    async def ask(self, number: int) -> object:
        job = await self._pool.enqueue_job("echo", {"i": number})
        assert job is not None
        return await job.result(timeout=30, poll_delay=0.001)


PEER: Final = ArqPeer()


if __name__ == "__main__":
    run_worker(WorkerSettings)
