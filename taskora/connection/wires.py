"""A connection for each kind of place."""

from __future__ import annotations

from typing import TypeAlias

from taskora.connection.cluster import Cluster
from taskora.connection.cluster_wire import ClusterBlockingWire, ClusterLoopWire
from taskora.connection.route import Route
from taskora.connection.wire import BlockingWire, LoopWire

AnyBlockingWire: TypeAlias = BlockingWire | ClusterBlockingWire
AnyLoopWire: TypeAlias = LoopWire | ClusterLoopWire


def blocking_wire(route: Route) -> AnyBlockingWire:
    """Make a connection for plain code; nothing is opened before its first use."""
    return ClusterBlockingWire(route) if isinstance(route, Cluster) else BlockingWire(route)


def loop_wire(route: Route) -> AnyLoopWire:
    """Make a connection for the running loop; nothing is opened before its first use."""
    return ClusterLoopWire(route) if isinstance(route, Cluster) else LoopWire(route)
