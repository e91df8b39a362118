"""Finding jobs by what is indexed of their payload, and that the index goes with the jobs."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from conformance.kit import TASK, Kit, done, failed, node, plan, working
from taskora import ConfigError, Debounce, Deduplicate, Job, Keep, ResultHandle, Taskora, Throttle, chain
from taskora.adapters.memory import MemoryAdapter
from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import RedisAdapter
from taskora.connection.request import Producer, Request, Steps
from taskora.ids import new_id
from taskora.model import EnqueueSpec, NewJob, Occurrence, Settled, State, Want
from taskora.rules import DebounceRule, ThrottleRule
from taskora.workflow_model import PlanNode

ENTRY = "user_id:42"


def indexed(*entries: str, delay_ms: int = 0, priority: int = 0) -> NewJob:
    return NewJob(new_id(), b'{"user_id":42}', delay_ms, priority, indexed=entries or (ENTRY,))


async def found(kit: Kit, entry: str = ENTRY, task: str = TASK) -> list[str]:
    page = await kit.adapter.jobs.search(task, entry, 1000).run_async()
    assert page.cursor is None
    return [job.id for job in page.jobs]


async def test_jobs_are_found_by_each_of_their_values_the_newest_first(kit: Kit) -> None:
    one, other, third = indexed("a:1", "b.c:x y\n{é}"), indexed("a:1"), indexed("a:2")
    await kit.add(one, third)
    await kit.let_pass(1)
    await kit.add(other)
    assert await found(kit, "a:1") == [other.job_id, one.job_id]
    assert await found(kit, "b.c:x y\n{é}") == [one.job_id]
    assert await found(kit, "a:2") == [third.job_id]
    assert await found(kit, "a:3") == []
    assert await found(kit, "a:1", task="other") == []


async def test_a_job_is_found_in_every_state_and_shows_it(kit: Kit) -> None:
    jobs = [indexed() for _ in range(4)]
    await kit.add(*jobs, indexed(delay_ms=60_000), indexed(priority=3))
    lane = kit.lane()
    claimed = await kit.claim(lane, 4)
    await kit.settle(lane, done(claimed[0]), failed(claimed[1]), Settled(claimed[2], "retry", b"x", delay_ms=60_000))
    page = await kit.adapter.jobs.search(TASK, ENTRY, 10).run_async()
    assert sorted(job.state.value for job in page.jobs) == [
        "active", "completed", "delayed", "failed", "retrying", "waiting",
    ]  # fmt: skip
    assert page.jobs[0] == await kit.job(page.jobs[0].id)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_pages_follow_each_other_without_a_gap_also_within_a_millisecond(kit: Kit, size: int) -> None:
    jobs = [indexed() for _ in range(230)]
    await kit.add(*jobs[:120])
    await kit.let_pass(1)
    await kit.add(*jobs[120:])
    seen, cursor, pages = list[str](), "", 0
    while True:
        page = await kit.adapter.jobs.search(TASK, ENTRY, size, cursor).run_async()
        seen += [job.id for job in page.jobs]
        pages += 1
        if page.cursor is None:
            break
        assert len(page.jobs) == size
        cursor = page.cursor
        if pages == 1:
            await kit.add(indexed())  # what comes meanwhile shifts nothing
    assert seen == [job.job_id for job in reversed(jobs)]


async def test_every_way_of_dispatching_a_job_indexes_it_with_what_else_it_has(kit: Kit) -> None:
    spec, plain = EnqueueSpec(), indexed()
    await kit.add(plain)
    given, limited = indexed()._replace(given=True, ttl_ms=60_000), indexed()
    limited = limited._replace(concurrency_key="a,;b 3:x", concurrency_limit=1)
    assert await kit.add(given, limited) == [True, True]
    assert await kit.add(given._replace(indexed=("a:1",))) == [False]
    throttled, debounced = indexed(), indexed()
    rules = (throttled, ThrottleRule("k", 5, 60_000)), (debounced, DebounceRule("k", 60_000))
    await kit.adapter.rules.enqueue(TASK, spec, rules).run_async()
    fired = indexed()
    now_ms = await kit.now_ms()
    assert await kit.adapter.jobs.enqueue_occurrence(TASK, spec, fired, Occurrence("s", now_ms)).run_async()
    expected = {job.job_id for job in (plain, given, limited, throttled, debounced, fired)}
    assert set(await found(kit)) == expected
    assert await found(kit, "a:1") == []
    # The concurrency key came through as well.
    assert len(await kit.claim(kit.lane(), 10)) == 5
    await kit.add(indexed()._replace(concurrency_key="a,;b 3:x", concurrency_limit=1))
    assert await kit.claim(kit.lane("w2"), 10) == []


async def test_a_nodes_job_is_found_by_its_bound_payload(kit: Kit) -> None:
    first = PlanNode(TASK, new_id(), (), b'{"user_id":42}', indexed=(ENTRY,))
    second = PlanNode("other", new_id(), (0,), b'{"user_id":42}', indexed=(ENTRY,))
    flow = plan(first, second, node(deps=(1,)))
    await kit.create(flow)
    await kit.pay(flow)
    assert await found(kit) == [first.job_id]
    assert await found(kit, task="other") == []  # it is not stored yet
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, done(job))
    await kit.pay(flow)
    assert await found(kit, task="other") == [second.job_id]


async def test_a_debounced_job_is_not_found_any_more(kit: Kit) -> None:
    first, second = indexed(), indexed()
    for job in (first, second):
        await kit.adapter.rules.enqueue(TASK, EnqueueSpec(), [(job, DebounceRule("k", 60_000))]).run_async()
    assert await listed(kit.adapter, ENTRY) == 1
    assert await found(kit) == [second.job_id]


async def test_a_job_that_is_retried_from_the_dead_letters_is_still_found(kit: Kit) -> None:
    await kit.add(indexed())
    lane = kit.lane()
    (job,) = await kit.claim(lane)
    await kit.settle(lane, failed(job))
    assert await kit.adapter.dead_letters.requeue(TASK, job.job_id).run_async()
    assert await found(kit) == [job.job_id]


async def test_nothing_is_left_of_the_index_once_its_jobs_are_gone(kit: Kit) -> None:
    jobs = [indexed(ENTRY, f"order.id:{number}") for number in range(6)]
    await kit.add(*jobs, indexed()._replace(ttl_ms=1))
    lane = kit.lane()
    claimed = await kit.claim(lane, 4)
    await kit.settle(lane, *(done(job) for job in claimed[:2]), *(failed(job) for job in claimed[2:]))
    await kit.cancel(jobs[4].job_id)
    await kit.let_pass(2)
    # One is discarded as it expires, one is claimed.
    (last,) = (await lane.step([], [Want(TASK, 5, "discard")])).jobs
    await kit.settle(lane, done(last))
    assert await listed(kit.adapter, ENTRY) == len(await found(kit)) == 6
    until = datetime.now(UTC) + timedelta(hours=1)
    until_ms = round(until.timestamp() * 1000)
    assert await kit.adapter.dead_letters.clean(TASK, State.FAILED, until_ms, 100).run_async() == 2
    for state in (State.COMPLETED, State.CANCELLED):
        await kit.adapter.house.trim(TASK, state, Keep(max_items=0, min_age=0), 100).run_async()
    assert await listed(kit.adapter, ENTRY, *(f"order.id:{number}" for number in range(6))) == 0
    assert await found(kit) == []


async def test_a_place_whose_job_others_removed_is_dropped_when_it_is_read(kit: Kit) -> None:
    jobs = [indexed() for _ in range(5)]
    await kit.add(*jobs)
    if not await removed_by_others(kit.adapter, [jobs[1].job_id, jobs[4].job_id]):
        pytest.skip("nobody else writes there")
    assert await found(kit) == [jobs[at].job_id for at in (3, 2, 0)]
    assert await removed_by_others(kit.adapter, [jobs[at].job_id for at in (0, 2, 3)])
    assert await found(kit) == []
    assert await listed(kit.adapter, ENTRY) == 0


async def test_a_page_is_full_however_many_places_others_left_before_it(kit: Kit) -> None:
    jobs = [indexed() for _ in range(700)]
    await kit.add(*jobs)
    if not await removed_by_others(kit.adapter, [job.job_id for job in jobs[10:]]):
        pytest.skip("nobody else writes there")
    page = await kit.adapter.jobs.search(TASK, ENTRY, 4).run_async()
    assert [job.id for job in page.jobs] == [job.job_id for job in jobs[9:5:-1]]
    assert page.cursor is not None
    page = await kit.adapter.jobs.search(TASK, ENTRY, 6, page.cursor).run_async()
    assert ([job.id for job in page.jobs], page.cursor) == ([job.job_id for job in jobs[5::-1]], None)


async def test_damage_to_an_index_costs_no_job(kit: Kit) -> None:
    if isinstance(kit.adapter, MemoryAdapter):
        pytest.skip("nobody else writes there")
    await asked(kit.adapter, [("SADD", f"{kit.adapter.keys.task(TASK)}:ix:{ENTRY}", "x")])
    job = indexed(ENTRY, "a:1")
    assert await kit.add(job, indexed()) == [True, True]
    assert await found(kit, "a:1") == [job.job_id]
    assert len(await kit.claim_all()) == 2
    await asked(kit.adapter, [("DEL", f"{kit.adapter.keys.task(TASK)}:ix:{ENTRY}")])


@dataclass
class Order:
    id: uuid.UUID
    lines: list[int]


@dataclass
class Payment:
    user_id: int
    order: Order
    note: str = ""
    paid: bool = False


async def test_an_application_finds_its_jobs_however_they_were_dispatched(app: Taskora) -> None:
    @app.task("pay", index=("user_id", "order.id", "order.lines", "note", "paid"))
    async def pay(payment: Payment) -> int:
        return payment.user_id

    order = Order(uuid.uuid4(), list(range(100, 130)))
    inspector = app.inspect()
    one = await _stored(pay.dispatch(Payment(42, order, "x" * 129)))
    two = await _stored(pay.dispatch(Payment(42, order, "né"), delay="1h"))
    many = pay.dispatch_many([Payment(42, order, paid=True), Job(Payment(7, order), priority=3)])
    await many
    three = await _stored(pay.dispatch(Payment(8, order), debounce=Debounce("k", "1h")))
    four = await _stored(pay.dispatch(Payment(8, order), throttle=Throttle("k", 1, "1h")))
    five = await _stored(pay.dispatch(Payment(8, order), deduplicate=Deduplicate("k")))
    flow = chain(pay.s(Payment(9, order)), pay.s(Payment(9, order))).dispatch()
    await flow

    async def ids(path: str, value: object) -> set[str]:
        return {job.id for job in (await inspector.search_async(pay, path, value, limit=50)).jobs}

    assert await ids("user_id", 42) == await ids("user_id", "42") == {one, two, many[0].id}
    assert await ids("user_id", 7) == {many[1].id}
    assert await ids("user_id", 8) == {three, four, five}
    assert await ids("note", "né") == {two}
    assert await ids("paid", True) == {many[0].id}
    assert await ids("order.lines", 115) == await ids("order.id", order.id)
    assert await ids("order.lines", 116) == set()  # the first sixteen of a list
    async with working(app):
        await flow.result_async(timeout=30)
        assert len(await ids("user_id", 9)) == 2
    first = await inspector.search_async("pay", "order.id", str(order.id), limit=1)
    assert first.cursor is not None
    assert first.jobs[0].data["order"]["id"] == str(order.id)  # type: ignore[index] # pyright: ignore[reportIndexIssue, reportUnknownVariableType] - it is the payload


async def test_another_process_learns_from_the_card_what_can_be_searched(app: Taskora) -> None:
    @app.task("pay", index=("user_id",))
    async def pay(payment: dict[str, int]) -> int:
        return payment["user_id"]

    await pay.dispatch({"user_id": 1})
    async with working(app):
        other = Taskora(app.adapter).inspect()
        assert len((await other.search_async("pay", "user_id", 1)).jobs) == 1
        with pytest.raises(ConfigError, match=r"'pay' does not index 'order.id'.*'user_id'"):
            await other.search_async("pay", "order.id", 1)
        with pytest.raises(ConfigError, match="nothing"):
            await other.search_async("nobody", "user_id", 1)


async def _stored(handle: ResultHandle[int]) -> str:
    await handle
    return handle.id


async def listed(adapter: Adapter, *entries: str) -> int:
    """Counts what stands in an index, whether or not its jobs exist."""
    if isinstance(adapter, MemoryAdapter):
        index = adapter._store.queue(TASK).index  # pyright: ignore[reportPrivateUsage] - no reader shows it
        assert all(index.values())
        return sum(len(index[entry]) for entry in entries if entry in index)
    return sum(await asked(adapter, [("ZCARD", f"{adapter.keys.task(TASK)}:ix:{entry}") for entry in entries]))


async def removed_by_others(adapter: Adapter, ids: list[str]) -> bool:
    """Deletes the hashes of jobs as somebody does who knows nothing of an index; False where nobody else can."""
    if isinstance(adapter, MemoryAdapter):
        return False
    return all(await asked(adapter, [("UNLINK", adapter.keys.job(TASK, job_id)) for job_id in ids]))


async def asked(adapter: Adapter, request: Request) -> list[int]:
    def steps(_: Producer) -> Steps[list[int]]:
        return [int(reply) for reply in (yield request)]

    link = cast("RedisAdapter", adapter)._link  # pyright: ignore[reportPrivateUsage] - no store asks this
    return await link.call(steps).run_async()
