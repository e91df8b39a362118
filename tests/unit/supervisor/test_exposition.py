"""The page for Prometheus, and that the dashboard and the alerts ask for what is on it."""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskora.supervisor.beats import Beats, State
from taskora.supervisor.exposition import FAMILIES, Exposition
from taskora.supervisor.tallies import BOUNDS_S, Tallies

MONITORING = Path(__file__).resolve().parents[3] / "docs" / "monitoring"
SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)')
NAME = re.compile(r"\btaskora_\w+")


def page(task: str = "send-email") -> str:
    """Of a fleet of one worker and a steward, both with something of everything."""
    beats, tallies = Beats(slots=1, cells=2), Tallies(2)
    children: list[Any] = []
    for index, role in enumerate(("worker", "steward")):
        cell = beats.cell(index)
        cell.assign(slot=-index, role="worker" if role == "worker" else "steward", generation=1)
        cell.state = State.READY
        children.append(SimpleNamespace(beat=cell, is_ready=True))
    children[0].beat.active = 3
    children[1].beat.pulse.server_answered(250_000)
    worker, steward = tallies.areas
    observe = worker.observer(task)
    for verb, run_s in (("complete", 0.02), ("complete", 0.2), ("fail", 2.0), ("retry", 0.02), ("return", 0.02)):
        observe(verb, run_s, 40 if verb == "complete" else None)
    worker.set_lag(0.25)
    steward.set_counts(task, [7, 3, 2, 1, 9])
    steward.set_leads(True)
    steward.recovered(4)
    fleet: Any = SimpleNamespace(
        posts={0: SimpleNamespace(child=children[0])}, steward=SimpleNamespace(child=children[1]),
        exits=Counter({("worker", "signal:9"): 2}), ready_count=lambda: 1,
    )  # fmt: skip
    return Exposition(fleet, tallies, 1_000.5).text()


def samples(text: str) -> dict[str, float]:
    """Each line's value, by all that is before it."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            assert SAMPLE.fullmatch(line), line
            series, _, value = line.rpartition(" ")
            assert series not in found, f"{series} is there twice"
            found[series] = float(value)
    return found


def labels_by_name(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for series in samples(text):
        name, _, labels = series.partition("{")
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def test_what_was_counted_is_on_the_page() -> None:
    found = samples(page())
    expected = {
        'taskora_jobs_total{task="send-email",outcome="completed"}': 2,
        'taskora_jobs_total{task="send-email",outcome="failed"}': 1,
        'taskora_jobs_total{task="send-email",outcome="cancelled"}': 0,
        'taskora_job_retries_total{task="send-email"}': 1,
        'taskora_job_returns_total{task="send-email"}': 1,
        'taskora_job_run_seconds_bucket{task="send-email",le="0.025"}': 3,
        'taskora_job_run_seconds_bucket{task="send-email",le="0.25"}': 4,
        'taskora_job_run_seconds_bucket{task="send-email",le="+Inf"}': 5,
        'taskora_job_run_seconds_count{task="send-email"}': 5,
        'taskora_job_run_seconds_sum{task="send-email"}': 2.26,
        'taskora_job_wait_seconds_count{task="send-email"}': 2,
        'taskora_job_wait_seconds_sum{task="send-email"}': 0.08,
        'taskora_queue_jobs{task="send-email",state="waiting"}': 7,
        'taskora_queue_jobs{task="send-email",state="failed"}': 9,
        "taskora_jobs_recovered_total": 4,
        "taskora_jobs_stalled_total": 0,
        'taskora_child_exits_total{role="worker",cause="signal:9"}': 2,
        'taskora_worker_active_jobs{slot="0"}': 3,
        'taskora_worker_loop_lag_seconds{slot="0"}': 0.25,
        "taskora_workers": 1,
        "taskora_workers_ready": 1,
        "taskora_leader": 1,
        "taskora_server_up": 1,
        "taskora_server_round_trip_seconds": 0.00025,
        "taskora_supervisor_start_time_seconds": 1000.5,
    }
    assert {series: found[series] for series in expected} == pytest.approx(expected)
    assert len([series for series in found if series.startswith("taskora_job_run_seconds_bucket")]) == len(BOUNDS_S) + 1


def test_names_follow_the_conventions() -> None:
    for name, (kind, meaning) in FAMILIES.items():
        assert re.fullmatch(r"taskora_[a-z_]+[a-z]", name)
        assert name.endswith("_total") == (kind == "counter"), name
        assert kind != "histogram" or name.endswith("_seconds")
        assert meaning.endswith(".")


def test_each_family_has_a_head_and_every_sample_a_family() -> None:
    text = page()
    for name, (kind, _) in FAMILIES.items():
        assert text.count(f"# TYPE {name} {kind}\n") == text.count(f"# HELP {name} ") == 1
    assert set(labels_by_name(text)) == exported()


def test_a_name_with_quotes_and_lines_keeps_to_its_label() -> None:
    text = page('a"b\\c\nd')
    assert samples(text)['taskora_job_retries_total{task="a\\"b\\\\c\\nd"}'] == 1


def test_a_page_of_a_hundred_tasks_and_many_processes_takes_the_master_little_time() -> None:
    tallies = Tallies(20)
    for area in tallies.areas:
        for number in range(100):
            area.observer(f"task-{number}")("complete", 0.1, 1)
    fleet: Any = SimpleNamespace(
        posts={}, steward=SimpleNamespace(child=None), exits=Counter(), ready_count=lambda: 0
    )  # fmt: skip
    began_s = time.process_time()
    assert len(Exposition(fleet, tallies, 0.0).text()) > 100_000
    assert time.process_time() - began_s < 2.0


def exported() -> set[str]:
    found: set[str] = set()
    for name, (kind, _) in FAMILIES.items():
        found |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


def expressions() -> list[str]:
    """Every query of the dashboard and the alerts."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    found += re.findall(r"^ +expr: (.+)$", (MONITORING / "alerts.yml").read_text(), re.MULTILINE)
    assert len(found) > 25
    return found


def test_the_dashboard_and_the_alerts_ask_for_names_and_labels_that_are_exported() -> None:
    known = labels_by_name(page())
    for expression in expressions():
        names = NAME.findall(expression)
        assert names, expression
        for name in names:
            assert name in exported(), f"{name} in {expression}"
        for name, matchers in re.findall(r"(taskora_\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r'(\w+)(?:=~|=|!=|!~)"', matchers)) <= known[name], expression
        assert expression.count("(") == expression.count(")"), expression
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            allowed = {"instance"}.union(*(known[name] for name in names))
            assert set(re.split(r", *", grouped)) <= allowed, expression


def test_every_name_is_on_the_dashboard() -> None:
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(" ".join(expressions()))}
    assert set(FAMILIES) - shown == set()


def test_the_causes_that_an_alert_names_are_causes() -> None:
    text = (MONITORING / "alerts.yml").read_text()
    (causes,) = re.findall(r'cause=~"([^"]+)"', text)
    for cause in ("signal:9", "exit:1", "oom", "hung", "stopped", "boot-timeout"):
        assert re.fullmatch(causes, cause)
    for cause in ("stop", "roll", "scale", "recycle:jobs", "recycle:memory", "wants-end"):
        assert not re.fullmatch(causes, cause)


def test_promtool_agrees(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it checks the page and the rules in its own way")
    subprocess.run([promtool, "check", "rules", str(MONITORING / "alerts.yml")], check=True, timeout=60)
    subprocess.run([promtool, "check", "metrics"], input=page().encode(), check=True, timeout=60)
