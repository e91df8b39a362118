"""`harbour` is a test's server, application and fleets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.fleet.fleets import Harbour
from support import Cluster, Flavor, Server, Spawn, find_binary, wait_until


@pytest.fixture(params=["redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Server | Cluster]:
    """A server of the test's own; parametrize it for `valkey`, `cluster` or `durable` (Redis, synced at each write)."""
    if request.param == "cluster":
        with Cluster() as cluster:
            yield cluster
            wait_until(lambda: cluster.client_count() == 0, 3.0, "the test left connections open")
        return
    flavor: Flavor = "valkey" if request.param == "valkey" else "redis"
    if find_binary(flavor) is None:
        pytest.skip(f"{flavor}-server is not installed")
    with Server(flavor, appendonly=request.param == "durable") as server:
        yield server
        wait_until(lambda: not server.running or server.client_count() == 0, 3.0, "the test left connections open")


@pytest.fixture
def harbour(store: Server | Cluster, spawn: Spawn, tmp_path: Path) -> Iterator[Harbour]:
    """Everything that a test of fleets needs."""
    made = Harbour(store, spawn, tmp_path)
    yield made
    made.close()
