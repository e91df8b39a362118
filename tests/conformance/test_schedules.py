"""Schedules: everybody may change them, the leader alone moves them on."""

import asyncio

import pytest

from conformance.kit import Kit
from taskora.adapters.schedule_store import ScheduleChange, StoredSchedule

TTL_MS = 30_000


async def put(kit: Kit, name: str, next_ms: int | None, value: bytes = b'{"task":"t"}') -> StoredSchedule:
    await kit.adapter.schedules.edit(name, lambda _before, _now: ScheduleChange(value, next_ms)).run_async()
    return StoredSchedule(name, value, next_ms)


async def find(kit: Kit, name: str) -> StoredSchedule | None:
    return await kit.adapter.schedules.find(name).run_async()


async def test_a_schedule_is_kept_byte_for_byte(kit: Kit) -> None:
    value = '{"task":"t","every":60000,"data":{"ä":[1,null]},"theirs":true}'.encode()
    stored = await put(kit, "nightly run: ä", 1_795_544_727_026, value)
    assert await find(kit, "nightly run: ä") == stored


async def test_a_paused_schedule_has_no_next_run(kit: Kit) -> None:
    stored = await put(kit, "s", None)
    assert await find(kit, "s") == stored
    assert (await kit.adapter.schedules.due().run_async()).due == []
    assert await kit.adapter.schedules.list().run_async() == [stored]


async def test_there_is_no_schedule_that_nobody_stored(kit: Kit) -> None:
    assert await find(kit, "s") is None
    assert await kit.adapter.schedules.list().run_async() == []
    assert not await kit.adapter.schedules.remove("s").run_async()
    due = await kit.adapter.schedules.due().run_async()
    assert (due.due, due.wait_ms) == ([], None)


async def test_schedules_are_listed_by_name(kit: Kit) -> None:
    stored = [await put(kit, name, next_ms) for name, next_ms in (("b", 5), ("ä", None), ("a", 9))]
    assert await kit.adapter.schedules.list().run_async() == [stored[2], stored[0], stored[1]]


async def test_a_removed_schedule_is_gone_and_no_longer_due(kit: Kit) -> None:
    await put(kit, "s", 1)
    assert await kit.adapter.schedules.remove("s").run_async()
    assert not await kit.adapter.schedules.remove("s").run_async()
    assert await find(kit, "s") is None
    assert (await kit.adapter.schedules.due().run_async()).due == []


async def test_an_edit_sees_what_is_stored_and_the_time(kit: Kit) -> None:
    seen: list[tuple[StoredSchedule | None, int]] = []

    def look(before: StoredSchedule | None, now_ms: int) -> None:
        seen.append((before, now_ms))

    before_ms = await kit.now_ms()
    await kit.adapter.schedules.edit("s", look).run_async()
    stored = await put(kit, "s", 5)
    await kit.adapter.schedules.edit("s", look).run_async()
    assert [before for before, _ in seen] == [None, stored]
    assert all(0 <= now_ms - before_ms < 5_000 for _, now_ms in seen)
    assert await find(kit, "s") == stored


async def test_what_an_edit_raises_is_passed_on_and_nothing_is_stored(kit: Kit) -> None:
    stored = await put(kit, "s", 5)

    def refuse(before: StoredSchedule | None, now_ms: int) -> ScheduleChange:
        raise LookupError("no such schedule")

    with pytest.raises(LookupError, match="no such schedule"):
        await kit.adapter.schedules.edit("s", refuse).run_async()
    assert await find(kit, "s") == stored


async def test_edits_at_once_lose_none(kit: Kit) -> None:
    def add_one(before: StoredSchedule | None, now_ms: int) -> ScheduleChange:
        count = int(before.value) if before is not None else 0
        return ScheduleChange(b"%d" % (count + 1), None)

    edit = kit.adapter.schedules.edit("s", add_one)
    threads = [asyncio.to_thread(edit.run) for _ in range(5)]
    await asyncio.gather(*(edit.run_async() for _ in range(10)), *threads)
    stored = await find(kit, "s")
    assert stored is not None
    assert stored.value == b"15"


