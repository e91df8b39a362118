"""ArdiQ: asyncio, with its loop and connections in Rust, streams. It needs a newer Python than this library does."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
from typing import Final

from ardiq import Ardiq

from peers.marks import Marks
from peers.script import CONCURRENCY, PYTHON, URL, Outcomes, Workers

app = Ardiq(URL, concurrency=CONCURRENCY)
marks = Marks()


@app.task
async def echo(data: dict[str, int]) -> dict[str, int]:
    return data


@app.task
async def tick(sent_s: float) -> None:
    marks.add(sent_s)


def _workers(at_once: int, copies: int = 1) -> Workers:
    # Not by its own command, which has no supervisor either.
    return Workers([PYTHON, "-m", "peers.ardiq_peer"], at_once, copies)


def _leave() -> None:
    sys.stdout.flush()
    os._exit(0)


class ArdiqPeer:
    workers: Final = {
        "process-1": _workers(1),
        "process-10": _workers(10),
        "process-100": _workers(100),
        "fleet-2": _workers(100, copies=2),
    }
    outcomes = Outcomes("done", ["ZCARD", "ardiq:default:index:results"], "ardiq:default:task:results:*")
    sends_many = True

    async def open(self) -> None:
        # Its threads outlive the event loop, and now and then crash the interpreter that is being taken down.
        atexit.register(_leave)

    async def close(self) -> None:
        return

    async def send(self, number: int) -> object:
        return await echo.enqueue({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        return await app.enqueue_many([echo.prepare({"i": number}) for number in numbers])

    async def send_tick(self, sent_s: float) -> object:
        return await tick.enqueue(sent_s)

    async def ask(self, number: int) -> object:
        sent = await echo.enqueue({"i": number})
        found = await sent.result(timeout=30)
        return None if found is None else found.value


PEER: Final = ArdiqPeer()


async def work() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.stop)
    await app.run()


if __name__ == "__main__":
    from peers import ardiq_peer as named  # one module for both names of this file

    asyncio.run(named.work())
