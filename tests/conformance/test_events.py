"""Following what happens to jobs."""

import asyncio

from conformance.kit import TASK, Kit, blocked, done, failed, soon
from taskora.adapters.event_store import EventFeed, StoredEvent
from taskora.ids import new_id
from taskora.model import Settled


async def following(kit: Kit, *tasks: str) -> EventFeed:
    feed = kit.adapter.events.feed(lambda task, name, job_id: True)
    await feed.follow(tasks or (TASK,))
    return feed


async def read_until(feed: EventFeed, name: str) -> list[StoredEvent]:
    """Reads on until something of this name has happened."""
    found: list[StoredEvent] = []
    while not any(event.name == name for event in found):
        found += (await feed.read(1_000)).events
    return found


async def test_the_life_of_a_job_is_told_in_order(kit: Kit) -> None:
    feed = await following(kit)
    lane, job = await kit.started()
    await kit.adapter.leases.write_progress(TASK, job.job_id, job.token, b"50").run_async()
    await kit.settle(lane, Settled(job, "retry", b"again"))
    (again,) = await kit.claim(lane)
    await kit.settle(lane, done(again, b'"r"'))
    told = await soon(read_until(feed, "completed"))
    names = [event.name for event in told if event.name not in ("waiting", "promoted")]
    assert names == ["active", "progress", "retrying", "active", "completed"]
    assert {(event.task, event.job_id) for event in told} == {(TASK, job.job_id)}
    fields = {event.name: event.fields for event in told}
    assert (fields["progress"]["value"], fields["retrying"]["error"]) == (b"50", b"again")
    assert (fields["retrying"]["attempt"], fields["completed"]["attempt"]) == (b"2", b"2")
    assert fields["completed"]["result"] == b'"r"'
    assert int(fields["completed"]["duration"]) >= 0
    await feed.close()


async def test_a_failure_is_told_with_its_error(kit: Kit) -> None:
    feed = await following(kit)
    lane, job = await kit.started()
    await kit.settle(lane, failed(job))
    (event,) = [each for each in await soon(read_until(feed, "failed")) if each.name == "failed"]
    assert (event.fields["error"], event.fields["attempt"]) == (b"boom", b"1")
    await feed.close()


async def test_an_event_tells_what_was_true_when_it_happened_although_it_is_read_late(kit: Kit) -> None:
    """W36."""
    feed = await following(kit)
    lane, job = await kit.started()
    await kit.settle(lane, Settled(job, "retry", b"one"))
    await kit.settle(lane, *(failed(again, b"two") for again in await kit.claim(lane)))
    await kit.adapter.dead_letters.requeue(TASK, job.job_id).run_async()
    await kit.settle(lane, *(failed(again, b"three") for again in await kit.claim(lane)))
    await kit.adapter.dead_letters.requeue(TASK, job.job_id).run_async()
    await kit.cancel(job.job_id, "four")
    await kit.adapter.dead_letters.requeue(TASK, job.job_id).run_async()
    told = await soon(read_until(feed, "cancelled"))
    assert [
        (event.name, event.fields.get("attempt"), event.fields.get("error", event.fields.get("reason")))
        for event in told
        if event.name in ("retrying", "failed", "cancelled")
    ] == [
        ("retrying", b"2", b"one"), ("failed", b"2", b"two"), ("failed", b"1", b"three"), ("cancelled", None, b"four"),
    ]  # fmt: skip
    await feed.close()


async def test_what_happened_before_is_not_told(kit: Kit) -> None:
    lane, job = await kit.started()
    feed = await following(kit)
    await kit.settle(lane, done(job))
    told = await soon(read_until(feed, "completed"))
    assert [event.name for event in told] == ["completed"]
    await feed.close()


async def test_only_what_is_wanted_is_told(kit: Kit) -> None:
    wanted = new_id()
    feed = kit.adapter.events.feed(lambda task, name, job_id: name == "cancelled" and job_id == wanted)
    await feed.follow([TASK])
    ids = [*await kit.add_many(2)]
    for job_id in ids:
        await kit.cancel(job_id)
    assert (await soon(feed.read(20))).events == []
    await feed.close()


async def test_a_reader_that_waits_is_told_at_once_and_of_several_tasks(kit: Kit) -> None:
    feed = await following(kit, TASK, "other")
    for task in (TASK, "other"):
        reading = asyncio.create_task(read_until(feed, "cancelled"))
        await blocked()
        (job_id,) = await kit.add_many(1, task)
        await kit.cancel(job_id, task=task)
        assert (await soon(reading))[-1].task == task
    await feed.close()


async def test_what_is_followed_no_longer_is_not_told(kit: Kit) -> None:
    feed = await following(kit, TASK, "other")
    feed.leave(["other"])
    (job_id,) = await kit.add_many(1, "other")
    await kit.cancel(job_id, task="other")
    assert (await soon(feed.read(20))).events == []
    await feed.close()


async def test_every_reader_is_told(kit: Kit) -> None:
    feeds = [await following(kit) for _ in range(2)]
    (job_id,) = await kit.add_many(1)
    await kit.cancel(job_id)
    for feed in feeds:
        assert (await soon(read_until(feed, "cancelled")))[-1].job_id == job_id
        await feed.close()
