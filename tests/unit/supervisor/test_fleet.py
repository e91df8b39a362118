"""Posts, ends and refusals, with children that are plain sleeping processes."""

import errno
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import wait_until
from taskora.supervisor.backoff import BackoffPolicy
from taskora.supervisor.beats import Beats, State
from taskora.supervisor.children import Child
from taskora.supervisor.config import SupervisorConfig
from taskora.supervisor.fleet import Fleet, obituary
from taskora.supervisor.notices import Notices
from taskora.supervisor.nursery import Ends, Order
from taskora.supervisor.pipes import Message
from taskora.supervisor.process import Exit, Process, reap_strangers
from taskora.supervisor.recycling import Recycling
from taskora.supervisor.rolling import Progress, Roll

# From 3.12 on, forking beside a test runner's threads warns; these children touch nothing that a thread could hold.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


class FakeNursery:
    """Forks children that wait for a signal; can be told to refuse, as a kernel without processes left does."""

    def __init__(self) -> None:
        self.open = True
        self.refuse = 0
        self.room = 1000
        self.pids: list[int] = []

    def bear(self, order: Order, ends: Ends) -> int:
        if self.refuse or len(self.pids) >= self.room:
            self.refuse = max(0, self.refuse - 1)
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        self.pids.append(pid)
        return pid


@pytest.fixture
def nursery() -> Iterator[FakeNursery]:
    made = FakeNursery()
    yield made
    for pid in made.pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


@pytest.fixture
def fleet(nursery: FakeNursery) -> Iterator[Fleet]:
    config = SupervisorConfig(target="a:b", procs=3, max_rss_bytes=1000, backoff=BackoffPolicy(base_s=0.02, jitter=0.0))
    made = Fleet(
        config,
        Beats(slots=8, cells=16),
        nursery,
        Notices(),
        on_birth=lambda child: None,
        on_end=lambda child: None,
    )
    yield made
    for child in made.children():
        child.process.kill()
        wait_until(child.process.reap)
        child.close()


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def fill_ready(fleet: Fleet) -> list[Child]:
    fleet.fill()
    for child in fleet.children():
        child.beat.state = State.READY
        fleet.notice_ready(child)
    return fleet.workers()


def end(fleet: Fleet, child: Child) -> None:
    child.process.kill()
    bury(fleet, child)


def bury(fleet: Fleet, child: Child) -> None:
    how = wait_until(child.process.reap)
    assert how is not None
    fleet.bury(child, how)


def test_a_refused_fork_leaves_the_others_alone_and_is_tried_again_later(fleet: Fleet, nursery: FakeNursery) -> None:
    nursery.refuse = 2
    began_ns = time.monotonic_ns()
    fleet.fill()
    refused = [post for post in fleet.all_posts() if post.wants_child]
    assert len(refused) == len(fleet.children()) == 2
    assert all(post.restart_at_ns - began_ns >= 20_000_000 for post in refused)

    def filled() -> bool:
        fleet.fill()
        return len(fleet.children()) == 4

    wait_until(filled)


def test_where_there_is_room_for_two_one_of_them_is_the_steward(fleet: Fleet, nursery: FakeNursery) -> None:
    nursery.room = 2
    fleet.fill()
    assert sorted(child.order.role for child in fleet.children()) == ["steward", "worker"]


def test_no_descriptor_leaks_when_a_fork_is_refused(fleet: Fleet, nursery: FakeNursery) -> None:
    before = descriptors()
    nursery.refuse = 4
    fleet.fill()
    assert descriptors() == before
    assert fleet.beats.beats() == []


@pytest.mark.parametrize("free", [0, 1, 2, 3, 4, 5])
def test_no_descriptor_leaks_when_there_are_too_few_for_a_child(fleet: Fleet, free: int) -> None:
    before = descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_lowest_free(free), hard))
    try:
        fleet.fill()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert fleet.children() == []
    assert descriptors() == before


def _lowest_free(count: int) -> int:
    """The limit that leaves so many descriptors free."""
    taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(count + 1)]
    for fd in taken:
        os.close(fd)
    return taken[-1]


def test_the_steward_hears_of_a_worker_only_once_it_is_reaped(fleet: Fleet) -> None:
    worker = fill_ready(fleet)[0]
    worker.beat.worker = "h:1:x"
    worker.process.kill()
    assert len(fleet.notices) == 0
    bury(fleet, worker)
    assert len(fleet.notices) == 1


def test_a_worker_without_an_identity_leaves_nothing_to_recover(fleet: Fleet) -> None:
    end(fleet, fill_ready(fleet)[0])
    assert len(fleet.notices) == 0


def test_an_idle_worker_of_the_highest_slot_leaves_first(fleet: Fleet) -> None:
    workers = fill_ready(fleet)
    workers[1].beat.active = workers[2].beat.active = 1
    fleet.scale(2)
    assert sorted(fleet.posts) == [1, 2]
    fleet.scale(1)
    assert sorted(fleet.posts) == [1]
    fleet.scale(0)
    assert sorted(fleet.posts) == [1]
    fleet.scale(99)
    assert sorted(fleet.posts) == list(range(8))


