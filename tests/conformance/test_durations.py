"""Counts of how long jobs waited and ran."""

from conformance.kit import Kit
from taskora.adapters.duration_store import QUARTER_MS, Durations


async def test_counts_are_added_by_task_and_over_all(kit: Kit) -> None:
    store = kit.adapter.durations
    await store.add({"a": Durations({3: 2}, {10: 1, 11: 4}), "b": Durations({}, {10: 5})}).run_async()
    await store.add({"a": Durations({3: 1}, {10: 1})}).run_async()
    a, b = Durations({3: 3}, {10: 2, 11: 4}), Durations({}, {10: 5})
    for task, expected in (("a", a), ("b", b), (None, Durations({3: 3}, {10: 7, 11: 4}))):
        # A quarter of an hour may have begun just now; that it begins between the two calls is not worth waiting for.
        found = [one.durations for one in await store.read(task, 2).run_async() if one.durations.runs]
        assert found == [expected]


async def test_quarters_come_in_order_and_the_last_has_begun(kit: Kit) -> None:
    found = await kit.adapter.durations.read("a", 96).run_async()
    times = [round(one.at.timestamp() * 1000) for one in found]
    assert times == list(range(times[0], times[0] + 96 * QUARTER_MS, QUARTER_MS))
    assert times[-1] % QUARTER_MS == 0
    assert 0 <= await kit.now_ms() - times[-1] < QUARTER_MS + 1000
    assert all(one.durations == Durations({}, {}) for one in found)
