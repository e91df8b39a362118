"""Taskiq with taskiq-redis: the broker on streams, which acknowledges jobs, and orjson."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

from taskiq.serializers import ORJSONSerializer
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from peers.marks import Marks
from peers.script import PYTHON, URL, Outcomes, Workers

PREFIX = "bench"
backend: RedisAsyncResultBackend = RedisAsyncResultBackend(
    URL, result_ex_time=3600, serializer=ORJSONSerializer(), prefix_str=PREFIX
)
broker = RedisStreamBroker(URL, consumer_id="0").with_result_backend(backend).with_serializer(ORJSONSerializer())
marks = Marks()


@broker.task(task_name="echo")
async def echo(data: dict[str, int]) -> dict[str, int]:
    return data


@broker.task(task_name="tick")
async def tick(sent_s: float) -> None:
    marks.add(sent_s)


def _workers(processes: int, at_once: int) -> Workers:
    command = [PYTHON, "-m", "taskiq", "worker", "peers.taskiq_peer:broker", "--workers", str(processes)]
    return Workers([*command, "--max-async-tasks", str(at_once), "--log-level", "ERROR"], at_once)


class TaskiqPeer:
    workers: Final = {
        "process-1": _workers(1, 1),
        "process-10": _workers(1, 10),
        "process-100": _workers(1, 100),
        "fleet-2": _workers(2, 100),
    }
    outcomes = Outcomes("grown", ["DBSIZE"], f"{PREFIX}:*")
    sends_many = False

    async def open(self) -> None:
        await broker.startup()

    async def close(self) -> None:
        await broker.shutdown()

    async def send(self, number: int) -> object:
        return await echo.kiq({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return await tick.kiq(sent_s)

    async def ask(self, number: int) -> object:
        sent = await echo.kiq({"i": number})
        return (await sent.wait_result(check_interval=0.001, timeout=30)).return_value


PEER: Final = TaskiqPeer()
