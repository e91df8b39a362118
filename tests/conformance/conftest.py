"""Every test here runs on memory, on Redis, on Valkey and on a cluster, and knows nothing but the Adapter protocol.

With ``TASKORA_SENTINEL=1`` in the environment it runs once more, on a master that is found through sentinels; with
``TASKORA_CLUSTER=0`` not on a cluster.
"""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from conformance.adapters import NoServer, adapter_on
from conformance.kit import Kit
from support import FLAVORS, Cluster, Flavor, Server, find_binary
from support.sentinels import Watched
from taskora import SchedulerConfig, Taskora
from taskora.adapters.protocol import Adapter

SENTINEL = ("sentinel",) if os.environ.get("TASKORA_SENTINEL") else ()
CLUSTER = () if os.environ.get("TASKORA_CLUSTER") == "0" else ("cluster",)
KINDS = ("memory", *FLAVORS, *SENTINEL, *CLUSTER)


@pytest.fixture(scope="session", params=KINDS)
def session_server(request: pytest.FixtureRequest) -> Iterator[Server | Cluster | NoServer | Watched]:
    """One server per flavor and xdist worker; tests take `adapter` or `kit`."""
    if request.param == "memory":
        yield NoServer()
        return
    flavor: Flavor = "redis" if request.param in ("sentinel", "cluster") else request.param
    if find_binary(flavor) is None:
        message = f"{flavor}-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI must test on it")
        pytest.skip(message)
    if request.param == "cluster":
        with Cluster(flavor) as cluster:
            yield cluster
        return
    through_sentinels = request.param == "sentinel"
    with Watched(flavor, replicas=1, down_after_ms=30_000) if through_sentinels else Server(flavor) as running:
        yield running


@pytest.fixture
async def adapter(server: Server | Cluster | NoServer | Watched, prefix: str) -> AsyncIterator[Adapter]:
    """The adapter under test, empty."""
    made = adapter_on(server, prefix)
    yield made
    await made.close_async()


@pytest.fixture
async def kit(adapter: Adapter) -> AsyncIterator[Kit]:
    """The adapter with shortcuts for the life of a job."""
    kit = Kit(adapter)
    yield kit
    await kit.close()


@pytest.fixture
def app(server: Server | Cluster | NoServer | Watched, prefix: str) -> Taskora:
    """An application on the adapter, whose leader is in a hurry."""
    return Taskora(adapter_on(server, prefix), scheduler=SchedulerConfig(poll_interval=0.02, lock_ttl=5))
