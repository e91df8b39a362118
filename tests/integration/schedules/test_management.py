"""What is stored of a schedule, and how it is changed."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskora import Taskora
from taskora.adapters.redis import RedisAdapter
from taskora.adapters.schedule_store import ScheduleChange, StoredSchedule
from taskora.config import Retry, Schedule, TaskOptions, Ttl
from taskora.errors import ConfigError, ScheduleNotFoundError
from taskora.housekeeping import card_of
from taskora.schedules import Schedules

HOURLY = Schedule(every="1h", data={"a": [1, None]})


class Stored:
    """The keys of schedules, as another implementation sees them."""

    def __init__(self, raw: Any, prefix: str) -> None:
        self.raw = raw
        self.root = f"taskora:{prefix}"
        self.key = f"{self.root}:schedules"

    def members(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(str(self.raw.hget(self.key, name)))
        return found

    def write(self, name: str, members: dict[str, Any], next_ms: int | None) -> None:
        self.raw.hset(self.key, name, json.dumps(members))
        if next_ms is None:
            self.raw.zrem(f"{self.key}:next", name)
        else:
            self.raw.zadd(f"{self.key}:next", {name: next_ms})

    def next_ms(self, name: str) -> float | None:
        score: Any = self.raw.zscore(f"{self.key}:next", name)
        return None if score is None else float(score)


@pytest.fixture
def stored(raw: Any, prefix: str) -> Stored:
    return Stored(raw, prefix)


@pytest.fixture
def schedules(adapter: RedisAdapter) -> Schedules:
    return Taskora(adapter).schedules


def now_ms() -> float:
    return time.time() * 1000


async def test_a_declared_schedule_is_stored_in_the_shared_form(schedules: Schedules, stored: Stored) -> None:
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    await schedules.declare("nine", "report", Schedule(cron="0 9 * * 1-5", timezone="Europe/Berlin")).run_async()
    assert stored.members("tidy") == {
        "task": "clean-up", "overlap": False, "onMissed": "skip", "data": {"a": [1, None]}, "every": 3_600_000,
    }  # fmt: skip
    assert stored.members("nine") == {
        "task": "report", "overlap": False, "onMissed": "skip", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert stored.next_ms("tidy") == pytest.approx(now_ms() + 3_600_000, abs=10_000)


async def test_a_restart_neither_resets_nor_resumes_nor_forgets(schedules: Schedules, stored: Stored) -> None:
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    ran = {**stored.members("tidy"), "lastRun": 5, "lastJobId": "x", "theirs": {"b": 1}}
    stored.write("tidy", ran, 7)
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    assert (stored.members("tidy"), stored.next_ms("tidy")) == (ran, 7)
    await schedules.pause_async("tidy")
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    assert (stored.members("tidy"), stored.next_ms("tidy")) == (ran, None)


async def test_a_changed_declaration_keeps_the_last_run_and_sets_the_timer_only_for_another_period(
    schedules: Schedules, stored: Stored
) -> None:
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    stored.write("tidy", {**stored.members("tidy"), "lastRun": 5, "theirs": 1}, 7)
    await schedules.declare("tidy", "sweep-up", Schedule(every="1h", overlap=True)).run_async()
    assert stored.members("tidy") == {
        "task": "sweep-up", "overlap": True, "onMissed": "skip", "every": 3_600_000, "lastRun": 5, "theirs": 1,
    }  # fmt: skip
    assert stored.next_ms("tidy") == 7
    await schedules.declare("tidy", "sweep-up", Schedule(every="2h")).run_async()
    assert stored.next_ms("tidy") == pytest.approx(now_ms() + 7_200_000, abs=10_000)
    await schedules.pause_async("tidy")
    await schedules.declare("tidy", "sweep-up", Schedule(cron="* * * * *")).run_async()
    assert stored.next_ms("tidy") is None
    assert "every" not in stored.members("tidy")


async def test_declaring_repairs_what_cannot_be_read(schedules: Schedules, stored: Stored, raw: Any) -> None:
    raw.hset(stored.key, "tidy", "{broken")
    raw.zadd(f"{stored.key}:next", {"tidy": 7})
    await schedules.declare("tidy", "clean-up", HOURLY).run_async()
    assert stored.members("tidy")["task"] == "clean-up"
    assert stored.next_ms("tidy") == pytest.approx(now_ms() + 3_600_000, abs=10_000)


async def test_a_schedule_that_could_not_fire_is_refused_when_declared(schedules: Schedules) -> None:
    with pytest.raises(ConfigError, match="15W"):
        schedules.declare("x", "t", Schedule(cron="0 0 15W * *"))
    with pytest.raises(ConfigError, match="Nowhere"):
        schedules.declare("x", "t", Schedule(cron="0 0 * * *", timezone="Nowhere"))


async def test_pause_and_resume_set_a_fresh_run(schedules: Schedules, stored: Stored) -> None:
    stored.write("s", {"task": "t", "every": 60_000}, 7)
    await schedules.resume_async("s")
    assert stored.next_ms("s") == 7
    await schedules.pause_async("s")
    await schedules.pause_async("s")
    assert stored.next_ms("s") is None
    await schedules.resume_async("s")
    assert stored.next_ms("s") == pytest.approx(now_ms() + 60_000, abs=10_000)
    assert stored.members("s") == {"task": "t", "every": 60_000}


async def test_an_update_changes_what_is_given_and_keeps_the_rest(schedules: Schedules, stored: Stored) -> None:
    first = {"task": "t", "cron": "0 0 * * *", "timezone": "UTC", "overlap": False, "onMissed": "skip", "theirs": [1]}
    stored.write("s", first, 7)
    await schedules.update_async("s", overlap=True, on_missed="catch-up-limit:3", data=None)
    assert stored.members("s") == {**first, "overlap": True, "onMissed": "catch-up-limit:3", "data": None}
    assert stored.next_ms("s") == 7
    await schedules.update_async("s", timezone="Asia/Kathmandu")
    assert stored.next_ms("s") != 7
    await schedules.update_async("s", every="2h")
    members = stored.members("s")
    assert (members["every"], members["theirs"]) == (7_200_000, [1])
    assert not members.keys() & {"cron", "timezone"}
    assert stored.next_ms("s") == pytest.approx(now_ms() + 7_200_000, abs=10_000)
    with pytest.raises(ConfigError, match="timezone"):
        await schedules.update_async("s", timezone="UTC")
    with pytest.raises(ConfigError, match="both"):
        await schedules.update_async("s", every=1, cron="* * * * *")


async def test_an_update_leaves_a_paused_schedule_paused(schedules: Schedules, stored: Stored) -> None:
    stored.write("s", {"task": "t", "every": 60_000}, None)
    await schedules.update_async("s", cron="*/5 * * * *")
    assert stored.next_ms("s") is None
    assert stored.members("s") == {"task": "t", "cron": "*/5 * * * *"}


async def test_a_removed_schedule_is_gone(schedules: Schedules, stored: Stored) -> None:
    stored.write("s", {"task": "t", "every": 60_000}, 7)
    assert await schedules.remove_async("s") is True
    assert await schedules.remove_async("s") is False
    assert await schedules.list_async() == []
    assert stored.next_ms("s") is None


async def test_the_list_shows_every_schedule_even_a_broken_one(schedules: Schedules, stored: Stored, raw: Any) -> None:
    stored.write("b", {"task": "t", "every": 1500, "lastRun": 1000, "lastJobId": "j", "data": {"x": 1}}, 2000)
    stored.write("c", {"task": "t", "cron": "0 0 * * *", "lastRun": None, "lastJobId": None}, None)
    raw.hset(stored.key, "a", "{broken")
    a, b, c = await schedules.list_async()
    assert (a.name, a.task, a.data, a.paused) == ("a", "", "{broken", True)
    assert (b.every, b.cron, b.data, b.last_job_id, b.paused) == (1.5, None, {"x": 1}, "j", False)
    assert (b.last_run, b.next_run) == (
        datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1), datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=2)
    )  # fmt: skip
    assert (c.cron, c.timezone, c.last_run, c.next_run, c.paused) == ("0 0 * * *", "UTC", None, None, True)


async def test_a_triggered_job_is_dispatched_as_its_task_was_published(
    schedules: Schedules, adapter: RedisAdapter, stored: Stored, raw: Any
) -> None:
    options = TaskOptions(version=3, retry=Retry(attempts=4), ttl=Ttl("1m"))
    await adapter.house.publish_tasks({"t": card_of(options)}).run_async()
    members = {"task": "t", "every": 60_000, "data": {"x": 1}, "lastRun": 5}
    stored.write("s", members, None)
    handle = await schedules.trigger_async("s")
    task, job_id = handle.task, handle.id
    job: Any = raw.hgetall(f"{stored.root}:{{t}}:{job_id}")
    assert task == "t"
    assert (job["state"], job["data"], job["_v"], job["maxAttempts"]) == ("waiting", '{"x":1}', "3", "4")
    assert float(job["expireAt"]) == pytest.approx(now_ms() + 60_000, abs=10_000)
    assert (stored.members("s"), stored.next_ms("s")) == (members, None)


async def test_a_task_that_nobody_published_can_be_triggered(
    schedules: Schedules, adapter: RedisAdapter, stored: Stored
) -> None:
    stored.write("s", {"task": "t", "every": 60_000}, 7)
    job = await (await schedules.trigger_async("s")).info_async()
    assert job is not None
    assert job.data is None


async def test_an_unknown_name_is_an_error_that_names_it(schedules: Schedules) -> None:
    for call in (
        schedules.pause_async("no"), schedules.resume_async("no"), schedules.trigger_async("no"),
        schedules.update_async("no", overlap=True),
    ):  # fmt: skip
        with pytest.raises(ScheduleNotFoundError, match="'no'") as caught:
            await call
        assert caught.value.name == "no"


async def test_a_change_that_comes_between_is_not_overwritten(adapter: RedisAdapter, stored: Stored) -> None:
    stored.write("s", {"task": "t", "every": 60_000}, 7)
    seen: list[StoredSchedule | None] = []

    def change(before: StoredSchedule | None, _now_ms: int) -> ScheduleChange:
        assert before is not None
        seen.append(before)
        if len(seen) == 1:
            stored.write("s", {"task": "theirs", "every": 1000}, 8)
        elif len(seen) == 2:
            stored.write("s", {"task": "theirs", "every": 1000}, None)
        return ScheduleChange(before.value.replace(b"}", b', "mine": 1}'), before.next_ms)

    await adapter.schedules.edit("s", change).run_async()
    assert len(seen) == 3
    assert (stored.members("s"), stored.next_ms("s")) == ({"task": "theirs", "every": 1000, "mine": 1}, None)


async def test_plain_code_does_the_same_and_is_refused_on_a_loop(schedules: Schedules, stored: Stored) -> None:
    def plain() -> None:
        schedules.declare("s", "t", HOURLY).run()
        schedules.pause("s")
        schedules.update("s", every="5m")
        assert [info.paused for info in schedules.list()] == [True]
        schedules.resume("s")
        assert schedules.trigger("s").task == "t"
        assert schedules.remove("s")
        with pytest.raises(ScheduleNotFoundError):
            schedules.trigger("s")

    await asyncio.to_thread(plain)
    with pytest.raises(RuntimeError, match="list_async"):
        schedules.list()
