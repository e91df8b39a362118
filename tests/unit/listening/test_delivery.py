"""Calling listeners: in order, whatever they do, and never without a bound."""

import asyncio
import logging
from collections.abc import Coroutine

import pytest

from taskora.listening import delivery
from taskora.listening.delivery import Delivery
from taskora.listening.listeners import Listener, Listeners


async def test_a_listener_that_is_too_slow_loses_the_oldest_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_MOST_WAITING", 3)
    seen: list[int] = []
    gate = asyncio.Event()

    async def slow(n: int) -> None:
        await gate.wait()
        seen.append(n)

    slowly = Delivery(Listener("completed", None, slow))
    slowly.put(0)
    await asyncio.sleep(0)
    with caplog.at_level(logging.WARNING):
        for n in range(1, 9):
            slowly.put(n)
    gate.set()
    await slowly.finish()
    assert seen == [0, 6, 7, 8]
    assert caplog.text.count("so slow that events are dropped") == 1


async def test_a_plain_function_that_returns_a_coroutine_is_awaited() -> None:
    seen: list[int] = []

    async def later(n: int) -> None:
        seen.append(n)

    def plain(n: int) -> Coroutine[object, object, None]:
        return later(n)

    lazily = Delivery(Listener("completed", "echo", plain))
    for n in range(3):
        lazily.put(n)
    await lazily.finish()
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), KeyError("x")])
@pytest.mark.parametrize("waits", [True, False])
async def test_whatever_a_listener_raises_it_is_told_of_the_next(
    error: BaseException, waits: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int] = []

    def plain(n: int) -> None:
        seen.append(n)
        if n == 0:
            raise error

    async def waiting(n: int) -> None:
        await asyncio.sleep(0)
        plain(n)

    failing = Delivery(Listener("completed", None, waiting if waits else plain))
    for n in range(3):
        failing.put(n)
    await failing.finish()
    assert seen == [0, 1, 2]
    assert "which listens for 'completed' of all tasks failed" in caplog.text


async def test_finishing_that_is_cancelled_drops_what_waits() -> None:
    seen: list[int] = []

    async def stuck(n: int) -> None:
        seen.append(n)
        await asyncio.Event().wait()

    delivery_ = Delivery(Listener("completed", None, stuck))
    delivery_.put(1)
    delivery_.put(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await delivery_.finish()
    assert seen == [1]


def test_listeners_of_the_application_need_all_tasks_and_those_of_a_task_need_it() -> None:
    listeners = Listeners()
    assert listeners.tasks(["a", "b"]) == set()
    listeners.add("worker:ready", None, print)
    assert listeners.tasks(["a", "b"]) == set()
    listeners.add("completed", "c", print)
    assert listeners.tasks(["a", "b"]) == {"c"}
    of_all = listeners.add("task:failed", None, print)
    assert listeners.tasks(["a", "b"]) == {"a", "b", "c"}
    assert [each.event for each in listeners.of("failed", "a")] == ["failed"]
    listeners.remove(of_all)
    assert listeners.of("failed", "a") == ()
