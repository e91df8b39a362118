"""The arithmetic over samples."""

import pytest

from taskora.benchmarking.figures import OURS, Bar, Figure, Findings, Samples, percentile, ratios

RATE = Figure("rate", "a rate", "jobs/s")
DELAY = Figure("delay", "a delay", "ms")


def test_the_ratio_is_that_of_each_round_and_not_of_the_medians() -> None:
    # The machine was three times as fast in the second round: each round by itself says 1/2.
    found = ratios(Samples((10.0, 30.0, 15.0)), Samples((20.0, 60.0, 30.0)))
    assert found.values == (0.5, 0.5, 0.5)
    skewed = ratios(Samples((10.0, 40.0, 90.0)), Samples((20.0, 40.0, 30.0)))
    assert skewed.median == 1.0
    assert skewed.spread == (0.5, 3.0)


def test_a_round_in_which_one_gave_nothing_has_no_ratio() -> None:
    assert ratios(Samples((10.0, None, 10.0)), Samples((20.0, 20.0, None))).values == (0.5, None, None)


def test_a_reference_of_zero_has_no_ratio() -> None:
    assert ratios(Samples((10.0,)), Samples((0.0,))).known == []


def test_samples_without_numbers_have_neither_median_nor_spread() -> None:
    assert Samples((None, None)).median is None
    assert Samples(()).spread is None


def test_the_median_of_an_even_number_of_samples_lies_between_the_middle_two() -> None:
    assert Samples((1.0, None, 4.0, 2.0, 9.0)).median == 3.0


@pytest.mark.parametrize(
    ("bar", "figure", "ours", "bare", "met"),
    [
        (Bar(0.75, "bare"), RATE, 80.0, 100.0, True),
        (Bar(0.75, "bare"), RATE, 70.0, 100.0, False),
        (Bar(100), RATE, 100.0, None, True),
        (Bar(100), RATE, 99.0, None, False),
        (Bar(0.2), DELAY, 0.2, None, True),
        (Bar(0.2), DELAY, 0.3, None, False),
        (Bar(2.0, "bare"), DELAY, 0.3, 0.2, True),
        (Bar(2.0, "bare"), DELAY, 0.5, 0.2, False),
    ],
)
def test_more_is_better_for_rates_and_less_for_the_rest(
    bar: Bar, figure: Figure, ours: float, bare: float | None, met: bool
) -> None:
    samples = {OURS: Samples((ours,))} | ({} if bare is None else {"bare": Samples((bare,))})
    assert bar.is_met(figure, samples) is met


def test_a_bar_without_its_reference_was_not_measured() -> None:
    assert Bar(0.75, "bare").is_met(RATE, {OURS: Samples((1.0,))}) is None
    assert Bar(0.75, "bare").is_met(RATE, {"bare": Samples((1.0,))}) is None
    assert Bar(1.0).is_met(RATE, {}) is None


def test_sources_are_those_with_numbers_and_ours_come_first() -> None:
    findings = Findings([RATE])
    findings.add("rate", "bare", 1.0)
    findings.add("rate", "absent", None)
    findings.add("rate", OURS, 2.0)
    assert findings.sources() == [OURS, "bare"]
    assert findings.samples["rate"]["absent"] == Samples((None,))


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert percentile(values, 50) == 51.0
    assert percentile(values, 99) == 100.0
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="none"):
        percentile([], 50)
