"""What Prometheus is told of all fleets together."""

import asyncio
import shutil
import subprocess

import pytest

from integration.board.town import Town
from integration.board.visitor import visiting
from support import Server


async def test_queues_workers_and_pauses_are_told(town: Town) -> None:
    await town.app.inspect().pause_async("mail.send")
    async with visiting(town.app) as visitor:
        lines = (await visitor.get("metrics")).text.splitlines()
    failed = (await town.app.inspect().stats_async("mail.fail")).failed
    assert failed
    for line in (
        f'taskora_queue_jobs{{task="mail.fail",state="failed"}} {failed}',
        'taskora_queue_jobs{task="mail.gate",state="active"} 1',
        'taskora_task_paused{task="mail.send"} 1',
        "taskora_workers_seen 1",
        "taskora_server_up 1",
    ):
        assert line in lines
    kinds = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {line.partition("{")[0].split()[0] for line in lines if line[0] != "#"} <= kinds


async def test_promtool_agrees(town: Town) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it checks the page in its own way")
    async with visiting(town.app) as visitor:
        page = (await visitor.get("metrics")).content
    command = [promtool, "check", "metrics"]
    checked = await asyncio.to_thread(subprocess.run, command, input=page, capture_output=True, timeout=60, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_a_server_that_does_not_answer_is_told_and_nothing_else(town: Town, server: Server) -> None:
    async with visiting(town.app) as visitor:
        server.stop()
        lines = (await visitor.get("metrics")).text.splitlines()
        server.start()
    assert [line for line in lines if line[0] != "#"] == ["taskora_server_up 0"]
