"""Who may settle a job, and what becomes of jobs whose owner is gone."""

import asyncio
import socket

import pytest

from integration.adapter.kit import TASK, TTL_MS, Kit, done, failed
from integration.adapter.proxy import CuttingProxy
from support import Server, wait_until
from taskora.adapters.redis.lane import RedisLane
from taskora.connection.request import pack
from taskora.errors import AdapterError
from taskora.lua import load
from taskora.model import Held, Settled, Want


def expire_lock(kit: Kit, job_id: str) -> None:
    kit.raw.delete(f"{kit.base()}:{job_id}:lock")


async def recover(kit: Kit, worker: str = "w1") -> int:
    call = kit.adapter.leases.recover(worker, {TASK: 0}, cause="signal:9", charged=True, max_crashes=3)
    return await call.run_async()


async def test_a_renewal_takes_back_a_lock_that_ran_out_but_not_one_of_another(kit: Kit) -> None:
    ids = await kit.add_many(3)
    lane = kit.lane()
    jobs = await kit.claim(lane, 3)
    held = [Held(job.task, job.job_id, job.token, job.processed_ms) for job in jobs]
    expire_lock(kit, ids[0])
    kit.raw.set(f"{kit.base()}:{ids[1]}:lock", "other.a1.1", px=TTL_MS)
    await kit.adapter.jobs.cancel(TASK, ids[2], "").run_async()
    assert await kit.adapter.leases.extend(held, 60_000).run_async() == [1, 0, -1]
    assert kit.raw.get(f"{kit.base()}:{ids[0]}:lock") == jobs[0].token
    assert kit.raw.pttl(f"{kit.base()}:{ids[2]}:lock") > 50_000
    assert kit.raw.get(f"{kit.base()}:{ids[1]}:lock") == "other.a1.1"
    assert await kit.adapter.leases.extend([], 1000).run_async() == []


async def test_a_completed_job_is_never_swept(kit: Kit) -> None:
    ids = await kit.add_many(6)
    lane = kit.lane()
    jobs = await kit.claim(lane, 6)
    await kit.adapter.house.sweep(TASK, 1).run_async()
    endings = ("complete", "fail", "retry", "cancel", "return", "defer")
    outcomes = [Settled(job, verb, b"1", delay_ms=60_000) for job, verb in zip(jobs, endings, strict=True)]  # type: ignore[arg-type]  # a str
    await kit.settle(lane, *outcomes)
    assert kit.raw.scard(f"{kit.base()}:stalled") == 0
    states = [kit.state(job_id) for job_id in ids]
    assert await kit.adapter.house.sweep(TASK, 1).run_async() == 0
    assert [kit.state(job_id) for job_id in ids] == states
    assert all("stalledCount" not in kit.hash(job_id) for job_id in ids)


async def test_a_recovered_worker_claims_nothing_and_leaves_the_marker_to_others(kit: Kit) -> None:
    await kit.add_many(2)
    lane = kit.lane("w1")
    await kit.claim(lane)
    await recover(kit)
    reply = await lane.wait_and_claim([Want(TASK, 5)], 100)
    assert (reply.jobs, reply.fenced) == ([], "dead")
    assert kit.marked()
    assert (await lane.step([], [Want(TASK, 5)])).fenced == "dead"
    await kit.adapter.leases.fence("w1", [TASK], False).run_async()
    assert (await lane.step([], [Want(TASK, 5)])).fenced == "dead"
    assert len(await kit.claim(kit.lane("w2"), 5)) == 2


