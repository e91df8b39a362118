"""This library's own scripts, called one after the other, with no engine around them."""

from __future__ import annotations

import time
from collections.abc import Mapping

import orjson

from taskora.benchmarking.figures import Scenario
from taskora.benchmarking.processing import jobs_for
from taskora.benchmarking.stage import Stage
from taskora.connection.endpoint import Endpoint
from taskora.connection.request import Arg, ScriptCall
from taskora.connection.wire import BlockingWire
from taskora.ids import new_id
from taskora.keys import Keys
from taskora.lua import load

TASK = "scripts"
WORKER = "bench:1:scripts"


class Scripts:
    """The scripts as a source of figures: what they leave to the engine to lose."""

    name = "scripts"

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        """See ``Source``."""
        kind, _, count = scenario.name.partition("-")
        if kind not in ("enqueue", "process") or not count.isdecimal():
            return {}
        batch = int(count)
        jobs = jobs_for(stage, batch)
        loop = ScriptLoop(stage.url)
        try:
            filled = loop.fill(jobs, batch if kind == "enqueue" else 500)
            return {scenario.name: filled if kind == "enqueue" else loop.drain(jobs, batch)}
        finally:
            loop.close()


class ScriptLoop:
    """Enqueues and drains jobs of one task over one blocking connection."""

    def __init__(self, url: str) -> None:
        self._wire = BlockingWire(Endpoint.from_url(url))
        self._keys = Keys()
        self._base = self._keys.task(TASK)
        self._calls = 0

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def fill(self, jobs: int, batch: int) -> float:
        """Enqueue jobs, ``batch`` of them a call; returns jobs a second."""
        start_s = time.perf_counter()
        for first in range(0, jobs, batch):
            self._calls += 1
            args: list[Arg] = ["bench", time.time_ns(), 1, 1]
            for number in range(first, min(first + batch, jobs)):
                args += (new_id(), orjson.dumps({"i": number}), "")
            self._wire.exchange([ScriptCall(load("enqueue"), (self._base,), args)])
        return jobs / (time.perf_counter() - start_s)

    def drain(self, jobs: int, batch: int) -> float:
        """Settle what was claimed and claim the next, ``batch`` at a time; returns jobs a second."""
        done = 0
        outcomes: list[Arg] = []
        start_s = time.perf_counter()
        while done < jobs or outcomes:
            wants = 1 if done < jobs else 0
            self._calls += 1
            token = f"{WORKER}.b1.{self._calls}"
            head: list[Arg] = [self._keys.root, WORKER, "b", 1, token, 30_000, len(outcomes) // 7, wants]
            tail: list[Arg] = [1, batch, 0] if wants else []
            (reply,) = self._wire.exchange([ScriptCall(load("step"), (self._base,), [*head, *outcomes, *tail])])
            now, rows = reply[0], reply[6:]
            outcomes = []
            for at in range(0, len(rows), 7):
                result = orjson.dumps(orjson.loads(rows[at + 2]))
                outcomes += (1, rows[at + 1], token, now, "complete", result, "")
                done += 1
        return jobs / (time.perf_counter() - start_s)
