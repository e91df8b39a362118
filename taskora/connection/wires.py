"""A connection for each kind of place."""

from __future__ import annotations

from typing import TypeAlias

from taskora.connection.cluster import Cluster
from taskora.connection.cluster_wire import ClusterBlockingWire, ClusterLoopWire
from taskora.connection.endpoint import Endpoint
from taskora.connection.wire import BlockingWire, LoopWire

Place: TypeAlias = Endpoint | Cluster
"""One server, or a cluster of them."""

AnyBlockingWire: TypeAlias = BlockingWire | ClusterBlockingWire
AnyLoopWire: TypeAlias = LoopWire | ClusterLoopWire


def blocking_wire(place: Place) -> AnyBlockingWire:
    """Make a connection for plain code; nothing is opened before its first use."""
    return ClusterBlockingWire(place) if isinstance(place, Cluster) else BlockingWire(place)


def loop_wire(place: Place) -> AnyLoopWire:
    """Make a connection for the running loop; nothing is opened before its first use."""
    return ClusterLoopWire(place) if isinstance(place, Cluster) else LoopWire(place)
