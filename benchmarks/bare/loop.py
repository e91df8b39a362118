"""Enqueues and drains jobs over one blocking connection."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Final, Protocol, cast

import orjson
import redis

BASE: Final = "taskora:{bare}"
LOCK_MS: Final = 30_000
TOKEN: Final = "t"
FIELDS: Final = 5
ENQUEUE: Final = (Path(__file__).parent / "enqueue.lua").read_text()
STEP: Final = (Path(__file__).parent / "step.lua").read_text()

Arg = str | bytes | int


class Client(Protocol):
    """What we use of the client library, whose own annotations leave the replies open."""

    def script_load(self, script: str) -> str: ...
    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Arg) -> object: ...
    def info(self, section: str) -> dict[str, int]: ...
    def delete(self, *names: str) -> int: ...
    def zcard(self, name: str) -> int: ...
    def close(self) -> None: ...


def connect(url: str) -> Client:
    """Make a blocking client; replies are bytes."""
    return cast("Client", redis.Redis.from_url(url))  # pyright: ignore[reportUnknownMemberType] - its keyword arguments


def now_ms() -> int:
    """Time for the scripts, which do not ask the server for it."""
    return int(time.time() * 1000)


class BareLoop:
    """Stores and runs jobs of one task, by hand."""

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._enqueue = self._client.script_load(ENQUEUE)
        self._step = self._client.script_load(STEP)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def fill(self, jobs: int, batch: int, payload: object = None) -> float:
        """Enqueue jobs, ``batch`` of them a call, with one payload or with numbers; returns jobs a second."""
        start_s = time.perf_counter()
        for first in range(0, jobs, batch):
            args: list[Arg] = [now_ms()]
            for number in range(first, min(first + batch, jobs)):
                args += (str(uuid.uuid4()), orjson.dumps({"i": number} if payload is None else payload))
            self._client.evalsha(self._enqueue, 1, BASE, *args)
        return jobs / (time.perf_counter() - start_s)

    def drain(self, jobs: int, batch: int) -> float:
        """Settle what was claimed and claim the next, ``batch`` at a time; returns jobs a second."""
        done = 0
        outcomes: list[Arg] = []
        start_s = time.perf_counter()
        while done < jobs or outcomes:
            wanted = batch if done < jobs else 0
            reply = self._client.evalsha(self._step, 1, BASE, now_ms(), LOCK_MS, TOKEN, wanted, *outcomes)
            claimed = cast("list[bytes]", reply)
            outcomes = []
            for at in range(0, len(claimed), FIELDS):
                outcomes += (claimed[at], orjson.dumps(orjson.loads(claimed[at + 1])))
                done += 1
        took_s = time.perf_counter() - start_s
        assert self._client.zcard(f"{BASE}:completed") == jobs
        return jobs / took_s

    def waiting_bytes(self, jobs: int) -> float:
        """Enqueue jobs; returns the bytes that each takes, its places in lists included, the events not."""
        self.fill(1, 1)
        self._client.delete(f"{BASE}:events")
        before = self._client.info("memory")["used_memory"]
        self.fill(jobs, 500)
        self._client.delete(f"{BASE}:events")
        return (self._client.info("memory")["used_memory"] - before) / jobs
