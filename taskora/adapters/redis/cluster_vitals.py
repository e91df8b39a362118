"""The condition of a cluster: of all its masters, as one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from taskora.adapters.redis.link import Link
from taskora.adapters.redis.vitals import LAYOUT, RedisVitals, read_facts, read_info
from taskora.adapters.vitals_store import ServerFacts
from taskora.call import Call
from taskora.connection.cluster import Cluster, on_slot
from taskora.connection.request import Producer, Steps
from taskora.errors import ConfigError

_PER_SCAN = 1000


class ClusterVitals(RedisVitals):
    """See ``VitalsStore`` in the protocol.

    Args:
        link: The way to the cluster.
        cluster: What is known of it.
    """

    def __init__(self, link: Link, cluster: Cluster) -> None:
        super().__init__(link)
        self._cluster = cluster

    def server(self) -> Call[ServerFacts]:
        """See ``VitalsStore``. Of each value the one of the master that is worst off, so that none is overlooked."""

        def steps(_: Producer) -> Steps[ServerFacts]:
            (layout,) = yield [("HMGET", self._keys.own("meta"), *LAYOUT)]
            stored = {name: value.decode() for name, value in zip(LAYOUT, layout, strict=True) if value is not None}
            facts: list[ServerFacts] = []
            for slot in self._cluster.map.slot_of_each():
                (info,) = yield [on_slot(slot, "INFO")]
                before_ns = time.time_ns()
                ((seconds, micros),) = yield [on_slot(slot, "TIME")]
                skew_s = int(seconds) + int(micros) / 1e6 - (before_ns + time.time_ns()) / 2e9
                facts.append(read_facts(read_info(info), skew_s, stored))
            return _worst(facts)

        return self._link.call(steps)

    def erase(self) -> Call[int]:
        """See ``VitalsStore``."""
        if not self._keys.prefix:
            raise ConfigError("prefix: without one, everything of everybody on the cluster would be removed")

        def steps(_: Producer) -> Steps[int]:
            yield [("PING",)]  # the map of the cluster is read by then
            count = 0
            for slot in self._cluster.map.slot_of_each():
                cursor = b"0"
                while True:
                    scan = on_slot(slot, "SCAN", cursor, "MATCH", f"{self._keys.root}:*", "COUNT", _PER_SCAN)
                    ((cursor, keys),) = yield [scan]
                    if keys:
                        count += sum((yield [("UNLINK", key) for key in keys]))
                    if cursor == b"0":
                        break
            return count

        return self._link.call(steps)


def _worst(facts: Sequence[ServerFacts]) -> ServerFacts:
    fullest = max(facts, key=lambda each: each.used_memory / each.max_memory if each.max_memory else 0.0)
    oldest = min(facts, key=lambda each: [int(part) for part in each.version.split(".") if part.isdecimal()])
    evicting = [each.memory_policy for each in facts if each.memory_policy != "noeviction"]
    return replace(
        fullest,
        version=oldest.version,
        mode="cluster",
        uptime_s=min(each.uptime_s for each in facts),
        memory_policy=evicting[0] if evicting else fullest.memory_policy,
        clients=max(each.clients for each in facts),
        append_only=all(each.append_only for each in facts),
        saved_well=all(each.saved_well for each in facts),
        skew_s=max((each.skew_s for each in facts), key=abs),
        masters=len(facts),
        keys=sum(each.keys for each in facts),
    )
