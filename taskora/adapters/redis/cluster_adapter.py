"""The adapter for a cluster."""

from __future__ import annotations

from taskora.adapters.event_store import EventStore
from taskora.adapters.protocol import HouseStore, Waiter, WorkflowStore
from taskora.adapters.redis.adapter import RedisAdapter
from taskora.adapters.redis.cluster_events import ClusterEvents
from taskora.adapters.redis.cluster_house import ClusterHouse, ClusterRepairs, IndexedRepairs
from taskora.adapters.redis.cluster_vitals import ClusterVitals
from taskora.adapters.redis.cluster_waiter import ClusterWaiter
from taskora.adapters.redis.cluster_workflows import ClusterWorkflows
from taskora.adapters.redis.link import Source
from taskora.adapters.schedule_store import RepairStore
from taskora.adapters.vitals_store import VitalsStore
from taskora.connection.cluster import Cluster
from taskora.keys import ClusterKeys, cluster_keys


class ClusterAdapter(RedisAdapter):
    """Keeps jobs in a cluster: those of each task in the slot of its name. Connections are made when first used.

    With braces in the prefix, such as ``{acme}``, everything lies in one slot, and is as on a server of its own.

    Args:
        source: Names the cluster.
        cluster: The same; it is sent the scripts that suit the prefix.
        prefix: Text that sets its keys apart from those of others on the same cluster.
    """

    def __init__(self, source: Source, cluster: Cluster, prefix: str = "") -> None:
        super().__init__(source, prefix, cluster_keys(prefix))
        self.vitals: VitalsStore = ClusterVitals(self._link, cluster)
        self._in_one_slot = not isinstance(self.keys, ClusterKeys)
        if self._in_one_slot:
            self.repairs: RepairStore = IndexedRepairs(self._link)
            return
        self.workflows: WorkflowStore = ClusterWorkflows(self._link)
        self.house: HouseStore = ClusterHouse(self._link)
        self.repairs = ClusterRepairs(self._link)
        self.events: EventStore = ClusterEvents(self._link)

    def waiter(self) -> Waiter:
        """See ``Adapter``."""
        return super().waiter() if self._in_one_slot else ClusterWaiter(self._link)
