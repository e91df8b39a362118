"""Testing an application as it is, or single tasks of it, without its server."""

import asyncio
from collections.abc import Iterator

import pytest

from taskora import ConfigError, Context, MiddlewareContext, Next, Retry, Taskora
from taskora.testing import TestRunner, create_test_runner

taskora = Taskora("redis://127.0.0.1:1")  # nobody answers there
sent: list[str] = []
seen: list[str] = []


@taskora.use
async def watching(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002 - what the documentation calls it
    seen.append(ctx.task)
    await next()


@taskora.task("send-confirmation", retry=Retry(attempts=2, delay="1h"))
async def send_confirmation(order_id: str) -> None:
    sent.append(order_id)


@taskora.task("process-order")
async def process_order(order_id: str) -> str:
    send_confirmation.dispatch(order_id)
    return f"order {order_id}"


@pytest.fixture(autouse=True)
def fresh() -> None:
    sent.clear()
    seen.clear()


@pytest.fixture
def runner() -> Iterator[TestRunner]:
    with create_test_runner(from_app=taskora) as runner:
        yield runner


def test_tasks_of_an_application_dispatch_each_other_in_memory(runner: TestRunner) -> None:
    execution = runner.execute(process_order, "123")

    assert execution.state == "completed"
    assert sent == ["123"]
    assert seen == ["process-order", "send-confirmation"]


def test_the_application_is_itself_again_afterwards() -> None:
    before = (taskora.adapter, taskora.outbox, taskora.waiting)
    with create_test_runner(from_app=taskora) as runner:
        assert taskora.adapter is not before[0]
        assert runner.app is taskora
    assert (taskora.adapter, taskora.outbox, taskora.waiting) == before
    runner.dispose()


def test_of_two_runners_of_one_application_the_last_is_disposed_of_first() -> None:
    first = create_test_runner(from_app=taskora)
    second = create_test_runner(from_app=taskora)
    with pytest.raises(ConfigError, match="that one first"):
        first.dispose()
    second.dispose()
    first.dispose()


def test_single_tasks_are_imported_with_their_options_and_middleware(taskora_runner: TestRunner) -> None:
    own = taskora_runner.import_task(send_confirmation)

    assert own.options == send_confirmation.options
    assert taskora_runner.execute(send_confirmation, "7").state == "completed"
    assert own.dispatch("8").result() is None
    assert sent == ["7", "8"]
    assert seen == ["send-confirmation"] * 2
    assert send_confirmation.engine is taskora.workflow_engine
    with pytest.raises(ConfigError, match="already a task"):
        taskora_runner.import_task(send_confirmation)


def test_what_is_not_imported_is_when_it_is_first_run(taskora_runner: TestRunner) -> None:
    taskora_runner.run(send_confirmation, "1")
    assert list(taskora_runner.app.tasks) == ["send-confirmation"]


def test_clearing_forgets_jobs_and_keeps_tasks(runner: TestRunner) -> None:
    runner.dispatch(process_order, "1")
    runner.dispatch(process_order, "2", delay="1d")
    runner.process_all()
    assert len(runner.jobs) == 3

    runner.clear()

    assert runner.jobs == []
    assert runner.steps == []
    assert runner.execute(process_order, "3").state == "completed"


async def test_tests_that_are_coroutines_await_the_twins(runner: TestRunner) -> None:
    execution = await runner.execute_async(process_order, "9")
    assert (execution.result, sent) == ("order 9", ["9"])
    assert await runner.run_async(process_order, "10") == "order 10"
    assert await runner.process_all_async() == 1

    handle = process_order.dispatch("11", delay="1h")
    await runner.advance_time_async("59m")
    assert await handle.state_async() == "delayed"
    assert await handle.result_async() == "order 11"
    await runner.clear_async()
    assert runner.jobs == []


async def test_several_coroutines_may_have_work_done_at_once(runner: TestRunner) -> None:
    handles = [process_order.dispatch(str(number), delay=number) for number in range(5)]
    results = await asyncio.gather(*(handle.result_async() for handle in handles), runner.process_all_async())
    assert results[:5] == [f"order {number}" for number in range(5)]


async def test_a_blocking_method_on_an_event_loop_names_its_twin(runner: TestRunner) -> None:
    with pytest.raises(RuntimeError, match="process_all_async"):
        runner.process_all()


def test_a_handler_cannot_have_its_own_runner_work(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("nested")
    def nested(data: int) -> int:
        return taskora_runner.process_all()

    execution = taskora_runner.execute(nested, 1)
    assert execution.state == "failed"
    assert "handler cannot" in str(execution.error)


def test_a_handler_waits_for_jobs_as_it_does_in_production(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("child")
    async def child(data: int) -> int:
        return data + 1

    @app.task("async-parent")
    async def async_parent(data: int) -> int:
        return await (await child.dispatch(data, delay="1m")).result_async()

    @app.task("sync-parent")
    def sync_parent(data: int) -> int:
        return child.dispatch(data).result()

    assert taskora_runner.execute(async_parent, 1).result == 2
    assert taskora_runner.execute(sync_parent, 2).result == 3


def test_a_task_defined_later_runs_too(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("one")
    async def one(data: int) -> int:
        return data

    assert taskora_runner.execute(one, 1).result == 1

    @taskora_runner.app.task("two")
    async def two(data: int) -> int:
        return data

    @taskora_runner.app.use
    async def doubling(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002 - see above
        await next()
        ctx.result *= 2

    assert taskora_runner.execute(two, 2).result == 4
    assert taskora_runner.execute(one, 2).result == 4


def test_another_task_of_the_same_name_is_not_mistaken_for_it(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("process-order")
    async def other(order_id: str) -> str:
        return order_id

    with pytest.raises(ConfigError, match="another task of that name"):
        taskora_runner.execute(process_order, "1")


def test_a_runner_that_was_disposed_of_says_so_instead_of_waiting() -> None:
    runner = create_test_runner(from_app=taskora)
    runner.dispose()
    with pytest.raises(ConfigError, match="disposed of"):
        runner.execute(process_order, "1")
    with pytest.raises(ConfigError, match="disposed of"):
        runner.process_all()
    with pytest.raises(ConfigError, match="disposed of"):
        runner.advance_time("1s")


def test_the_list_of_jobs_has_their_logs(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("talks")
    async def talks(data: int, ctx: Context) -> None:
        ctx.log.info("said", n=data)

    taskora_runner.execute(talks, 1)
    assert [(entry.message, entry.meta) for job in taskora_runner.jobs for entry in job.logs] == [("said", {"n": 1})]


def test_a_task_without_a_handler_is_refused(taskora_runner: TestRunner) -> None:
    with pytest.raises(ConfigError, match="no handler here"):
        taskora_runner.execute(taskora.find_task("runs-elsewhere"), 1)