async def test_a_claim_sent_before_the_fence_claims_nothing_after_recovery(kit: Kit, server: Server) -> None:
    ids = await kit.add_many(3)
    lane = kit.lane("w1")
    assert isinstance(lane, RedisLane)
    await kit.claim(lane)
    step = lane._step(lane._settling[0], (), [Want(TASK, 5)])  # pyright: ignore[reportPrivateUsage]  # what it sends
    late = pack([("BZPOPMIN", f"{kit.base()}:marker", 1), step.call])
    with socket.socket(socket.AF_UNIX) as parked:
        parked.connect(str(server.socket_path))
        parked.settimeout(5)
        # The process stopped with its bytes on the way: they arrive after its end.
        await recover(kit)
        parked.sendall(late)
        reply = b""
        while b"dead" not in reply:
            reply += parked.recv(65536)
    assert kit.waiting() == ids
    assert kit.active() == []
    assert kit.marked()


async def test_a_halted_worker_claims_nothing_until_it_may_go_on(kit: Kit) -> None:
    ids = await kit.add_many(2)
    lane = kit.lane("w1")
    await kit.adapter.leases.fence("w1", [TASK], True).run_async()
    reply = await lane.wait_and_claim([Want(TASK, 5)], 100)
    assert (reply.jobs, reply.fenced) == ([], "halt")
    assert kit.marked()
    assert kit.waiting() == ids
    await kit.adapter.leases.fence("w1", [TASK], False).run_async()
    assert len((await lane.wait_and_claim([Want(TASK, 5)], 100)).jobs) == 2


async def test_every_lock_of_a_silent_worker_is_renewed_and_only_its(kit: Kit) -> None:
    await kit.add_many(3)
    mine = await kit.claim(kit.lane("w1"), 2)
    (other,) = await kit.claim(kit.lane("w10"))
    assert await kit.adapter.leases.extend_worker("w1", [TASK], 90_000).run_async() == 2
    assert all(kit.raw.pttl(f"{kit.base()}:{job.job_id}:lock") > 80_000 for job in mine)
    assert kit.raw.pttl(f"{kit.base()}:{other.job_id}:lock") <= TTL_MS


@pytest.mark.parametrize("way", ["wait", "step"])
async def test_jobs_of_a_claim_whose_reply_was_lost_are_given_back_at_the_front(
    kit: Kit, server: Server, way: str
) -> None:
    ids = await kit.add_many(6)
    with CuttingProxy(server.socket_path) as proxy:
        adapter = kit.adapter_at(proxy.url)
        held: set[str] = set()
        lane = kit.lane(held=held, adapter=adapter)

        async def claim(count: int) -> list[str]:
            wants = [Want(TASK, count)]
            reply = await (lane.wait_and_claim(wants, 200) if way == "wait" else lane.step([], wants))
            return [job.job_id for job in reply.jobs]

        held.update(await claim(1))
        assert held == {ids[0]}
        proxy.cut(load("step").sha)
        with pytest.raises(AdapterError, match="lost the connection"):
            await claim(3)
        assert kit.active() == ids[:4]
        assert await claim(5) == ids[1:]
        assert kit.active() == ids
        assert "crashes" not in kit.hash(ids[1])


@pytest.mark.parametrize("way", ["wait", "step"])
async def test_a_lane_that_is_closed_after_a_cut_claim_leaves_no_job_behind(kit: Kit, way: str) -> None:
    ids = await kit.add_many(4)
    lane = kit.lane(held={ids[0]})
    assert len(await kit.claim(lane)) == 1
    await lane.wait_and_claim([], 1)
    wants = [Want(TASK, 2)]
    claim = asyncio.ensure_future(lane.wait_and_claim(wants, 1000) if way == "wait" else lane.step([], wants))
    while len(kit.active()) < 3:  # noqa: ASYNC110 - one turn of the loop, so that the answer is not read yet
        await asyncio.sleep(0)
    claim.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claim
    await lane.close()
    assert kit.active() == ids[:1]
    assert kit.waiting() == ids[1:]


async def test_closing_a_lane_that_lost_its_server_takes_little_time(kit: Kit, server: Server) -> None:
    lane = kit.lane()
    await lane.step([], [])
    server.stop()
    with pytest.raises(AdapterError):
        await lane.step([], [Want(TASK, 1)])
    await asyncio.wait_for(lane.close(), 4)


