"""Workers that are to die, as a supervisor's children are: they lead nothing, and a steward recovers their jobs."""

import asyncio
import os
from pathlib import Path
from typing import Any

import redis
from opentelemetry.sdk.trace import TracerProvider

from faults.app import Settings
from faults.stage import Stage, load
from support import forever, wait_until_async
from taskora import Taskora, chain, chord, group
from taskora.integrations.opentelemetry import instrument
from taskora.service import Service
from taskora.worker import Alone


def work(stage: Stage) -> None:
    """Jobs of all kinds, and workflows."""
    stage.promise("quick", load(1), load(2, 0.02), load(3))
    stage.promise("thread", load(4), load(5, 0.02))
    stage.promise("single", load(6), load(7))
    for key in range(8, 12):
        stage.promise("narrow", load(key, 0.01), concurrency_key="narrow-0")
    square, total, pass_on = stage.task("square"), stage.task("total"), stage.task("pass-on")
    flow: Any = chain(square.s(load(2)), pass_on.s(), pass_on.s())
    stage.ledger.flow(flow.dispatch().workflow_id, "chain", 6)
    header: Any = chord([square.s(load(key)) for key in range(4)], total.s())
    stage.ledger.flow(header.dispatch().workflow_id, "chord", 14)


def slow_work(stage: Stage) -> None:
    """Jobs that take a while."""
    stage.promise("quick", load(1, 0.5), load(2, 0.5))


def long_work(stage: Stage) -> None:
    """A job that takes as long as its lock, which is renewed at a third of it, or at two."""
    stage.promise("quick", load(1, 1.0))


def delayed_work(stage: Stage) -> None:
    """Jobs that are not yet due."""
    stage.promise("quick", load(1), load(2), delay=5)  # a worker that has just begun would find due ones itself


def reporting(stage: Stage) -> None:
    """Jobs that report."""
    stage.promise("report", load(1, 0.05), load(2, 0.05))


def passing_on(stage: Stage) -> None:
    """Jobs that dispatch others."""
    stage.promise("spread", load(1), load(2))


def wide_flow(stage: Stage) -> None:
    """A workflow whose fan-out is too wide for one script."""
    square, pass_on, total = stage.task("square"), stage.task("pass-on"), stage.task("total")
    flow: Any = chain(square.s(load(1)), group([pass_on.s() for _ in range(520)]), total.s())
    stage.ledger.flow(flow.dispatch().workflow_id, "wide", 2 * 520)


def damaged_marker(stage: Stage) -> None:
    """Something else where a task's marker is to be."""
    stage.promise("quick", load(1))
    marker = f"{stage.keys.task('quick')}:marker"
    stage.raw.delete(marker)
    stage.raw.set(marker, "x", px=60_000)


def serve(app: Taskora, settings: Settings) -> None:
    """Work until it dies."""
    asyncio.run(_serve(app, settings))


def serve_followed(app: Taskora, settings: Settings) -> None:
    """Work, with spans of what it does."""
    instrument(app, tracer_provider=TracerProvider(shutdown_on_exit=False))
    serve(app, settings)


def drain(app: Taskora, settings: Settings) -> None:
    """Work, and be told to end."""
    asyncio.run(_drain(app, settings))


def lose_connections(app: Taskora, settings: Settings) -> None:
    """Work, and have all connections cut."""
    asyncio.run(_lose_connections(app, settings))


async def _start(app: Taskora, settings: Settings) -> Service:
    service = app.service(Alone(), None)
    # A supervisor knows it from the beat, however early its child dies.
    (Path(settings.folder) / f"identity-{os.getpid()}").write_text(service.worker.identity)
    await service.start()
    return service


async def _serve(app: Taskora, settings: Settings) -> None:
    await _start(app, settings)
    await forever()


async def _drain(app: Taskora, settings: Settings) -> None:
    service = await _start(app, settings)
    await _began(settings)
    await service.stop(5)


async def _lose_connections(app: Taskora, settings: Settings) -> None:
    await _start(app, settings)
    await _began(settings)
    client: Any = redis.Redis
    with client.from_url(settings.url, protocol=2) as raw:
        raw.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await forever()


async def _began(settings: Settings) -> None:
    await wait_until_async(lambda: bool(settings.ledger.read().runs))
