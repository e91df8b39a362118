"""How long it took to recover is read off right."""

from dataclasses import replace

from faults.ledger import Run
from faults.plan import make_plan
from faults.recovery import recoveries

S = 1_000_000_000
FIRST, SECOND = make_plan(1, 10)[:2]


def steady(begin_s: float, end_s: float, each_s: float = 0.01) -> list[Run]:
    """Runs that come to their end at a steady rate."""
    whole = Run("quick", "j", 1, 1, "", 0, 0.0)
    count = int((end_s - begin_s) / each_s)
    return [replace(whole, end_ns=int((begin_s + n * each_s) * S)) for n in range(count)]


def test_nothing_is_lost_by_a_fault_that_nobody_notices() -> None:
    (found,) = recoveries(steady(0, 20), [(FIRST, 10 * S, 11 * S)])
    assert (found.after_s, found.alone, round(found.usual)) == (0.0, True, 100)


def test_the_time_until_as_much_is_done_as_before_is_told() -> None:
    runs = [*steady(0, 10), *steady(11, 13, 0.05), *steady(13, 20)]
    (found,) = recoveries(runs, [(FIRST, 10 * S, 11 * S)])
    assert found.after_s is not None
    assert 1.8 <= found.after_s <= 2.0


def test_who_never_does_as_much_again_has_not_recovered() -> None:
    (found,) = recoveries([*steady(0, 10), *steady(11, 60, 0.05)], [(FIRST, 10 * S, 11 * S)])
    assert found.after_s is None


def test_what_is_usual_is_what_was_done_in_calm_times() -> None:
    # Before the second fault little is done, and long before it much: the little is no measure.
    runs = [*steady(0, 30), *steady(30, 40, 0.1)]
    found = recoveries(runs, [(FIRST, 1 * S, 2 * S), (SECOND, 31 * S, 32 * S)])
    assert [round(each.usual) for each in found] == [100, 100]
    assert [each.after_s is not None for each in found] == [True, False]


def test_a_recovery_in_which_another_fault_fell_is_not_its_own() -> None:
    runs = [*steady(0, 10), *steady(15, 30)]
    first, second = recoveries(runs, [(FIRST, 10 * S, 11 * S), (SECOND, 12 * S, 13 * S)])
    assert (first.alone, second.alone) == (False, True)
