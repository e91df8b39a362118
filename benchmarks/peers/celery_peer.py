"""Celery: prefork, threads or solo; Redis as broker and result backend."""
# The package is installed in an environment of its own, which the checkers do not see.
# mypy: disable-error-code="import-not-found, untyped-decorator, misc"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from typing import Final

from celery import Celery

from peers.marks import Marks
from peers.script import PYTHON, URL, Outcomes, Workers

app = Celery("bench", broker=URL, backend=URL)
app.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=64,  # its guide: a large one for many short tasks
    worker_send_task_events=False,
    task_send_sent_event=False,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
marks = Marks()

_WORKER = [
    *(PYTHON, "-m", "celery", "-A", "peers.celery_peer", "worker", "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]


@app.task(name="echo")
def echo(data: object) -> object:
    return data


@app.task(name="tick")
def tick(sent_s: float) -> None:
    marks.add(sent_s)


class CeleryPeer:
    workers: Final = {
        "process-1": Workers([*_WORKER, "--pool", "solo"]),
        "process-10": Workers([*_WORKER, "--pool", "threads", "--concurrency", "10"], 10),
        "process-100": Workers([*_WORKER, "--pool", "threads", "--concurrency", "100"], 100),
        "fleet-2": Workers([*_WORKER, "--pool", "prefork", "--concurrency", "2"]),
    }
    outcomes = Outcomes("grown", ["DBSIZE"], "celery-task-meta-*")
    sends_many = False

    async def open(self) -> None:
        app.connection_for_write().ensure_connection()

    async def close(self) -> None:
        app.close()

    async def send(self, number: int) -> object:
        return echo.delay({"i": number})

    async def send_many(self, numbers: list[int]) -> object:
        raise NotImplementedError

    async def send_tick(self, sent_s: float) -> object:
        return tick.delay(sent_s)

    async def ask(self, number: int) -> object:
        return echo.delay({"i": number}).get(timeout=30)


PEER: Final = CeleryPeer()
