"""Only the last of several dispatches with one key becomes a job."""

import asyncio

import pytest

from integration.engine.kit import Engine, echo_of, gated, open_app, state_is, working
from support import wait_until_async
from taskora import ConfigError, Debounce, Deduplicate, Retry, RetryError, State, Taskora, Throttle


async def test_only_the_last_of_a_key_runs(any_app: Taskora) -> None:
    ran: list[int] = []

    @any_app.task("index")
    async def index(n: int) -> int:
        ran.append(n)
        return n

    async with working(any_app):
        for n in range(4):
            await index.dispatch(n, debounce=Debounce("doc", "150ms"))
        last = await index.dispatch(4, debounce=Debounce("doc", "150ms"))
        other = await index.dispatch(9, debounce=Debounce("other", "150ms"))
        assert await last.result_async(5) == 4
        assert await other.result_async(5) == 9
    assert ran == [4, 9]


async def test_dispatches_of_one_tick_replace_each_other_in_order(any_app: Taskora) -> None:
    task = echo_of(any_app)
    async with working(any_app):
        handles = [task.dispatch(n, debounce=Debounce("doc", "100ms")) for n in range(20)]
        assert [await handle.result_async(5) for handle in handles] == [19] * 20
        assert [handle.enqueued for handle in handles] == [True] * 20


async def test_w30_whoever_waits_for_a_replaced_job_gets_the_result_of_the_one_that_replaced_it(
    any_app: Taskora,
) -> None:
    task = echo_of(any_app)
    async with working(any_app):
        first = await task.dispatch("first", debounce=Debounce("doc", "300ms"))
        waiting = asyncio.create_task(first.result_async(5))
        await asyncio.sleep(0.02)
        await task.dispatch("second", debounce=Debounce("doc", "50ms"))
        assert await waiting == "second"
        assert (await first.info_async()).data == "second"
        assert await first.state_async() is State.COMPLETED


async def test_a_replaced_job_leaves_an_event_that_names_its_successor_and_no_hash(
    engine: Engine, app: Taskora
) -> None:
    task = echo_of(app)
    async with open_app(app):
        first = await task.dispatch(1, debounce=Debounce("doc", "5s"))
        second = await task.dispatch(2, debounce=Debounce("doc", "5s"))
    assert engine.hash("idle", first.id) == {}
    assert engine.raw.zrange(engine.key("idle", "delayed"), 0, -1) == [second.id]
    entries = engine.raw.xrange(engine.key("idle", "events"))
    assert {"event": "debounced", "jobId": first.id, "replacedBy": second.id} in [fields for _, fields in entries]
    assert engine.raw.get(engine.key("idle", "debounce:doc")) == second.id
    assert 5_000 < engine.raw.pttl(engine.key("idle", "debounce:doc")) <= 10_000


async def test_a_job_that_has_begun_is_not_replaced(any_app: Taskora) -> None:
    task, gate, runs = gated(any_app)
    async with working(any_app):
        first = await task.dispatch(1, debounce=Debounce("doc", "20ms"))
        await wait_until_async(lambda: len(runs) == 1)
        second = await task.dispatch(2, debounce=Debounce("doc", "20ms"))
        gate.set()
        assert [await first.result_async(5), await second.result_async(5)] == [1, 2]


async def test_a_job_that_waits_for_its_retry_is_not_replaced(any_app: Taskora) -> None:
    ran: list[tuple[int, int]] = []

    @any_app.task("flaky", retry=Retry(attempts=2, delay="300ms", jitter=False))
    async def flaky(n: int) -> int:
        ran.append((n, len(ran)))
        if len(ran) == 1:
            raise RetryError
        return n

    async with working(any_app):
        first = await flaky.dispatch(1, debounce=Debounce("doc", "300ms"))
        await state_is(first, "retrying")
        second = await flaky.dispatch(2, debounce=Debounce("doc", "300ms"))
        assert [await first.result_async(5), await second.result_async(5)] == [1, 2]


async def test_a_job_that_the_other_side_debounced_is_replaced(engine: Engine, app: Taskora) -> None:
    theirs = {"ts": "1", "delay": "60000", "_v": "1", "attempt": "1", "maxAttempts": "1", "state": "delayed"}
    engine.raw.hset(engine.key("idle", "theirs"), mapping={**theirs, "priority": "0", "data": "1"})
    engine.raw.zadd(engine.key("idle", "delayed"), {"theirs": 2e12})
    engine.raw.set(engine.key("idle", "debounce:doc"), "theirs", px=120_000)
    task = echo_of(app)
    async with working(app):
        ours = await task.dispatch(2, debounce=Debounce("doc", "50ms"))
        assert await task.handle("theirs").result_async(5) == 2
        assert await ours.result_async(5) == 2


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"debounce": Debounce("k", 1), "throttle": Throttle("k", 1, 1)}, ("debounce", "throttle")),
        ({"throttle": Throttle("k", 1, 1), "deduplicate": Deduplicate("k")}, ("throttle", "deduplicate")),
        ({"debounce": Debounce("k", 1), "delay": 1}, ("debounce", "delay")),
        ({"debounce": Debounce("k", 1), "job_id": "mine"}, ("debounce", "job_id")),
        ({"deduplicate": Deduplicate("k"), "job_id": "mine"}, ("deduplicate", "job_id")),
        ({"raise_on_reject": True}, ("raise_on_reject", "throttle")),
    ],
)
def test_options_that_exclude_each_other_are_refused_by_both_names(
    options: dict[str, object], names: tuple[str, str]
) -> None:
    task = echo_of(Taskora("memory://"))
    with pytest.raises(ConfigError) as caught:
        task.dispatch(1, **options)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType] - wrong on purpose
    assert all(name in str(caught.value) for name in names)