async def test_an_id_that_is_no_text_costs_none_of_those_claimed_with_it(kit: Kit) -> None:
    ids = await kit.add_many(1)
    kit.raw.hset(f"{kit.base()}:".encode() + b"\xff\xfe", mapping={"state": "waiting", "ts": "1", "data": "1"})
    kit.raw.lpush(f"{kit.base()}:wait", b"\xff\xfe")
    ids += await kit.add_many(1)
    assert [job.job_id for job in await kit.claim(kit.lane(), 3)] == ids
    kit.raw.delete(f"{kit.base()}:".encode() + b"\xff\xfe", f"{kit.base()}:".encode() + b"\xff\xfe:lock")
    kit.raw.delete(f"{kit.base()}:active", f"{kit.base()}:events")


async def test_bytes_of_a_connection_that_was_given_up_claim_nothing(kit: Kit, server: Server) -> None:
    ids = await kit.add_many(4)
    with CuttingProxy(server.socket_path) as proxy:
        adapter = kit.adapter_at(proxy.url)
        lane = kit.lane(held={ids[0]}, adapter=adapter)
        assert isinstance(lane, RedisLane)
        await lane.step([], [Want(TASK, 1)])
        old = lane._step(lane._settling[0], (), [Want(TASK, 2)])  # pyright: ignore[reportPrivateUsage]  # what it sends
        proxy.cut(load("step").sha)
        with pytest.raises(AdapterError):
            await lane.step([], [Want(TASK, 1)])
        assert [job.job_id for job in (await lane.step([], [Want(TASK, 1)])).jobs] == [ids[1]]
        reply = kit.raw.execute_command(
            "EVALSHA", old.call.script.sha, len(old.call.keys), *old.call.keys, *old.call.args
        )
        assert reply[2] == "stale"
        assert kit.waiting() == ids[2:]


async def test_a_settle_whose_reply_was_lost_may_be_repeated(kit: Kit, server: Server) -> None:
    ids = await kit.add_many(4)
    with CuttingProxy(server.socket_path) as proxy:
        adapter = kit.adapter_at(proxy.url)
        held = set(ids[:2])
        lane = kit.lane(held=held, adapter=adapter)
        jobs = (await lane.step([], [Want(TASK, 2)])).jobs
        outcomes = [done(jobs[0]), failed(jobs[1])]
        proxy.cut(load("step").sha)
        with pytest.raises(AdapterError):
            await lane.step(outcomes, [Want(TASK, 1)])
        reply = await lane.step(outcomes, [Want(TASK, 2)])
        assert reply.lost == tuple(ids[:2])
        assert [job.job_id for job in reply.jobs] == ids[2:]
    assert kit.event_names(ids[0]) == ["waiting", "active", "completed"]
    assert kit.event_names(ids[1]) == ["waiting", "active", "failed"]
    (metric,) = kit.raw.keys(f"{kit.base()}:metrics:completed:*")
    assert kit.raw.get(metric) == "1"


async def test_a_cancelled_claim_leaves_no_reply_for_the_next_and_no_job_behind(kit: Kit) -> None:
    ids = await kit.add_many(4)
    lane = kit.lane("w1")
    await lane.step([], [])
    await lane.wait_and_claim([], 1)
    for way in range(2):
        # Sent, and cancelled before the answer can be read.
        wants = [Want(TASK, 4)]
        claim = asyncio.ensure_future(lane.step([], wants) if way else lane.wait_and_claim(wants, 1000))
        while not kit.active():  # noqa: ASYNC110 - one turn of the loop, so that the answer is not read yet
            await asyncio.sleep(0)
        claim.cancel()
        with pytest.raises(asyncio.CancelledError):
            await claim
        again = await (lane.step([], [Want(TASK, 2)]) if way else lane.wait_and_claim([Want(TASK, 2)], 1000))
        assert [job.job_id for job in again.jobs] == ids[:2]
        assert kit.active() == ids[:2]
        await kit.settle(lane, *(Settled(job, "return") for job in again.jobs))
        wait_until(lambda: kit.waiting() == ids)


