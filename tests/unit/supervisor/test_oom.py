"""Who killed: the kernel's own count, in both versions of cgroups."""

from pathlib import Path

import pytest

from taskora.supervisor.oom import OomWatch


@pytest.mark.parametrize(
    ("membership", "counter", "text"),
    [
        ("0::/svc\n", "svc/memory.events", "oom 9\noom_kill {}\n"),
        ("0::/gone/elsewhere\n", "memory.events", "oom_kill {}\n"),
        ("4:memory:/svc\n0::/\n", "memory/svc/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"),
    ],
)
def test_a_kill_is_noticed_once(tmp_path: Path, membership: str, counter: str, text: str) -> None:
    (tmp_path / "membership").write_text(membership)
    path = tmp_path / "cgroup" / counter
    path.parent.mkdir(parents=True)
    path.write_text(text.format(3))
    watch = OomWatch(tmp_path / "cgroup", tmp_path / "membership")
    assert not watch.killed()
    path.write_text(text.format(4))
    assert watch.killed()
    assert not watch.killed()
    path.write_text(text.format(6))
    assert [watch.killed() for _ in range(3)] == [True, True, False]


def test_without_counters_nothing_is_said(tmp_path: Path) -> None:
    assert not OomWatch(tmp_path / "none", tmp_path / "nothing").killed()
