"""Working in one process without a supervisor, until a signal."""

from __future__ import annotations

import asyncio
import signal
from typing import Protocol

from taskora.duration import Duration


class Working(Protocol):
    """What can be started and closed."""

    async def start(self) -> None:
        """Begin to work."""
        ...

    async def close_async(self, timeout: Duration | None = ..., *, interrupt: asyncio.Event | None = ...) -> None:
        """Drain and close."""
        ...


def run_until_signal(app: Working, drain_timeout_s: float) -> None:
    """Work until SIGTERM or SIGINT, then drain; a second signal gives back at once what still runs."""
    asyncio.run(_work(app, drain_timeout_s))


async def _work(app: Working, drain_timeout_s: float) -> None:
    loop = asyncio.get_running_loop()
    first, second = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (second if first.is_set() else first).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await app.start()
    await first.wait()
    await app.close_async(drain_timeout_s, interrupt=second)
