"""A subscription to the cancels of running jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from taskora.adapters.redis.link import Link
from taskora.connection.request import Disconnected
from taskora.connection.wires import AnyLoopWire, loop_wire
from taskora.errors import AdapterError

log: logging.Logger = logging.getLogger("taskora.worker")
_RENEW_AFTER_S = 30.0  # a connection that is silent for so long may be dead without telling
_PAUSE_S = 0.2


class RedisWatch:
    """See ``Watch`` in the protocol. Lost connections are opened anew for as long as it lives."""

    def __init__(self, link: Link, tasks: Sequence[str]) -> None:
        self._link = link
        self._channels = {link.keys.cancel_channel(task).encode(): task for task in tasks}
        self._wire: AnyLoopWire | None = None
        self._complaint = ""
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        """See ``Watch``."""
        while not self._closed:
            try:
                await self._subscribe()
                # Whatever was published while nobody listened has to be looked up.
                yield "", ""
                while True:
                    message = await self._next()
                    if message is not None:
                        yield message
            except Disconnected:
                await asyncio.sleep(_PAUSE_S)
            except AdapterError as error:
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    log.warning("cancels are noticed late, with the renewal of locks, because: %s", error,
                                extra={"action": "cancels"})  # fmt: skip
                await asyncio.sleep(_PAUSE_S)

    async def close(self) -> None:
        """See ``Watch``."""
        self._closed = True
        if self._wire is not None:
            await self._wire.close()

    async def _subscribe(self) -> None:
        await self._link.connect_async()
        wire = self._wire = self._wire or loop_wire(self._link.endpoint)
        await wire.close()
        names = list(self._channels)
        # A message between two confirmations takes the place of one; the look-up that follows makes up for it.
        await wire.exchange([("SUBSCRIBE", name) for name in names])

    async def _next(self) -> tuple[str, str] | None:
        assert self._wire is not None
        kind, *rest = await self._wire.read_push(_RENEW_AFTER_S)
        if kind == b"message" and rest[0] in self._channels:
            return self._channels[rest[0]], rest[1].decode(errors="replace")
        return None
