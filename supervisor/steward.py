"""The body of the steward: what needs Redis and is not a worker's business, since a worker may be busy or dead.

It leads the housekeeping when elected, gives back the jobs of dead siblings, keeps silent ones from claiming and their
locks alive, and keeps the supervisor's record. The fleet works without it for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, cast

from taskora.adapters.protocol import Adapter
from taskora.app import Taskora
from taskora.duration import to_ms
from taskora.errors import AdapterError, TaskoraError
from taskora.function_task import AnyTask
from taskora.model import WorkerRecord
from taskora.service import Registration, worker_record
from taskora.worker import answer_limit_s, worker_identity

from .beats import Beat, State
from .child import finished_before
from .clerk import Clerk
from .exitcodes import ExitCode
from .loading import live_with_app
from .observer import Observer
from .orphan import ORPHAN_GRACE_S, ControlPipe, arm_exit, end_siblings
from .pipes import Message
from .roster import Roster
from .seat import Seat
from .signals import leave_to_master, unblock_signals

_log: Final = logging.getLogger(__name__)
_LOOK_S: Final = 0.1
_SILENT_NS: Final = 250_000_000
_FAREWELL_S: Final = 1.0
_ORPHANS_END_S: Final = 4.5  # leaves time to recover their jobs before this process should be gone too


def steward_main(seat: Seat) -> int:
    """Serve the fleet until told to end."""

    def life(app: Taskora, tasks: Mapping[str, AnyTask]) -> Coroutine[object, object, int]:
        return _Steward(seat, app, {name: task.options.timeout_s for name, task in tasks.items()}).live()

    return live_with_app(seat, life)


class SilenceWatch:
    """Acts for workers that are alive and silent: a job has their interpreter, or they were stopped.

    Args:
        adapter: Where the jobs are.
        tasks: The fleet's tasks.
        lock_ttl_ms: Lease of a running job.
        heartbeat_ns: Silence that needs no explanation.
    """

    def __init__(self, adapter: Adapter, tasks: Sequence[str], lock_ttl_ms: int, heartbeat_ns: int) -> None:
        self._adapter = adapter
        self._tasks = tasks
        self._lock_ttl_ms = lock_ttl_ms
        self._heartbeat_ns = heartbeat_ns
        # In neither: a predecessor may have kept it from claiming, or a request of ours may have got lost.
        self._fenced: set[str] = set()
        self._free: set[str] = set()
        self._extended_ns: dict[str, int] = {}

    async def look(self, beats: Sequence[Beat]) -> None:
        """Keep the silent from claiming, let go on who beats again, and renew locks in time.

        Raises:
            AdapterError: It could not be done for one of them, at least.
            TimeoutError: Likewise: the server did not answer while locks have time.
        """
        now_ns = time.monotonic_ns()
        workers = [
            b for b in beats if b.role == "worker" and b.worker and b.state is not State.STARTING and not b.doomed
        ]
        # Each for itself: a server that fails one of them must not cost the others their locks.
        failures = await asyncio.gather(*(self._serve(beat, now_ns) for beat in workers), return_exceptions=True)
        alive = {beat.worker for beat in workers}
        self._fenced &= alive
        self._free &= alive
        self._extended_ns = {worker: at for worker, at in self._extended_ns.items() if worker in alive}
        for failure in failures:
            if failure is not None:
                raise failure

    async def _serve(self, beat: Beat, now_ns: int) -> None:
        async with asyncio.timeout(answer_limit_s(self._lock_ttl_ms)):
            await self._judge(beat, now_ns)

    async def _judge(self, beat: Beat, now_ns: int) -> None:
        silence_ns = now_ns - beat.beat_ns
        if silence_ns <= _SILENT_NS:
            self._extended_ns.pop(beat.worker, None)
            if beat.worker not in self._free and beat.state is State.READY:
                self._fenced.discard(beat.worker)
                await self._adapter.leases.fence(beat.worker, self._tasks, False).run_async()
                self._free.add(beat.worker)
            return
        if beat.worker not in self._fenced:
            self._free.discard(beat.worker)
            await self._adapter.leases.fence(beat.worker, self._tasks, True).run_async()
            self._fenced.add(beat.worker)
        explained = now_ns < max(beat.beat_ns + self._heartbeat_ns, beat.hang_deadline_ns)
        quarter_ns = self._lock_ttl_ms * 250_000
        due_ns = self._extended_ns.get(beat.worker, beat.beat_ns) + min(quarter_ns, 1_000_000_000)
        if explained and now_ns >= due_ns:
            await self._adapter.leases.extend_worker(beat.worker, self._tasks, self._lock_ttl_ms).run_async()
            self._extended_ns[beat.worker] = now_ns + quarter_ns - min(quarter_ns, 1_000_000_000)


class _Steward:
    """The steward's life on its event loop."""

    def __init__(self, seat: Seat, app: Taskora, timeouts_s: Mapping[str, float | None]) -> None:
        self._seat = seat
        self._app = app
        self._overdue_ms = {
            name: round(1000 * (seat.config.hang_timeout_s if timeout_s is None else timeout_s))
            for name, timeout_s in timeouts_s.items()
        }
        self._control = ControlPipe(seat)
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._told = asyncio.Event()
        self._identity = worker_identity()
        self._supervisor = f"{self._identity.partition(':')[0]}:{seat.beats.master_pid}:{seat.beats.boot:016x}"
        self._roster = Roster(seat.beats, int(seat.config.heartbeat_timeout_s * 1e9))
        self._started_at = datetime.now(UTC)
        self._housekeeper = app.housekeeper(self._identity)
        self._registration = Registration(app.adapter, self._record)
        self._watch = SilenceWatch(
            app.adapter,
            list(timeouts_s),
            to_ms(app.defaults.lock_ttl),
            int(seat.config.heartbeat_timeout_s * 1e9),
        )

    async def live(self) -> int:
        """Start, serve, end."""
        leave_to_master(signal.SIGTERM)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._on_control)
        unblock_signals()
        try:
            if await finished_before(self._start(), self._told):
                self._seat.ready()
                await self._work()
        except AdapterError as error:
            _log.error("%s", error, extra={"action": "connect"})
            return ExitCode.BOOT_FAILED
        if self._control.closed:
            await self._outlive_the_master()
        await self._end()
        return ExitCode.DONE

    async def _start(self) -> None:
        await self._app.connect_async()
        # Whoever follows a steward that died can give its lead up with this.
        self._seat.beat.worker = self._identity
        await self._housekeeper.start()
        self._registration.start()

    async def _work(self) -> None:
        """Serve until told to end. A part that ends by an error of ours raises it: this process is replaced."""
        parts = [self._serve(), self._watch_silence(), self._beat(), self._wait_for_word()]
        if self._seat.config.remote_control:
            parts.append(Clerk(self._app.adapter.requests, self._seat, self._supervisor).run())
        if self._seat.config.is_observed:
            parts.append(self._observer().run())
        tasks = [asyncio.create_task(part) for part in parts]
        ended, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for part in running:
            part.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for part in ended:
            part.result()

    def _observer(self) -> Observer:
        beat, area = self._seat.beat, self._seat.area
        return Observer(self._app.adapter, self._app.inspect(), beat.pulse, area, self._housekeeper)

    async def _wait_for_word(self) -> None:
        await self._told.wait()

    async def _end(self) -> None:
        await self._housekeeper.stop()
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await self._registration.stop()
        except TimeoutError:
            _log.debug("the server does not answer; the record goes by itself")
        await self._app.close_async()

    async def _serve(self) -> None:
        while True:
            message = await self._messages.get()
            if "dead" in message:
                await self._recover(message)
            elif "left" in message:
                await self._follow(str(message["left"]))

    async def _recover(self, message: Message) -> None:
        worker, cause, charged = str(message["dead"]), str(message["cause"]), bool(message["charged"])
        holders = cast("list[str]", message.get("holders", []))
        answered = cast("dict[str, int]", message.get("answered", {}))
        # Nobody's code had the interpreter when it hung: then it counts as a crash of whatever ran.
        charged = charged or (cause == "hung" and not holders)
        if await self._give_back(worker, cause, charged=charged, suspects=holders, answered=answered):
            self._seat.recovered(worker)
        else:
            # The server is away; what comes meanwhile is served first.
            await asyncio.sleep(_LOOK_S)
            self._messages.put_nowait(message)

    async def _give_back(
        self,
        worker: str,
        cause: str,
        *,
        charged: bool,
        suspects: Sequence[str] = (),
        answered: Mapping[str, int] | None = None,
    ) -> bool:
        try:
            count = await self._app.adapter.leases.recover(
                worker,
                self._overdue_ms,
                cause=cause,
                charged=charged,
                max_crashes=self._seat.config.max_crashes,
                suspects=suspects,
                answered=answered or {},
            ).run_async()
            await self._app.adapter.house.unregister(worker).run_async()
        except TaskoraError as error:
            _log.warning("the jobs of %s could not be recovered yet: %s", worker, error, extra={"action": "recover"})
            return False
        if count:
            if self._seat.area is not None:
                self._seat.area.recovered(count)
            _log.info("%d jobs of %s are back in their queues (%s)", count, worker, cause, extra={"action": "recover"})
        return True

    async def _follow(self, predecessor: str) -> None:
        """Give up the lead of a steward that died: otherwise nobody led until it runs out."""
        try:
            await self._app.adapter.house.resign(predecessor).run_async()
            await self._app.adapter.house.unregister(predecessor).run_async()
        except TaskoraError as error:
            _log.debug("the lead of %s runs out by itself: %s", predecessor, error)
        self._seat.recovered(predecessor)

    async def _outlive_the_master(self) -> None:
        """Wait for the siblings, end those that remain, and recover their jobs."""
        arm_exit(2 * ORPHAN_GRACE_S)
        await asyncio.to_thread(end_siblings, self._seat.beats, os.getpid(), _ORPHANS_END_S)
        # Not only of those that were alive just now: nobody reports any more who died together with the master.
        for beat in self._seat.beats.beats():
            if beat.role == "worker" and beat.worker:
                await self._give_back(beat.worker, "orphaned", charged=False)

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._watch.look(self._seat.beats.beats())
            except (TaskoraError, TimeoutError) as error:
                _log.debug("silent workers could not be served: %s", str(error) or "no answer in time")

    async def _beat(self) -> None:
        while True:
            self._seat.beat.beat()
            await asyncio.sleep(_LOOK_S)

    def _on_control(self) -> None:
        for message in self._control.read():
            if "do" in message:
                self._told.set()
            else:
                self._messages.put_nowait(message)
        if self._control.closed:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._told.set()

    def _record(self) -> WorkerRecord:
        beats = [beat for beat in self._seat.beats.beats() if beat.role == "worker"]
        return worker_record(
            self._identity, "steward", self._started_at, active=sum(beat.active for beat in beats),
            done=sum(beat.done for beat in beats), failed=sum(beat.failed for beat in beats),
            leader=self._housekeeper.is_leader,
            extra={
                "id": self._supervisor, "supervisor": os.getppid(), "procs": self._seat.beats.target,
                "remoteControl": self._seat.config.remote_control, "slots": self._roster.describe(beats),
            },
        )  # fmt: skip
