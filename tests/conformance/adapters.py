"""The adapters under test. Another one has to pass the same tests: add it here."""

from support import Cluster, Server
from support.sentinels import Watched
from taskora.adapters.memory import memory_adapter
from taskora.adapters.protocol import Adapter
from taskora.adapters.redis import redis_adapter


class NoServer:
    """Stands where the server stands, for the adapter that has none."""

    flavor = "memory"
    url = "memory://"

    def start(self) -> None:
        """There is nothing to start."""

    def resume(self) -> None:
        """There is nothing to resume."""

    def flush(self) -> None:
        """Every test has an adapter of its own."""

    def client_count(self) -> int:
        return 0


def adapter_on(server: Server | Cluster | NoServer | Watched, prefix: str) -> Adapter:
    """Make an adapter that keeps its things there."""
    if isinstance(server, NoServer):
        return memory_adapter(prefix=prefix)
    return redis_adapter(server.url, prefix=prefix)
