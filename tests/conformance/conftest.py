"""Every test here runs on memory, on Redis, on Valkey and on a cluster, and knows nothing but the Adapter protocol."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from conformance.adapters import NoServer, adapter_on
from conformance.kit import Kit
from support import FLAVORS, Cluster, Flavor, Server, find_binary
from taskora import SchedulerConfig, Taskora
from taskora.adapters.protocol import Adapter


@pytest.fixture(scope="session", params=("memory", *FLAVORS, "cluster"))
def session_server(request: pytest.FixtureRequest) -> Iterator[Server | Cluster | NoServer]:
    """One server per flavor and xdist worker; tests take `adapter` or `kit`."""
    if request.param == "memory":
        yield NoServer()
        return
    flavor: Flavor = "redis" if request.param == "cluster" else request.param
    if find_binary(flavor) is None:
        message = f"{flavor}-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI must test on it")
        pytest.skip(message)
    with Cluster() if request.param == "cluster" else Server(flavor) as running:
        yield running


@pytest.fixture
async def adapter(server: Server | Cluster | NoServer, prefix: str) -> AsyncIterator[Adapter]:
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
def app(server: Server | Cluster | NoServer, prefix: str) -> Taskora:
    """An application on the adapter, whose leader is in a hurry."""
    return Taskora(adapter_on(server, prefix), scheduler=SchedulerConfig(poll_interval=0.02, lock_ttl=5))
