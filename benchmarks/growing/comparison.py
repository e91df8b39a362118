"""Costs with something and without it, and whether they are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from taskora.benchmarking.figures import Samples, ratios

from .costs import Cost

BOUND: Final = 1.1
"""How much more something may cost."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of one piece of work, round by round.

    Attributes:
        name: For `--only`.
        title: What is there, for people.
        work: What is measured.
        costs: With it.
        without: Without it.
    """

    name: str
    title: str
    work: str
    costs: Sequence[Cost]
    without: Sequence[Cost]

    @property
    def rate(self) -> Samples:
        """Pieces a second with it, divided by those without."""
        return self._compared(lambda cost: 1 / cost.wall_us)

    @property
    def server(self) -> Samples:
        """The server's CPU time with it, divided by that without."""
        return self._compared(lambda cost: cost.server_us)

    @property
    def process(self) -> Samples:
        """The same of the process."""
        return self._compared(lambda cost: cost.process_us)

    @property
    def least_server(self) -> float:
        """The server's least CPU time with it, divided by the least without."""
        return self._least(lambda cost: cost.server_us)

    @property
    def least_process(self) -> float:
        """The same of the process."""
        return self._least(lambda cost: cost.process_us)

    @property
    def is_met(self) -> bool:
        """Whether neither CPU time grew beyond the bound.

        The clock is not asked, since it is not ours alone. What else the machine does only ever adds to a CPU time, by
        what it does to the caches, so the least counts as well as the median.
        """
        server = min(self.server.median or 0.0, self.least_server)
        return max(server, min(self.process.median or 0.0, self.least_process)) <= BOUND

    def _least(self, part: Callable[[Cost], float]) -> float:
        return min(map(part, self.costs)) / min(map(part, self.without))

    def _compared(self, part: Callable[[Cost], float]) -> Samples:
        mine = Samples(tuple(part(cost) for cost in self.costs))
        return ratios(mine, Samples(tuple(part(cost) for cost in self.without)))
