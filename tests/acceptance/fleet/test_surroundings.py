"""Fleets in containers and on machines that have little to give."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from acceptance.fleet.fleets import TESTS, Harbour, kill
from support import Program, wait_until
from taskora import JobFailedError

NEW_PROCESS_SPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
NO_NETWORK = ("unshare", "--net", "--uts", "sh", "-c", 'hostname nowhere.invalid; exec "$@"', "sh")
CGROUPS = Path("/sys/fs/cgroup")


def allowed(*command: str) -> bool:
    """Whether this machine lets this user do that."""
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def needs(*command: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not allowed(*command), reason=f"this user may not run {' '.join(command)}")


def with_mounts(mounts: str) -> tuple[str, ...]:
    """A command prefix: what it starts sees the file system as these commands leave it."""
    return ("unshare", "--mount", "sh", "-ec", f'mount --make-rprivate /; {mounts}; exec "$@"', "sh")


@contextlib.contextmanager
def cgroup(controller: str, name: str, **limits: int) -> Generator[tuple[tuple[str, ...], Path]]:
    """A control group below this process's own (version 1): a command prefix that enters it, and its folder."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    mine = next((line.split(":", 2)[2] for line in lines if controller in line.split(":")[1].split(",")), None)
    if mine is None:
        pytest.skip(f"there is no {controller} controller of version 1")
    folder = CGROUPS / controller / mine.lstrip("/") / f"taskora-{os.getpid()}-{name}"
    try:
        folder.mkdir()
        for limit, value in limits.items():
            (folder / limit.replace("_", ".", 1)).write_text(str(value))
    except OSError as error:
        pytest.skip(f"this user may not make control groups: {error}")
    try:
        yield ("sh", "-ec", f'echo $$ > {folder}/cgroup.procs; exec "$@"', "sh"), folder
    finally:

        def removed() -> bool:
            with contextlib.suppress(OSError):
                folder.rmdir()
            return not folder.exists()

        wait_until(removed, 10.0, "processes stay in the control group")


def works(harbour: Harbour, fleet: Program, jobs: range) -> None:
    """The fleet runs jobs, sync ones too, and recovers those of a killed child."""
    harbour.dispatch("lift", jobs, takes=0.01)
    harbour.wait_completed("lift", jobs.stop)
    harbour.dispatch("carry", jobs, takes=0.5)
    harbour.wait_started("carry", 1)
    kill(harbour.evidence.notes("start", "carry")[0].pid)
    harbour.wait_completed("carry", jobs.stop)
    assert harbour.stats("carry").failed == 0


def zombies(session: int) -> list[int]:
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() == psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


@needs(*NEW_PROCESS_SPACE, "true")
@pytest.mark.parametrize("shell", [(), ("sh", "-c", 'exec "$@"', "sh")])
def test_as_pid_1_with_and_without_a_shell_a_term_drains_and_nobody_is_left(
    harbour: Harbour, shell: tuple[str, ...]
) -> None:
    """A container's first process, as most Dockerfiles start it."""
    prefix = (*NEW_PROCESS_SPACE, *shell)
    fleet = harbour.start("--procs", "2", "--concurrency", "2", prefix=prefix, tests_ready=False)
    harbour.wait(lambda: fleet.log().count("is ready") == 3, "the fleet should get ready", 20)
    (first,) = psutil.Process(fleet.pid).children()
    harbour.dispatch("carry", range(4), takes=1.0)
    harbour.wait_started("carry", 4)
    harbour.dispatch("carry", range(4, 10), takes=0.01)
    # A grandchild whose parent is gone is the first process's to reap.
    kill(next(process.pid for process in first.children() if process.pid != first.pid))
    harbour.wait(lambda: "signal:9" in fleet.log(), "the kill should be seen")
    harbour.wait(lambda: not zombies(fleet.pid), "a zombie stays")
    first.send_signal(signal.SIGTERM)
    assert fleet.wait(10) == 0
    fleet.assert_nothing_left()
    assert harbour.stats("carry").active == 0


SLOW_IMPORT = """
import pathlib, sys, time
folder = pathlib.Path(__file__).parents[2]
(folder / "importing").touch()
while not (folder / "signalled").exists():
    time.sleep(0.01)
sys.path.remove(str(folder / "slow"))
del sys.modules["click"]
import click
"""


@needs(*NEW_PROCESS_SPACE, "true")
def test_as_pid_1_a_term_while_it_is_still_being_imported_ends_it(harbour: Harbour) -> None:
    slow = harbour.folder / "slow"
    (slow / "click").mkdir(parents=True)
    (slow / "click" / "__init__.py").write_text(SLOW_IMPORT)
    path = os.pathsep.join((str(slow), str(TESTS)))
    fleet = harbour.start("--procs", "1", prefix=NEW_PROCESS_SPACE, tests_ready=False, env={"PYTHONPATH": path})
    harbour.wait((harbour.folder / "importing").exists, "the supervisor should be imported")
    (first,) = psutil.Process(fleet.pid).children()
    first.send_signal(signal.SIGTERM)
    (harbour.folder / "signalled").touch()
    assert fleet.wait(20) == 0
    fleet.assert_nothing_left()


