"""The benchmarks run, at small sizes, on an embedded server."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from support import Server
from taskora import Taskora
from taskora.benchmarking.catalog import chosen
from taskora.benchmarking.measure import Ours, measure
from taskora.benchmarking.stage import BenchError, Stage
from taskora.benchmarking.tally import settle
from taskora.cli.main import cli

IN_PROCESS = (
    "enqueue-1", "enqueue-50", "enqueue-500", "dispatch-unawaited", "process-1", "process-10", "process-100",
    "process-uvloop", "chain-10", "chord-100", "waiting-bytes", "payload-1000000", "sync",
)  # fmt: skip


@pytest.fixture
def server() -> Generator[Server]:
    with Server("redis") as running:
        yield running


def test_every_scenario_of_one_process_gives_all_its_figures(server: Server, tmp_path: Path) -> None:
    scenarios = chosen(IN_PROCESS)
    told: list[str] = []
    findings = measure(scenarios, [Ours()], Stage(server.url, tmp_path, None, 0.005), 1, told.append)
    assert findings.gaps == {}
    missing = [figure.key for figure in findings.figures if not findings.samples[figure.key]["taskora"].known]
    assert missing == []
    assert all(
        value > 0
        for figure in findings.figures
        if figure.unit != "µs"
        for value in findings.samples[figure.key]["taskora"].known
    )
    assert server.command("DBSIZE") == ":0\r\n"


def test_the_command_measures_on_an_embedded_server_of_its_own() -> None:
    arguments = ["bench", "--quick", "--only", "enqueue-500,process-100", "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None, result.output
    data = orjson.loads(result.stdout)
    assert data["scale"] < 1
    assert [figure["key"] for figure in data["figures"]] == ["enqueue-500", "process-100"]
    assert all(figure["sources"]["taskora"]["median"] > 0 for figure in data["figures"])


def test_the_command_leaves_other_keys_of_a_server_alone(server: Server) -> None:
    server.command("SET", "mine", "1")
    result = CliRunner().invoke(cli, ["bench", "--quick", "--only", "enqueue-500", "--url", server.url])
    assert result.exception is None, result.output
    assert "enqueue, 500 a call, confirmed" in result.stdout
    assert server.command("KEYS", "*") == "*1\r\n"
    assert server.command("EXISTS", "mine") == ":1\r\n"


async def test_a_job_that_failed_is_not_taken_for_one_that_was_processed(server: Server) -> None:
    app = Taskora(server.url)

    @app.task("echo")
    async def echo(data: int) -> int:
        if data == 2:
            raise ValueError(data)
        return data

    await echo.dispatch_many([1, 2, 3])
    await app.start()
    try:
        with pytest.raises(BenchError, match=r"3 jobs were dispatched, 2 are completed"):
            async with asyncio.timeout(10):
                await settle(app, "echo", 3)
    finally:
        await app.close_async()
