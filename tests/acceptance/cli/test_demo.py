"""The demo from end to end: real files, real processes, nothing left behind."""

import json
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from acceptance.cli.terminal import TASKORA, Shell, read_graph
from support import Server, Spawn, wait_until
from taskora.demo.sources import ENOUGH, find_sources

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def temporary() -> Generator[Path]:
    """A folder for temporary files that nobody else uses, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="td-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def assert_nothing_left(temporary: Path) -> None:
    assert list(temporary.iterdir()) == []
    wait_until(lambda: not users_of(temporary), 5, "the demo left processes behind")


def users_of(folder: Path) -> list[psutil.Process]:
    """The living processes whose environment or command names a folder, which is how the demo's know theirs."""
    return [process for process in psutil.process_iter() if _names(process, f"{folder}/")]


def _names(process: psutil.Process, text: str) -> bool:
    try:
        return text in " ".join([*process.cmdline(), process.environ().get("TASKORA_URL", "")])
    except psutil.Error:
        return False


def test_there_is_enough_to_do() -> None:
    assert len(find_sources()) >= ENOUGH
    assert len(find_sources(120)) == len(set(find_sources(120))) == 120


def test_the_demo_reports_times_and_draws_and_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    done = Shell(tmp_path, {"TMPDIR": str(temporary)}).run(
        "demo", "--files", "120", "--procs", "2", "--json", timeout=150
    )
    assert done.code == 0, done
    report = done.json["report"]
    assert (report["files"], len(report["longest_functions"])) == (120, 10)
    assert report["lines"] > 10_000
    assert report["functions"] > 500
    assert [run["procs"] for run in done.json["runs"]] == [1, 2]
    assert "1 process: " in done.err
    assert "2 processes: " in done.err
    graph = read_graph(Path(done.json["graph"]).read_text())
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (121, 120)
    assert {state for _, state in graph.nodes(data="state")} == {"completed"}
    assert_nothing_left(temporary)


def test_people_get_tables(tmp_path: Path) -> None:
    done = Shell(tmp_path, {}).run("demo", "--files", "20", "--procs", "1", timeout=150)
    assert done.code == 0, done
    for text in ("LONGEST FUNCTIONS", "MOST IMPORTED", "MOST BRANCHING FILES", "20 files", "taskora-demo-graph.json"):
        assert text in done.out


def test_on_a_server_of_somebody_else_no_key_is_left(tmp_path: Path) -> None:
    with Server("redis") as server:
        done = Shell(tmp_path, {}).run("demo", "--files", "20", "--procs", "1", "--url", server.url, timeout=150)
        assert done.code == 0, done
        assert server.command("DBSIZE") == ":0\r\n"
        assert server.client_count() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_what_it_started(spawn: Spawn, number: signal.Signals, temporary: Path) -> None:
    program = spawn([TASKORA, "demo"], {"TMPDIR": str(temporary)})
    program.wait_for_log("1 process: ", 60)
    program.send_signal(number)
    assert program.wait(40) == 130, program.log()
    assert "Traceback" not in program.log()
    assert_nothing_left(temporary)


def test_a_fleet_that_cannot_start_is_an_error_with_its_reason(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'taskora.supervisor' in ' '.join(sys.orig_argv): raise SystemExit('no fleet today')\n"
    )
    done = Shell(tmp_path, {"PYTHONPATH": str(tmp_path), "TMPDIR": str(temporary)}).run(
        "demo", "--files", "5", "--procs", "1", timeout=100
    )
    assert done.code == 1, done
    assert "the fleet ended" in done.err
    assert_nothing_left(temporary)


def test_kept_it_goes_on_until_it_is_told_to_stop(tmp_path: Path, temporary: Path) -> None:
    done = Shell(tmp_path, {"TMPDIR": str(temporary)}).run(
        "demo", "--files", "5", "--procs", "1", "--keep", timeout=150
    )
    assert done.code == 0, done
    words = {line.split()[0]: line.split() for line in done.err.splitlines() if line.strip()}
    settings = dict(word.split("=", 1) for word in words["export"][1:])
    supervisor, folder = psutil.Process(int(words["kill"][1])), Path(words["rm"][2])
    try:
        shell = Shell(tmp_path, settings)
        assert [w["role"] for w in shell.ok("workers", "--json").json].count("worker") == 1
        assert shell.ok("dispatch", "analyse", json.dumps(__file__), "--wait", "--json").json["state"] == "completed"
    finally:
        supervisor.terminate()
        supervisor.wait(30)
    wait_until(lambda: not users_of(temporary), 10, "processes stayed after the supervisor")
    assert folder.is_dir()