def test_only_one_worker_at_a_time_is_recycled_for_its_memory(fleet: Fleet) -> None:
    workers = fill_ready(fleet)
    recycling = Recycling(fleet, measure=lambda pid: 2000, period_ns=0)
    recycling.check()
    recycling.check()
    assert [worker.retirement is not None for worker in workers] == [True, False, False]
    end(fleet, workers[0])
    recycling.check()
    assert workers[1].retirement is not None


@pytest.mark.parametrize(
    ("retired", "condemned", "how", "cause", "charged"),
    [
        (False, "", Exit(1, None), "exit:1", True),
        (False, "", Exit(0, None), "exit:0", True),
        (False, "", Exit(None, 11), "signal:11", True),
        (True, "", Exit(0, None), "recycle:jobs", False),
        (True, "", Exit(None, 11), "signal:11", True),
        (False, "hung", Exit(None, 9), "hung", False),
        (True, "drain-timeout", Exit(None, 9), "drain-timeout", False),
    ],
)
def test_only_an_end_that_nobody_inflicted_is_charged(
    fleet: Fleet, retired: bool, condemned: str, how: Exit, cause: str, charged: bool
) -> None:
    worker = fill_ready(fleet)[0]
    if retired:
        worker.retire("recycle:jobs", 1.0)
    if condemned:
        worker.condemn(condemned, 0.0)
    verdict = obituary(worker, how)
    assert (verdict.cause, verdict.charged) == (cause, charged)


def test_a_kill_by_the_kernel_for_want_of_memory_is_told_from_any_other(fleet: Fleet) -> None:
    worker = fill_ready(fleet)[0]
    assert obituary(worker, Exit(None, 9), oom=True).cause == "oom"
    assert obituary(worker, Exit(None, 11), oom=True).cause == "signal:11"


def test_a_condemned_worker_is_marked_before_it_is_killed_so_that_its_locks_run_out(fleet: Fleet) -> None:
    worker = fill_ready(fleet)[0]
    worker.condemn("hung", 0.0)
    assert worker.beat.doomed
    assert worker.process.reap() is None
    worker.proceed(time.monotonic_ns(), 1.0, 0.0)
    bury(fleet, worker)
    assert worker.beat.snapshot() is None


def test_a_roll_goes_past_a_post_that_was_given_up_meanwhile(fleet: Fleet) -> None:
    fill_ready(fleet)
    roll = Roll(fleet)
    assert roll.step() is Progress.RUNNING
    assert fleet.posts[0].successor is not None
    for slot in (1, 2):
        child = fleet.posts[slot].child
        assert child is not None
        child.beat.active = 1
    fleet.scale(2)
    assert sorted(fleet.posts) == [1, 2]
    # The slot comes back as another post, which the roll need not touch.
    fleet.scale(3)
    assert roll.step() is Progress.RUNNING
    assert fleet.posts[1].successor is not None
    assert fleet.posts[0].successor is None


class Recorder:
    def __init__(self) -> None:
        self.heard: list[Message] = []

    def send(self, message: Message) -> bool:
        self.heard.append(message)
        return True


def test_notices_wait_for_a_steward_and_are_repeated_to_the_next_until_acknowledged() -> None:
    notices = Notices()
    notices.died("a", slot=0, cause="signal:9", charged=True, active=1, holders=(), answered={})
    first, second = Recorder(), Recorder()
    notices.steward_ready(first)
    notices.died("b", slot=1, cause="hung", charged=False, active=0, holders=(), answered={})
    assert [message["dead"] for message in first.heard] == ["a", "b"]
    notices.recovered("a")
    notices.steward_gone(first)
    notices.died("c", slot=0, cause="exit:1", charged=True, active=0, holders=(), answered={})
    notices.steward_ready(second)
    assert [message["dead"] for message in second.heard] == ["b", "c"]
    notices.steward_gone(first)
    notices.died("d", slot=0, cause="exit:1", charged=True, active=0, holders=(), answered={})
    assert second.heard[-1]["dead"] == "d"


def test_a_steward_that_died_is_told_to_the_next_and_holds_nothing_up() -> None:
    notices = Notices()
    notices.steward_died("s1")
    assert len(notices) == 0
    first, second = Recorder(), Recorder()
    notices.steward_ready(first)
    assert first.heard == [{"left": "s1"}]
    notices.steward_gone(first)
    notices.steward_ready(second)
    notices.recovered("s1")
    notices.steward_gone(second)
    notices.steward_ready(third := Recorder())
    assert (second.heard, third.heard) == ([{"left": "s1"}], [])


def test_reaping_strangers_leaves_our_own_children_to_their_own_reaping() -> None:
    ours = os.fork()
    if ours == 0:
        os._exit(7)
    process = Process(ours)
    wait_until(lambda: os.waitid(os.P_PID, ours, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    reap_strangers(frozenset({ours}))
    assert process.reap() == Exit(7, None)
    process.close()
