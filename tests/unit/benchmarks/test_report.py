"""How findings are written."""

from datetime import UTC, datetime

import orjson
import pytest

from taskora.benchmarking.figures import OURS, Bar, Figure, Findings, Samples
from taskora.benchmarking.machine import Machine
from taskora.benchmarking.report import Report, number, span, table

MACHINE = Machine(
    at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    cpu="abacus",
    cpus=2,
    memory_gb=4.2,
    system="Linux 6",
    python="3.11.7",
    load=0.5,
    server="redis 7.0.15",
    versions={"taskora": "1.2.3"},
)


def findings() -> Findings:
    found = Findings([Figure("rate", "a rate", "jobs/s"), Figure("delay", "a delay", "ms")])
    for ours, bare, peer in [(900.0, 1_000.0, 300.0), (1_100.0, 1_000.0, 100.0), (1_000.0, 2_000.0, 200.0)]:
        found.add("rate", OURS, ours)
        found.add("rate", "bare", bare)
        found.add("rate", "peer", peer)
        found.add("delay", OURS, 0.25)
    found.gaps["peer, delay"] = "it has none"
    return found


def report(**bars: Bar) -> Report:
    return Report(MACHINE, 3, 1.0, findings(), references=["bare"], bars=bars, missing={"lost": "not installed"})


def test_a_row_has_the_median_the_spread_the_ratio_and_the_bar() -> None:
    text = report(rate=Bar(0.75, "bare"), delay=Bar(0.2)).markdown()
    (row,) = [line for line in text.splitlines() if line.startswith("| a rate") and "bare" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    # 0.9, 1.1 and 0.5 are the rounds' ratios.
    expected = ["a rate", "jobs/s", "1,000", "900 to 1,100", "1,000", "0.900 (0.500 to 1.10)", "≥ 0.750 × bare", "yes"]
    assert cells == expected
    assert "≤ 0.200 |  NO |" in text


def test_peers_have_a_table_of_their_own_with_how_many_times_as_much_ours_is() -> None:
    own, peers = report().markdown().split("Peers;")
    assert "peer" not in own
    (row,) = [line for line in peers.splitlines() if line.startswith("| a rate")]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["a rate", "jobs/s", "1,000", "200 (5.00)"]
    assert "a delay" not in peers.split("- not measured")[0]


def test_what_the_figures_depend_on_and_what_is_missing_is_said() -> None:
    text = report().markdown()
    for said in (
        "abacus, 2 CPUs, 4 GB",
        "load 0.5 before",
        "redis 7.0.15, taskora 1.2.3",
        "median of 3 rounds",
        "- not measured: lost: not installed",
        "- not measured: peer, delay: it has none",
    ):
        assert said in text


def test_a_run_with_few_jobs_says_so() -> None:
    assert "TOO FEW" in Report(MACHINE, 1, 0.05, findings()).markdown()
    assert "TOO FEW" not in report().markdown()


def test_the_data_are_json_with_all_samples() -> None:
    data = orjson.loads(orjson.dumps(report(rate=Bar(0.75, "bare")).data()))
    rate = data["figures"][0]
    assert rate["bar"] == {"value": 0.75, "reference": "bare", "measured": 0.9, "met": True}
    assert rate["sources"]["peer"]["values"] == [300.0, 100.0, 200.0]
    assert rate["sources"]["peer"]["ours_divided_by_it"] == 5.0
    assert data["machine"]["server"] == "redis 7.0.15"
    assert data["missing"] == {"lost": "not installed", "peer, delay": "it has none"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12_345.6, "12,346"), (123.4, "123"), (99.96, "100.0"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"),
        (0.0012, "0.001"), (0.0, "0.000"), (-12.34, "-12.3"), (None, "–"),
    ],
)  # fmt: skip
def test_three_digits_count(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_span_without_numbers_is_a_dash() -> None:
    assert span(Samples((None,))) == "–"


def test_numbers_stand_right_in_a_table_that_is_aligned_in_the_source() -> None:
    assert table(["what", "unit", "n"], [["a", "ms", "10"], ["long one", "s", "7"]]).splitlines() == [
        "| what     | unit |  n |",
        "|----------|------|---:|",
        "| a        | ms   | 10 |",
        "| long one | s    |  7 |",
    ]
