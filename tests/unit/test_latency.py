"""How long jobs waited and ran, as it is counted and estimated."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import wait_until_async
from taskora import Taskora
from taskora.adapters.duration_store import Durations, DurationsAt, DurationStore
from taskora.adapters.memory import memory_adapter
from taskora.errors import AdapterError
from taskora.latency import Latency, Stopwatch, quantile, read_latencies
from taskora.model import Claimed, Settled
from taskora.worker.run import Run

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Ran:
    """What is asked of a run."""

    def __init__(self, took_s: float, waited_ms: int = 5, attempt: int = 1) -> None:
        self.started_s = time.monotonic() - took_s
        self.job = Claimed("a", "j", b"", attempt, 1, 1000, "t", 1000 + waited_ms, "")


def observed(*runs: Ran, verb: str = "complete") -> Durations:
    adapter = memory_adapter()

    async def stored() -> Durations:
        watch = Stopwatch(adapter.durations, ("a",))
        for run in runs:
            outcome = Settled(run.job, verb)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            watch.observe(cast("Run", run), outcome)
        watch.start()
        await watch.stop()
        first, second = await adapter.durations.read("a", 2).run_async()
        return second.durations if second.durations.runs else first.durations

    return asyncio.run(stored())


def test_a_run_is_counted_by_its_size_in_microseconds() -> None:
    # 20 s are 20,000,000 us: 25 bits. 5 ms are 5,000 us: 13 bits.
    assert observed(Ran(20.0)) == Durations({13: 1}, {25: 1})


def test_only_the_first_run_of_a_job_tells_how_long_it_waited() -> None:
    assert observed(Ran(20.0, attempt=2)).waits == {}


@pytest.mark.parametrize("verb", ["return", "defer"])
def test_what_is_given_back_is_not_counted(verb: str) -> None:
    assert observed(Ran(20.0), verb=verb) == Durations({}, {})


def test_nonsense_of_others_is_counted_as_very_short_or_very_long() -> None:
    assert observed(Ran(20.0, waited_ms=-5)).waits == {0: 1}
    assert observed(Ran(20.0, waited_ms=10**30)).waits == {63: 1}


def test_what_could_not_be_stored_is_stored_later_and_once() -> None:
    adapter = memory_adapter()
    add, fails = adapter.durations.add, [True]

    async def live() -> None:
        watch = Stopwatch(adapter.durations, ("a",))
        watch.observe(cast("Run", Ran(20.0)), Settled(Ran(0).job, "complete"))
        for _ in range(3):
            watch.start()
            await watch.stop()
            fails.clear()
        found = await adapter.durations.read("a", 2).run_async()
        assert sum(sum(one.durations.runs.values()) for one in found) == 1

    def may_fail(counts: dict[str, Durations]) -> object:
        if fails:
            raise AdapterError("gone")
        return add(counts)

    adapter.durations.add = may_fail  # type: ignore[method-assign,assignment]  # pyright: ignore[reportAttributeAccessIssue]
    asyncio.run(live())


def test_what_is_being_stored_when_it_ends_is_stored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskora.latency._EVERY_S", 0.0)
    added: list[int] = []

    class Slow:
        def add(self, counts: Mapping[str, Durations]) -> "Slow":
            added.append(sum(counts["a"].runs.values()))
            return self

        async def run_async(self) -> None:
            await asyncio.sleep(0.05)

    async def live() -> None:
        watch = Stopwatch(cast("DurationStore", Slow()), ("a",))
        watch.start()
        watch.observe(cast("Run", Ran(20.0)), Settled(Ran(0).job, "complete"))
        await wait_until_async(lambda: added)
        await watch.stop()

    asyncio.run(live())
    assert added == [1]


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_off_by_less_than_a_factor_of_two(values: list[int], part: float) -> None:
    sizes: dict[int, int] = {}
    for value in values:
        sizes[value.bit_length()] = sizes.get(value.bit_length(), 0) + 1
    rank = max(1, -(-part * len(values) // 1))
    exact_us = sorted(values)[int(rank) - 1]
    estimated_s = quantile(sizes, part)
    assert estimated_s is not None
    assert exact_us / 2 <= estimated_s * 1e6 <= exact_us * 2


def test_quarters_are_put_together() -> None:
    def at(runs: dict[int, int]) -> DurationsAt:
        return DurationsAt(NOON, Durations({}, runs))

    found: Sequence[Latency] = read_latencies([at({1: 1}), at({1: 1}), at({}), at({})], 2)
    assert [(one.runs, one.wait_p50, one.run_p50) for one in found] == [(2, None, 1.5e-06), (0, None, None)]


async def test_a_working_application_tells_how_long_its_jobs_took() -> None:
    app = Taskora("memory://")

    @app.task("nap")
    async def nap() -> None:
        await asyncio.sleep(0.02)

    await app.start()
    await nap.dispatch().result_async(5)
    await app.close_async()
    again = Taskora(app.adapter)

    async def counted() -> list[Latency]:
        return [one for one in await again.inspect().latency_async("nap") if one.runs]

    (latency,) = await wait_until_async(counted)
    assert latency.run_p50 is not None
    assert 0.01 < latency.run_p50 < 5
    assert sum(one.runs for one in await again.inspect().latency_async()) == 1