async def test_an_edit_that_was_overtaken_is_made_again_on_what_is_there_now(kit: Kit) -> None:
    await put(kit, "s", None, b"first")
    seen: list[bytes] = []

    def change(before: StoredSchedule | None, now_ms: int) -> ScheduleChange:
        assert before is not None
        seen.append(before.value)
        return ScheduleChange(before.value + b"+", None)

    def overtaken(before: StoredSchedule | None, now_ms: int) -> ScheduleChange:
        if not seen:
            # Somebody else, between the reading and the writing; on a thread, since a loop must not be blocked.
            kit.adapter.schedules.edit("s", lambda _before, _now: ScheduleChange(b"second", None)).run()
        return change(before, now_ms)

    await asyncio.to_thread(kit.adapter.schedules.edit("s", overtaken).run)
    assert seen == [b"first", b"second"]
    stored = await find(kit, "s")
    assert stored is not None
    assert stored.value == b"second+"


async def test_due_schedules_come_the_earliest_first_and_stay_due(kit: Kit) -> None:
    now_ms = await kit.now_ms()
    stored = [await put(kit, name, now_ms - ago_ms) for name, ago_ms in (("a", 10), ("b", 30), ("c", 20))]
    await put(kit, "later", now_ms + 60_000)
    await put(kit, "paused", None)
    for _ in range(2):
        due = await kit.adapter.schedules.due().run_async()
        assert due.due == [stored[1], stored[2], stored[0]]
        assert due.wait_ms is not None
        assert 50_000 < due.wait_ms <= 60_000
        assert due.now_ms >= now_ms


async def test_a_schedule_becomes_due_when_its_time_has_come(kit: Kit) -> None:
    stored = await put(kit, "s", await kit.now_ms() + 20)
    await kit.let_pass(20)
    assert (await kit.adapter.schedules.due().run_async()).due == [stored]


async def test_the_leader_moves_a_schedule_on(kit: Kit) -> None:
    stored = await put(kit, "s", 5)
    assert await kit.adapter.house.lead("me", TTL_MS).run_async()
    after = ScheduleChange(b'{"lastRun":5}', await kit.now_ms() + 60_000)
    assert await kit.adapter.schedules.move_on("me", stored, after).run_async()
    assert await find(kit, "s") == StoredSchedule("s", *after)
    assert (await kit.adapter.schedules.due().run_async()).due == []


@pytest.mark.parametrize("leader", ["nobody", "another", "deposed"])
async def test_who_does_not_lead_moves_nothing_on(kit: Kit, leader: str) -> None:
    stored = await put(kit, "s", 5)
    if leader == "another":
        await kit.adapter.house.lead("another", TTL_MS).run_async()
    elif leader == "deposed":
        await kit.adapter.house.lead("me", 5).run_async()
        await kit.let_pass(5)
    assert not await kit.adapter.schedules.move_on("me", stored, ScheduleChange(b"{}", 9)).run_async()
    assert await find(kit, "s") == stored


@pytest.mark.parametrize("change", ["value", "next run", "paused", "removed"])
async def test_a_schedule_that_somebody_changed_is_not_moved_on(kit: Kit, change: str) -> None:
    stored = await put(kit, "s", 5)
    await kit.adapter.house.lead("me", TTL_MS).run_async()
    if change == "removed":
        await kit.adapter.schedules.remove("s").run_async()
    else:
        next_ms = {"value": 5, "next run": 6, "paused": None}[change]
        await put(kit, "s", next_ms, b"{}" if change == "value" else stored.value)
    now = await find(kit, "s")
    assert not await kit.adapter.schedules.move_on("me", stored, ScheduleChange(b'{"x":1}', 9)).run_async()
    assert await find(kit, "s") == now
