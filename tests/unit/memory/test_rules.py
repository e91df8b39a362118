"""What the memory adapter remembers of keys does not grow with their number."""

from collections.abc import Callable

import pytest

from taskora.adapters.memory import ManualClock
from taskora.adapters.memory.rules import MemoryRules
from taskora.adapters.memory.store import Store
from taskora.model import EnqueueSpec, NewJob
from taskora.rules import DebounceRule, Rule, ThrottleRule

DAY_MS = 86_400_000


def one_in(key: str, ms: int) -> Rule:
    return ThrottleRule(key, 1, ms)


@pytest.mark.parametrize("rule", [DebounceRule, one_in])
def test_keys_that_have_run_out_are_forgotten_although_one_of_them_is_held_for_long(
    rule: Callable[[str, int], Rule],
) -> None:
    clock = ManualClock(1_795_544_727_026)
    store = Store(clock)
    rules = MemoryRules(store)

    def dispatch(decides: Rule, job_id: str) -> None:
        rules.enqueue("mail", EnqueueSpec(), [(NewJob(job_id, b"1"), decides)]).run()

    dispatch(rule("long", DAY_MS), "first")
    for number in range(500):
        dispatch(rule(f"short-{number}", 1), f"a{number}")
        dispatch(rule(f"short-{number}", 1), f"b{number}")
        clock.advance(1_300_000)  # longer than it is known what took the place of another
        dispatch(rule("long", DAY_MS), f"c{number}")
    queue = store.queue("mail")
    assert max(len(queue.debounced), len(queue.throttled)) < 10
    assert len(queue.replaced) < 300, "of these the last two days' are known"
