"""The helpers that other tests lean on: servers."""

import socket
from pathlib import Path

import pytest

from support import FLAVORS, Flavor, Server, Spawn, find_binary, script, wait_until


@pytest.fixture(params=FLAVORS)
def flavor(request: pytest.FixtureRequest) -> Flavor:
    name: Flavor = request.param
    if find_binary(name) is None:
        pytest.skip(f"{name}-server is not installed")
    return name


def test_a_test_gets_an_empty_server(server: Server) -> None:
    assert server.command("DBSIZE") == ":0\r\n"
    server.command("SET", "left", "behind")


def test_the_next_test_gets_an_empty_server_too(server: Server) -> None:
    assert server.command("DBSIZE") == ":0\r\n"
    assert server.client_count() == 0


def test_a_shared_server_may_be_killed(server: Server) -> None:
    server.kill()
    assert not server.running


@pytest.mark.parametrize("tcp", [False, True])
def test_what_an_append_only_server_confirmed_survives_its_kill(flavor: Flavor, tcp: bool) -> None:
    with Server(flavor, tcp=tcp, appendonly=True) as server:
        address = server.url
        server.command("SET", "kept", "yes")
        server.kill()
        server.restart()
        assert server.url == address
        assert server.command("GET", "kept") == "$3\r\nyes\r\n"


def test_a_closed_server_leaves_neither_process_nor_folder(flavor: Flavor) -> None:
    server = Server(flavor).start()
    folder = server.folder
    pid = server.pid
    server.close()
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_connection_is_counted_until_it_is_closed(flavor: Flavor) -> None:
    with Server(flavor, tcp=True) as server:
        with socket.create_connection(("127.0.0.1", server.port)):
            wait_until(lambda: server.client_count() == 1)
        wait_until(lambda: server.client_count() == 0)


def test_a_server_that_cannot_start_says_why(flavor: Flavor) -> None:
    server = Server(flavor, args=("--no-such-option", "1"))
    try:
        with pytest.raises(RuntimeError, match="ended with code 1"):
            server.start()
    finally:
        server.close()


CONNECTED_FOR_EVER = """
import signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1].removeprefix("unix://"))
signal.pause()
"""


def test_a_program_ends_before_the_server_that_it_uses(spawn: Spawn, tmp_path: Path, server: Server) -> None:
    spawn([*script(CONNECTED_FOR_EVER, tmp_path), server.url])
    wait_until(lambda: server.client_count() == 1)
