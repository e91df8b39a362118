"""Sources take turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from taskora.benchmarking.catalog import SCENARIOS, chosen
from taskora.benchmarking.figures import Figure, Scenario
from taskora.benchmarking.measure import measure
from taskora.benchmarking.stage import BenchError, Stage
from taskora.errors import ConfigError


@dataclass(slots=True)
class Quiet:
    """Gives its numbers one after the other; an error in their place is raised."""

    name: str
    gives: list[float | Exception | None]
    calls: list[str] = field(default_factory=list[str])

    def run(self, scenario: Scenario, stage: Stage) -> Mapping[str, float]:
        self.calls.append(self.name)
        value = self.gives.pop(0)
        if isinstance(value, Exception):
            raise value
        return {} if value is None else {scenario.name: value}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    def erase(_: Stage) -> None:
        return

    monkeypatch.setattr(Stage, "erase", erase)
    return Stage("redis://nowhere", tmp_path)


def scenario(turns: int | None = None) -> Scenario:
    return Scenario("one", (Figure("one", "one thing", "jobs/s"),), lambda _: {}, turns)


def quiet(_: str) -> None:
    return


def test_sources_alternate_round_by_round(stage: Stage) -> None:
    calls: list[str] = []
    ours, other = Quiet("a", [1.0, 2.0, 3.0], calls), Quiet("b", [4.0, 5.0, 6.0], calls)
    findings = measure([scenario()], [ours, other], stage, 3, quiet)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert findings.samples["one"]["a"].values == (1.0, 2.0, 3.0)
    assert findings.samples["one"]["b"].values == (4.0, 5.0, 6.0)


def test_a_source_that_fails_is_left_out_of_the_further_rounds_and_said_to(stage: Stage) -> None:
    broken, sound = Quiet("a", [1.0, BenchError("it broke\n  in two")]), Quiet("b", [1.0, 2.0, 3.0])
    findings = measure([scenario()], [broken, sound], stage, 3, quiet)
    assert broken.calls == ["a", "a"]
    assert findings.samples["one"]["a"].values == (1.0, None, None)
    assert findings.samples["one"]["b"].values == (1.0, 2.0, 3.0)
    assert findings.gaps == {"a, one": "it broke | in two"}


def test_a_source_that_cannot_do_a_scenario_is_asked_once(stage: Stage) -> None:
    unable = Quiet("a", [None])
    findings = measure([scenario()], [unable], stage, 4, quiet)
    assert unable.calls == ["a"]
    assert findings.gaps == {}


def test_a_scenario_may_limit_its_rounds(stage: Stage) -> None:
    source = Quiet("a", [1.0, 2.0, 3.0])
    measure([scenario(turns=1)], [source], stage, 3, quiet)
    assert source.calls == ["a"]


def test_whatever_a_source_raises_costs_that_source_alone(stage: Stage) -> None:
    findings = measure([scenario()], [Quiet("a", [IndexError("out of range")]), Quiet("b", [1.0])], stage, 1, quiet)
    assert findings.gaps == {"a, one": "IndexError: out of range"}
    assert findings.samples["one"]["b"].values == (1.0,)


def test_scenarios_are_chosen_in_the_order_of_the_report() -> None:
    assert [found.name for found in chosen(["process-10", "enqueue-1"])] == ["enqueue-1", "process-10"]
    assert chosen([]) == list(SCENARIOS)
    with pytest.raises(ConfigError, match="process-11"):
        chosen(["process-11"])


def test_no_two_figures_have_one_key() -> None:
    keys = [figure.key for scenario in SCENARIOS for figure in scenario.figures]
    assert len(keys) == len(set(keys))
