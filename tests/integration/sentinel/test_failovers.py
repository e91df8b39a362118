"""Masters come and go under load: nobody is wedged, and nothing that was confirmed is lost."""

import asyncio
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
import redis

from support import wait_until_async
from support.raw import raw_client
from support.sentinels import Watched
from taskora import AdapterError, Task, Taskora

FAILOVERS = int(os.environ.get("TASKORA_FAILOVERS", "3"))
LIMIT_S = 60.0


@dataclass
class Ledger:
    """What producers were promised, and what ran.

    Attributes:
        confirmed: Numbers whose dispatch returned, and which all replicas are known to have.
        runs: How often each ran.
        returned: How many dispatches of each returned.
    """

    confirmed: set[int] = field(default_factory=set[int])
    runs: Counter[int] = field(default_factory=Counter[int])
    returned: Counter[str] = field(default_factory=Counter[str])
    over: bool = False


def replicated(watched: Watched, port: int) -> bool:
    """Whether both replicas have all that this master was told before now, which proves that it was the master."""
    try:
        with raw_client(port=port, socket_timeout=5) as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.set("mark", 1, px=1000)
            pipeline.execute_command("WAIT", 2, 2000)
            return bool(pipeline.execute()[1] >= 2)
    except redis.RedisError:
        return False


def produce_plainly(task: Task[int, int], watched: Watched, ledger: Ledger, first: int) -> None:
    """Dispatch in plain code, in a thread, over and over until it is stored."""
    number = first
    while not ledger.over:
        port = watched.named()
        try:
            task.dispatch(number, job_id=f"job-{number}")
        except AdapterError:
            continue
        ledger.returned["plain"] += 1
        if replicated(watched, port):
            ledger.confirmed.add(number)
        number += 1
        time.sleep(0.005)


async def produce_on_loop(task: Task[int, int], watched: Watched, ledger: Ledger, first: int) -> None:
    """The same on an event loop."""
    number = first
    while not ledger.over:
        port = await asyncio.to_thread(watched.named)
        try:
            await task.dispatch(number, job_id=f"job-{number}")
        except AdapterError:
            continue
        ledger.returned["loop"] += 1
        if await asyncio.to_thread(replicated, watched, port):
            ledger.confirmed.add(number)
        number += 1
        await asyncio.sleep(0.005)


def working_app(url: str, prefix: str, ledger: Ledger) -> tuple[Taskora, Task[int, int]]:
    app = Taskora(url, prefix=prefix)

    @app.task("count", concurrency=10)
    async def count(n: int) -> int:
        ledger.runs[n] += 1
        return n

    return app, count


async def gets_through(task: Task[int, int], number: int) -> None:
    """One job goes all the way: producer, worker and waiter are not wedged."""

    async def once() -> bool:
        try:
            return await task.dispatch(number).result_async(timeout=5) == number
        except (AdapterError, TimeoutError):
            return False

    until = time.monotonic() + LIMIT_S
    while not await once():
        assert time.monotonic() < until, "nothing gets through"


async def go_through_failovers(watched: Watched, task: Task[int, int], ledger: Ledger) -> None:
    """One master after the other: an operator's change, a death, and again."""
    for turn in range(FAILOVERS):
        await wait_until_async(lambda: min(ledger.returned["plain"], ledger.returned["loop"]) > 20, LIMIT_S)
        if turn % 3 == 1:
            dead = await asyncio.to_thread(watched.kill_master)
            await asyncio.to_thread(watched.rejoin, dead)
        else:
            await asyncio.to_thread(watched.fail_over)
        ledger.returned.clear()
        await gets_through(task, 3_000_000 + turn)
        await asyncio.to_thread(watched.wait_until_whole)


@pytest.mark.timeout(120 + 30 * FAILOVERS)
async def test_failovers_under_load_wedge_nobody_and_lose_nothing_that_was_confirmed(
    watched: Watched, prefix: str
) -> None:
    ledger = Ledger()
    app, task = working_app(watched.url, prefix, ledger)
    plain_app, plain_task = working_app(watched.url, prefix, ledger)
    await app.start()
    plain = threading.Thread(target=produce_plainly, args=(plain_task, watched, ledger, 1_000_000))
    plain.start()
    looped = asyncio.create_task(produce_on_loop(task, watched, ledger, 2_000_000))
    try:
        await go_through_failovers(watched, task, ledger)
    finally:
        ledger.over = True
        await asyncio.to_thread(plain.join)
        await looped
    try:
        await wait_until_async(lambda: ledger.confirmed <= ledger.runs.keys(), LIMIT_S, "confirmed jobs never ran")
        assert len(ledger.confirmed) > 20 * FAILOVERS
    finally:
        await app.close_async()
        await asyncio.to_thread(plain_app.close)
