"""Reaching a cluster: by URLs and clients, from plain code and from event loops, in many slots and in one."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster

from conformance.kit import working
from support import Cluster, free_port, wait_until_async
from taskora import Taskora, chain, group
from taskora.adapters.redis import redis_adapter
from taskora.connection.slots import slot_of
from taskora.errors import AdapterError, ConfigError
from taskora.events import CompletedEvent

PATIENCE_S = 20.0
compose: Any = chain  # of tasks whose types are known to these tests alone
pytestmark = pytest.mark.timeout(90)


def calculator(adapter: Any, prefix: str | None = None) -> Taskora:
    app = Taskora(adapter, prefix=prefix)

    @app.task
    async def double_task(value: int) -> int:
        return value * 2

    @app.task
    def add_one_task(value: int) -> int:
        return value + 1

    @app.task
    async def total_task(values: list[int]) -> int:
        return sum(values)

    return app


async def check(app: Taskora) -> None:
    """Runs jobs, listens, and runs a workflow over all of the tasks."""
    tasks: Any = app.tasks  # what they take is known to this test alone
    double, add_one, total = (tasks[name] for name in ("double", "add-one", "total"))
    seen: list[str] = []

    def note(event: CompletedEvent) -> None:
        seen.append(event.id)

    add_one.on("completed", note)
    async with working(app):
        handles = await double.dispatch_many(list(range(20)))
        assert [await handle.result_async(PATIENCE_S) for handle in handles] == [2 * n for n in range(20)]
        handle = await add_one.dispatch(1)
        assert await handle.result_async(PATIENCE_S) == 2
        await wait_until_async(lambda: seen == [handle.id], PATIENCE_S)
        flow = await compose(double.s(4), group(double.s(), add_one.s()), total.s()).dispatch()
        assert await flow.result_async(PATIENCE_S) == 25
        assert await flow.state_async() == "completed"


async def test_one_node_that_answers_is_enough_to_find_the_others(cluster: Cluster, prefix: str) -> None:
    url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{cluster.masters[1].port}"
    app = calculator(url, prefix)
    await check(app)
    assert len({cluster.owner_of(slot_of(app.adapter.keys.task(name))).port for name in app.tasks}) > 1


@pytest.mark.parametrize("kind", [redis.cluster.RedisCluster, redis.asyncio.cluster.RedisCluster])
async def test_a_client_of_a_cluster_names_it(cluster: Cluster, prefix: str, kind: type[Any]) -> None:
    client = kind(host="127.0.0.1", port=cluster.masters[0].port)
    try:
        await check(calculator(redis_adapter(client, prefix=prefix)))
    finally:
        closed = client.aclose() if kind is redis.asyncio.cluster.RedisCluster else client.close()
        if closed is not None:
            await closed


async def test_a_prefix_in_braces_keeps_everything_in_one_slot(cluster: Cluster, prefix: str) -> None:
    app = calculator(cluster.url, f"{{{prefix}}}")
    await check(app)
    adapter = redis_adapter(cluster.url, prefix=f"{{{prefix}}}")
    owner = cluster.owner_of(slot_of(f"{{{prefix}}}"))
    elsewhere = [node for node in cluster.masters if node is not owner]
    assert not [key for node in elsewhere for key in node.words("KEYS", f"*{prefix}*")]
    assert await adapter.vitals.erase().run_async() > 20
    assert not owner.words("KEYS", f"*{prefix}*")
    await adapter.close_async()


def test_plain_code_dispatches_waits_reads_and_erases(cluster: Cluster, prefix: str) -> None:
    app = calculator(cluster.url, prefix)
    tasks: Any = app.tasks
    double, total = tasks["double"], tasks["total"]
    handles = double.dispatch_many([1, 2, 3])
    flow = compose(double.s(4), group(double.s(), double.s()), total.s()).dispatch()

    def wait() -> tuple[list[int], int]:
        return [handle.result(20) for handle in handles], flow.result(20)

    async def work() -> None:
        worker = calculator(cluster.url, prefix)
        async with working(worker):
            assert await asyncio.to_thread(wait) == ([2, 4, 6], 32)

    asyncio.run(work())
    inspector = app.inspect()
    assert inspector.stats("double").completed == 6
    assert [found.id for found in inspector.workflows()] == [flow.workflow_id]
    assert inspector.server().masters == 3
    assert app.adapter.vitals.erase().run() > 20
    assert not [key for node in cluster.masters for key in node.words("KEYS", f"taskora:{prefix}*")]
    app.close()


async def dispatch_to_all(app: Taskora) -> None:
    for name, task in app.tasks.items():
        await task.dispatch([1] if name == "total" else 1)


async def test_a_plain_url_to_a_node_is_refused_with_the_remedy(cluster: Cluster, prefix: str) -> None:
    for node in cluster.masters:
        app = calculator(f"redis://127.0.0.1:{node.port}", prefix)
        with pytest.raises(AdapterError, match=r"redis\+cluster://"):
            await dispatch_to_all(app)
        await app.close_async()


async def test_a_server_that_is_no_cluster_is_refused_with_the_remedy(server: Any, prefix: str) -> None:
    port = free_port()
    server.command("CONFIG", "SET", "port", str(port))
    app = calculator(f"redis+cluster://127.0.0.1:{port}", prefix)
    with pytest.raises(AdapterError, match="is no node of a cluster"):
        await app.tasks["double"].dispatch(1)
    await app.close_async()
    server.command("CONFIG", "SET", "port", "0")


def test_a_task_in_braces_of_a_prefix_is_refused_where_keys_would_be_scattered(cluster: Cluster) -> None:
    with pytest.raises(ConfigError, match="braces"):
        redis_adapter(cluster.url, prefix="a{")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


async def test_a_cluster_is_reached_by_tls(certificate: Path, prefix: str) -> None:
    with Cluster(certificate=certificate) as cluster:
        await check(calculator(cluster.url, prefix))


async def test_every_connection_is_closed(cluster: Cluster, prefix: str) -> None:
    await check(calculator(cluster.url, prefix))
    await wait_until_async(lambda: cluster.client_count() == 0, PATIENCE_S, "connections are left open")
