"""The steward's part in requests to a supervisor: it reads them, answers, and hands them to the master."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Final

from taskora.adapters.request_store import RequestStore, SupervisorRequest, Waiting
from taskora.errors import TaskoraError

from .beats import Beats, State
from .seat import Seat

_log: Final = logging.getLogger(__name__)
_LOOK_S: Final = 1.0
_AT_ONCE: Final = 16


class Clerk:
    """Looks for requests once a second.

    What is accepted is told first, handed over next and taken away last: whoever follows a steward that died in between
    hands it over again, and the master acts on it once.

    Args:
        store: Where the requests are.
        seat: The steward's, for the way to the master and the condition of the fleet.
        supervisor: Id of this supervisor.
    """

    def __init__(self, store: RequestStore, seat: Seat, supervisor: str) -> None:
        self._store = store
        self._seat = seat
        self._supervisor = supervisor

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                for waiting in await self._store.waiting(self._supervisor, _AT_ONCE).run_async():
                    await self.deal_with(waiting)
            except TaskoraError as error:
                _log.debug("requests could not be read: %s", error)

    async def deal_with(self, waiting: Waiting) -> None:
        """Answer a request, hand it over if it is accepted, and take it away."""
        request = waiting.request
        if request is None or request.supervisor != self._supervisor:
            _log.warning("something is no request to this supervisor: %.200r", waiting.raw, extra={"action": "request"})
        else:
            answered = request if request.state != "asked" else self._answered(request, waiting.late)
            await self._store.answer(answered).run_async()
            if answered.state == "accepted":
                self._seat.request(answered.id, answered.action, slot=answered.slot, procs=answered.procs)
            _log.info("%s: %s %s", request.action, answered.state, answered.reason, extra={"action": "request"})
        await self._store.done(self._supervisor, waiting.raw).run_async()

    def _answered(self, request: SupervisorRequest, late: bool) -> SupervisorRequest:
        reason = "it waited for more than a minute" if late else objection(request, self._seat.beats)
        return replace(request, state="refused" if reason else "accepted", reason=reason)


def objection(request: SupervisorRequest, beats: Beats) -> str:
    """Say what keeps a fleet from doing what it is asked for; empty when nothing does."""
    if beats.stopping:
        return "the supervisor drains already, to end"
    match request.action:
        case "scale" if request.procs is None:
            return "it does not say to how many"
        case "scale" if request.procs is not None and request.procs > beats.slots:
            return f"{beats.slots} worker processes is the most that it can have: start it with more of them for that"
        case "recycle" if request.slot is not None and request.slot not in _ready_slots(beats):
            return f"slot {request.slot} has no worker that is ready"
        case _:
            return ""


def _ready_slots(beats: Beats) -> set[int]:
    return {
        beat.slot for beat in beats.beats() if beat.role == "worker" and beat.state is State.READY and not beat.doomed
    }
