"""One server and one supervised fleet for all tests of the command."""

from collections.abc import Generator
from pathlib import Path

import pytest

from acceptance.cli.terminal import APP, SUPERVISE, Shell
from support import Program, Server, wait_until


@pytest.fixture(scope="package")
def cli_server() -> Generator[Server]:
    with Server("redis") as running:
        yield running


@pytest.fixture
def bare(cli_server: Server, tmp_path: Path) -> Shell:
    """A shell that knows the server and nothing else."""
    return Shell(tmp_path, {"TASKORA_URL": cli_server.url})


@pytest.fixture(scope="package")
def fleet(cli_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Generator[Shell]:
    """A shell beside ``app.py``, whose tasks a fleet of one worker runs."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "app.py").write_text(APP)
    shell = Shell(folder, {"TASKORA_URL": cli_server.url})
    program = Program([SUPERVISE, "--procs", "1", "app:taskora"], folder, shell.environment).start()
    try:
        program.wait_for_log("slot 0 ", 30)
        wait_until(lambda: any(w["role"] == "worker" for w in shell.ok("workers", "--json").json), 30)
        yield shell
        program.terminate()
        assert program.wait() == 0, program.log()
    finally:
        program.end_all()
