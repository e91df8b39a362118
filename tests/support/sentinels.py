"""A master with replicas and the sentinels that watch them, in a hurry to fail over."""

import subprocess
import tempfile
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import Any, Self

import redis

from support.processes import ending_with_us
from support.raw import raw_client
from support.servers import Flavor, Server, find_binary, free_port
from support.waiting import wait_until

SERVICE = "main"
_DOWN_AFTER_MS = 1000
_READY_S = 30.0


class Sentinel:
    """One sentinel process with a folder of its own.

    Args:
        flavor: Whose binary.
        master_port: Of the master that it watches from the start.
        quorum: How many must agree that a master is down.
        extra: More lines of its configuration.
        down_after_ms: How long a silent master is waited for.
    """

    def __init__(
        self, flavor: Flavor, master_port: int, quorum: int, extra: str = "", down_after_ms: int = _DOWN_AFTER_MS
    ) -> None:
        self.port = free_port()
        self._flavor: Flavor = flavor
        self._config = f"""
            port {self.port}
            bind 127.0.0.1
            sentinel monitor {SERVICE} 127.0.0.1 {master_port} {quorum}
            sentinel down-after-milliseconds {SERVICE} {down_after_ms}
            sentinel failover-timeout {SERVICE} 1500
            sentinel parallel-syncs {SERVICE} 2
            {extra}
        """
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Starts it, with what it had learned before, if it ran already; returns when it answers."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="taskora-"))
            lines = (line.strip() for line in self._config.splitlines())
            (self._folder / "sentinel.conf").write_text("\n".join(lines) + f"\ndir {self._folder}\n")
        binary = find_binary(self._flavor)
        if binary is None:
            raise RuntimeError(f"no {self._flavor}-server")
        command = [*ending_with_us(), str(binary), str(self._folder / "sentinel.conf"), "--sentinel"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_until(self._answers, _READY_S, "the sentinel did not answer")
        # What is done every second or two by default, more often.
        self.ask("DEBUG", "info-period", "200", "ping-period", "100", "ask-period", "100", "publish-period", "200")
        return self

    def ask(self, *words: str) -> Any:
        """Runs a subcommand of SENTINEL."""
        with raw_client(port=self.port, socket_timeout=5, decode_responses=True) as client:
            return client.execute_command("SENTINEL " + words[0], *words[1:])

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace") if self._folder else ""

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def close(self) -> None:
        self.kill()
        if self._folder is not None:
            rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _answers(self) -> bool:
        try:
            with raw_client(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


class Watched:
    """One master, two replicas and three sentinels. As a context manager it is started and closed.

    Args:
        flavor: Whose binaries.
        replicas: How many.
        args: More arguments of the servers.
        down_after_ms: How long a silent master is waited for. Scripts keep one silent on a busy machine.
    """

    def __init__(
        self, flavor: Flavor, *, replicas: int = 2, args: tuple[str, ...] = (), down_after_ms: int = _DOWN_AFTER_MS
    ) -> None:
        self._down_after_ms = down_after_ms
        self._args = ("--repl-diskless-sync-delay", "0", "--repl-backlog-size", "10mb", *args)
        self.flavor: Flavor = flavor
        self._replicas = replicas
        self.servers: list[Server] = []
        self.sentinels: list[Sentinel] = []

    def start(self) -> Self:
        """Starts them, unless they run, and returns when all sentinels know each other and all replicas."""
        if self.servers:
            return self
        try:
            master = self._server(())
            for _ in range(self._replicas):
                self._server(("--replicaof", f"127.0.0.1 {master.port}"))
            self.sentinels = [
                Sentinel(self.flavor, master.port, 2, down_after_ms=self._down_after_ms).start() for _ in range(3)
            ]
            self.wait_until_whole()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}"

    @property
    def master(self) -> Server:
        """The one that the first living sentinel names."""
        port = self.named()
        return next(server for server in self.servers if server.port == port)

    def named(self) -> int:
        """The master's port, as most sentinels have it."""
        told = [self._asked(sentinel) for sentinel in self.sentinels]
        return max(told, key=told.count)

    def fail_over(self) -> None:
        """Has a sentinel make another the master, as an operator does; returns when all sentinels name it."""
        before = self.named()

        def begun() -> bool:
            try:
                self.sentinels[0].ask("FAILOVER", SERVICE)
            except redis.ResponseError as error:  # one is under way, or no replica is good enough yet
                if "INPROG" not in str(error) and "NOGOODSLAVE" not in str(error):
                    raise
                return self.named() != before
            return True

        wait_until(begun, _READY_S, "no failover began")
        self.wait_for_another_than(before)

    def kill_master(self) -> Server:
        """Kills the master and returns it when all sentinels name another."""
        master = self.master
        master.kill()
        self.wait_for_another_than(master.port)
        return master

    def wait_for_another_than(self, port: int) -> None:
        def moved() -> bool:
            told = [self._asked(sentinel) for sentinel in self.sentinels]
            return port not in told and len(set(told)) == 1

        wait_until(moved, 60.0, f"the sentinels still name {port}\n{self.log()}")

    def rejoin(self, server: Server) -> None:
        """Starts a dead server as a replica of the master, as an operator's configuration would have it by then."""
        server.become(("--replicaof", f"127.0.0.1 {self.named()}", *self._args))
        server.start()

    def wait_until_whole(self) -> None:
        """Waits until the master has all its replicas in step, and the sentinels see them and each other."""

        def whole() -> bool:
            info = self.master.command("INFO", "replication")
            if info.count("state=online") != self._replicas:
                return False
            return all(self._sees_all(sentinel) for sentinel in self.sentinels)

        wait_until(whole, 60.0, f"not whole\n{self.log()}")

    def log(self) -> str:
        return "\n".join(sentinel.log()[-2000:] for sentinel in self.sentinels)

    def resume(self) -> None:
        """Lets paused servers go on."""
        for server in self.servers:
            server.resume()

    def client_count(self) -> int:
        """How many connections applications have to the master."""
        with raw_client(port=self.named(), decode_responses=True) as client:
            others = [each for each in client.client_list() if "S" not in each["flags"]]
        return sum(not each["name"].startswith("sentinel-") for each in others) - 1

    def flush(self) -> None:
        """Removes all data."""
        self.master.flush()

    def close(self) -> None:
        for sentinel in self.sentinels:
            sentinel.close()
        for server in self.servers:
            server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _server(self, role: tuple[str, ...]) -> Server:
        server = Server(self.flavor, tcp=True, args=(*role, *self._args))
        self.servers.append(server)
        return server.start()

    def _asked(self, sentinel: Sentinel) -> int:
        try:
            answer = sentinel.ask("GET-MASTER-ADDR-BY-NAME", SERVICE)
        except redis.ConnectionError:
            return 0
        return int(answer[1])

    def _sees_all(self, sentinel: Sentinel) -> bool:
        flat = sentinel.ask("MASTER", SERVICE)
        replicas = sentinel.ask("REPLICAS", SERVICE)
        usable = [each for each in replicas if each["flags"] == "slave" or each["flags"] == {"slave"}]
        return int(flat["num-other-sentinels"]) == len(self.sentinels) - 1 and len(usable) == self._replicas
