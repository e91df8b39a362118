"""What a figure is, and the arithmetic over its samples."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from .stage import Stage

Unit = Literal["jobs/s", "ms", "µs", "s", "bytes", "MB", "×"]

OURS: Final = "taskora"
"""Name of the source that is this library."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a scenario finds.

    Attributes:
        key: Short name, for programs.
        title: What is measured, for people.
        unit: Of the number. More is better for ``jobs/s`` and ``×``, less for the others.
    """

    key: str
    title: str
    unit: Unit

    @property
    def more_is_better(self) -> bool:
        """Whether a greater number is a better one."""
        return self.unit in ("jobs/s", "×")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that is done, and the numbers that it gives.

    Attributes:
        name: For `--only`.
        figures: What `run` returns numbers for.
        run: Does it once on a stage that is empty, and returns numbers by the figures' keys; less than all of them
            where this machine cannot tell.
        turns: In how many rounds it is done at most; None for all.
    """

    name: str
    figures: tuple[Figure, ...]
    run: Callable[[Stage], Mapping[str, float]]
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """What one source gave for one figure, by round; None where it gave nothing."""

    values: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        """The numbers that there are."""
        return [value for value in self.values if value is not None]

    @property
    def median(self) -> float | None:
        """The middle number; None when there is none."""
        return statistics.median(self.known) if self.known else None

    @property
    def spread(self) -> tuple[float, float] | None:
        """Least and greatest number; None when there is none."""
        return (min(self.known), max(self.known)) if self.known else None


def ratios(ours: Samples, theirs: Samples) -> Samples:
    """Divide ours by theirs round by round, so that what the machine did meanwhile weighs on both alike."""
    pairs = zip(ours.values, theirs.values, strict=True)
    return Samples(tuple(None if mine is None or not other else mine / other for mine, other in pairs))


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is held against.

    Attributes:
        value: The number to reach: a multiple of the reference where there is one, else in the figure's unit.
        reference: Source that it is a multiple of; empty for none.
    """

    value: float
    reference: str = ""

    def measured(self, samples: Mapping[str, Samples]) -> float | None:
        """Return what is to be compared with ``value``: our median, or that of the ratios. None: not measured."""
        ours = samples.get(OURS)
        if ours is None or not self.reference:
            return None if ours is None else ours.median
        theirs = samples.get(self.reference)
        return None if theirs is None else ratios(ours, theirs).median

    def is_met(self, figure: Figure, samples: Mapping[str, Samples]) -> bool | None:
        """Say whether it is reached; None when that was not measured."""
        found = self.measured(samples)
        if found is None:
            return None
        return found >= self.value if figure.more_is_better else found <= self.value


@dataclass(slots=True)
class Findings:
    """All samples of a run.

    Attributes:
        figures: What was measured, in the order of the report.
        samples: By figure's key and source.
        gaps: What was not measured, and why, by source.
    """

    figures: Sequence[Figure]
    samples: dict[str, dict[str, Samples]] = field(default_factory=dict[str, dict[str, Samples]])
    gaps: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, key: str, source: str, value: float | None) -> None:
        """Append the number of one more round; None for a round without."""
        known = self.samples.setdefault(key, {}).get(source, Samples(()))
        self.samples[key][source] = Samples((*known.values, value))

    def sources(self) -> list[str]:
        """Every source that gave a number, ours first."""
        found = {source: True for row in self.samples.values() for source, them in row.items() if them.known}
        return [*([OURS] if OURS in found else []), *(source for source in found if source != OURS)]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which ``percent`` of the values lie, by the nearest rank.

    Raises:
        ValueError: There are none.
    """
    if not values:
        raise ValueError("values: there are none")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]