@needs(*NO_NETWORK, "true")
def test_without_a_network_and_a_name_that_anybody_knows_a_fleet_works(harbour: Harbour) -> None:
    fleet = harbour.start("--procs", "2", "--concurrency", "2", prefix=NO_NETWORK)
    works(harbour, fleet, range(4))
    assert harbour.steward(fleet).host == "nowhere.invalid"
    assert harbour.stop(fleet) == 0


@needs(*with_mounts("mount -o remount,bind,ro /"), "true")
@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_with_nothing_to_write_to_a_fleet_works(harbour: Harbour, preload: tuple[str, ...]) -> None:
    kept = f"mount --bind {harbour.folder} {harbour.folder}"
    prefix = with_mounts(f"{kept}; mount -o remount,bind,ro /; ! touch /tmp/taskora-may-write 2>/dev/null")
    nowhere = {"TMPDIR": "/nowhere", "HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere"}
    fleet = harbour.start("--procs", "2", "--concurrency", "2", *preload, prefix=prefix, env=nowhere)
    works(harbour, fleet, range(4))
    assert harbour.stop(fleet) == 0


FULL_SHM = "mount -t tmpfs -o size=4k,nr_inodes=1 none /dev/shm"
# A folder of devices without it takes the place of all: the one of the machine must stay.
NO_SHM = (
    "mkdir -p {0}/dev; mount -t tmpfs none {0}/dev; "
    "for one in null zero random urandom; do touch {0}/dev/$one; mount --bind /dev/$one {0}/dev/$one; done; "
    "mount --rbind {0}/dev /dev; ! test -e /dev/shm"
)


@needs(*with_mounts(FULL_SHM), "true")
@pytest.mark.parametrize("mounts", [FULL_SHM, NO_SHM], ids=["full", "missing"])
def test_without_room_in_dev_shm_a_fleet_works(harbour: Harbour, mounts: str) -> None:
    prefix = with_mounts(mounts.format(harbour.folder))
    fleet = harbour.start("--procs", "2", "--concurrency", "2", prefix=prefix)
    works(harbour, fleet, range(4))
    assert harbour.stop(fleet) == 0


@needs("prlimit", "--nofile=32", "true")
def test_a_fleet_without_descriptors_for_all_its_workers_says_so_and_works_with_those_it_has(harbour: Harbour) -> None:
    # Enough for the master's own, the steward and a few of the workers.
    fleet = harbour.start("--procs", "12", "--concurrency", "2", prefix=("prlimit", "--nofile=32"), tests_ready=False)
    harbour.wait(lambda: "Too many open files" in fleet.log(), "it should be said", 20)
    harbour.wait(lambda: fleet.log().count("is ready") >= 3, "some should get ready", 20)
    assert "next attempt in" in fleet.log()
    works(harbour, fleet, range(4))
    assert harbour.stop(fleet) == 0


def test_a_fleet_without_processes_for_all_its_workers_says_so_and_grows_when_it_may(harbour: Harbour) -> None:
    with cgroup("pids", "few", pids_max=6) as (prefix, folder):
        fleet = harbour.start("--procs", "6", "--concurrency", "1", prefix=prefix, tests_ready=False)
        harbour.wait(lambda: "Resource temporarily unavailable" in fleet.log(), "it should be said", 20)
        harbour.wait(lambda: fleet.log().count("is ready") >= 2, "some should get ready", 30)
        harbour.dispatch("carry", range(6), takes=0.05)
        harbour.wait_completed("carry", 6)
        # Neither is there room for a thread: sync handlers wait, and do not fail for it.
        (folder / "pids.max").write_text("1")
        handles = harbour.dispatch("lift", range(2))
        harbour.wait(lambda: "no thread for a sync handler now" in fleet.log(), "it should be said")
        (folder / "pids.max").write_text("40")
        assert {handle.result(timeout=20) for handle in handles} == {0, 1}
        slots = [f"slot {slot} (pid" for slot in range(6)]
        harbour.wait(lambda: all(slot in _ready(fleet) for slot in slots), "all should get ready", 40)
        assert harbour.stop(fleet) == 0


def _ready(fleet: Program) -> str:
    return "\n".join(line for line in fleet.log().splitlines() if line.endswith("is ready"))


def test_a_fleet_has_as_many_workers_as_its_control_group_has_cpus(harbour: Harbour) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one CPU")
    with cgroup("cpu", "one", cpu_cfs_quota_us=100_000) as (prefix, _):
        fleet = harbour.start("--procs", "auto", prefix=prefix, tests_ready=False)
        fleet.wait_for_log("supervising 1 worker(s)")
        assert harbour.stop(fleet) == 0


def test_a_job_that_eats_all_memory_is_told_from_any_other_kill_and_set_aside(harbour: Harbour) -> None:
    with cgroup("memory", "small", memory_limit_in_bytes=400_000_000) as (prefix, _):
        fleet = harbour.start("--procs", "2", "--concurrency", "1", "--max-crashes", "1", prefix=prefix)
        (glutton,) = harbour.dispatch("eat", [0])
        with pytest.raises(JobFailedError) as caught:
            glutton.result(timeout=30)
        assert "died 2 times" in str(caught.value)
        assert str(caught.value).endswith("last cause: oom")
        harbour.dispatch("carry", range(10), takes=0.01)
        harbour.wait_completed("carry", 10)
        assert harbour.stop(fleet) == 0
