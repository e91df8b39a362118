"""What tests share: real servers, programs beside the test, waiting for a condition."""

from support.processes import Program, Spawn, script
from support.servers import FLAVORS, Flavor, Server, find_binary, free_port
from support.waiting import wait_until, wait_until_async

__all__ = [
    "FLAVORS",
    "Flavor",
    "Program",
    "Server",
    "Spawn",
    "find_binary",
    "free_port",
    "script",
    "wait_until",
    "wait_until_async",
]
