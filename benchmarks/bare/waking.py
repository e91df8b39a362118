"""How soon a single job is in the hands of a loop that waits for it, in two processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
import uuid
from multiprocessing.synchronize import Event
from typing import Final, Protocol, cast

import orjson
import redis.asyncio

from .loop import BASE, ENQUEUE, FIELDS, LOCK_MS, STEP, TOKEN, Arg, connect, now_ms

_GAP_S: Final = 0.005
_BLOCK_S: Final = 5
_CLAIM: Final = 10


class Connection(Protocol):
    """What we use of one connection of the client library."""

    def pack_commands(self, commands: list[tuple[Arg, ...]]) -> list[bytes]: ...
    async def send_packed_command(self, command: list[bytes]) -> None: ...
    async def read_response(self) -> object: ...


class Pool(Protocol):
    """What we use of its pool, which is not annotated."""

    async def get_connection(self) -> Connection: ...


def latencies_ms(url: str, count: int) -> list[float]:
    """Send single jobs from another process; returns ms from before the sending to the payload here."""
    context = multiprocessing.get_context("spawn")
    begin = context.Event()
    sender = context.Process(target=_send, args=(url, count, begin))
    sender.start()
    try:
        return asyncio.run(_receive(url, count, begin))
    finally:
        sender.join()


def _send(url: str, count: int, begin: Event) -> None:
    client = connect(url)
    enqueue = client.script_load(ENQUEUE)
    begin.wait(60)
    for _ in range(count):
        client.evalsha(enqueue, 1, BASE, now_ms(), str(uuid.uuid4()), orjson.dumps({"t": time.perf_counter()}))
        time.sleep(_GAP_S)
    client.close()


async def _receive(url: str, count: int, begin: Event) -> list[float]:
    client = redis.asyncio.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType] - its keyword arguments
    step = connect(url).script_load(STEP)
    connection = await cast("Pool", client.connection_pool).get_connection()
    seen_ms: list[float] = []
    outcomes: list[Arg] = []
    begin.set()
    while len(seen_ms) < count:
        commands: list[tuple[Arg, ...]] = [
            ("BZPOPMIN", f"{BASE}:marker", _BLOCK_S),
            ("EVALSHA", step, 1, BASE, now_ms(), LOCK_MS, TOKEN, _CLAIM),
        ]
        if outcomes:
            commands.insert(0, ("EVALSHA", step, 1, BASE, now_ms(), LOCK_MS, TOKEN, 0, *outcomes))
        await connection.send_packed_command(connection.pack_commands(commands))
        *_, reply = [await connection.read_response() for _ in commands]
        claimed = cast("list[bytes]", reply)
        outcomes = []
        for at in range(0, len(claimed), FIELDS):
            seen_ms.append((time.perf_counter() - orjson.loads(claimed[at + 1])["t"]) * 1000)
            outcomes += (claimed[at], b"1")
    await client.aclose()
    return seen_ms
