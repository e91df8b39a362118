"""The checker finds what is wrong: ledgers and snapshots are forged, and each rule sees what breaks it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faults.app import EVERY_MS, LOCK_TTL_S, Load
from faults.checker import Aftermath, Exit, violations
from faults.circumstances import Circumstances, Life, Window
from faults.ledger import CancelPromise, FlowPromise, ItemPromise, JobPromise, Ledger, Records, Run
from faults.snapshot import Snapshot, StoredFlow, StoredJob, StoredNode

S = 1_000_000_000
LOCK = int(LOCK_TTL_S * S)
FIRST_MS = 0x1A210A90000


def load(key: int = 3, fails: int = 0) -> Load:
    return {"key": key, "takes": 0.0, "fails": fails}


def run(
    job: str, task: str = "quick", begin: float = 100, end: float | None = 101, how: str = "ok", **more: object
) -> Run:
    """A run; times in seconds."""
    whole = Run(task, job, 1, 11, "", int(begin * S), 1000 + begin, None if end is None else int(end * S), how)
    return replace(whole, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what a test names


def stored(job: str, task: str = "quick", state: str = "completed", **more: object) -> StoredJob:
    results = {"quick": 6, "thread": 6, "flaky": 6, "square": 9, "pass-on": 10, "narrow": 6, "single": 6}
    data: object = 9 if task == "pass-on" else load()
    whole = StoredJob(job, task, state, (state,), data=data, result=results.get(task), dispatched_ms=1_000_000)
    return replace(whole, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what a test names


def tick_id(number: int) -> str:
    digits = f"{FIRST_MS + number * EVERY_MS:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-{number:012d}"


class World:
    """A storm that was weathered: one of everything. Tests break it."""

    def __init__(self) -> None:
        ticks = [tick_id(n) for n in range(3)]
        self.records = Records(
            runs=[
                run("j1"),
                run("f1", "flaky", end=101, how="error"),
                run("f1", "flaky", begin=102, end=103, attempt=2),
                run("b1", "broken", how="error"),
                run("b1", "broken", begin=102, end=103, how="error", attempt=2),
                run("g1", "gather"),
                run("s1", "square"),
                run("p1", "pass-on", begin=102, end=103),
                run("n1", "narrow", key="narrow-1"),
                run("n2", "narrow", key="narrow-1", pid=12),
                *(run(tick, "tick") for tick in ticks),
            ],
            jobs=[
                JobPromise("j1", "quick", "quick", 0, 99 * S),
                JobPromise("f1", "flaky", "flaky", 0, 99 * S),
                JobPromise("b1", "broken", "broken", 0, 99 * S),
                JobPromise("c1", "quick", "cancelled", 30, 99 * S),
            ],
            items=[ItemPromise(7, 99 * S), ItemPromise(8, 99 * S)],
            flows=[FlowPromise("w1", "chain", 10, 99 * S)],
            cancels=[CancelPromise("c1", "cancelled")],
        )
        nodes = (StoredNode("square", "s1", (), "completed", 9), StoredNode("pass-on", "p1", (0,), "completed", 10))
        jobs = [
            stored("j1"),
            stored("f1", "flaky", attempt=2, data=load(fails=1)),
            stored("b1", "broken", "failed", attempt=2, error="always", error_type="ValueError"),
            stored("c1", state="cancelled", result=None),
            stored("g1", "gather", data=[{"item": 7}, {"item": 8}], result=2),
            stored("s1", "square"),
            stored("p1", "pass-on"),
            stored("n1", "narrow"),
            stored("n2", "narrow"),
            *(stored(tick, "tick") for tick in ticks),
        ]
        self.snapshot = Snapshot(
            jobs={job.id: job for job in jobs},
            flows={"w1": StoredFlow("w1", "completed", nodes, 10)},
            lasting=["taskora:meta", "taskora:{quick}:completed", "taskora:{quick}:j1", "taskora:wf:{w1}"],
            longest_ms=(60_000, "taskora:{quick}:metrics:completed:1"),
            counts={"quick": {"completed": 1, "cancelled": 1, "waiting": 0}},
            fires={"tick": FIRST_MS + 2 * EVERY_MS},
            flow_ids=frozenset({"w1"}),
        )
        lives = [
            Life(11, "fleet-a", "worker", 0, 200 * S),
            Life(12, "fleet-b", "worker", 0, 200 * S),
            Life(13, "fleet-b", "worker", 0, int(100.9 * S), 101 * S),
        ]
        self.circumstances = Circumstances(lives, told_ns=150 * S)
        self.aftermath = Aftermath([Exit("fleet-a", 0, "SIGTERM"), Exit("fleet-b", -9, "SIGKILL")])

    def rules(self) -> set[str]:
        """The rules that are broken."""
        return {each.rule for each in violations(self.records, self.snapshot, self.circumstances, self.aftermath)}

    def store(self, job: str, **more: object) -> None:
        """Change a stored job."""
        self.snapshot.jobs[job] = stored_with(self.snapshot.jobs[job], **more)

    def window(self, whom: str, begin: float, end: float) -> None:
        """Somebody could not work."""
        self.circumstances.windows.append(Window(whom, int(begin * S), int(end * S), "forged"))


def stored_with(job: StoredJob, **more: object) -> StoredJob:
    return replace(job, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what a test names


def forget_job(world: World) -> None:
    del world.snapshot.jobs["j1"]
    world.records.runs.pop(0)


def forget_flow(world: World) -> None:
    del world.snapshot.flows["w1"]


def add_run(*runs: Run) -> Callable[[World], None]:
    return lambda world: world.records.runs.extend(runs)


def change(job: str, **more: object) -> Callable[[World], None]:
    return lambda world: world.store(job, **more)


def drop_runs(job: str) -> Callable[[World], None]:
    def break_it(world: World) -> None:
        world.records.runs[:] = [each for each in world.records.runs if each.job != job]

    return break_it


def change_flow(**more: object) -> Callable[[World], None]:
    def break_it(world: World) -> None:
        flow = world.snapshot.flows["w1"]
        world.snapshot.flows["w1"] = replace(flow, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what a test names

    return break_it


def last(key: str) -> Callable[[World], None]:
    return lambda world: world.snapshot.lasting.append(key)


def left(**more: object) -> Callable[[World], None]:
    def break_it(world: World) -> None:
        world.aftermath = replace(world.aftermath, **more)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what a test names

    return break_it


def take_out_a_tick(world: World) -> None:
    del world.snapshot.jobs[tick_id(1)]
    drop_runs(tick_id(1))(world)


def fire_once_more(world: World) -> None:
    world.snapshot.fires["tick"] += EVERY_MS


def tick_beside_the_plan(world: World) -> None:
    job = tick_id(1).replace("-7000-", "-7001-")
    world.snapshot.jobs[job] = stored(job, "tick")
    world.records.runs.append(run(job, "tick"))


def begin_before_the_delay(world: World) -> None:
    world.records.jobs.append(JobPromise("d1", "quick", "delayed", 101.5, 99 * S))
    world.snapshot.jobs["d1"] = stored("d1")
    world.records.runs.append(run("d1"))
    world.snapshot.counts["quick"]["completed"] += 1


def register(world: World) -> None:
    world.snapshot.workers.append("host:11:abc")


def keep_for_long(world: World) -> None:
    world.snapshot = replace(world.snapshot, longest_ms=(10**9, "taskora:{quick}:sent:x"))


def test_a_storm_that_was_weathered_breaks_no_rule() -> None:
    assert World().rules() == set()


BREAKS: list[tuple[str, Callable[[World], None]]] = [
    ("lost", forget_job),
    ("lost", forget_flow),
    ("lost", lambda world: world.records.items.append(ItemPromise(9, 99 * S))),
    ("lost", change("j1", task="thread")),
    ("state", change("j1", places=("completed", "active"))),
    ("state", change("j1", places=("completed", "completed"))),
    ("state", change("j1", places=())),
    ("state", lambda world: world.snapshot.orphans.append("x of quick in active")),
    ("unfinished", change("j1", state="waiting", places=("waiting",))),
    ("outcome", change("j1", state="failed", places=("failed",), error_type="OSError")),
    ("outcome", change("j1", state="expired", places=("expired",))),
    ("outcome", change("b1", state="completed", places=("completed",))),
    ("not-run", drop_runs("j1")),
    ("not-run", drop_runs("b1")),
    ("result", change("j1", result=5)),
    ("cause", change("b1", error_type=None)),
    ("cause", change("b1", error_type="StalledError", error="its process died")),
    ("stranger", add_run(run("nobody"))),
    ("cancel", change("c1", state="completed", places=("completed",), result=6)),
    ("cancel", add_run(run("c1"))),
    ("item", lambda world: world.store("g1", data=[{"item": 7}, {"item": 7}, {"item": 8}])),
    ("flow", change_flow(state="running")),
    ("flow", change_flow(state="failed", error_task="square")),
    ("flow", change_flow(result=11)),
    ("flow", change("s1", state="failed", places=("failed",), error_type="OSError")),
    ("flow", change("p1", data=8)),
    ("flow", change("p1", result=11)),
    ("flow", add_run(run("p1", "pass-on", begin=100.5, end=None, how="", pid=13))),
    ("counts", lambda world: world.snapshot.counts["quick"].update(completed=2)),
    ("counts", lambda world: world.snapshot.counts["quick"].update(active=1)),
    ("overlap", add_run(run("j1", begin=100.5, pid=12))),
    ("overlap", add_run(run("j1", begin=99.5, end=100.5, pid=12))),
    ("overlap", add_run(run("j1", begin=99.5, end=None, how="", pid=12))),
    ("repeat", add_run(run("j1", begin=102, end=103))),
    ("repeat", add_run(run("j1", begin=90, end=91, pid=13))),
    ("repeat", add_run(run("b1", "broken", begin=104, end=105, how="error", attempt=2))),
    ("unended", add_run(run("j1", begin=98, end=None, how=""))),
    ("attempts", change("f1", attempt=3)),
    ("attempts", change("b1", attempt=1)),
    ("attempts", add_run(run("j1", begin=90, end=91, how="error"), run("j1", begin=92, end=93, attempt=2))),
    ("attempts", add_run(run("f1", "flaky", begin=104, end=105, attempt=5))),
    ("limit", add_run(run("n3", "narrow", begin=100.2, key="narrow-1"))),
    ("limit", add_run(run("x1", key="single"), run("x2", begin=100.9, key="single"))),
    ("early", begin_before_the_delay),
    ("schedule", take_out_a_tick),
    ("schedule", tick_beside_the_plan),
    ("schedule", fire_once_more),
    ("registry", register),
    ("key", last("taskora:{quick}:dedup:x")),
    ("key", last("taskora:{quick}:conc:narrow-1")),
    ("key", last("taskora:{quick}:j1:lock")),
    ("key", last("taskora:{quick}:j2:logs")),
    ("key", last("taskora:{quick}:active")),
    ("key", last("taskora:wf:{w2}")),
    ("key", last("taskora:workflows:owed")),
    ("key", last("taskora:another")),
    ("key", keep_for_long),
    ("exit", left(exits=[Exit("fleet-a", 70, "")])),
    ("exit", left(exits=[Exit("fleet-a", 0, "")])),
    ("exit", left(exits=[Exit("fleet-a", 1, "SIGTERM")])),
    ("exit", left(exits=[Exit("sync", 1, "stop")])),
    ("orphan", left(processes=["pid 11"])),
]


@pytest.mark.parametrize(("rule", "break_it"), BREAKS)
def test_a_broken_promise_is_found(rule: str, break_it: Callable[[World], None]) -> None:
    world = World()
    break_it(world)
    assert rule in world.rules()


def _again(begin: float = 102) -> Run:
    return run("j1", begin=begin, end=begin + 1, pid=12)


def test_a_second_run_is_right_after_the_death_of_the_first_owner() -> None:
    world = World()
    world.records.runs[0] = run("j1", begin=100.5, end=None, how="", pid=13)
    world.records.runs.append(_again())
    assert world.rules() == set()


def test_a_second_run_is_right_when_the_first_owner_died_before_it_could_write_its_outcome() -> None:
    world = World()
    world.records.runs[0] = run("j1", begin=100.5, end=100.8, pid=13)
    world.records.runs.append(_again())
    assert world.rules() == set()


def test_a_second_run_before_the_first_owner_is_dead_is_an_overlap() -> None:
    world = World()
    world.records.runs[0] = run("j1", begin=99.5, end=None, how="", pid=13)
    world.records.runs.append(_again(100.2))
    assert world.rules() == {"overlap"}


@pytest.mark.parametrize("how", ["shutdown", "lost"])
def test_a_job_that_was_given_back_runs_again(how: str) -> None:
    world = World()
    world.records.runs[0] = run("j1", how=how)
    world.records.runs.append(_again())
    assert world.rules() == set()


@pytest.mark.parametrize("whom", ["all", "fleet-a", "11"])
def test_who_was_cut_off_until_its_lock_ran_out_may_be_overtaken(whom: str) -> None:
    world = World()
    world.records.runs[0] = run("j1", end=120)
    world.records.runs.append(_again(106))
    assert world.rules() == {"overlap"}
    world.window(whom, 100.5, 105)
    assert world.rules() == set()


@pytest.mark.parametrize(("whom", "begin", "end"), [("fleet-c", 100.5, 105), ("13", 100.5, 105), ("11", 100.5, 101.8)])
def test_what_happened_to_others_or_was_short_is_no_excuse(whom: str, begin: float, end: float) -> None:
    world = World()
    world.records.runs[0] = run("j1", end=120)
    world.records.runs.append(_again(106))
    world.window(whom, begin, end)
    assert world.rules() == {"overlap"}


def test_the_same_time_counts_once() -> None:
    world = World()
    world.records.runs[0] = run("j1", end=120)
    world.records.runs.append(_again(106))
    for _ in range(3):
        world.window("11", 101, 102.2)
    assert world.rules() == {"overlap"}
    world.window("all", 102, 105)
    assert world.rules() == set()


def test_a_limit_may_be_exceeded_by_who_was_frozen() -> None:
    world = World()
    world.records.runs[-5] = run("n1", "narrow", end=110, key="narrow-1")
    world.records.runs[-4] = run("n2", "narrow", end=110, key="narrow-1", pid=12)
    world.records.runs.append(run("n3", "narrow", begin=107, end=108, key="narrow-1", pid=12))
    world.snapshot.jobs["n3"] = stored("n3", "narrow")
    assert world.rules() == {"limit"}
    world.window("fleet-a", 101, 106)
    assert world.rules() == set()


def test_a_job_whose_processes_died_too_often_may_be_a_dead_letter_and_its_workflow_failed() -> None:
    world = World()
    crashed = {"state": "failed", "places": ("failed",), "error_type": "StalledError", "error": "died 3 times"}
    world.store("j1", **crashed)
    world.records.runs[0] = run("j1", begin=100.5, end=None, how="", pid=13)
    world.snapshot.counts["quick"].update(completed=0, failed=1)
    world.store("p1", **crashed)
    world.records.runs[7] = run("p1", "pass-on", begin=102, end=None, how="", pid=14)
    change_flow(state="failed", error_task="pass-on", result=None)(world)
    nodes = world.snapshot.flows["w1"].nodes
    change_flow(nodes=(nodes[0], replace(nodes[1], state="failed", result=None)))(world)
    assert world.rules() == set()


def test_the_record_of_who_was_killed_just_now_may_still_be_there() -> None:
    world = World()
    world.snapshot.workers.append("host:13:abc")
    world.circumstances = replace(world.circumstances, told_ns=150 * S)
    assert world.rules() == {"registry"}
    world.circumstances = replace(world.circumstances, told_ns=110 * S)
    assert world.rules() == set()


def test_a_ledger_gives_back_what_was_written_and_leaves_out_half_a_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    whole = ledger.begin("quick", "j1", 1, "key")
    ledger.begin("quick", "j2", 2)
    ledger.end(whole, "ok")
    ledger.job("j1", "quick", "delayed", 0.5)
    ledger.item(7)
    ledger.flow("w1", "chain", 3)
    ledger.cancel("j3", "flagged")
    ledger.close()
    with (tmp_path / "ledger").open("a") as file:
        file.write('{"ns":1,"what":"begin"')
    records = ledger.read()
    first, second = records.runs
    assert (first.job, first.attempt, first.key, first.how, first.end_ns is not None) == ("j1", 1, "key", "ok", True)
    assert (second.job, second.attempt, second.end_ns, second.how) == ("j2", 2, None, "")
    assert [(each.job, each.sort, each.delay_s) for each in records.jobs] == [("j1", "delayed", 0.5)]
    assert [each.item for each in records.items] == [7]
    assert [(each.flow, each.expect) for each in records.flows] == [("w1", 3)]
    assert records.cancels == [CancelPromise("j3", "flagged")]
