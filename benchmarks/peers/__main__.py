"""The command line of all peers: `python -m peers NAME spec | send COUNT BATCH | ask COUNT | tick COUNT`.

It runs in the peer's environment, with `$BENCH_URL` as the server, and prints one JSON value.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any, Final

from peers.script import Peer

_TICK_GAP_S: Final = 0.005


def main() -> None:
    """Do what the command line says, and print the outcome."""
    name, verb, *numbers = sys.argv[1:]
    # Never as the main program: several peers name a task by the module that defines it.
    peer: Peer = importlib.import_module(f"peers.{name}_peer").PEER
    if verb == "spec":
        spec = {
            "workers": {name: asdict(workers) for name, workers in peer.workers.items()},
            "outcomes": asdict(peer.outcomes),
            "sends_many": peer.sends_many,
        }
        print(json.dumps(spec))
        return
    print(json.dumps(_run(_do(peer, verb, [int(number) for number in numbers]))))


def _run(work: Coroutine[Any, Any, object]) -> object:
    """Run on uvloop where the peer's environment has it."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


async def _do(peer: Peer, verb: str, numbers: list[int]) -> object:
    await peer.open()
    try:
        match verb, numbers:
            case "send", [count, batch]:
                return await _send(peer, count, batch)
            case "ask", [count]:
                return await _ask(peer, count)
            case "tick", [count]:
                for _ in range(count):
                    await peer.send_tick(time.perf_counter())
                    time.sleep(_TICK_GAP_S)  # noqa: ASYNC251 - its own process, which does nothing else
                return count
            case _:
                raise SystemExit(f"{verb} {numbers}: not understood")
    finally:
        await peer.close()


async def _send(peer: Peer, count: int, batch: int) -> float:
    """Store jobs; returns seconds."""
    start_s = time.perf_counter()
    if batch == 1:
        for number in range(count):
            await peer.send(number)
    else:
        for first in range(0, count, batch):
            await peer.send_many(list(range(first, min(first + batch, count))))
    return time.perf_counter() - start_s


async def _ask(peer: Peer, count: int) -> list[float]:
    """Store jobs one at a time and wait for each result; returns ms."""
    took_ms: list[float] = []
    for number in range(count):
        start_s = time.perf_counter()
        found = await peer.ask(number)
        took_ms.append((time.perf_counter() - start_s) * 1000)
        if found != {"i": number}:
            raise SystemExit(f"the job that was to return {number} returned {found!r}")
    return took_ms


if __name__ == "__main__":
    main()
