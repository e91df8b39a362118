"""What tests share: real servers, programs beside the test, waiting for a condition."""

from support.clusters import Cluster
from support.processes import Program, Spawn, script
from support.servers import FLAVORS, Flavor, Server, find_binary, free_port
from support.waiting import block_forever, forever, wait_until, wait_until_async

__all__ = [
    "FLAVORS",
    "Cluster",
    "Flavor",
    "Program",
    "Server",
    "Spawn",
    "block_forever",
    "find_binary",
    "forever",
    "free_port",
    "script",
    "wait_until",
    "wait_until_async",
]