async def test_a_recovery_charges_only_claims_whose_reply_was_read(kit: Kit) -> None:
    read: dict[str, int] = {"a": 0}
    await kit.add_many(4)
    lane = kit.adapter.leases.lane("w1", [TASK], TTL_MS, lambda _: (), read.__setitem__)
    try:
        ran = (await lane.wait_and_claim([Want(TASK, 1)], 100)).jobs + (await lane.step([], [Want(TASK, 1)])).jobs
        before = dict(read)
        unread = (await lane.wait_and_claim([Want(TASK, 1)], 100)).jobs + (await lane.step([], [Want(TASK, 1)])).jobs
    finally:
        await lane.close()
    assert before.keys() == {"a", "b"}
    assert all(read[name] > number for name, number in before.items())
    call = kit.adapter.leases.recover(
        "w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=0, answered=before
    )  # fmt: skip
    assert await call.run_async() == 4
    assert [kit.state(job.job_id) for job in ran] == ["failed", "failed"]
    assert [kit.state(job.job_id) for job in unread] == ["waiting", "waiting"]
    assert all("crashes" not in kit.hash(job.job_id) for job in unread)


async def test_what_one_lane_of_a_worker_read_says_nothing_of_another_ones_claims(kit: Kit) -> None:
    read: dict[str, int] = {}
    dead = False

    def told(connection: str, number: int) -> None:
        if not dead:
            read[connection] = number

    await kit.add_many(2)
    silent = kit.adapter.leases.lane("w1", [TASK], TTL_MS, lambda _: (), told, 0)
    busy = kit.adapter.leases.lane("w1", ["other"], TTL_MS, lambda _: (), told, 1)
    try:
        await silent.wait_and_claim([], 1)
        await silent.step([], [])
        for _ in range(3):
            await busy.wait_and_claim([Want("other", 1)], 1)
            await busy.step([], [Want("other", 1)])
        dead = True  # with the replies of these on their way
        jobs = (await silent.wait_and_claim([Want(TASK, 1)], 100)).jobs + (await silent.step([], [Want(TASK, 1)])).jobs
    finally:
        await busy.close()
        await silent.close()
    call = kit.adapter.leases.recover(
        "w1", {TASK: 0, "other": 0}, cause="signal:9", charged=True, max_crashes=0, answered=read
    )  # fmt: skip
    assert await call.run_async() == 2
    assert [kit.state(job.job_id) for job in jobs] == ["waiting", "waiting"]


async def test_many_lanes_of_a_worker_have_connections_of_as_many_names(kit: Kit) -> None:
    told: list[str] = []
    lanes = [
        kit.adapter.leases.lane("w1", [TASK], TTL_MS, lambda _: (), lambda name, _: told.append(name), place)
        for place in range(20)
    ]
    try:
        for lane in lanes:
            await lane.wait_and_claim([], 1)
            await asyncio.gather(lane.step([], []), lane.step([], []))
    finally:
        for lane in lanes:
            await lane.close()
    assert len({*told}) == len(told) == 60
    # What outlives the worker has a place for each letter.
    assert [name for name in told if len(name) == 1] == told[:52]


async def test_a_recovery_charges_the_claims_of_connections_that_nothing_is_known_of(kit: Kit) -> None:
    await kit.add_many(1)
    (job,) = await kit.claim(kit.lane("w1"))
    call = kit.adapter.leases.recover(
        "w1", {TASK: 0}, cause="signal:9", charged=True, max_crashes=3, answered={"a": 0}
    )  # fmt: skip
    assert await call.run_async() == 1
    assert kit.hash(job.job_id)["crashes"] == "1"
