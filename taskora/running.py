"""Whether an application works in this process, and how it ends."""

from __future__ import annotations

import asyncio

from taskora.errors import ConfigError
from taskora.home import TaskHome
from taskora.service import Service


class Running:
    """Works at most once at a time, and closes all that an application opened.

    Args:
        home: The application. Asked when it closes: a test runner puts other things in the place of what it has.

    Attributes:
        ended: Set when the worker cannot go on.
        service: What works; None while nothing does.
    """

    def __init__(self, home: TaskHome) -> None:
        self._home = home
        self.ended: asyncio.Event = asyncio.Event()
        self.service: Service | None = None
        self._closing: asyncio.Task[None] | None = None

    async def start(self, service: Service) -> None:
        """Begin to work; returns when the first job can come.

        Raises:
            ConfigError: It works already.
            AdapterError: The server cannot be reached, or stores another layout.
        """
        if self.service is not None:
            raise ConfigError("start: this application already works in this process; await close_async() first")
        self.ended.clear()
        self.service = service
        try:
            await service.start()
        except BaseException:
            self.service = None
            await service.stop(0)
            raise

    async def close(self, timeout_s: float | None, interrupt: asyncio.Event | None) -> None:
        """Stop working and close every connection of this loop.

        Args:
            timeout_s: How long running jobs may go on; None for ever.
            interrupt: Ends that time early when set.

        Raises:
            ConfigError: It works on another event loop, which alone can stop it.
        """
        if self._closing is None or self._closing.done():
            self._closing = asyncio.create_task(self._close(timeout_s, interrupt), name="taskora-close")
        # Half closed would be the worst: whoever is cancelled here, a handler perhaps, does not stop it.
        await asyncio.shield(self._closing)

    async def _close(self, timeout_s: float | None, interrupt: asyncio.Event | None) -> None:
        if self.service is not None:
            self.service.check_here()
        service, self.service = self.service, None
        try:
            if service is not None:
                await service.stop(timeout_s, interrupt)
            await self._home.outbox.close_async()
        finally:
            await self._home.listening.close_async()
            await self._home.waiting.close_async()
            await self._home.adapter.close_async()
