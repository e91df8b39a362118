"""Working in one process without a supervisor, until a signal."""

from __future__ import annotations

import asyncio
import signal
from typing import Protocol

from taskora.duration import Duration
from taskora.errors import TaskoraError


class Working(Protocol):
    """What can be started and closed."""

    async def start(self) -> None:
        """Begin to work."""
        ...

    async def close_async(self, timeout: Duration | None = ..., *, interrupt: asyncio.Event | None = ...) -> None:
        """Drain and close."""
        ...


def run_until_signal(app: Working, drain_timeout_s: float, ended: asyncio.Event) -> None:
    """Work until SIGTERM or SIGINT, then drain; a second signal gives back at once what still runs.

    Args:
        app: What works.
        drain_timeout_s: How long its running jobs may take to end.
        ended: Set when it cannot go on.

    Raises:
        TaskoraError: It could not go on; the log says why.
    """
    asyncio.run(_work(app, drain_timeout_s, ended))


async def _work(app: Working, drain_timeout_s: float, ended: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    first, second = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (second if first.is_set() else first).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await app.start()
    waits = [asyncio.create_task(event.wait()) for event in (first, ended)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    await app.close_async(drain_timeout_s, interrupt=second)
    if ended.is_set() and not first.is_set():
        raise TaskoraError("the worker could not go on, and the process ends; the log says why")
