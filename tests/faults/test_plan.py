"""The list of faults: the same for a seed, and of every kind."""

from collections import Counter
from itertools import pairwise

from faults.plan import KINDS, make_plan


def test_a_seed_gives_the_same_faults_each_time_and_another_seed_others() -> None:
    assert make_plan(5, 60) == make_plan(5, 60)
    assert make_plan(5, 60) != make_plan(6, 60)


def test_a_shorter_storm_is_the_beginning_of_a_longer_one() -> None:
    shorter = make_plan(5, 30)
    assert shorter == make_plan(5, 300)[: len(shorter)]


def test_calm_comes_before_every_tenth_fault() -> None:
    at_s = [fault.at_s for fault in make_plan(5, 300, pause_s=1, calm_s=20)]
    pauses_s = [later - earlier for earlier, later in pairwise([0, *at_s])]
    assert [number for number, pause_s in enumerate(pauses_s) if pause_s > 20] == list(range(0, len(at_s), 10))


def test_every_kind_comes_before_any_comes_a_third_time() -> None:
    plan = make_plan(5, 1000)
    times = Counter(fault.kind for fault in plan[: 2 * len(KINDS)])
    assert times == Counter(dict.fromkeys(KINDS, 2))
    assert all(fault.target in KINDS[fault.kind].targets for fault in plan)
