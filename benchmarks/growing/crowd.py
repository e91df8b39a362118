"""A process full of workers that have nothing to do: `python crowd.py COUNT FILE`, with a stage's environment."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from taskora import Taskora
from taskora.benchmarking.fleet import program
from taskora.benchmarking.stage import Stage, app_from_environment


@contextmanager
def crowd(stage: Stage, count: int) -> Generator[None]:
    """Run a process with so many workers, each with connections of its own; all are ready."""
    ready = stage.folder / f"crowd-{uuid4().hex[:8]}"
    command = [sys.executable, "-P", __file__, str(count), str(ready)]
    with program(stage, command) as running:
        running.wait_until("all of the crowd were ready", ready.exists)
        yield


async def main(count: int, tell: Callable[[], None]) -> None:
    """Work until this process is told to end; tells when all are ready."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    apps = [_idle_worker() for _ in range(count)]
    for app in apps:
        await app.start()
    tell()
    await ended.wait()
    await asyncio.gather(*(app.close_async(1) for app in apps))


def _idle_worker() -> Taskora:
    app = app_from_environment()

    @app.task("rare")
    async def rare(_: object) -> None:
        return

    return app


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).touch))
