"""Threads for handlers: interruptible, replaceable, never lost."""

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Iterator

import pytest

from support import wait_until, wait_until_async
from taskora.context import Interrupted
from taskora.worker.threads import ThreadPool, Work


def handlers() -> int:
    return sum(thread.name.startswith("taskora-handler") for thread in threading.enumerate())


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool(2)
    yield pool
    pool.close()
    wait_until(lambda: handlers() == 0, message="threads outlive their pool")


def all_taken(works: list[Work]) -> bool:
    return all(work.thread for work in works)


def spin() -> None:
    while True:
        pass


async def test_threads_are_started_when_needed_and_reused(pool: ThreadPool) -> None:
    assert handlers() == 0
    for n in range(20):
        assert await pool.submit(lambda n=n: n).done == n  # type: ignore[misc]  # the loop's own value
    assert handlers() == 1
    await asyncio.gather(*(pool.submit(lambda: time.sleep(0.01)).done for _ in range(6)))
    assert handlers() == 2


async def test_an_interruption_ends_the_work_and_not_the_thread(pool: ThreadPool) -> None:
    for _ in range(20):
        work = pool.submit(spin)
        await wait_until_async(functools.partial(all_taken, [work]))
        pool.interrupt(work)
        with pytest.raises(Interrupted):
            await work.done
    assert handlers() == 1
    assert await pool.submit(lambda: 5).done == 5


async def test_an_interruption_never_hits_the_next_work(pool: ThreadPool) -> None:
    for n in range(500):
        work = pool.submit(lambda: None)
        if n % 2:
            await asyncio.sleep(0)
        pool.interrupt(work)
        with contextlib.suppress(Interrupted):
            await work.done
        pool.interrupt(work)
        assert await pool.submit(lambda: sum(range(50))).done == 1225


async def test_an_abandoned_thread_is_replaced_and_ends_when_its_work_does(pool: ThreadPool) -> None:
    for _ in range(3):
        release = threading.Event()
        stuck = [pool.submit(release.wait) for _ in range(2)]
        await wait_until_async(functools.partial(all_taken, stuck))
        for work in stuck:
            work.done.set_exception(Interrupted())
            pool.abandon(work)
        assert await asyncio.wait_for(pool.submit(lambda: 1).done, 2) == 1
        release.set()
        await wait_until_async(lambda: handlers() <= 2)
        # The abandoned threads must not be counted as free: these would wait for them for ever.
        values = await asyncio.wait_for(asyncio.gather(*(pool.submit(lambda: 2).done for _ in range(5))), 2)
        assert values == [2] * 5
        for work in stuck:
            assert isinstance(work.done.exception(), Interrupted)


async def test_work_that_was_given_up_before_its_turn_never_runs(pool: ThreadPool) -> None:
    release, ran = threading.Event(), list[int]()
    busy = [pool.submit(release.wait) for _ in range(2)]
    queued = pool.submit(lambda: ran.append(1))
    queued.done.set_exception(Interrupted())
    release.set()
    await asyncio.gather(*(work.done for work in busy))
    assert await pool.submit(lambda: 3).done == 3
    assert isinstance(queued.done.exception(), Interrupted)
    assert not ran


@pytest.mark.parametrize("kind", [StopIteration, GeneratorExit])
async def test_what_would_end_the_coroutine_that_waits_is_told_as_another_error(
    pool: ThreadPool, kind: type[BaseException]
) -> None:
    def leave() -> None:
        raise kind

    with pytest.raises(RuntimeError, match=kind.__name__) as raised:
        await pool.submit(leave).done
    assert isinstance(raised.value.__cause__, kind)


async def test_work_of_a_loop_that_is_gone_harms_nobody() -> None:
    pool, release = ThreadPool(1), threading.Event()
    loop = asyncio.new_event_loop()

    async def submit() -> None:
        pool.submit(release.wait)

    await asyncio.to_thread(loop.run_until_complete, submit())
    loop.close()
    release.set()
    assert await asyncio.wait_for(pool.submit(lambda: 4).done, 2) == 4
    pool.close()
    await wait_until_async(lambda: handlers() == 0)


async def test_work_that_no_thread_can_be_started_for_waits_for_the_others_and_for_room(
    pool: ThreadPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("taskora.worker.threads._AGAIN_S", 0.05)
    may_end, real_start, refused = threading.Event(), threading.Thread.start, 0

    def start(thread: threading.Thread) -> None:
        nonlocal refused
        if handlers() == room and thread.name.startswith("taskora-handler"):
            refused += 1
            raise RuntimeError("can't start new thread")
        real_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    room = 0
    first = pool.submit(may_end.wait)
    await wait_until_async(lambda: refused >= 2)
    assert not first.done.done()
    room = 1
    await wait_until_async(functools.partial(all_taken, [first]))
    second = pool.submit(lambda: 2)
    await wait_until_async(lambda: refused >= 4)
    may_end.set()
    assert await second.done == 2
    assert await first.done is True
    assert handlers() == 1
    # Nothing is forgotten of the pool's size.
    room = 9
    both = threading.Barrier(2)
    await asyncio.gather(*(pool.submit(both.wait).done for _ in range(2)))
    assert "can't start new thread" in caplog.text
