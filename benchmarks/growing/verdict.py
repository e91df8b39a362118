"""What was found, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from taskora.benchmarking.machine import Machine
from taskora.benchmarking.report import number, span, table

from .comparison import Comparison
from .idle import Reading
from .shares import Share


@dataclass(frozen=True, slots=True)
class Verdict:
    """All of a run.

    Attributes:
        machine: Where.
        rounds: How often each comparison was done.
        scale: What all numbers were multiplied by.
        comparisons: With and without something.
        readings: Numbers by themselves.
        shares: How the time of jobs was shared.
    """

    machine: Machine
    rounds: int
    scale: float
    comparisons: Sequence[Comparison]
    readings: Sequence[Reading]
    shares: Sequence[Share]

    @property
    def is_met(self) -> bool:
        """Whether everything is within what is demanded."""
        met = [*(found.is_met for found in self.comparisons), *(found.is_met for found in self.readings)]
        return False not in met

    def markdown(self) -> str:
        """Write tables, with what they depend on above."""
        scaled = "" if self.scale == 1 else f"; all numbers × {self.scale:g}"
        how = f"{self.rounds} rounds, with and without in turns{scaled}"
        what = "ratios of rates, and of CPU time a job of the server and of the process: medians, and of the least"
        parts = ["\n".join(f"- {sentence}" for sentence in [*self.machine.sentences(), how, what])]
        if self.comparisons:
            parts.append(self._compared())
        if self.readings:
            parts.append(self._read())
        if self.shares:
            parts.append(self._shared())
        return "\n\n".join(parts) + "\n"

    def data(self) -> dict[str, object]:
        """Give everything as JSON values."""
        return {
            "machine": self.machine,
            "rounds": self.rounds,
            "scale": self.scale,
            "comparisons": [
                {
                    **asdict(found),
                    "rate": found.rate.median,
                    "server": found.server.median,
                    "process": found.process.median,
                    "least_server": found.least_server,
                    "least_process": found.least_process,
                    "met": found.is_met,
                }
                for found in self.comparisons
            ],
            "readings": [{**asdict(found), "met": found.is_met} for found in self.readings],
            "shares": [asdict(found) for found in self.shares],
        }

    def _compared(self) -> str:
        headings = ["beside", "work", "rate", "min to max", "server", "least", "process", "least", "within 10%"]
        rows = [
            [
                found.title,
                found.work,
                number(found.rate.median),
                span(found.rate),
                number(found.server.median),
                number(found.least_server),
                number(found.process.median),
                number(found.least_process),
                "yes" if found.is_met else "NO",
            ]
            for found in self.comparisons
        ]
        return table(headings, rows)

    def _read(self) -> str:
        rows = [
            [
                found.title,
                found.unit,
                number(found.value),
                "–" if found.limit is None else f"≤ {number(found.limit)}",
                "–" if found.is_met is None else "yes" if found.is_met else "NO",
            ]
            for found in self.readings
        ]
        return table(["what", "unit", "found", "limit", "met"], rows)

    def _shared(self) -> str:
        headings = ["µs a job", "by", "in all", "CPU of the server", "of it commands", "CPU of the process"]
        rows = [
            [
                found.work,
                found.source,
                number(found.cost.wall_us),
                number(found.cost.server_us),
                number(found.cost.commands_us),
                number(found.cost.process_us),
            ]
            for found in self.shares
        ]
        return table(headings, rows)
