"""Huey: threads or processes of one consumer; results in a hash, with a notice to who waits."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Any, Final

from huey import RedisHuey

from peers.marks import Marks
from peers.script import BIN, URL, Outcomes, Workers

NAME = "bench"
huey = RedisHuey(NAME, url=URL, notify_result=True)
marks = Marks()


@huey.task(name="echo")
def echo(data: object) -> object:
    return data


@huey.task(name="tick")
def tick(sent_s: float) -> None:
    marks.add(sent_s)


def _workers(kind: str, count: int) -> Workers:
    command = [str(BIN / "huey_consumer"), "peers.huey_peer.huey", "--quiet", "--no-periodic"]
    return Workers([*command, "--worker-type", kind, "--workers", str(count)], count)


class HueyPeer:
    workers: Final = {
        "process-1": _workers("thread", 1),
        "process-10": _workers("thread", 10),
        "process-100": _workers("thread", 100),
        "fleet-2": _workers("process", 2),
    }
    outcomes = Outcomes("done", ["HLEN", f"huey.results.{NAME}"])
    sends_many = False

    async def open(self) -> None:
        huey.storage.conn.ping()

    async def close(self) -> None:
        huey.storage.conn.close()

    async def send(self, number: int) -> object:
        return echo({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return tick(sent_s)

    async def ask(self, number: int) -> object:
        sent: Any = echo({"i": number})
        return sent.get(blocking=True, timeout=30)


PEER: Final = HueyPeer()
