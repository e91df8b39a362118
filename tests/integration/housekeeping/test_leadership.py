"""Who leads, and when another takes over."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from support import Server, wait_until_async
from taskora.adapters.redis import RedisAdapter
from taskora.config import Schedule
from taskora.housekeeping import Housekeeper

from .conftest import StartHousekeeper


async def test_one_of_several_leads(housekeep: StartHousekeeper, raw: Any, root: str) -> None:
    several = [await housekeep() for _ in range(3)]
    await wait_until_async(lambda: any(one.is_leader for one in several))
    holder = raw.get(f"{root}:schedules:lock")
    deadline_s = time.monotonic() + 0.8  # longer than the lease
    await wait_until_async(lambda: time.monotonic() > deadline_s or sum(one.is_leader for one in several) != 1)
    assert time.monotonic() > deadline_s
    assert raw.get(f"{root}:schedules:lock") == holder


async def test_a_stopped_leader_hands_over_at_once(housekeep: StartHousekeeper) -> None:
    first = await housekeep(lock_ttl=30)
    await wait_until_async(lambda: first.is_leader)
    second = await housekeep(lock_ttl=30)
    await first.stop()
    assert not first.is_leader
    await wait_until_async(lambda: second.is_leader, 1.0)


async def test_a_stopped_follower_leaves_the_lock_alone(housekeep: StartHousekeeper, raw: Any, root: str) -> None:
    first = await housekeep(lock_ttl=30)
    await wait_until_async(lambda: first.is_leader)
    second = await housekeep(lock_ttl=30)
    await second.stop()
    assert raw.get(f"{root}:schedules:lock")
    assert first.is_leader


async def test_a_killed_leader_is_followed_when_its_lease_is_over(
    housekeep: StartHousekeeper, kill: Callable[[Housekeeper], Awaitable[None]]
) -> None:
    first = await housekeep()
    await wait_until_async(lambda: first.is_leader)
    second = await housekeep()
    await kill(first)
    await wait_until_async(lambda: second.is_leader, 2.0)


async def test_a_leader_that_cannot_renew_steps_down_in_time_and_comes_back(
    housekeep: StartHousekeeper, server: Server
) -> None:
    leader = await housekeep()
    await wait_until_async(lambda: leader.is_leader)
    server.pause()
    paused_s = time.monotonic()
    await wait_until_async(lambda: not leader.is_leader, 2.0)
    assert time.monotonic() - paused_s < 1.0
    server.resume()
    await wait_until_async(lambda: leader.is_leader, 10.0)


async def test_a_lock_taken_by_somebody_else_ends_the_lead(housekeep: StartHousekeeper, raw: Any, root: str) -> None:
    leader = await housekeep()
    await wait_until_async(lambda: leader.is_leader)
    raw.set(f"{root}:schedules:lock", "another", px=500)
    await wait_until_async(lambda: not leader.is_leader)
    assert raw.get(f"{root}:schedules:lock") in ("another", None)
    await wait_until_async(lambda: leader.is_leader)


async def test_a_start_stores_what_is_declared_and_a_follower_does_too(
    housekeep: StartHousekeeper, adapter: RedisAdapter, raw: Any, root: str
) -> None:
    await housekeep(schedules={"a": ("t", Schedule(every="1h"))})
    await housekeep(schedules={"b": ("t", Schedule(every="1h"))})
    stored: Any = raw.hkeys(f"{root}:schedules")
    assert sorted(stored) == ["a", "b"]
