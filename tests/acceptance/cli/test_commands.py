"""The command against a real server with a real fleet."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptance.cli.terminal import TASKORA, Shell, read_graph
from support import Spawn, wait_until
from taskora import AuditEntry, Collect, Taskora

FLOW = """
from app import double, total
from taskora import chord

print(chord([double.s(n) for n in range(4)], total.s()).dispatch(name="four").workflow_id)
"""


def dispatched_flow(shell: Shell) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FLOW], cwd=shell.folder, env=shell.merged(), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_dispatched_job_is_followed_to_its_result(fleet: Shell) -> None:
    assert fleet.ok("dispatch", "double", "21", "--wait").out == "42\n"
    ending = fleet.ok("dispatch", "double", "21", "--wait", "--json").json
    assert (ending["kind"], ending["task"], ending["state"], ending["result"]) == ("job", "double", "completed", 42)


def test_progress_goes_to_standard_error_and_the_result_to_standard_output(fleet: Shell) -> None:
    done = fleet.ok("dispatch", "slow", "12", "--wait")
    assert done.out == "12\n"
    assert "of 12" in done.err
    assert "100 %" in done.err


def test_the_payload_may_come_from_standard_input(fleet: Shell) -> None:
    assert fleet.run("dispatch", "total", "-", "--wait", stdin="[1, 2, 3]").out == "6\n"


def test_a_failed_job_is_one_clear_line_and_exit_code_1(fleet: Shell) -> None:
    job = fleet.ok("dispatch", "boom", "3", "--json").json
    assert job["enqueued"] is True
    done = fleet.run("wait", job["id"])
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1] == f"taskora: job {job['id']} failed: cannot do 3"
    ending = fleet.run("wait", job["id"], "--json")
    assert (ending.code, ending.json["state"], ending.json["error"]) == (1, "failed", "cannot\ndo 3")


def test_the_attempts_of_a_job_that_did_not_succeed_are_shown_with_their_cause(fleet: Shell) -> None:
    job = fleet.ok("dispatch", "boom", "3", "--json").json
    fleet.run("wait", job["id"])
    told = fleet.ok("job", job["id"], "--json").json["past_attempts"][-1]
    assert (told["reason"], told["error"], told["followed_by"]) == ("error", "cannot\ndo 3", "failed")
    lines = [line for line in fleet.ok("job", job["id"]).out.splitlines() if line.startswith("attempt ")]
    assert told["worker"] in lines[-1]
    assert lines[-1].endswith("cannot do 3; failed")


def test_all_of_a_job_is_shown(fleet: Shell) -> None:
    job = fleet.ok("dispatch", "slow", "2", "--wait", "--json").json
    info = fleet.ok("job", job["id"], "--json").json
    assert (info["task"], info["state"], info["data"], info["result"]) == ("slow", "completed", 2, 2)
    assert [entry["message"] for entry in info["logs"]] == ["counted"]
    shown = fleet.ok("job", job["id"], "--task", "slow").out
    assert all(text in shown for text in (job["id"], "completed", "counted", '{"n":2}', "timeline"))


def test_a_job_is_cancelled_and_cannot_be_twice(fleet: Shell) -> None:
    job = fleet.ok("dispatch", "double", "1", "--delay", "1h", "--json").json
    assert fleet.ok("job", job["id"], "--cancel", "--reason", "no need", "--json").json["outcome"] == "cancelled"
    assert fleet.run("job", job["id"], "--cancel").code == 1
    assert "no need" in fleet.ok("inspect", "double", "--state", "cancelled").out


def test_a_given_id_is_dispatched_once(fleet: Shell) -> None:
    first = fleet.ok("dispatch", "double", "1", "--job-id", "mine", "--json").json
    second = fleet.ok("dispatch", "double", "1", "--job-id", "mine", "--json").json
    assert (first["enqueued"], second["enqueued"]) == (True, False)


def test_with_an_app_the_payload_is_checked_before_it_is_stored(fleet: Shell) -> None:
    done = fleet.run("dispatch", "--app", "app:taskora", "double", '"x"')
    assert done.code == 1
    assert "expected int" in done.err
    assert fleet.ok("dispatch", "--app", "app:taskora", "double", "4", "--wait").out == "8\n"


def test_counts_and_lists_parse_and_show(fleet: Shell) -> None:
    fleet.ok("dispatch", "double", "5", "--wait")
    counts = fleet.ok("inspect", "--json").json
    assert {"double", "total", "boom", "slow"} <= counts["tasks"].keys()
    assert counts["tasks"]["double"]["completed"] >= 1
    assert len(counts["throughput"]) == 60
    jobs = fleet.ok("inspect", "double", "--state", "completed", "--limit", "1", "--json").json
    assert [job["state"] for job in jobs] == ["completed"]
    heading, *rows = fleet.ok("inspect").out.splitlines()
    assert heading.split()[:3] == ["TASK", "WAITING", "ACTIVE"]
    assert any(row.startswith("double ") for row in rows)
    assert "\x1b" not in heading


def test_a_workflow_is_followed_listed_and_drawn(fleet: Shell) -> None:
    flow = dispatched_flow(fleet)
    assert fleet.ok("wait", flow).out == "12\n"
    assert flow in [found["id"] for found in fleet.ok("workflows", "--state", "completed", "--json").json]
    assert "four" in fleet.ok("workflows").out
    graph = read_graph(fleet.ok("graph", flow).out)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (5, 4)
    assert {state for _, state in graph.nodes(data="state")} == {"completed"}
    assert fleet.ok("graph", flow, "--format", "mermaid").out.count("-->") == 4
    assert fleet.ok("graph", flow, "--format", "dot").out.startswith("digraph")


def test_workers_are_listed(fleet: Shell) -> None:
    roles = sorted(worker["role"] for worker in fleet.ok("workers", "--json").json)
    assert roles == ["steward", "worker"]
    assert "double" in fleet.ok("workers").out


def test_schedules_are_listed_paused_resumed_triggered_and_removed(fleet: Shell) -> None:
    (schedule,) = fleet.ok("schedules", "list", "--json").json
    assert (schedule["name"], schedule["task"], schedule["every"], schedule["paused"]) == (
        "hourly",
        "double",
        3600,
        False,
    )
    fleet.ok("schedules", "pause", "hourly")
    assert fleet.ok("schedules", "list", "--json").json[0]["paused"] is True
    assert "paused" in fleet.ok("schedules", "list").out
    fleet.ok("schedules", "resume", "hourly", "--json")
    triggered = fleet.ok("schedules", "trigger", "hourly", "--json").json
    assert fleet.ok("wait", triggered["job_id"]).out == "42\n"
    assert fleet.run("schedules", "remove", "nope").code == 3
    assert fleet.ok("schedules", "remove", "hourly").out == "schedule 'hourly' removed\n"
    assert fleet.ok("schedules", "list", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["wait", "no-such-id"], 3, "no workflow no-such-id"),
        (["job", "no-such-id"], 3, "no job no-such-id"),
        (["graph", "no-such-id"], 3, "no workflow no-such-id"),
        (["inspect", "doubel"], 3, "did you mean 'double'?"),
        (["dispatch", "doubel", "1"], 3, "did you mean 'double'?"),
        (["schedules", "pause", "nope"], 3, "nope"),
        (["dispatch", "double", "{"], 2, "is not JSON"),
        (["dispatch", "double", "1", "--delay", "soon"], 5, "not a duration"),
        (["inspekt"], 2, "Did you mean 'inspect'?"),
        (["workers", "--app", "missing:app"], 4, "no module 'missing'"),
        (["workers", "--app", "app:nope"], 4, "has no 'nope'"),
        (["workers", "--app", "app:time"], 4, "not a Taskora"),
        (["workers", "--app", "app"], 4, "module:attribute"),
        (["workers", "--url", "http://x"], 5, "scheme"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error_with_its_exit_code(
    fleet: Shell, words: list[str], code: int, says: str
) -> None:
    done = fleet.run(*words)
    assert (done.code, done.out) == (code, "")
    assert says in done.err
    assert "Traceback" not in done.err


def test_a_timeout_leaves_the_job_alone(fleet: Shell) -> None:
    job = fleet.ok("dispatch", "double", "1", "--delay", "1h", "--json").json
    done = fleet.run("wait", job["id"], "--timeout", "100ms")
    assert done.code == 124
    assert "did not end within 0.1 s" in done.err
    assert fleet.ok("job", job["id"], "--json").json["state"] == "delayed"
    fleet.ok("job", job["id"], "--cancel")


def test_ctrl_c_ends_a_wait_quietly(fleet: Shell, spawn: Spawn) -> None:
    job = fleet.ok("dispatch", "double", "1", "--delay", "1h", "--json").json
    program = spawn([TASKORA, "wait", job["id"]], fleet.merged())
    program.wait_for_log("delayed")
    program.send_signal(signal.SIGINT)
    assert program.wait(10) == 130
    assert "Traceback" not in program.log()
    fleet.ok("job", job["id"], "--cancel")


def test_a_reader_that_has_seen_enough_is_no_error(fleet: Shell) -> None:
    line = f"{TASKORA} inspect --json | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=fleet.folder, env=fleet.merged(), capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_without_a_server_the_embedded_one_of_the_project_is_used(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert Shell(tmp_path, {}).ok("workers", "--json").json == []
    assert (tmp_path / ".taskora").is_dir()


def test_an_unreachable_server_is_exit_code_69(tmp_path: Path) -> None:
    done = Shell(tmp_path, {}).run("inspect", "--url", f"unix://{tmp_path}/nothing")
    assert (done.code, done.out) == (69, "")
    assert len(done.err.splitlines()) == 1
    assert json.loads(Shell(tmp_path, {}).run("doctor", "--url", f"unix://{tmp_path}/nothing", "--json").out)


def test_acts_are_listed_the_newest_first_one_a_line_for_programs(fleet: Shell) -> None:
    application = Taskora(fleet.environment["TASKORA_URL"])
    for number in (1, 2):
        act = AuditEntry("ada", "operate", "job.retry", {"task": "boom", "number": number}, "refused")
        application.adapter.audit.write(act).run()
    application.close()
    newest, older = map(json.loads, fleet.ok("audit", "--json").out.splitlines())
    assert [newest["target"]["number"], older["target"]["number"]] == [2, 1]
    assert [json.loads(fleet.ok("audit", "--json", "--before", newest["id"]).out)] == [older]
    assert "job.retry" in fleet.ok("audit", "--limit", "1").out


def test_a_task_is_paused_and_resumed(fleet: Shell) -> None:
    assert fleet.ok("pause", "double", "--json").json == {"task": "double", "paused": True, "changed": True}
    assert list(fleet.ok("pause", "--json").json) == ["double"]
    assert "double" in fleet.ok("pause").out
    assert "paused already" in fleet.ok("pause", "double").out
    assert fleet.run("dispatch", "double", "1", "--wait", "--timeout", "50ms").code == 124
    assert fleet.ok("resume", "double", "--json").json == {"task": "double", "paused": False, "changed": True}
    assert "was not paused" in fleet.ok("resume", "double").out
    assert fleet.ok("pause", "--json").json == {}
    assert (fleet.run("pause", "doubel").code, fleet.run("resume", "doubel").code) == (3, 3)


def test_keys_of_flow_control_are_shown_and_what_is_collected_is_flushed(fleet: Shell) -> None:
    application = Taskora(fleet.environment["TASKORA_URL"])

    @application.task("rows", collect=Collect("eu", delay="1h"))
    async def rows_task(rows: list[int]) -> int:
        return len(rows)

    for item in (1, 2):
        rows_task.dispatch(item)
    application.close()
    flow = fleet.ok("flow", "rows", "--json").json
    assert [(buffer["key"], buffer["count"]) for buffer in flow["buffers"]] == [("eu", 2)]
    shown = fleet.ok("flow", "rows").out
    assert all(text in shown for text in ("collect", "eu", "2 items"))
    assert fleet.ok("flow", "rows", "--peek", "eu").out == "1\n2\n"
    assert fleet.ok("flow", "rows", "--flush", "eu", "--json").json == {"task": "rows", "key": "eu", "flushed": 2}
    assert fleet.ok("inspect", "rows", "--state", "waiting", "--json").json[0]["data"] == [1, 2]
    assert "nothing is collected" in fleet.ok("flow", "rows", "--flush", "eu").err
    assert fleet.run("flow", "rows").code == 3
    assert fleet.run("flow", "rows", "--flush", "eu", "--peek", "eu").code == 2


def test_jobs_are_found_by_their_payload_with_and_without_the_application(fleet: Shell) -> None:
    ids = [fleet.ok("dispatch", "greet", '{"name": "Zoë"}', "--json").json["id"] for _ in range(2)]
    ids.append(fleet.ok("dispatch", "greet", '{"name": "Zoë"}', "--app", "app:taskora", "--json").json["id"])
    page = fleet.ok("inspect", "greet", "--where", "name=Zoë", "--limit", "2", "--json").json
    assert [job["id"] for job in page["jobs"]] == [ids[2], ids[1]]
    rest = fleet.ok("inspect", "greet", "--where", "name=Zoë", "--cursor", page["cursor"], "--json").json
    assert ([job["id"] for job in rest["jobs"]], rest["cursor"]) == ([ids[0]], None)
    assert ids[2] in fleet.ok("inspect", "greet", "--where", "name=Zoë").out
    assert "no job has this value" in fleet.ok("inspect", "greet", "--where", "name=Zoe").err
    refused = fleet.run("inspect", "greet", "--where", "age=5")
    assert (refused.code, "'name'" in refused.err) == (5, True)
    assert fleet.run("inspect", "--where", "name=Zoë").code == 2


def test_a_supervisor_is_listed_and_asked_to_recycle_and_to_scale(fleet: Shell) -> None:
    def listed() -> Any:
        (found,) = fleet.ok("supervisors", "list", "--json").json
        return found

    def settled(procs: int) -> bool:
        now = listed()
        ready = [child for child in now["children"] if child["state"] == "ready"]
        return {len(ready), len(now["children"]), now["procs"]} == {procs}

    wait_until(lambda: settled(1), 30)
    first = listed()
    assert first["remote_control"] is True
    told = fleet.ok("supervisors", "list").out
    assert all(text in told for text in (first["id"], str(first["children"][0]["pid"]), "ready"))

    asked = fleet.ok("supervisors", "recycle", first["id"], "--slot", "0", "--json").json
    assert (asked["action"], asked["slot"], asked["state"]) == ("recycle", 0, "accepted")
    wait_until(lambda: settled(1) and listed()["children"][0]["pid"] != first["children"][0]["pid"], 30)
    assert "accepted" in fleet.ok("supervisors", "scale", first["id"], "2").out
    wait_until(lambda: settled(2), 30)
    fleet.ok("supervisors", "scale", first["id"], "1")
    wait_until(lambda: settled(1), 30)
    refused = fleet.run("supervisors", "scale", first["id"], "1000")
    assert (refused.code, "refused" in refused.err) == (1, True)

    entries = [json.loads(line) for line in fleet.ok("audit", "--json").out.splitlines()]
    mine = [(e["action"], e["outcome"]) for e in entries if e["action"].startswith("supervisor.")]
    done = [("supervisor.scale", "done"), ("supervisor.scale", "done"), ("supervisor.recycle", "done")]
    assert mine == [("supervisor.scale", "failed"), *done]
    assert fleet.run("supervisors", "drain", "nobody").code == 3
    assert fleet.run("supervisors", "recycle", first["id"], "--slot", "7").code == 5
