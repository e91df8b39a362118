"""A server that goes away, comes back, forgets its scripts, or is not the one we need."""

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from integration.adapter.kit import TASK, Kit, done, fan
from support import Server, wait_until, wait_until_async
from taskora.adapters.redis import handshake, redis_adapter
from taskora.connection import pool
from taskora.errors import AdapterError, SchemaVersionMismatchError, TaskoraError
from taskora.ids import new_id
from taskora.lua import load
from taskora.model import EnqueueSpec, NewJob, Settled, Want


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of this process give up on a server that is away after one second, not five."""
    monkeypatch.setattr(pool, "PATIENCE_S", 1.0)


@pytest.fixture
def durable(server: Server) -> Iterator[Server]:
    """A server of the same flavor that forgets nothing."""
    with Server(server.flavor, appendonly=True) as running:
        yield running


async def test_flushed_scripts_harm_nothing_at_any_moment(kit: Kit) -> None:
    flow = fan(3)
    lane = kit.lane(tasks=(TASK, "other"))
    waiter = kit.waiter()
    ids = await kit.add_many(4)
    kit.raw.script_flush()
    jobs = (await lane.wait_and_claim([Want(TASK, 4), Want("other", 1)], 100)).jobs
    assert [job.job_id for job in jobs] == ids
    kit.raw.script_flush()
    await kit.settle(lane, done(jobs[0]), Settled(jobs[1], "return"), Settled(jobs[2], "retry", b"x", delay_ms=1))
    kit.raw.script_flush()
    await kit.create(flow)
    kit.raw.script_flush()
    assert await kit.adapter.workflows.cancel_workflow(flow.workflow_id, "").run_async()
    kit.raw.script_flush()
    await kit.adapter.leases.recover("w1", {TASK: 0, "other": 0}, cause="x", charged=False, max_crashes=3).run_async()
    kit.raw.script_flush()
    await kit.adapter.leases.fence("w2", [TASK, "other"], True).run_async()
    kit.raw.script_flush()
    outcome = await waiter.workflow(flow.workflow_id)
    assert outcome is not None
    assert outcome.state == "cancelled"
    assert kit.event_names(ids[0]) == ["waiting", "active", "completed"]
    assert set(kit.waiting()) | set(kit.members("delayed")) == set(ids[1:])


async def test_a_workflow_is_stored_whole_although_the_server_knows_only_the_script_that_starts_it(kit: Kit) -> None:
    kit.raw.script_flush()
    kit.raw.script_load(load("start_workflow").source)
    flow = fan(2)
    await kit.create(flow)
    assert kit.waiting() == [each.job_id for each in flow.nodes[:2]]
    assert kit.raw.ttl(f"{kit.root}:wf:{{{flow.workflow_id}}}") == -1


async def test_scripts_may_be_flushed_while_everything_runs(kit: Kit) -> None:
    stop = False

    async def flush() -> None:
        while not stop:
            await asyncio.to_thread(kit.raw.script_flush)

    flushing = asyncio.create_task(flush())
    lane = kit.lane()
    for _ in range(40):
        flow = fan(4)
        await kit.create(flow)
        while jobs := await kit.claim(lane, 3):
            assert (await kit.settle(lane, *map(done, jobs))).lost == ()
        assert kit.workflow(flow.workflow_id)["state"] == "completed"
    stop = True
    await flushing


async def test_calls_survive_a_restart_of_the_server(durable: Server, prefix: str) -> None:
    adapter = redis_adapter(durable.url, prefix=prefix)
    lane = adapter.leases.lane("w1", [TASK], 30_000, lambda _: ())
    await adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")]).run_async()
    await asyncio.to_thread(adapter.jobs.stats(TASK).run)
    durable.stop()
    restart = threading.Timer(0.5, durable.start)
    restart.start()
    call = adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"2")])
    stored, stats = await asyncio.gather(call.run_async(), asyncio.to_thread(adapter.jobs.stats(TASK).run))
    restart.join()
    assert stored == [True]
    assert stats.waiting in (1, 2)
    assert [job.data for job in (await lane.step([], [Want(TASK, 5)])).jobs] == [b"1", b"2"]
    await lane.close()
    await adapter.close_async()


async def test_a_lane_survives_a_restart_and_loses_nothing(durable: Server, prefix: str) -> None:
    adapter = redis_adapter(durable.url, prefix=prefix)
    held: set[str] = set()
    lane = adapter.leases.lane("w1", [TASK], 30_000, lambda _: held)
    ids = [new_id() for _ in range(4)]
    await adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(job_id, b"1") for job_id in ids]).run_async()
    (job,) = (await lane.step([], [Want(TASK, 1)])).jobs
    held.add(job.job_id)
    waiting = asyncio.create_task(lane.wait_and_claim([], 5000))
    await asyncio.sleep(0.01)
    durable.restart()
    with pytest.raises(AdapterError):
        await waiting
    with pytest.raises(AdapterError):
        await lane.step([done(job)], [])
    reply = await lane.step([done(job)], [Want(TASK, 5)])
    assert reply.lost == ()
    assert [each.job_id for each in reply.jobs] == ids[1:]
    await lane.close()
    await adapter.close_async()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("way", ["blocking", "async"])
async def test_a_server_that_stays_away_is_reported_after_the_patience(server: Server, kit: Kit, way: str) -> None:
    await kit.add_many(1)
    await asyncio.to_thread(kit.adapter.jobs.stats(TASK).run)
    server.stop()
    call = kit.adapter.jobs.stats(TASK)
    began_s = time.monotonic()
    with pytest.raises(AdapterError, match=r"tried again for . s: is the server running") as caught:
        await (asyncio.to_thread(call.run) if way == "blocking" else call.run_async())
    assert 0.5 < time.monotonic() - began_s < 3
    assert str(server.socket_path) in str(caught.value)


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_was_never_there_is_reported_to_every_caller_at_once(server: Server, kit: Kit) -> None:
    server.stop()
    waiter = kit.waiter()
    began_s = time.monotonic()
    calls = [kit.adapter.connect().run_async(), kit.adapter.jobs.stats(TASK).run_async(), waiter.job(TASK, "job-1")]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in results] == [AdapterError] * 3
    assert time.monotonic() - began_s < 3


async def test_a_burst_of_first_calls_opens_few_connections_to_greet(server: Server, kit: Kit) -> None:
    await asyncio.gather(*(kit.adapter.connect().run_async() for _ in range(200)))
    assert server.client_count() <= 3


async def test_a_wrong_password_is_told_at_once(server: Server, kit: Kit) -> None:
    kit.raw.config_set("requirepass", "secret")
    try:
        adapter = kit.adapter_at(f"{server.url}?password=wrong")
        began_s = time.monotonic()
        with pytest.raises(AdapterError, match="password"):
            await adapter.connect().run_async()
        assert time.monotonic() - began_s < 2
    finally:
        kit.raw.config_set("requirepass", "")


async def test_a_key_of_somebody_else_is_named_with_the_remedy(kit: Kit) -> None:
    kit.raw.set(f"{kit.base()}:wait", "mine", px=10_000)
    with pytest.raises(AdapterError, match="another prefix"):
        await kit.add_many(1)


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({"wireVersion": "5", "minCompat": "5"}, "theirs_too_old"),
        ({"wireVersion": "9", "minCompat": "7"}, "theirs_too_new"),
        ({"minCompat": "6"}, "invalid_meta"),
        ({"wireVersion": "x", "minCompat": "6"}, "invalid_meta"),
    ],
)
async def test_another_layout_is_refused(kit: Kit, meta: dict[str, str], code: str) -> None:
    kit.raw.hset(f"{kit.root}:meta", mapping=meta)
    with pytest.raises(SchemaVersionMismatchError) as caught:
        await kit.adapter.connect().run_async()
    assert caught.value.code == code
    with pytest.raises(TaskoraError):
        await kit.waiter().job(TASK, "job-1")


async def test_a_newer_layout_that_we_can_read_is_accepted(kit: Kit) -> None:
    kit.raw.hset(f"{kit.root}:meta", mapping={"wireVersion": "7", "minCompat": "6"})
    await kit.adapter.connect().run_async()


async def test_connecting_waits_while_somebody_migrates(kit: Kit) -> None:
    lock = f"{kit.root}:migration:lock"
    kit.raw.set(lock, json.dumps({"targetWireVersion": 6}), px=60_000)
    connecting = asyncio.ensure_future(kit.adapter.connect().run_async())
    await wait_until_async(lambda: kit.raw.info("commandstats").get("cmdstat_get", {}).get("calls", 0) > 0)
    assert not connecting.done()
    kit.raw.delete(lock)
    await asyncio.wait_for(connecting, 5)


@pytest.mark.parametrize("way", ["blocking", "async"])
async def test_connecting_gives_up_on_a_migration_that_does_not_end(
    kit: Kit, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(handshake, "_POLL_S", 0.05)
    kit.raw.set(f"{kit.root}:migration:lock", "{}", px=60_000)
    call = kit.adapter.connect()
    with pytest.raises(AdapterError, match="migrating"):
        await asyncio.wait_for(asyncio.to_thread(call.run) if way == "blocking" else call.run_async(), 5)


def test_an_adapter_serves_one_event_loop_after_another_without_leaving_sockets(server: Server, prefix: str) -> None:
    adapter = redis_adapter(server.url, prefix=prefix)

    async def use() -> None:
        await asyncio.gather(*(adapter.jobs.stats(TASK).run_async() for _ in range(3)))
        await adapter.close_async()

    for _ in range(3):
        asyncio.run(use())
    gc.collect()
    wait_until(lambda: server.client_count() == 0)
    adapter.close()


def test_a_loop_that_ended_without_a_close_leaves_no_socket_open(server: Server, prefix: str) -> None:
    # In a process of its own: what is left open would spoil the tests that follow.
    program = f"""
