"""What calls pass on their way to the server: shut while somebody migrates the stored data."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable

from taskora.connection.request import Disconnected
from taskora.connection.route import Route
from taskora.connection.wires import loop_wire
from taskora.errors import AdapterError, SchemaVersionMismatchError

log: logging.Logger = logging.getLogger("taskora.adapter")
CHECK_S = 30.0
_GRACE_S = 15.0  # for a watch that is late, before calls check themselves
_QUIET_S = 0.5  # a process that only dispatches and ends is spared the connection
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0


class Gate:
    """Open while the stored data is laid out as we know it and nobody is changing that.

    Attributes:
        open: Whether calls may pass, as far as is known. False before the first greeting.
        check_at_s: Monotonic time from which nobody may rely on that.
    """

    __slots__ = ("_refusal", "check_at_s", "open")

    def __init__(self) -> None:
        self.open: bool = False
        self.check_at_s: float = 0.0
        self._refusal: SchemaVersionMismatchError | None = None

    def let_pass(self, watched: bool) -> None:
        """Open it: what was just read allows it. ``watched`` says that a watch will look again before others must."""
        self.check_at_s = time.monotonic() + CHECK_S + (_GRACE_S if watched else 0)
        self.open = True

    def halt(self) -> None:
        """Shut it: somebody migrates the store."""
        if self.open:
            log.warning("calls wait while another process migrates the stored data", extra={"action": "migration"})
        self.open = False

    def refuse(self, error: SchemaVersionMismatchError) -> None:
        """Shut it for good: the store has become what this process cannot read."""
        self._refusal = error
        self.open = False

    def raise_refusal(self) -> None:
        """Raise what it was shut for, if it was shut for good.

        Raises:
            SchemaVersionMismatchError: It was.
        """
        if self._refusal is not None:
            error = self._refusal
            message = f"the stored data was migrated while this process ran; upgrade and restart it: {error}"
            raise SchemaVersionMismatchError(message, code=error.code, ours=error.ours, theirs=error.theirs)


class MigrationWatch:
    """A task that has the gate checked every 30 s, and whenever somebody says that there is reason to.

    It belongs to one event loop of one process, and ends with it.

    Args:
        channel: Where it is said.
        check: Looks at the store and sets the gate; returns when calls may pass.
    """

    def __init__(self, endpoint: Route, channel: str, check: Callable[[], Awaitable[None]]) -> None:
        self._wire = loop_wire(endpoint)
        self._channel = channel
        self._check = check
        self._pid = os.getpid()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="taskora-migration")

    @property
    def alive(self) -> bool:
        """Whether it watches in this process."""
        return self._pid == os.getpid() and not self._task.done() and not self._task.get_loop().is_closed()

    @property
    def is_here(self) -> bool:
        """Whether it runs on the running loop."""
        return self._task.get_loop() is asyncio.get_running_loop()

    async def stop(self) -> None:
        """End it. Only on its own loop."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _follow(self) -> None:
        pause_s, complaint = _PAUSE_S, ""
        try:
            await asyncio.sleep(_QUIET_S)
            while True:
                try:
                    # A message between may take the place of the confirmation; the check that follows makes up for it.
                    await self._wire.exchange([("SUBSCRIBE", self._channel)])
                    await self._check()
                    pause_s = _PAUSE_S
                    # A silent connection may be dead without telling: it is given up after that time.
                    await self._wire.read_push(CHECK_S)
                    continue
                except Disconnected:
                    pass
                except SchemaVersionMismatchError as error:
                    log.error("%s", error, extra={"action": "migration"})  # noqa: TRY400 - the message says it all
                    return
                except AdapterError as error:
                    if str(error) != complaint:
                        complaint = str(error)
                        log.warning("migrations are noticed late, because: %s", error, extra={"action": "migration"})
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        finally:
            await self._wire.close()
