"""Measuring: sources in turns, round by round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from taskora.errors import TaskoraError

from .figures import OURS, Figure, Findings, Scenario
from .stage import Stage


class Source(Protocol):
    """Something that scenarios can be done with: this library, a reference, a peer."""

    @property
    def name(self) -> str:
        """Its name in the report."""
        ...

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        """Do a scenario on an empty stage; returns numbers by figures' keys, none for what it cannot do.

        Raises:
            Exception: It failed.
        """
        ...


class Ours:
    """This library."""

    name = OURS

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        """See ``Source``."""
        return scenario.run(stage)


def measure(
    scenarios: Sequence[Scenario],
    sources: Sequence[Source],
    stage: Stage,
    rounds: int,
    tell: Callable[[str], None],
) -> Findings:
    """Do each scenario with every source, one after the other, round by round.

    So what else the machine does meanwhile falls on all alike. A source that fails in a scenario is left out of its
    further rounds, and the report says why.

    Args:
        scenarios: What to do.
        sources: With whom.
        stage: Where.
        rounds: How often.
        tell: Is told of the progress.
    """
    figures = [figure for scenario in scenarios for figure in scenario.figures]
    findings = Findings(figures)
    for scenario in scenarios:
        left_out: set[str] = set()
        turns = min(rounds, scenario.turns or rounds)
        for turn in range(1, turns + 1):
            for source in sources:
                found: Mapping[str, float] = {}
                if source.name not in left_out:
                    tell(f"{scenario.name} {turn}/{turns} {source.name}")
                    found = _attempt(scenario, source, stage, findings, tell)
                if not found:
                    left_out.add(source.name)
                _note(findings, scenario.figures, source, found, tell)
    stage.erase()
    return findings


def _attempt(
    scenario: Scenario, source: Source, stage: Stage, findings: Findings, tell: Callable[[str], None]
) -> Mapping[str, float]:
    stage.erase()
    try:
        return source.run(scenario, stage)
    except Exception as error:  # noqa: BLE001 - it may be anybody's code, and the other figures of a long run count
        said = " | ".join(line.strip() for line in str(error).splitlines() if line.strip())
        reason = said if isinstance(error, TaskoraError) else f"{type(error).__name__}: {said}"
        findings.gaps[f"{source.name}, {scenario.name}"] = reason
        tell(f"  failed: {reason}")
        return {}


def _note(
    findings: Findings,
    figures: Sequence[Figure],
    source: Source,
    found: Mapping[str, float],
    tell: Callable[[str], None],
) -> None:
    for figure in figures:
        value = found.get(figure.key)
        findings.add(figure.key, source.name, value)
        if value is not None:
            tell(f"  {figure.title}: {value:,.4g} {figure.unit}")
