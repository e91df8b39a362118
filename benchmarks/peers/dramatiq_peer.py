"""Dramatiq: threads in processes; Redis as broker and result backend."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from peers.marks import Marks
from peers.script import PYTHON, URL, Outcomes, Workers

# With their names in the keys, the results can be counted.
broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL, use_namespace_prefix_keys=True)))
dramatiq.set_broker(broker)
marks = Marks()


@dramatiq.actor(store_results=True)
def echo(data: object) -> object:
    return data


@dramatiq.actor
def tick(sent_s: float) -> None:
    marks.add(sent_s)


def _workers(processes: int, threads: int) -> Workers:
    command = [PYTHON, "-m", "dramatiq", "peers.dramatiq_peer", "--processes", str(processes)]
    return Workers([*command, "--threads", str(threads), "--skip-logging"], threads)


class DramatiqPeer:
    workers: Final = {
        "process-1": _workers(1, 1),
        "process-10": _workers(1, 10),
        "process-100": _workers(1, 100),
        "fleet-2": _workers(2, 8),
    }
    outcomes = Outcomes("grown", ["DBSIZE"], "dramatiq-results:*")
    sends_many = False

    async def open(self) -> None:
        broker.client.ping()

    async def close(self) -> None:
        broker.close()

    async def send(self, number: int) -> object:
        return echo.send({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return tick.send(sent_s)

    async def ask(self, number: int) -> object:
        return echo.send({"i": number}).get_result(block=True, timeout=30_000)


PEER: Final = DramatiqPeer()
