"""The command beside an application whose payloads are not JSON."""

import json
import subprocess
import sys

import pytest

from acceptance.cli.terminal import Shell
from support import Server

APP = """
import asyncio, json
import msgspec

from taskora import Taskora, chain

class MessagePack:
    def dumps(self, value, /):
        return msgspec.msgpack.encode(value)

    def loads(self, data, /):
        return msgspec.msgpack.decode(data)

taskora = Taskora(prefix="packed", serializer=MessagePack())

@taskora.task
async def echo(data: dict[str, str]) -> dict[str, str]:
    return data

async def main():
    await taskora.start()
    job = await echo.dispatch({"to": "Zoë"})
    flow = await chain(echo.s({"to": "Zoë"}), echo.s()).dispatch()
    await asyncio.gather(job.result_async(10), flow.result_async(10))
    print(json.dumps([job.id, flow.workflow_id]))
    await taskora.close_async()

if __name__ == "__main__":
    asyncio.run(main())
"""
NOT_JSON = "(9 bytes that are not JSON; name the application that wrote them with --app)"


@pytest.fixture(scope="module")
def packed(cli_server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shell, str, str]:
    """A shell beside the application, and the ids of a job and a workflow that it has done."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "packed.py").write_text(APP)
    shell = Shell(folder, {"TASKORA_URL": cli_server.url})
    done = subprocess.run(
        [sys.executable, "packed.py"], cwd=folder, env=shell.merged(), capture_output=True, text=True, check=True
    )
    return shell, *json.loads(done.stdout)


def test_with_the_application_payloads_and_results_are_read_by_its_serializer(packed: tuple[Shell, str, str]) -> None:
    shell, job, flow = packed
    app = ("--app", "packed:taskora")
    assert '{"to":"Zoë"}' in shell.ok("job", job, *app).out
    assert shell.ok("wait", job, "--json", *app).json["result"] == {"to": "Zoë"}
    assert json.loads(shell.ok("wait", flow, *app).out) == {"to": "Zoë"}


def test_without_it_they_are_said_to_be_no_json(packed: tuple[Shell, str, str]) -> None:
    shell, job, flow = packed
    url = ("--prefix", "packed")
    assert shell.ok("job", job, *url).out.count(NOT_JSON) == 2
    assert shell.ok("wait", flow, "--json", *url).json["result"] == NOT_JSON
    listed = shell.ok("inspect", "echo", "--state", "completed", "--json", *url).json
    assert {(each["data"], each["result"]) for each in listed} == {(NOT_JSON, NOT_JSON)}
    assert shell.ok("graph", flow, "--format", "mermaid", *url).out.count("-->") == 1
