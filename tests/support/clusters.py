"""Real clusters that belong to one test run: three masters, with a replica each when asked for."""

import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from support.servers import Flavor, Server, free_port
from support.waiting import wait_until

SLOTS = 16_384
_FORM_TIMEOUT_S = 30.0


class Cluster:
    """Nodes that know each other and share the slots among the masters.

    Args:
        flavor: Which server.
        masters: How many nodes hold slots.
        replicas: Whether each master has a replica, which takes over when it is gone.
        node_timeout_ms: When a silent node counts as failing.
        certificate: A folder with ``key.pem`` and ``cert.pem``, for 127.0.0.1: it is reached by TLS then.

    It can stand wherever tests take a `Server`: it has what they ask of one.
    """

    def __init__(
        self,
        flavor: Flavor = "redis",
        *,
        masters: int = 3,
        replicas: bool = False,
        node_timeout_ms: int = 5000,
        certificate: Path | None = None,
    ) -> None:
        self.flavor = flavor
        args = (
            "--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout_ms),
            "--cluster-allow-replica-migration", "no", "--cluster-replica-validity-factor", "0",
            "--repl-diskless-sync-delay", "0", "--databases", "1",
        )  # fmt: skip
        count = masters * 2 if replicas else masters
        self._certificate = certificate
        self._tls_ports = [free_port() for _ in range(count)] if certificate else []
        tls = [_tls_arguments(certificate, port) for port in self._tls_ports] if certificate else [()] * count
        self.nodes = [Server(flavor, tcp=True, args=(*args, *more)) for more in tls]
        self.masters = self.nodes[:masters]
        self._formed = False

    @property
    def url(self) -> str:
        """The address of all nodes, of which one that answers is enough."""
        if self._certificate is not None:
            hosts = ",".join(f"127.0.0.1:{port}" for port in self._tls_ports)
            return f"rediss+cluster://{hosts}?ssl_ca_certs={self._certificate}/cert.pem"
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> Self:
        """Starts what does not run, and returns when every node finds the cluster whole."""
        for node in self.nodes:
            node.start()
        if not self._formed:
            self._form()
        wait_until(self._is_whole, _FORM_TIMEOUT_S, "the cluster did not form")
        return self

    def _form(self) -> None:
        first = self.nodes[0]
        share = SLOTS // len(self.masters)
        for at, node in enumerate(self.masters):
            last = SLOTS - 1 if node is self.masters[-1] else (at + 1) * share - 1
            node.command("CLUSTER", "ADDSLOTSRANGE", str(at * share), str(last))
            node.command("CLUSTER", "SET-CONFIG-EPOCH", str(at + 1))
        for at, node in enumerate(self.nodes[1:], 1):
            port = self._tls_ports[at] if self._tls_ports else node.port
            first.command("CLUSTER", "MEET", "127.0.0.1", str(port), str(port + 10_000))
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes), _FORM_TIMEOUT_S, "nodes did not meet")
        for master, replica in zip(self.masters, self.nodes[len(self.masters) :], strict=False):
            name = self.name_of(master)
            follow = partial(_follows, replica, name)
            wait_until(follow, _FORM_TIMEOUT_S, "a node did not become a replica")
        self._formed = True

    def _knows_all(self, node: Server) -> bool:
        lines = [line for line in node.command("CLUSTER", "NODES").splitlines() if " connected" in line]
        return len([line for line in lines if "handshake" not in line and "noaddr" not in line]) == len(self.nodes)

    def _is_whole(self) -> bool:
        for node in self.nodes:
            if "cluster_state:ok" not in node.command("CLUSTER", "INFO"):
                return False
            if "role:slave" in (info := node.command("INFO", "replication")) and "master_link_status:up" not in info:
                return False
        return True

    @staticmethod
    def name_of(node: Server) -> str:
        """The name by which nodes know it."""
        return node.command("CLUSTER", "MYID").splitlines()[1]

    def owner_of(self, slot: int) -> Server:
        """The master that holds a slot by its own account."""
        for node in self.nodes:
            for line in node.command("CLUSTER", "NODES").splitlines() if node.running else ():
                if "myself,master" in line and _holds(line.split()[8:], slot):
                    return node
        raise LookupError(f"nobody holds slot {slot}")

    def move(self, slot: int, target: Server, pause_s: float = 0.0) -> int:
        """Moves a slot with all its keys, one by one, as the servers' own tools do; returns how many keys."""
        source, count = self.owner_of(slot), 0
        source_name, target_name = self.name_of(source), self.name_of(target)
        assert target.command("CLUSTER", "SETSLOT", str(slot), "IMPORTING", source_name).startswith("+OK")
        assert source.command("CLUSTER", "SETSLOT", str(slot), "MIGRATING", target_name).startswith("+OK")
        while keys := source.words("CLUSTER", "GETKEYSINSLOT", str(slot), "10"):
            time.sleep(pause_s)
            moved = source.command("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)
            assert moved.startswith(("+OK", "+NOKEY")), moved
            count += len(keys)
        for node in (target, source, *(each for each in self.masters if each not in (source, target))):
            if node.running:
                node.command("CLUSTER", "SETSLOT", str(slot), "NODE", target_name)
        return count

    def resume(self) -> None:
        """Lets paused nodes go on."""
        for node in self.nodes:
            node.resume()

    def flush(self) -> None:
        """Removes all data."""
        for node in self.masters:
            node.flush()

    def client_count(self) -> int:
        """How many connections the nodes hold, without those between them and the ones that ask."""
        lines = [
            line for node in self.nodes for line in node.command("CLIENT", "LIST").splitlines() if " addr=" in line
        ]
        return sum(" flags=S" not in line and " flags=M" not in line for line in lines) - len(self.nodes)

    def close(self) -> None:
        """Ends all nodes and removes their folders."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tls_arguments(certificate: Path, port: int) -> tuple[str, ...]:
    return (
        "--tls-port", str(port), "--tls-cluster", "yes", "--tls-auth-clients", "no",
        "--tls-cert-file", f"{certificate}/cert.pem", "--tls-key-file", f"{certificate}/key.pem",
        "--tls-ca-cert-file", f"{certificate}/cert.pem", "--tls-replication", "yes",
    )  # fmt: skip


def _follows(replica: Server, name: str) -> bool:
    return replica.command("CLUSTER", "REPLICATE", name).startswith("+OK")


def _holds(ranges: list[str], slot: int) -> bool:
    for text in ranges:
        if not text.startswith("["):
            first, _, last = text.partition("-")
            if int(first) <= slot <= int(last or first):
                return True
    return False
