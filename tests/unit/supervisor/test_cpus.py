"""CPUs that may be used, with cgroups as they look on real hosts."""

from pathlib import Path

import pytest

from taskora.supervisor.cpus import auto_procs, cpu_quota, pin_for


def lay(root: Path, files: dict[str, str], membership: str) -> tuple[Path, Path]:
    for name, text in files.items():
        path = root / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "cgroup").mkdir(exist_ok=True)
    (root / "membership").write_text(membership)
    return root / "cgroup", root / "membership"


@pytest.mark.parametrize(
    ("files", "membership", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 1.5),
        ({"cpu.max": "max 100000\n"}, "0::/\n", None),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, "0::/a/b\n", 2.0),
        ({"a/b/cpu.max": "50000 100000\n", "a/cpu.max": "200000 100000\n"}, "0::/a/b\n", 0.5),
        ({"unified/a/cpu.max": "300000 100000\n"}, "1:cpu:/\n0::/a\n", 3.0),
        ({"cpu/x/cpu.cfs_quota_us": "250000", "cpu/x/cpu.cfs_period_us": "100000"}, "4:cpu:/x\n", 2.5),
        (
            {"cpu,cpuacct/cpu.cfs_quota_us": "100000", "cpu,cpuacct/cpu.cfs_period_us": "50000"},
            "4:cpu,cpuacct:/\n",
            2.0,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/\n", None),
        # A container sees its own group at the mount, under a path that exists on the host only.
        ({"cpu.max": "100000 100000\n"}, "0::/docker/0123\n", 1.0),
        ({}, "", None),
    ],
)
def test_the_quota_is_the_smallest_on_the_way_up(
    tmp_path: Path, files: dict[str, str], membership: str, quota: float | None
) -> None:
    assert cpu_quota(*lay(tmp_path, files, membership)) == quota


def test_without_cgroup_files_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "none", tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("allowed", "quota", "procs"), [(8, None, 8), (8, 1.5, 2), (8, 0.1, 1), (2, 16.0, 2), (0, None, 1)]
)
def test_auto_takes_what_affinity_and_quota_leave(allowed: int, quota: float | None, procs: int) -> None:
    assert auto_procs(allowed, quota) == procs


def test_pins_take_turns_over_the_allowed_cpus() -> None:
    assert [pin_for(slot, (2, 5, 7)) for slot in range(4)] == [(2,), (5,), (7,), (2,)]
