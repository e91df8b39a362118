"""The body of a worker child: loads the app, runs its jobs, beats, drains when told to."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final

from taskora.app import Taskora
from taskora.connection.client_library import load_client_library
from taskora.errors import AdapterError
from taskora.function_task import AnyTask
from taskora.loading import load_app
from taskora.service import Service

from .beats import HOLDERS, State, mark_of
from .config import SupervisorConfig
from .counting import LoopLag, counter_of
from .exitcodes import ExitCode
from .loading import live_with_app
from .orphan import ORPHAN_GRACE_S, ControlPipe, arm_exit
from .seat import Seat
from .signals import hold_signals, leave_to_master, unblock_signals

_log: Final = logging.getLogger(__name__)
_GIVE_BACK_S: Final = 2.0  # what an orphan keeps of its last seconds to give its jobs back
_BEAT_S: Final = 0.1  # well below the silence after which a child is kept from claiming


def preload(config: SupervisorConfig) -> None:
    """Import the app and what it connects with, in the zygote: what is imported there is shared by all children."""
    load_app(config.target)
    load_client_library()


def worker_main(seat: Seat) -> int:
    """Run the app's jobs until told to end."""
    return live_with_app(seat, lambda app, tasks: _Child(seat, app, tasks).live())


async def finished_before(work: Coroutine[object, object, object], told: asyncio.Event) -> bool:
    """Do something unless told to end before it is done; then it is cancelled, and this is False."""
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
    finished = doing.done()
    for task in (doing, waiting):
        task.cancel()
    await asyncio.gather(doing, waiting, return_exceptions=True)
    if finished:
        doing.result()
    return finished


@dataclass(slots=True, eq=False)
class _Vitals:
    """Tells the master, through the beat table, what the worker does."""

    seat: Seat
    draining: asyncio.Event
    dead: bool = False
    watches: bool = True
    _depths: dict[str, int] = field(default_factory=dict[str, int])
    _places: dict[str, int] = field(default_factory=dict[str, int])
    _free: list[int] = field(default_factory=lambda: list(range(HOLDERS)))

    def hold(self, job_id: str, deadline_ns: int) -> None:
        depth = self._depths.get(job_id, 0)
        self._depths[job_id] = depth + 1
        if depth:
            return
        if not self._free:
            # More threads than places: nobody can be blamed, but all get their time.
            self.seat.beat.hang_deadline_ns = max(self.seat.beat.hang_deadline_ns, deadline_ns)
            return
        place = self._places[job_id] = self._free.pop()
        self.seat.beat.hold(place, deadline_ns, mark_of(job_id))

    def let_go(self, job_id: str) -> None:
        depth = self._depths[job_id] - 1
        if depth:
            self._depths[job_id] = depth
            return
        del self._depths[job_id]
        place = self._places.pop(job_id, None)
        if place is not None:
            self.seat.beat.let_go(place)
            self._free.append(place)

    def claim_begun(self, connection: str, number: int) -> None:
        self.seat.beat.claim_begun(connection, number)

    def thread_stuck(self, task: str, job_id: str) -> bool:
        why = f"task {task!r} job {job_id}: its handler ignores every interruption"
        _log.warning("%s; this worker is replaced once its other jobs are done", why, extra={"action": "stuck"})
        self.seat.beat.state = State.STUCK
        self.seat.ask_to_end(why)
        return True

    def identity_lost(self) -> None:
        self.dead = True
        self.draining.set()

    def worker_broken(self) -> None:
        self.dead = True
        self.draining.set()


class _Child:
    """One worker child's life on its event loop."""

    def __init__(self, seat: Seat, app: Taskora, tasks: Mapping[str, AnyTask]) -> None:
        self._seat = seat
        self._app = app
        self._tasks = tasks
        self._draining = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._control = ControlPipe(seat)
        self._vitals = _Vitals(seat, self._draining)

    async def live(self) -> int:
        """Start, work, drain."""
        loop = asyncio.get_running_loop()
        leave_to_master()
        loop.add_signal_handler(signal.SIGTERM, self._draining.set)
        loop.add_reader(self._control.fileno(), self._on_control)
        unblock_signals()
        service = self._app.service(
            self._vitals, None, tasks=self._tasks, hang_timeout_s=self._seat.config.hang_timeout_s
        )
        if self._seat.area is not None:
            service.worker.observers.append(counter_of(self._seat.area, self._tasks))
        service.extra.update(slot=self._seat.slot, generation=self._seat.generation)
        beating = asyncio.create_task(self._beat(service), name="taskora-beat")
        try:
            if not await finished_before(self._app.connect_async(), self._draining):
                await self._app.close_async()
                return ExitCode.DONE
            # Not earlier: whoever has an identity may have claimed, and is recovered when it dies.
            self._seat.beat.worker = service.worker.identity
            await service.start()
            self._seat.ready()
            await self._draining.wait()
            return await self._drain(service)
        except AdapterError as error:
            _log.error("%s", error, extra={"action": "connect"})
            return ExitCode.BOOT_FAILED
        finally:
            hold_signals({signal.SIGTERM})
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _drain(self, service: Service) -> int:
        if self._seat.beat.state is not State.STUCK:
            self._seat.beat.state = State.DRAINING
        given_back = await service.stop(self._seat.config.drain_timeout_s, self._interrupt)
        if given_back:
            _log.info("gave %d running jobs back", given_back, extra={"action": "drain"})
        await self._app.close_async()
        return ExitCode.INTERNAL if self._vitals.dead else ExitCode.DONE

    async def _beat(self, service: Service) -> None:
        beat, worker = self._seat.beat, service.worker
        lag = LoopLag(self._seat.area, _BEAT_S)
        while True:
            lag.turn()
            beat.active, beat.done, beat.failed = len(worker.runs), worker.done, worker.failed
            beat.pulse.claim_ns = worker.claimed_ns
            beat.beat()
            await asyncio.sleep(_BEAT_S)

    def _on_control(self) -> None:
        for message in self._control.read():
            if message.get("do") in ("drain", "interrupt"):
                self._draining.set()
            if message.get("do") == "interrupt":
                self._interrupt.set()
        if self._control.closed:
            self._outlive_the_master()

    def _outlive_the_master(self) -> None:
        # Whatever this process is in the middle of, a boot or a long drain: it has a few seconds left.
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._control.fileno())
        _log.warning("the master is gone; draining", extra={"action": "orphan"})
        arm_exit()
        loop.call_later(ORPHAN_GRACE_S - _GIVE_BACK_S, self._interrupt.set)
        self._draining.set()
