"""What a piece of work costs: the clock's time, and CPU time of the server and of this process.

CPU time says the same on a machine that does other things meanwhile; the clock does not.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from taskora.benchmarking.stage import Stage
from taskora.connection.endpoint import Endpoint
from taskora.connection.wire import BlockingWire

_SPENT: Final = re.compile(r"usec=(\d+)")
_SCRIPTS: Final = frozenset({"cmdstat_eval", "cmdstat_evalsha"})  # their commands are counted by themselves


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one piece: of one job, or of one node.

    Attributes:
        wall_us: By the clock.
        server_us: CPU time of the server.
        process_us: CPU time of this process, all its threads.
        commands_us: Of the server's time, that of commands, those of scripts included.
    """

    wall_us: float
    server_us: float
    process_us: float
    commands_us: float

    @property
    def cpu_us(self) -> float:
        """CPU time of both."""
        return self.server_us + self.process_us


@dataclass(frozen=True, slots=True)
class _Moment:
    wall_s: float
    server_s: float
    process_s: float
    commands_us: float


class Meter:
    """Reads the three clocks twice; each reading is one blocking round trip."""

    def __init__(self, stage: Stage) -> None:
        self._wire = BlockingWire(Endpoint.from_url(stage.url))
        self._began: _Moment | None = None
        self._ended: _Moment | None = None

    def close(self) -> None:
        """Close its connection."""
        self._wire.close()

    def begin(self) -> None:
        """Read the clocks before the work."""
        self._began = self._read()

    def end(self) -> None:
        """Read the clocks behind the work."""
        self._ended = self._read()

    def cost(self, pieces: int) -> Cost:
        """Divide what passed between the readings by the number of pieces.

        Raises:
            RuntimeError: It was not read twice.
        """
        if self._began is None or self._ended is None:
            raise RuntimeError("the meter was not read at both ends of the work")
        began, ended = self._began, self._ended
        return Cost(
            wall_us=(ended.wall_s - began.wall_s) / pieces * 1e6,
            server_us=(ended.server_s - began.server_s) / pieces * 1e6,
            process_us=(ended.process_s - began.process_s) / pieces * 1e6,
            commands_us=(ended.commands_us - began.commands_us) / pieces,
        )

    def _read(self) -> _Moment:
        fields: dict[str, str] = {}
        for text in self._wire.exchange([("INFO", "cpu"), ("INFO", "commandstats")]):
            fields |= dict(line.split(":", 1) for line in bytes(text).decode().splitlines() if ":" in line)
        server_s = float(fields["used_cpu_user_main_thread"]) + float(fields["used_cpu_sys_main_thread"])
        commands_us = sum(
            int(found[1])
            for name, text in fields.items()
            if name.startswith("cmdstat_") and name not in _SCRIPTS and (found := _SPENT.search(text)) is not None
        )
        return _Moment(time.perf_counter(), server_s, time.process_time(), commands_us)
