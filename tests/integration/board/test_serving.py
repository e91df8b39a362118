"""`taskora board` serves until it is told to end, and says what is wrong when it cannot."""

import json
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from support import Program, Spawn, script
from taskora.cli.exits import ExitCode

TASKORA = Path(sys.executable).with_name("taskora")
SECONDS_TO_START = 60.0
SECONDS_TO_END = 20.0  # 3 on a machine that is idle
APP = """
from taskora import Taskora
from taskora.board import Role, SessionLogin, User

app = Taskora({url!r}, prefix={prefix!r})

@app.task("mail.send")
async def send(n: int) -> int:
    return n

login = SessionLogin("k" * 32, lambda name, password: User(name, Role.READ) if password == "right" else None)
number = 5
"""


@pytest.fixture
def module(url: str, prefix: str, tmp_path: Path) -> Path:
    script(APP.format(url=url, prefix=prefix), tmp_path, "office")
    return tmp_path


def address_of(program: Program) -> str:
    program.wait_for_log("listening on", SECONDS_TO_START)
    match = re.search(r"listening on (http://127\.0\.0\.1:\d+/\S*)", program.log())
    assert match, program.log()
    return match[1]


def fetch(address: str, **headers: str) -> Any:
    request = urllib.request.Request(address, headers=headers)
    return urllib.request.urlopen(request, timeout=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_and_ends_when_it_is_told_to_also_while_somebody_listens(
    spawn: Spawn, module: Path, number: signal.Signals
) -> None:
    program = spawn([str(TASKORA), "board", "--port", "0", "office:app"])
    address = address_of(program)
    with fetch(address) as answer:
        assert "Overview" in answer.read().decode()
    with fetch(f"{address}api/config") as answer:
        assert json.load(answer)["title"] == "taskora"
    with fetch(f"{address}live?watch=*") as stream, fetch(f"{address}api/events") as events:
        assert stream.readline().startswith(b"retry:")
        assert events.readline()
        program.send_signal(number)
        assert program.wait(SECONDS_TO_END) in (0, -number)
    assert "Traceback" not in program.log()
    assert "Error" not in program.log()
    program.assert_nothing_left()


def test_the_options_of_the_command_are_those_of_the_board(spawn: Spawn, module: Path) -> None:
    program = spawn(
        [str(TASKORA), "board", "--port", "0", "--base-path", "/ops/", "--read-only", "--title", "Office", "--theme",
         "dark", "--refresh", "5s", "--redact", "ssn", "office:app"]
    )  # fmt: skip
    address = address_of(program)
    assert address.endswith("/ops/")
    with fetch(f"{address}api/config") as answer:
        told = json.load(answer)
    assert (told["title"], told["theme"], told["readOnly"], told["refreshInterval"]) == ("Office", "dark", True, 5000)
    program.terminate()
    program.wait(SECONDS_TO_END)


def test_the_command_lets_in_whom_the_application_lets_in(spawn: Spawn, module: Path) -> None:
    program = spawn([str(TASKORA), "board", "--port", "0", "--auth", "office:login", "office:app"])
    address = address_of(program)
    with fetch(address) as answer:
        assert answer.url == f"{address}login"
    with pytest.raises(urllib.request.HTTPError, match="401"):
        fetch(f"{address}api/overview")
    program.terminate()
    program.wait(SECONDS_TO_END)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["office:nothing"], ExitCode.APP_LOAD_FAILED, "nothing"),
        (["office:app", "--auth", "office:nothing"], ExitCode.APP_LOAD_FAILED, "nothing"),
        (["office:app", "--auth", "office:number"], ExitCode.CONFIG, "auth"),
        (["office:app", "--host", "0.0.0.0"], ExitCode.CONFIG, "anybody in reach could act"),
        (["office:app", "--host", "no such host"], ExitCode.CONFIG, "no such host"),
        (["office:app", "--base-path", "board"], ExitCode.CONFIG, "base_path"),
        (["office:app", "--refresh", "soon"], ExitCode.CONFIG, "soon"),
        (["office:app", "--refresh", "0s"], ExitCode.CONFIG, "refresh_interval"),
        (["office:app", "--redact", "..."], ExitCode.CONFIG, "redact"),
        (["office:app", "--port", "70000"], ExitCode.USAGE, "70000"),
        (["office:app", "--app", "office:app"], ExitCode.USAGE, "leave"),
    ],
)
def test_what_cannot_be_served_is_told(
    spawn: Spawn, module: Path, arguments: list[str], code: ExitCode, says: str
) -> None:
    program = spawn([str(TASKORA), "board", "--port", "0", *arguments])
    assert program.wait(SECONDS_TO_START) == code, program.log()
    assert says in program.log()
    assert "Traceback" not in program.log()


def test_a_port_that_is_taken_is_told(spawn: Spawn, module: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = spawn([str(TASKORA), "board", "--port", str(port), "office:app"])
        assert program.wait(SECONDS_TO_START) == ExitCode.CONFIG
    assert f"127.0.0.1:{port}" in program.log()
    assert "Traceback" not in program.log()


@pytest.mark.parametrize("missing", ["starlette", "jinja2", "uvicorn"])
def test_a_package_that_is_missing_is_named_with_its_remedy(spawn: Spawn, module: Path, missing: str) -> None:
    program = spawn(
        script(
            f"""
import sys

sys.modules[{missing!r}] = None
from taskora.cli.main import main
sys.argv = ["taskora", "board", "--port", "0", "office:app"]
sys.exit(main())
""",
            module,
            "lacking",
        )
    )
    assert program.wait(SECONDS_TO_START) == ExitCode.CONFIG, program.log()
    assert missing in program.log()
    assert "taskora[board]" in program.log()
    assert "Traceback" not in program.log()


@pytest.mark.parametrize(("options", "status"), [((), 421), (("--read-only",), 421), (("--unprotected",), 200)])
def test_a_board_without_auth_is_not_to_be_had_by_a_name_of_somebody_else(
    spawn: Spawn, module: Path, options: tuple[str, ...], status: int
) -> None:
    address = address_of(spawn([str(TASKORA), "board", "--port", "0", *options, "office:app"]))
    port = address.split(":")[2].partition("/")[0]
    for name, wanted in ((f"evil.test:{port}", status), (f"localhost:{port}", 200), (f"[::1]:{port}", 200)):
        try:
            with fetch(address, Host=name) as answer:
                found = answer.status
        except urllib.error.HTTPError as error:
            with error:
                found = error.code
        assert found == wanted, name
