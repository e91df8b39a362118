"""Whatever workers, sweeps and others do: no key has more jobs than its limit, and every job gets its turn."""

import asyncio
import random
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.adapter.kit import TASK, Kit, done
from integration.limits.keyed import (
    assert_consistent,
    assert_no_key_left,
    counters,
    keyed,
    sweep,
    vanish,
)
from support import Server
from taskora.adapters.lane import Lane
from taskora.ids import new_id
from taskora.model import Claimed, NewJob, Settled, Want

LIMITS = {"a": 1, "b": 2, "c": 3}
WORKERS = ("one", "two")
STEPS = ("add", "claim", "settle", "recover", "vanish", "cancel", "sweep", "lost decrement", "double decrement")


@dataclass
class World:
    """What a program has done so far."""

    kit: Kit
    rng: random.Random
    lanes: dict[str, tuple[str, Lane]] = field(default_factory=dict[str, tuple[str, Lane]])
    running: list[tuple[str, Claimed]] = field(default_factory=list[tuple[str, Claimed]])
    added: list[str] = field(default_factory=list[str])
    damaged: bool = False

    def lane(self) -> tuple[str, str, Lane]:
        """One of the workers, with the name under which it claims: after its death it has another."""
        worker = self.rng.choice(WORKERS)
        if worker not in self.lanes:
            name = f"{worker}:{new_id()[-6:]}"
            self.lanes[worker] = name, self.kit.lane(name)
        return worker, *self.lanes[worker]

    async def do(self, step: str) -> None:
        kit, rng = self.kit, self.rng
        if step == "add":
            jobs = [self.new_job() for _ in range(rng.randint(1, 5))]
            await kit.add(*jobs)
            self.added += [job.job_id for job in jobs]
        elif step == "claim":
            await self.round_trip([], rng.randint(1, 6))
        elif step == "settle" and self.running:
            rng.shuffle(self.running)
            cut = rng.randint(1, len(self.running))
            batch, self.running = self.running[:cut], self.running[cut:]
            await self.round_trip([self.outcome(job) for _, job in batch], rng.choice((0, 3)))
        elif step == "recover":
            worker, name, lane = self.lane()
            await kit.adapter.leases.recover(
                name, {TASK: 0}, cause="killed", charged=rng.random() < 0.5, max_crashes=50
            ).run_async()
            del self.lanes[worker]
            await lane.close()
            self.running = [each for each in self.running if each[0] != worker]
        elif step == "vanish" and self.running:
            _, job = self.running.pop(rng.randrange(len(self.running)))
            await vanish(kit, job)
        elif step == "cancel" and self.added:
            await kit.adapter.jobs.cancel(TASK, rng.choice(self.added), "no").run_async()
        elif step == "sweep":
            await sweep(kit)
            self.damaged = False
        elif step == "lost decrement":
            known = sorted(kit.raw.hkeys(f"{kit.base()}:limited"))
            if known:
                kit.raw.incr(f"{kit.base()}:conc:{rng.choice(known)}")
                self.damaged = True
        elif step == "double decrement":
            for key in counters(kit):
                kit.raw.decr(f"{kit.base()}:conc:{key}")
            self.damaged = True

    def new_job(self) -> NewJob:
        key, priority = self.rng.choice(["", *LIMITS]), self.rng.choice((0, 0, 3))
        return keyed(key, LIMITS.get(key, 0), priority=priority)

    def outcome(self, job: Claimed) -> Settled:
        verb = self.rng.choice(("complete", "complete", "fail", "retry", "return", "defer", "cancel"))
        return Settled(job, verb, b"null", 0)  # type: ignore[arg-type]  # one of the verbs

    async def round_trip(self, outcomes: list[Settled], count: int) -> None:
        worker, _, lane = self.lane()
        reply = await lane.step(outcomes, [Want(TASK, count)] if count else [])
        assert reply.fenced == ""
        self.running += [(worker, job) for job in reply.jobs]

    async def finish(self) -> None:
        """Nothing is damaged any more: with sweeps and claims, all that waits must come to its end."""
        for _, job in self.running:
            await vanish(self.kit, job)
        await sweep(self.kit, 2)
        assert_consistent(self.kit, LIMITS)
        lane = self.kit.lane(new_id())
        jobs = await self.kit.claim(lane, 10)
        rounds = 0
        while jobs or self.kit.raw.zcard(f"{self.kit.base()}:delayed"):
            rounds += 1
            assert rounds < 500
            assert_consistent(self.kit, LIMITS)
            jobs = (await lane.step([done(job) for job in jobs], [Want(TASK, 10)])).jobs
        await lane.close()
        states = {self.kit.state(job_id) for job_id in self.added}
        assert states <= {"completed", "failed", "cancelled"}
        await sweep(self.kit)
        assert_no_key_left(self.kit)


async def run(kit: Kit, steps: list[str], seed: int) -> None:
    kit.raw.flushall()
    world = World(kit, random.Random(seed))
    for step in steps:
        await world.do(step)
        assert_consistent(kit, LIMITS, counted=not world.damaged)
    await world.finish()
    for _, lane in world.lanes.values():
        await lane.close()


def test_w31_in_any_program_counters_are_their_holders_and_nobody_waits_for_ever(server: Server, prefix: str) -> None:
    """W31."""
    with asyncio.Runner() as runner:
        kit = Kit(server.url, prefix)
        try:

            @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
            @given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=40), st.integers(0, 2**32))
            def check(steps: list[str], seed: int) -> None:
                runner.run(run(kit, ["add", *steps], seed))

            check()
        finally:
            runner.run(kit.close())
            kit.raw.close()
