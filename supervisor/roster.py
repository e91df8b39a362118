"""What the steward tells of each worker: its words of the table, and what it costs the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from .beats import Beat, Beats, State
from .memory import resident_bytes
from .process import cpu_ticks

_MEASURED: Final = 16  # workers of which the memory is read at a time: about 1 ms each


class Roster:
    """Describes the workers of a fleet, each time for all of them.

    Args:
        beats: The table.
        heartbeat_ns: Silence that needs no explanation.
        memory: Reads what memory a process takes.
        ticks: Reads what CPU time a process has taken, in clock ticks.
    """

    def __init__(
        self,
        beats: Beats,
        heartbeat_ns: int,
        memory: Callable[[int], int | None] = resident_bytes,
        ticks: Callable[[int], int | None] = cpu_ticks,
    ) -> None:
        self._beats = beats
        self._heartbeat_ns = heartbeat_ns
        self._memory = memory
        self._ticks = ticks
        self._per_s = os.sysconf("SC_CLK_TCK")
        self._pss: dict[int, int | None] = {}
        self._cpu: dict[int, tuple[int, int]] = {}

    def describe(self, workers: Sequence[Beat]) -> list[dict[str, object]]:
        """Write what a record tells of each."""
        now_ns = time.monotonic_ns()
        self._weigh([beat.pid for beat in workers if beat.pid])
        return [
            {
                "slot": beat.slot, "pid": beat.pid, "generation": beat.generation, "state": self._state(beat, now_ns),
                "worker": beat.worker, "active": beat.active, "restarts": self._beats.record(beat.slot).restarts,
                "lastCause": self._beats.record(beat.slot).last_cause, "pss": self._pss.get(beat.pid),
                "cpu": self._share(beat.pid, now_ns),
            }
            for beat in workers
        ]  # fmt: skip

    def _state(self, beat: Beat, now_ns: int) -> str:
        if beat.doomed:
            return "hung"
        silent = now_ns > max(beat.beat_ns + self._heartbeat_ns, beat.hang_deadline_ns)
        return "hung" if silent and beat.state is not State.STARTING else beat.state.name.lower()

    def _weigh(self, pids: Sequence[int]) -> None:
        """Read the memory of those first that were not looked at for longest."""
        self._pss = {pid: size for pid, size in self._pss.items() if pid in pids}
        self._cpu = {pid: seen for pid, seen in self._cpu.items() if pid in pids}
        known = list(self._pss)
        for pid in [*(pid for pid in pids if pid not in self._pss), *known][:_MEASURED]:
            self._pss.pop(pid, None)
            self._pss[pid] = self._memory(pid)

    def _share(self, pid: int, now_ns: int) -> float | None:
        """Percent of a core since the last look; None at the first one."""
        ticks = self._ticks(pid)
        if ticks is None:
            return None
        before = self._cpu.get(pid)
        self._cpu[pid] = (ticks, now_ns)
        if before is None or now_ns <= before[1]:
            return None
        return round(max(0, ticks - before[0]) / self._per_s / ((now_ns - before[1]) / 1e9) * 100, 1)
