"""Fixtures for every test: servers of this run's own, programs, and the check that nothing is left behind."""

import os
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from support import FLAVORS, Flavor, Program, Server, Spawn, find_binary, wait_until
from support.leaks import end_and_describe, mark_descendants
from support.sharing_out import LONGEST, SharingOut

ROOT = Path(__file__).resolve().parent.parent

# `python -m pytest` puts the root on the path, where the folders `supervisor`, `workflows` and `lua` would be
# importable a second time, under a second name.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# A busy machine is slow at times, which says nothing about the code; CI tries the same examples each time.
hypothesis.settings.register_profile("taskora", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("taskora")

# A script that runs the tests in its background ignores Ctrl-C for them, and every program they start would inherit it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharingOut:
    """Which tests run where, with ``-n``."""
    return SharingOut(config, log)


@pytest.fixture(scope="session", autouse=True)
def leaks() -> Iterator[None]:
    """No process that this run started may outlive it."""
    mark = mark_descendants()
    yield
    left = end_and_describe(mark)
    assert not left, "processes left behind:\n" + "\n".join(left)


@pytest.fixture(scope="session", params=FLAVORS)
def session_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One server per flavor and xdist worker; tests take `server`."""
    flavor: Flavor = request.param
    if find_binary(flavor) is None:
        message = f"{flavor}-server is not installed"
        if os.environ.get("CI"):
            pytest.fail(f"{message}, and CI must test on it")
        pytest.skip(message)
    with Server(flavor) as running:
        yield running


@pytest.fixture
def server(session_server: Server) -> Iterator[Server]:
    """A running, empty server that the test has for itself; it runs once on Redis and once on Valkey.

    The test may kill or restart it. At its end every connection must be closed.
    """
    session_server.start()
    yield session_server
    session_server.start()
    session_server.resume()
    try:
        wait_until(lambda: session_server.client_count() == 0, 2.0, "the test left connections open")
    except AssertionError as error:
        error.add_note(session_server.command("CLIENT", "LIST"))
        raise
    finally:
        session_server.flush()


@pytest.fixture
def url(server: Server) -> str:
    """The address of `server`."""
    return server.url


@pytest.fixture
def prefix() -> str:
    """A key prefix that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def spawn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spawn]:
    """Starts programs in the test's folder: ``spawn(argv, env={...})``; what still runs at the end is killed."""
    if "server" in request.fixturenames:
        request.getfixturevalue(
            "server"
        )  # whatever the order of the test's parameters, programs end before their server
    programs: list[Program] = []

    def start(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Program:
        program = Program(argv, tmp_path, env)
        programs.append(program)
        return program.start()

    yield start
    for program in programs:
        program.end_all()