import asyncio, gc, socket
from taskora.adapters.redis import handshake, redis_adapter
from taskora.connection import pool
adapter = redis_adapter({server.url!r}, prefix={prefix!r})
for _ in range(2):
    asyncio.run(adapter.jobs.stats("t").run_async())
gc.collect()
print("open", sum(1 for each in gc.get_objects() if isinstance(each, socket.socket) and each.fileno() >= 0))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", program], env=environment, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "open 0"
    assert "ResourceWarning" not in ended.stderr


def test_a_forked_child_uses_connections_of_its_own(server: Server, prefix: str) -> None:
    adapter = redis_adapter(server.url, prefix=prefix)
    adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")]).run()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for _ in range(20):
                adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")]).run()
            adapter.close()
            status = 0
        finally:
            os._exit(status)
    for _ in range(20):
        adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")]).run()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert adapter.jobs.stats(TASK).run().waiting == 41
    adapter.close()


def test_threads_share_the_adapter(server: Server, prefix: str) -> None:
    adapter = redis_adapter(server.url, prefix=prefix)

    def use() -> None:
        for _ in range(30):
            adapter.jobs.enqueue(TASK, EnqueueSpec(), [NewJob(new_id(), b"1")]).run()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert adapter.jobs.stats(TASK).run().waiting == 240
    assert server.client_count() <= 8
    adapter.close()


