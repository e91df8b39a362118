"""What a worker does to keep what it holds, whatever else happens."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from support import wait_until_async
from taskora.model import Claimed, Held
from taskora.worker.leases import Leases
from taskora.worker.run import Run


class Watch:
    async def __aiter__(self) -> AsyncIterator[tuple[str, str]]:
        yield "mail", "early"

    async def close(self) -> None: ...


class Store:
    def watch_cancels(self, tasks: object) -> Watch:
        return Watch()


def run_of(job_id: str) -> Run:
    nothing: Any = None
    return Run(Claimed("mail", job_id, b"", 1, 1, 0, "token", 0, ""), nothing, nothing)


async def test_an_early_cancel_is_remembered_for_its_job_only() -> None:
    store: Any = Store()
    leases = Leases(store, {}, ["mail"], 30_000, lambda run, reason: None, lambda part: None)
    assert not leases.check_early(run_of("early"))
    leases.start()
    await wait_until_async(lambda: leases.check_early(run_of("early")))
    assert not leases.check_early(run_of("other"))
    await leases.stop()


class BreakingStore(Store):
    """Breaks the first renewals by what no server does."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.renewed = 0

    def extend(self, held: Sequence[object], ttl_ms: int) -> "BreakingStore":
        return self

    async def run_async(self) -> list[int]:
        if self.times:
            self.times -= 1
            raise ZeroDivisionError
        self.renewed += 1
        return [1]


async def test_locks_are_renewed_although_renewing_broke_so_that_jobs_can_end_in_a_drain() -> None:
    breaking = BreakingStore(2)
    store: Any = breaking
    told: list[asyncio.Task[None]] = []
    run = run_of("long")
    run.started_s -= 60
    leases = Leases(store, {("mail", "long"): run}, ["mail"], 30, lambda run, reason: None, told.append)
    leases.start()
    await wait_until_async(lambda: breaking.renewed > 1, 30)
    broken = [part for part in told if not part.cancelled() and part.exception() is not None]
    assert [type(part.exception()) for part in broken] == [ZeroDivisionError] * 2
    await leases.stop()
    assert len(asyncio.all_tasks()) == 1


class DeafStore(Store):
    """Answers no renewal of the first round in time, as a connection does that is dead without saying so."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self.answered_s: list[float] = []

    def extend(self, held: Sequence[Held], ttl_ms: int) -> "DeafStore":
        return self

    async def run_async(self) -> list[int]:
        self.asked_s.append(time.monotonic())
        if len(self.asked_s) == 1:
            await asyncio.Event().wait()
        self.answered_s.append(time.monotonic())
        return [1]


async def test_a_renewal_that_is_not_answered_is_given_up_while_the_lock_has_time_left() -> None:
    deaf, ttl_ms = DeafStore(), 1500
    store: Any = deaf
    run = run_of("long")
    leases = Leases(store, {("mail", "long"): run}, ["mail"], ttl_ms, lambda run, reason: None, lambda part: None)
    run.started_s -= ttl_ms / 6000  # a lock that has lived half a period, so that the first round asks for it
    leases.start()
    await wait_until_async(lambda: deaf.answered_s != [], 30)
    assert deaf.answered_s[0] - deaf.asked_s[0] < ttl_ms / 3000
    await leases.stop()
