"""Damaged keys of a cluster, where one hand writes to several nodes: as in test_damaged_keys."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from integration.damage.kinds import KINDS, Kind
from integration.damage.test_damaged_keys import DAMAGES, Yard, bugs_in, check_damage
from integration.engine.kit import Engine
from support import Cluster

DEBTS = {"owed": Kind("T:owed", "zset"), "a debt": Kind("T:owed:*", "hash", "T:owed:nobody")}
ALL = {**KINDS, **DEBTS}


class ClusterEngine(Engine):
    """The same with a raw client that finds each key's node."""

    def __init__(self, url: str, prefix: str, raw: Any) -> None:
        self.url, self.prefix, self.raw = url, prefix, raw
        self._apps = []


class ClusterYard(Yard):
    """What belongs to no task stands in a slot of its own, and workflows in several."""

    def keys(self, kind: Kind) -> list[bytes]:
        head, _, tail = kind.pattern.partition(":")
        if head != "R":
            return super().keys(kind)
        keys = self.app.adapter.keys
        roots = keys.all_flows() if tail.startswith(("wf:", "workflows")) else [keys.own_root]
        places = [f"{root}:{tail}" for root in roots]
        if "*" not in tail:
            return [place.encode() for place in places if self.raw.exists(place)] or [places[0].encode()]
        return [key for place in places for key in self.raw.scan_iter(match=place, count=1000)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture
def yard(cluster: Cluster, prefix: str, caplog: pytest.LogCaptureFixture) -> Iterator[Yard]:
    caplog.set_level(logging.WARNING, "taskora")
    client: Any = redis.RedisCluster
    port = cluster.masters[0].port
    raw = client(host="127.0.0.1", port=port, protocol=2)
    texts = client(host="127.0.0.1", port=port, protocol=2, decode_responses=True)
    engine = ClusterEngine(cluster.url, prefix, texts)
    try:
        yield ClusterYard(engine, raw)
    finally:
        engine.close()
        raw.close()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ALL)
async def test_a_damaged_key_of_a_cluster_costs_no_other_task_and_nothing_once_it_is_deleted(
    yard: Yard, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    await check_damage(yard, ALL[name], damage)
    assert not bugs_in(caplog)
