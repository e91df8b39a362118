"""Who leads, who is there, what is known of tasks, and how the whole is."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conformance.adapters import NoServer, adapter_on
from conformance.kit import Kit, done, fan
from support import Server
from taskora.adapters.protocol import Adapter
from taskora.errors import ConfigError
from taskora.model import WorkerRecord

TTL_MS = 30_000
RECORD = WorkerRecord(
    id="host-1-abc", role="worker", host="host", pid=1, tasks=("mail", "b"), active=2, done=3, failed=4, rss=5,
    started_at=datetime(2026, 11, 1, 12, 0, 0, 5000, UTC), seen_at=datetime(2026, 11, 1, 13, tzinfo=UTC),
    version="1.2", leader=True, extra={"slot": 3},
)  # fmt: skip


async def lead(kit: Kit, token: str, ttl_ms: int = TTL_MS) -> bool:
    return await kit.adapter.house.lead(token, ttl_ms).run_async()


async def test_one_leads_until_it_resigns(kit: Kit) -> None:
    assert await lead(kit, "first")
    assert not await lead(kit, "second")
    assert await lead(kit, "first"), "a leader stays the leader"
    await kit.adapter.house.resign("second").run_async()
    assert not await lead(kit, "second"), "only the leader can resign"
    await kit.adapter.house.resign("first").run_async()
    assert await lead(kit, "second")
    assert not await lead(kit, "first")


async def test_a_leader_that_does_not_renew_is_followed_when_its_time_is_over(kit: Kit) -> None:
    assert await lead(kit, "first", 20)
    await kit.let_pass(20)
    assert await lead(kit, "second")
    assert not await lead(kit, "first")


async def test_a_leader_that_renews_stays(kit: Kit) -> None:
    assert await lead(kit, "first", 20)
    assert await lead(kit, "first", TTL_MS)
    await kit.let_pass(20)
    assert not await lead(kit, "second")


async def test_nobody_leads_after_all_have_resigned(kit: Kit) -> None:
    await kit.adapter.house.resign("first").run_async()
    assert await lead(kit, "first")


async def test_a_record_is_read_back(kit: Kit) -> None:
    await kit.adapter.house.register(RECORD, TTL_MS).run_async()
    assert await kit.adapter.house.workers().run_async() == [RECORD]


async def test_a_record_is_renewed_and_withdrawn(kit: Kit) -> None:
    house = kit.adapter.house
    await house.register(RECORD, TTL_MS).run_async()
    later = replace(RECORD, done=99, seen_at=datetime(2026, 11, 1, 14, tzinfo=UTC))
    await house.register(later, TTL_MS).run_async()
    assert await house.workers().run_async() == [later]
    await house.unregister(RECORD.id).run_async()
    await house.unregister("nobody").run_async()
    assert await house.workers().run_async() == []


async def test_processes_are_listed_by_when_they_were_seen(kit: Kit) -> None:
    records = [replace(RECORD, id=f"w{at}", seen_at=datetime(2026, 11, 1, 13, 9 - at, tzinfo=UTC)) for at in range(3)]
    for record in records:
        await kit.adapter.house.register(record, TTL_MS).run_async()
    assert await kit.adapter.house.workers().run_async() == records[::-1]


async def test_the_record_of_a_process_that_died_runs_out(kit: Kit) -> None:
    house = kit.adapter.house
    await house.register(RECORD, 10).run_async()
    await house.register(replace(RECORD, id="alive"), TTL_MS).run_async()
    await kit.let_pass(10)
    assert [record.id for record in await house.workers().run_async()] == ["alive"]
    assert await kit.adapter.repairs.trim_registry(10).run_async() == 1
    assert await kit.adapter.repairs.trim_registry(10).run_async() == 0
    assert [record.id for record in await house.workers().run_async()] == ["alive"]


async def test_what_a_record_told_does_not_change_with_its_process(kit: Kit) -> None:
    extra: dict[str, object] = {"slot": 1}
    call = kit.adapter.house.register(replace(RECORD, extra=extra), TTL_MS)
    await call.run_async()
    extra["slot"] = 2
    (record,) = await kit.adapter.house.workers().run_async()
    assert record.extra == {"slot": 1}


async def test_what_is_published_of_tasks_is_known_to_all(kit: Kit) -> None:
    house = kit.adapter.house
    assert await house.tasks().run_async() == {}
    await house.publish_tasks({"a": b'{"version":1}', "ä": b"{}"}).run_async()
    await house.publish_tasks({"a": b'{"version":2}'}).run_async()
    await house.publish_tasks({}).run_async()
    assert await house.tasks().run_async() == {"a": b'{"version":2}', "ä": b"{}"}


async def test_the_whole_tells_its_condition(kit: Kit) -> None:
    facts = await kit.adapter.vitals.server().run_async()
    assert facts.flavor in ("memory", "redis", "valkey")
    assert facts.version
    assert (facts.mode, facts.masters) == (("cluster", 3) if kit.apart else ("standalone", 0))
    assert facts.uptime_s >= 0
    assert facts.saved_well
    assert abs(facts.skew_s) < 5


async def test_settings_that_it_does_not_have_are_missing(kit: Kit) -> None:
    assert await kit.adapter.vitals.settings(["no-such-setting"]).run_async() == {}


async def test_latencies_are_measured(kit: Kit) -> None:
    taken_ns = await kit.adapter.vitals.latencies(5).run_async()
    assert len(taken_ns) == 5
    assert all(each > 0 for each in taken_ns)


async def test_everything_can_be_erased(kit: Kit) -> None:
    await kit.add_many(3)
    await kit.create(fan(2))
    lane = kit.lane()
    await kit.settle(lane, *map(done, await kit.claim(lane)))
    await kit.adapter.house.publish_tasks({"a": b"{}"}).run_async()
    await kit.adapter.house.register(RECORD, TTL_MS).run_async()
    assert await kit.adapter.vitals.erase().run_async() > 5
    assert (await kit.stats()).waiting == 0
    assert await kit.adapter.house.tasks().run_async() == {}
    assert await kit.adapter.house.workers().run_async() == []
    assert await kit.adapter.workflows.list_workflows(None, 0, 10).run_async() == []
    assert await kit.claim_all() == []
    ids = await kit.add_many(1)
    assert await kit.claim_all() == ids


async def test_an_adapter_says_where_it_keeps_things_and_connects(adapter: Adapter, prefix: str) -> None:
    assert adapter.describe()
    assert adapter.keys.prefix == prefix
    await adapter.connect().run_async()
    await adapter.connect().run_async()


async def test_a_closed_adapter_may_be_used_again(kit: Kit) -> None:
    ids = await kit.add_many(1)
    await kit.adapter.close_async()
    await kit.adapter.close_loop()
    assert await kit.waiting() == ids


def test_an_adapter_serves_one_loop_after_another(server: Server | NoServer, prefix: str) -> None:
    adapter = adapter_on(server, prefix)

    async def use() -> int:
        kit = Kit(adapter)
        await kit.add_many(1)
        count = len(await kit.waiting())
        await adapter.close_loop()
        return count

    assert [asyncio.run(use()) for _ in range(3)] == [1, 2, 3]
    adapter.close()


def test_what_has_no_prefix_is_not_erased(server: Server | NoServer) -> None:
    adapter = adapter_on(server, "")
    with pytest.raises(ConfigError, match="prefix"):
        adapter.vitals.erase()
    adapter.close()
