"""Schedules fire: each occurrence once, whatever happens to the leader."""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from support import wait_until_async
from taskora.adapters.redis import RedisAdapter
from taskora.adapters.schedule_store import DueSchedules, ScheduleChange
from taskora.config import Retry, TaskOptions
from taskora.housekeeping import Housekeeper, card_of
from taskora.housekeeping.roster import Roster
from taskora.housekeeping.term import Term
from taskora.housekeeping.ticker import Ticker
from taskora.schedules.planner import occurrence_id
from taskora.serializer import JSON

from .conftest import StartHousekeeper

KNOWN = {"t": TaskOptions()}
HOUR_MS = 3_600_000


class Bench:
    """Schedules and the jobs that came of them, as they are stored."""

    def __init__(self, raw: Any, root: str) -> None:
        self.raw = raw
        self.root = root
        self.key = f"{root}:schedules"

    def write(self, name: str, ago_ms: int, **members: Any) -> int:
        """Stores a schedule that was due some time ago; returns when."""
        seconds, micros = self.time()
        due_ms = seconds * 1000 + micros // 1000 - ago_ms
        self.raw.hset(self.key, name, json.dumps({"task": "t", **members}))
        self.raw.zadd(f"{self.key}:next", {name: due_ms})
        return due_ms

    def time(self) -> tuple[int, int]:
        found: tuple[int, int] = self.raw.time()
        return found

    def members(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(str(self.raw.hget(self.key, name)))
        return found

    def next_ms(self, name: str) -> int | None:
        score: Any = self.raw.zscore(f"{self.key}:next", name)
        return None if score is None else int(score)

    def jobs(self, task: str = "t") -> list[str]:
        """Ids of the waiting jobs, in the order in which they were stored."""
        found: list[str] = self.raw.lrange(f"{self.root}:{{{task}}}:wait", 0, -1)
        return found[::-1]


@pytest.fixture
def bench(raw: Any, root: str) -> Bench:
    return Bench(raw, root)


async def leading_ticker(adapter: RedisAdapter, known: dict[str, TaskOptions] = KNOWN) -> Ticker:
    term = Term(adapter.house, 30)
    assert await term.renew()
    return Ticker(adapter, term, Roster(adapter.house, known, 0.0), JSON, 1.0)


async def test_a_due_schedule_fires_once_and_keeps_its_rhythm(adapter: RedisAdapter, bench: Bench) -> None:
    due_ms = bench.write("s", 2500, every=1000, data={"x": 1}, theirs=[1, {"b": None}])
    ticker = await leading_ticker(adapter)
    pause_s = await ticker.round()
    assert bench.jobs() == [occurrence_id("s", due_ms)]
    assert bench.next_ms("s") == due_ms + 3000
    assert 0.0 < pause_s <= 0.5
    members = bench.members("s")
    assert (members["lastJobId"], members["theirs"]) == (occurrence_id("s", due_ms), [1, {"b": None}])
    assert members["lastRun"] == pytest.approx(due_ms + 2500, abs=2000)
    job: Any = bench.raw.hgetall(f"{bench.root}:{{t}}:{bench.jobs()[0]}")
    assert (job["data"], job["state"]) == ('{"x":1}', "waiting")
    await ticker.round()
    assert len(bench.jobs()) == 1


async def test_a_cron_schedule_moves_to_its_next_time(adapter: RedisAdapter, bench: Bench) -> None:
    bench.write("s", 5, cron="0 0 1 1 *", timezone="Asia/Kathmandu")
    await (await leading_ticker(adapter)).round()
    assert len(bench.jobs()) == 1
    next_ms = bench.next_ms("s")
    assert next_ms is not None
    assert (next_ms // 60_000) % (24 * 60) == (24 * 60) - (5 * 60 + 45)


@pytest.mark.parametrize(
    ("policy", "runs"), [("skip", 1), ("catch-up", 6), ("catch-up-limit:4", 4), ("catch-up-limit:9", 6)]
)
async def test_missed_runs_are_made_up_for_as_the_policy_says(
    adapter: RedisAdapter, bench: Bench, policy: str, runs: int
) -> None:
    due_ms = bench.write("s", 5 * HOUR_MS + 60_000, every=HOUR_MS, onMissed=policy)
    await (await leading_ticker(adapter)).round()
    assert bench.jobs() == [occurrence_id("s", due_ms + n * HOUR_MS) for n in range(runs)]
    assert bench.next_ms("s") == due_ms + 6 * HOUR_MS
    assert bench.members("s")["lastJobId"] == bench.jobs()[-1]


async def test_missed_runs_of_a_cron_schedule_are_its_own_times(adapter: RedisAdapter, bench: Bench) -> None:
    bench.write("s", 0, cron="*/10 * * * *", onMissed="catch-up")
    now_ms = bench.time()[0] * 1000
    first_ms = now_ms - now_ms % 600_000 - 1_800_000
    bench.raw.zadd(f"{bench.key}:next", {"s": first_ms})
    await (await leading_ticker(adapter)).round()
    assert bench.jobs()[:4] == [occurrence_id("s", first_ms + n * 600_000) for n in range(4)]


async def test_a_long_outage_is_made_up_for_piece_by_piece(adapter: RedisAdapter, bench: Bench) -> None:
    due_ms = bench.write("s", 1_500_000, every=1000, onMissed="catch-up", overlap=True)
    ticker = await leading_ticker(adapter)
    assert await ticker.round() <= 0
    assert bench.next_ms("s") == due_ms + 1_000_000
    await ticker.round()
    assert bench.jobs()[:1500] == [occurrence_id("s", due_ms + n * 1000) for n in range(1500)]


@pytest.mark.parametrize("state", ["waiting", "delayed", "retrying", "active"])
async def test_a_previous_job_that_has_not_ended_keeps_the_next_from_being_dispatched(
    adapter: RedisAdapter, bench: Bench, state: str
) -> None:
    due_ms = bench.write("s", 5, every=HOUR_MS, overlap=False, lastJobId="before", lastRun=1)
    bench.raw.hset(f"{bench.root}:{{t}}:before", "state", state)
    before = bench.members("s")
    await (await leading_ticker(adapter)).round()
    assert bench.jobs() == []
    assert (bench.members("s"), bench.next_ms("s")) == (before, due_ms + HOUR_MS)


@pytest.mark.parametrize(
    ("state", "overlap"), [("completed", False), ("failed", False), (None, False), ("active", True)]
)
async def test_a_previous_job_that_ended_or_may_overlap_does_not(
    adapter: RedisAdapter, bench: Bench, state: str | None, overlap: bool
) -> None:
    bench.write("s", 5, every=HOUR_MS, overlap=overlap, lastJobId="before")
    if state is not None:
        bench.raw.hset(f"{bench.root}:{{t}}:before", "state", state)
    await (await leading_ticker(adapter)).round()
    assert len(bench.jobs()) == 1


async def test_two_leaders_fire_each_occurrence_once_though_one_is_killed(
    housekeep: StartHousekeeper, kill: Callable[[Housekeeper], Awaitable[None]], bench: Bench
) -> None:
    every_ms = 20
    due_ms = bench.write("s", 0, every=every_ms, overlap=True, onMissed="catch-up")

    async def has_fired_on(leader: Housekeeper) -> None:
        await wait_until_async(lambda: leader.is_leader, 3.0)
        count = len(bench.jobs())
        await wait_until_async(lambda: len(bench.jobs()) > count + 10)

    current = await housekeep(KNOWN)
    for _ in range(2):
        await has_fired_on(current)
        follower = await housekeep(KNOWN)
        await kill(current)
        current = follower
    await has_fired_on(current)
    await current.stop()
    jobs = bench.jobs()
    assert jobs == [occurrence_id("s", due_ms + n * every_ms) for n in range(len(jobs))]


async def test_runs_come_when_they_are_due_and_not_at_the_next_poll(housekeep: StartHousekeeper, bench: Bench) -> None:
    due_ms = bench.write("s", 0, every=100, overlap=True)
    leader = await housekeep(KNOWN)
    await wait_until_async(lambda: len(bench.jobs()) >= 8)
    await leader.stop()
    stamps = [int(str(bench.raw.hget(f"{bench.root}:{{t}}:{job}", "ts"))) for job in bench.jobs()]
    late_ms = sorted((at - due_ms) % 100 for at in stamps)
    assert late_ms[len(late_ms) // 2] < 15
    assert all(before < after for before, after in pairwise(stamps))


async def test_a_crash_between_the_job_and_the_move_fires_nothing_twice(
    adapter: RedisAdapter, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_ms = bench.write("s", 5, every=HOUR_MS)
    dying = await leading_ticker(adapter)

    def crash(*_: object) -> None:
        raise RuntimeError("the process dies here")

    with monkeypatch.context() as patch:
        patch.setattr(adapter.schedules, "move_on", crash)
        await dying.round()
    assert bench.next_ms("s") == due_ms
    bench.raw.delete(f"{bench.key}:lock")
    await (await leading_ticker(adapter)).round()
    assert bench.jobs() == [occurrence_id("s", due_ms)]
    assert bench.members("s")["lastJobId"] == occurrence_id("s", due_ms)
    assert bench.next_ms("s") == due_ms + HOUR_MS


class Seen:
    """What a leader read before it was frozen."""

    def __init__(self, table: DueSchedules) -> None:
        self.table = table

    async def run_async(self) -> DueSchedules:
        return self.table


async def test_a_frozen_leaders_late_writes_are_refused(
    adapter: RedisAdapter, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_ms = bench.write("s", 5, every=HOUR_MS)
    term = Term(adapter.house, 30)
    assert await term.renew()
    frozen = Ticker(adapter, term, Roster(adapter.house, KNOWN, 0.0), JSON, 1.0)
    seen = Seen(await adapter.schedules.due().run_async())
    bench.raw.delete(f"{bench.key}:lock")
    await (await leading_ticker(adapter)).round()
    after = (bench.jobs(), bench.members("s"), bench.next_ms("s"))
    assert after[2] == due_ms + HOUR_MS
    assert term.current, "it does not know that it was deposed"
    with monkeypatch.context() as patch:
        patch.setattr(adapter.schedules, "due", lambda: seen)
        await frozen.round()
    assert (bench.jobs(), bench.members("s"), bench.next_ms("s")) == after


async def test_only_the_leaders_token_moves_a_schedule_on(adapter: RedisAdapter, bench: Bench) -> None:
    bench.write("s", 5, every=HOUR_MS)
    deposed, leader = Term(adapter.house, 30), Term(adapter.house, 30)
    assert await deposed.renew()
    bench.raw.delete(f"{bench.key}:lock")
    assert await leader.renew()
    (stored,) = (await adapter.schedules.due().run_async()).due
    change = ScheduleChange(stored.value, 1)
    assert await adapter.schedules.move_on(deposed.token, stored, change).run_async() is False
    assert await adapter.schedules.move_on(leader.token, stored, change).run_async() is True
    bench.raw.delete(f"{bench.key}:lock")
    assert await adapter.schedules.move_on(leader.token, stored._replace(next_ms=1), change).run_async() is False


async def test_a_pause_that_comes_while_it_fires_stays(
    adapter: RedisAdapter, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("s", 5, every=HOUR_MS)
    ticker = await leading_ticker(adapter)
    seen = Seen(await adapter.schedules.due().run_async())
    bench.raw.zrem(f"{bench.key}:next", "s")
    with monkeypatch.context() as patch:
        patch.setattr(adapter.schedules, "due", lambda: seen)
        await ticker.round()
    assert len(bench.jobs()) == 1
    assert bench.next_ms("s") is None


async def test_a_broken_schedule_is_logged_once_left_in_place_and_holds_nobody_up(
    adapter: RedisAdapter, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"a": "{nope", "b": '"text"', "c": '{"every":1000}', "d": '{"task":"t","cron":"0 0 15W * *"}',
              "e": '{"task":"t","every":1000,"onMissed":"never"}', "f": '{"task":"t"}', "g": '{"task":"t","every":0}',
              "h": '{"task":"t","cron":"* * * * *","timezone":"Mars/Dome"}'}  # fmt: skip
    for name, value in broken.items():
        bench.raw.hset(bench.key, name, value)
        bench.raw.zadd(f"{bench.key}:next", {name: 1})
    bench.raw.zadd(f"{bench.key}:next", {"no json": 1})
    bench.write("z", 5, every=HOUR_MS)
    ticker = await leading_ticker(adapter)
    with caplog.at_level(logging.ERROR):
        await ticker.round()
        await ticker.round()
    assert len(bench.jobs()) == 1
    assert sorted(record.args[0] for record in caplog.records if isinstance(record.args, tuple)) == sorted(broken)  # type: ignore[type-var]  # a log record's arguments are objects
    assert {name: bench.raw.hget(bench.key, name) for name in broken} == broken
    assert all(bench.next_ms(name) == 1 for name in broken)


async def test_a_schedule_of_a_task_that_only_others_know_fires_as_they_published_it(
    adapter: RedisAdapter, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.write("s", 5, task="elsewhere", every=HOUR_MS)
    ticker = await leading_ticker(adapter)
    with caplog.at_level(logging.ERROR):
        await ticker.round()
        await ticker.round()
    assert [record for record in caplog.records if "'elsewhere'" in record.getMessage()] == caplog.records[:1]
    assert len(caplog.records) == 1
    await adapter.house.publish_tasks(
        {"elsewhere": card_of(TaskOptions(version=2, retry=Retry(attempts=5)))}
    ).run_async()
    await ticker.round()
    (job_id,) = bench.jobs("elsewhere")
    job: Any = bench.raw.hgetall(f"{bench.root}:{{elsewhere}}:{job_id}")
    assert (job["_v"], job["maxAttempts"], job["data"]) == ("2", "5", "null")


async def test_a_schedule_that_is_added_while_it_polls_is_noticed(housekeep: StartHousekeeper, bench: Bench) -> None:
    leader = await housekeep(KNOWN)
    await wait_until_async(lambda: leader.is_leader)
    began_s = time.monotonic()
    bench.write("s", 0, every=HOUR_MS)
    await wait_until_async(lambda: len(bench.jobs()) == 1)
    assert time.monotonic() - began_s < 1.0