async def test_the_memory_limit_of_the_server_is_told_with_the_remedy_and_running_jobs_can_still_settle(
    kit: Kit,
) -> None:
    ids = await kit.add_many(2)
    lane = kit.lane()
    jobs = await kit.claim(lane, 2)
    kit.raw.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(AdapterError, match="out of memory"):
            await kit.add_many(1)
        assert (await kit.settle(lane, *map(done, jobs))).lost == ()
    finally:
        kit.raw.config_set("maxmemory", "0")
    assert [kit.state(job_id) for job_id in ids] == ["completed"] * 2


async def test_a_watch_tells_of_cancels_and_of_gaps(kit: Kit) -> None:
    ids = await kit.add_many(2)
    await kit.claim(kit.lane(), 2)
    watch = kit.adapter.leases.watch_cancels([TASK, "other"])
    told = aiter(watch)
    assert await anext(told) == ("", "")
    await kit.adapter.jobs.cancel(TASK, ids[1], "").run_async()
    assert await asyncio.wait_for(anext(told), 2) == (TASK, ids[1])
    (client,) = [each["id"] for each in kit.raw.client_list() if each["cmd"] == "subscribe"]
    kit.raw.client_kill_filter(_id=client)
    assert await asyncio.wait_for(anext(told), 5) == ("", "")
    await kit.adapter.jobs.cancel(TASK, ids[0], "").run_async()
    assert await asyncio.wait_for(anext(told), 2) == (TASK, ids[0])
    last = asyncio.ensure_future(anext(told, None))
    await asyncio.sleep(0)
    await watch.close()
    assert await asyncio.wait_for(last, 2) is None


async def test_a_watch_that_is_refused_says_why_once_and_tells_cancels_when_it_may(
    server: Server, kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    (job_id,) = await kit.add_many(1)
    await kit.claim(kit.lane())
    kit.raw.execute_command("ACL", "SETUSER", "narrow", "on", ">x", "~*", "+@all", "resetchannels")
    try:
        watch = kit.adapter_at(f"{server.url}?username=narrow&password=x").leases.watch_cancels([TASK])
        told = aiter(watch)
        gap = asyncio.ensure_future(anext(told))
        await wait_until_async(lambda: "access rules" in caplog.text)
        kit.raw.execute_command("ACL", "SETUSER", "narrow", "allchannels")
        assert await asyncio.wait_for(gap, 2) == ("", "")
        await kit.adapter.jobs.cancel(TASK, job_id, "").run_async()
        assert await asyncio.wait_for(anext(told), 2) == (TASK, job_id)
        await watch.close()
        assert caplog.text.count("access rules") == 1
    finally:
        kit.raw.execute_command("ACL", "DELUSER", "narrow")
