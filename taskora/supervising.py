"""Asking supervisors that run for something, from any process."""

from __future__ import annotations

import asyncio
import time
from typing import Final, TypeVar

from taskora.adapters.protocol import Adapter
from taskora.adapters.request_store import (
    LARGEST_SLOT,
    MOST_PROCS,
    RequestAction,
    SupervisorRequest,
    is_request_id,
)
from taskora.call import Call, CallSteps, Composed, ask, refuse_on_loop
from taskora.config import check_count
from taskora.duration import Duration, to_seconds
from taskora.errors import ConfigError, SupervisorNotFoundError
from taskora.fleets import read_supervisors
from taskora.ids import new_id
from taskora.keys import check_text
from taskora.quoting import quoted

T = TypeVar("T")
_LOOK_S: Final = 0.1


class Supervisors:
    """Asks supervisors for something. Made by ``Taskora.supervisors``; ``inspect().supervisors()`` lists them.

    Every method comes in a pair: ``x()`` for plain code, ``await x_async()`` on an event loop. All raise
    ``AdapterError`` when the server cannot be reached or refuses.

    A request waits for its supervisor for a minute; one that runs answers within about a second, and begins at once.
    It is acted on once, and never by a supervisor that was started later, whatever its process id is.

    Args:
        adapter: Where the requests are left.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def recycle(self, supervisor_id: str, slot: int | None = None) -> str:
        """Ask for new processes in the place of a supervisor's workers.

        All of them are replaced as by a rolling restart (``SIGHUP``): one after another, each new one ready before the
        old one drains; the steward too. One alone drains while its replacement starts. Running jobs may go on for
        ``--drain-timeout``.

        Args:
            supervisor_id: Id of the supervisor.
            slot: Of the worker to be replaced; None for all.

        Returns:
            The id of the request, for ``outcome``.

        Raises:
            SupervisorNotFoundError: There is no such supervisor.
            ConfigError: It takes no requests, or has no such worker.
        """
        return _run("recycle", self._ask(supervisor_id, "recycle", slot=slot))

    async def recycle_async(self, supervisor_id: str, slot: int | None = None) -> str:
        """See ``recycle``."""
        return await self._ask(supervisor_id, "recycle", slot=slot).run_async()

    def scale(self, supervisor_id: str, procs: int) -> str:
        """Ask for so many worker processes, until it is told otherwise or ends. Those that leave drain.

        Args:
            supervisor_id: Id of the supervisor.
            procs: 1 to 1024; a supervisor refuses more than twice what it was started with, but takes up to 64.

        Returns:
            The id of the request, for ``outcome``.

        Raises:
            SupervisorNotFoundError: There is no such supervisor.
            ConfigError: It takes no requests, or the number is out of range.
        """
        return _run("scale", self._ask(supervisor_id, "scale", procs=_procs(procs)))

    async def scale_async(self, supervisor_id: str, procs: int) -> str:
        """See ``scale``."""
        return await self._ask(supervisor_id, "scale", procs=_procs(procs)).run_async()

    def drain(self, supervisor_id: str) -> str:
        """Ask a supervisor to end, as by ``SIGTERM``: its workers claim no more, end their jobs, and all is gone.

        Whatever started it, such as systemd or Kubernetes, may start it again.

        Args:
            supervisor_id: Id of the supervisor.

        Returns:
            The id of the request, for ``outcome``.

        Raises:
            SupervisorNotFoundError: There is no such supervisor.
            ConfigError: It takes no requests.
        """
        return _run("drain", self._ask(supervisor_id, "drain"))

    async def drain_async(self, supervisor_id: str) -> str:
        """See ``drain``."""
        return await self._ask(supervisor_id, "drain").run_async()

    def outcome(self, request_id: str, *, timeout: Duration = 0) -> SupervisorRequest | None:
        """Read how a request stands; it can be read for ten minutes.

        Args:
            request_id: What asking returned.
            timeout: How long to wait for the supervisor's answer. Defaults to not at all.

        Returns:
            The request, ``asked`` as long as nobody has answered it; None when there is none.

        Raises:
            ConfigError: This cannot be the id of a request.
        """
        call, until_s = self._outcome(request_id), time.monotonic() + to_seconds(timeout, "timeout")
        while True:
            found = _run("outcome", call)
            if found is None or found.state != "asked" or time.monotonic() >= until_s:
                return found
            time.sleep(_LOOK_S)

    async def outcome_async(self, request_id: str, *, timeout: Duration = 0) -> SupervisorRequest | None:
        """See ``outcome``."""
        call, until_s = self._outcome(request_id), time.monotonic() + to_seconds(timeout, "timeout")
        while True:
            found = await call.run_async()
            if found is None or found.state != "asked" or time.monotonic() >= until_s:
                return found
            await asyncio.sleep(_LOOK_S)

    def _outcome(self, request_id: str) -> Call[SupervisorRequest | None]:
        if not is_request_id(request_id):
            raise ConfigError(f"request_id: {quoted(request_id)} is no id of a request; take what asking returned")
        return self._adapter.requests.outcome(request_id)

    def _ask(
        self, supervisor_id: str, action: RequestAction, *, slot: int | None = None, procs: int | None = None
    ) -> Call[str]:
        check_text(supervisor_id, "supervisor_id", least=1, most=200)
        if slot is not None:
            check_count(slot, "slot", 0, LARGEST_SLOT)

        def steps() -> CallSteps[str]:
            request = SupervisorRequest(new_id(), supervisor_id, action, slot, procs)
            listed = read_supervisors((yield from ask(self._adapter.house.workers())))
            found = next((one for one in listed if one.id == supervisor_id), None)
            if found is None:
                there = ", ".join(one.id for one in listed) or "none"
                raise SupervisorNotFoundError(
                    f"there is no supervisor {quoted(supervisor_id)}: it has ended, or never was; "
                    f"stored are now: {there}",
                    supervisor_id=supervisor_id,
                )
            if not found.remote_control:
                raise ConfigError(
                    f"supervisor_id: {quoted(supervisor_id)} takes no requests: it was started with "
                    "--no-remote-control, or is of an older version"
                )
            slots = [child.slot for child in found.children]
            if slot is not None and slot not in slots:
                there = ", ".join(str(number) for number in slots) or "none"
                raise ConfigError(f"slot: {slot} is no worker of this supervisor; there are: {there}")
            yield from ask(self._adapter.requests.ask(request))
            return request.id

        return Composed(steps)


def _procs(procs: int) -> int:
    check_count(procs, "procs", 1, MOST_PROCS)
    return procs


def _run(name: str, call: Call[T]) -> T:
    refuse_on_loop(name)
    return call.run()
