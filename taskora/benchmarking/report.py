"""Findings as Markdown for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from .figures import OURS, Bar, Figure, Findings, Samples, ratios
from .machine import Machine

_NOTHING: Final = "–"
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Report:
    """All that is said about a run.

    Attributes:
        machine: Where.
        rounds: How often each scenario was done.
        scale: What the numbers of jobs were multiplied by.
        findings: What was found.
        references: Sources that bound what is possible; all others but ours are peers.
        bars: What figures are held against, by key.
        missing: What was to be measured and was not, by name.
    """

    machine: Machine
    rounds: int
    scale: float
    findings: Findings
    references: Sequence[str] = ()
    bars: Mapping[str, Bar] = field(default_factory=dict[str, Bar])
    missing: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def peers(self) -> list[str]:
        """Sources that do the same work as this library."""
        return [name for name in self.findings.sources() if name != OURS and name not in self.references]

    def markdown(self) -> str:
        """Write tables, with what they depend on above and what is missing below."""
        parts = ["\n".join(f"- {sentence}" for sentence in [*self.machine.sentences(), self._how()])]
        parts.append(self._own_table())
        if self.peers:
            parts.append("Peers; behind each number, in brackets, ours divided by theirs:")
            parts.append(self._peer_table())
        gaps = {**self.missing, **self.findings.gaps}
        if gaps:
            parts.append("\n".join(f"- not measured: {name}: {reason}" for name, reason in gaps.items()))
        return "\n\n".join(parts) + "\n"

    def data(self) -> dict[str, object]:
        """Give everything as JSON values."""
        return {
            "machine": self.machine,
            "rounds": self.rounds,
            "scale": self.scale,
            "figures": [self._figure_data(figure) for figure in self.findings.figures],
            "missing": {**self.missing, **self.findings.gaps},
        }

    def _how(self) -> str:
        scaled = "" if self.scale == 1 else f"; numbers of jobs × {self.scale:g}: TOO FEW FOR RELIABLE FIGURES"
        return f"median of {self.rounds} rounds, all sources in turns; ratios are medians of each round's{scaled}"

    def _own_table(self) -> str:
        found = self.findings.sources()
        references = [name for name in self.references if name in found]
        headings = ["scenario", "unit", OURS, "min to max"]
        for name in references:
            headings += [name, f"{OURS} ÷ {name}"]
        if self.bars:
            headings += ["bar", "met"]
        rows = [self._own_row(figure, references) for figure in self.findings.figures]
        return table(headings, [row for row in rows if row])

    def _own_row(self, figure: Figure, references: Sequence[str]) -> list[str]:
        samples = self.findings.samples.get(figure.key, {})
        ours = samples.get(OURS, Samples(()))
        if ours.median is None:
            return []
        cells = [figure.title, figure.unit, number(ours.median), span(ours)]
        for name in references:
            theirs = samples.get(name, Samples((None,) * len(ours.values)))
            ratio = ratios(ours, theirs)
            cells += [number(theirs.median), f"{number(ratio.median)} ({span(ratio)})" if ratio.known else _NOTHING]
        if self.bars:
            cells += _bar_cells(self.bars.get(figure.key), figure, samples)
        return cells

    def _peer_table(self) -> str:
        rows: list[list[str]] = []
        for figure in self.findings.figures:
            samples = self.findings.samples.get(figure.key, {})
            if not any(samples[name].known for name in self.peers if name in samples):
                continue
            ours = samples.get(OURS, Samples(()))
            row = [figure.title, figure.unit, number(ours.median)]
            for name in self.peers:
                theirs = samples.get(name, Samples(()))
                ratio = ratios(ours, theirs).median if theirs.known and ours.known else None
                row.append(number(theirs.median) + (f" ({number(ratio)})" if ratio is not None else ""))
            rows.append(row)
        return table(["scenario", "unit", OURS, *self.peers], rows)

    def _figure_data(self, figure: Figure) -> dict[str, object]:
        samples = self.findings.samples.get(figure.key, {})
        ours = samples.get(OURS, Samples(()))
        bar = self.bars.get(figure.key)
        return {
            "key": figure.key,
            "title": figure.title,
            "unit": figure.unit,
            "bar": None
            if bar is None
            else {
                "value": bar.value,
                "reference": bar.reference or None,
                "measured": bar.measured(samples),
                "met": bar.is_met(figure, samples),
            },
            "sources": {
                name: {
                    "values": them.values,
                    "median": them.median,
                    "spread": them.spread,
                    "ours_divided_by_it": ratios(ours, them).median if ours.values and name != OURS else None,
                }
                for name, them in samples.items()
            },
        }


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table whose columns are aligned in the source too; numbers, from the third column on, right."""
    widths = [max(len(row[at]) for row in (headings, *rows)) for at in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = "".join(f"|{'-' * (width + 2)}" if at < 2 else f"|{'-' * (width + 1)}:" for at, width in enumerate(widths))
    return "\n".join([line(headings), f"{rule}|", *map(line, rows)])


def number(value: float | None) -> str:
    """Write a number with three digits that count; None is a dash."""
    if value is None:
        return _NOTHING
    if abs(value) >= 10 ** (_DIGITS - 1):
        return f"{value:,.0f}"
    decimals = next(count for count in range(1, _DIGITS + 1) if abs(value) >= 10 ** (_DIGITS - 1 - count) or count == 3)
    return f"{value:.{decimals}f}"


def span(samples: Samples) -> str:
    """Write the least and the greatest number."""
    return _NOTHING if samples.spread is None else f"{number(samples.spread[0])} to {number(samples.spread[1])}"


def _bar_cells(bar: Bar | None, figure: Figure, samples: Mapping[str, Samples]) -> list[str]:
    if bar is None:
        return [_NOTHING, _NOTHING]
    met = bar.is_met(figure, samples)
    wanted = f"{number(bar.value)} × {bar.reference}" if bar.reference else number(bar.value)
    return [("≥ " if figure.more_is_better else "≤ ") + wanted, _NOTHING if met is None else "yes" if met else "NO"]
