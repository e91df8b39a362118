"""What the steward does for workers that are alive and silent."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from taskora.adapters.protocol import Adapter
from taskora.errors import AdapterError
from taskora.supervisor.beats import Beat, State
from taskora.supervisor.steward import SilenceWatch

MS = 1_000_000
BEAT = Beat(
    cell=0, slot=0, role="worker", generation=1, pid=1, start_ticks=1, worker="w", state=State.READY, beat_ns=0,
    active=1, done=0, failed=0, hang_deadline_ns=0, doomed=False, wants_end=False, started_ns=0,
)  # fmt: skip


class Deed:
    """An operation that notes itself, or fails as told."""

    def __init__(self, leases: "Leases", text: str) -> None:
        self._leases = leases
        self._text = text

    async def run_async(self) -> int:
        if self._text in self._leases.unanswered:
            await asyncio.Event().wait()
        if self._text in self._leases.failing:
            raise AdapterError("the server is away")
        self._leases.done.append(self._text)
        return 1


class Leases:
    """As much of an adapter as is used."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: set[str] = set()
        self.unanswered: set[str] = set()

    @property
    def leases(self) -> "Leases":
        return self

    def fence(self, worker: str, tasks: Sequence[str], halted: bool) -> Deed:
        return Deed(self, f"{'halt' if halted else 'free'} {worker}")

    def extend_worker(self, worker: str, tasks: Sequence[str], ttl_ms: int) -> Deed:
        return Deed(self, f"extend {worker}")

    def taken(self) -> list[str]:
        done, self.done = self.done, []
        return done


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
def watch(leases: Leases) -> SilenceWatch:
    return SilenceWatch(cast("Adapter", leases), ["t"], lock_ttl_ms=4000, heartbeat_ns=10_000 * MS)


def silent(worker: str = "w", for_ms: int = 0, state: State = State.READY) -> Beat:
    return replace(BEAT, worker=worker, beat_ns=time.monotonic_ns() - for_ms * MS, state=state)


async def look(watch: SilenceWatch, *beats: Beat) -> None:
    await watch.look(beats)


async def test_who_is_silent_is_kept_from_claiming_once_and_freed_once(watch: SilenceWatch, leases: Leases) -> None:
    await look(watch, silent())
    assert leases.taken() == ["free w"]
    await look(watch, silent())
    assert leases.taken() == []
    await look(watch, silent(for_ms=300))
    await look(watch, silent(for_ms=400))
    assert leases.taken() == ["halt w"]
    await look(watch, silent())
    await look(watch, silent())
    assert leases.taken() == ["free w"]


@pytest.mark.parametrize("state", [State.DRAINING, State.STUCK])
async def test_who_is_to_end_is_not_freed(watch: SilenceWatch, leases: Leases, state: State) -> None:
    await look(watch, silent(for_ms=300))
    leases.done.clear()
    await look(watch, silent(state=state))
    assert leases.taken() == []


async def test_a_fence_that_failed_is_tried_again(watch: SilenceWatch, leases: Leases) -> None:
    leases.failing = {"halt w"}
    with pytest.raises(AdapterError):
        await look(watch, silent(for_ms=300))
    leases.failing.clear()
    await look(watch, silent(for_ms=400))
    assert leases.taken() == ["halt w"]


async def test_what_is_not_answered_is_given_up_while_locks_have_time(leases: Leases) -> None:
    watch = SilenceWatch(cast("Adapter", leases), ["t"], lock_ttl_ms=600, heartbeat_ns=10_000 * MS)
    leases.unanswered = {"halt w"}
    with pytest.raises(TimeoutError):
        await look(watch, silent(for_ms=300), silent("other"))
    assert leases.taken() == ["free other"]
    leases.unanswered.clear()
    await look(watch, silent(for_ms=400))
    assert leases.taken() == ["halt w", "extend w"]


async def test_a_fence_that_may_have_been_set_is_lifted(watch: SilenceWatch, leases: Leases) -> None:
    await look(watch, silent())
    leases.failing = {"halt w"}
    with pytest.raises(AdapterError):
        await look(watch, silent(for_ms=300))
    leases.taken()
    await look(watch, silent())
    assert leases.taken() == ["free w"]


async def test_locks_are_renewed_before_a_quarter_of_their_time_and_at_each_further_quarter(
    watch: SilenceWatch, leases: Leases
) -> None:
    await look(watch, silent(for_ms=900))
    assert leases.taken() == ["halt w"]
    await look(watch, silent(for_ms=1000))
    await look(watch, silent(for_ms=1100))
    assert leases.taken() == ["extend w"]


async def test_a_renewal_that_failed_is_tried_again(watch: SilenceWatch, leases: Leases) -> None:
    leases.failing = {"extend w"}
    with pytest.raises(AdapterError):
        await look(watch, silent(for_ms=1100))
    leases.failing.clear()
    leases.taken()
    await look(watch, silent(for_ms=1200))
    assert leases.taken() == ["extend w"]


async def test_one_workers_trouble_costs_no_other_its_locks(watch: SilenceWatch, leases: Leases) -> None:
    leases.failing = {"halt a", "extend a"}
    with pytest.raises(AdapterError):
        await look(watch, silent("a", for_ms=1100), silent("b", for_ms=1100))
    assert leases.taken() == ["halt b", "extend b"]


@pytest.mark.parametrize(
    "trait",
    [{"doomed": True}, {"state": State.STARTING}, {"worker": ""}, {"role": "steward"}],
    ids=["doomed", "starting", "nameless", "steward"],
)
async def test_these_are_left_alone(watch: SilenceWatch, leases: Leases, trait: dict[str, Any]) -> None:
    await look(watch, replace(silent(for_ms=1100), **trait))
    assert leases.taken() == []


async def test_silence_that_nothing_explains_is_not_renewed(watch: SilenceWatch, leases: Leases) -> None:
    await look(watch, silent(for_ms=10_100))
    assert leases.taken() == ["halt w"]
    explained = replace(silent("v", for_ms=10_100), hang_deadline_ns=time.monotonic_ns() + 1000 * MS)
    await look(watch, explained)
    assert leases.taken() == ["halt v", "extend v"]
