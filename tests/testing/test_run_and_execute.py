"""``run`` is the handler alone, ``execute`` a job's whole life."""

from typing import cast

import pytest

from taskora import Context, FailedEvent, JobFailedError, Next, Retry, Task, ValidationError
from taskora.middleware import MiddlewareContext
from taskora.testing import TestRunner


def untyped(task: Task[int, int]) -> Task[object, int]:
    """A task as code sees it that no type checker looks at."""
    return cast("Task[object, int]", task)


def test_a_job_is_retried_until_it_succeeds(taskora_runner: TestRunner) -> None:
    calls = 0

    @taskora_runner.app.task("flaky", retry=Retry(attempts=3, backoff="fixed", delay=100))
    async def flaky(data: dict[str, str]) -> str:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OSError("transient failure")
        return "success"

    execution = taskora_runner.execute(flaky, {})

    assert execution.state == "completed"
    assert execution.attempts == 3
    assert execution.result == "success"
    assert execution.error is None


def test_a_job_fails_for_good_after_its_last_attempt(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("always-fails", retry=Retry(attempts=2))
    async def always_fails() -> None:
        raise OSError("always fails")

    execution = taskora_runner.execute(always_fails)

    assert execution.state == "failed"
    assert execution.attempts == 2
    assert execution.result is None
    assert "always fails" in str(execution.error)
    with pytest.raises(JobFailedError, match="always fails"):
        execution.handle.result()


def test_listeners_are_told_by_the_time_that_execute_returns(taskora_runner: TestRunner) -> None:
    told: list[tuple[str, bool]] = []

    @taskora_runner.app.task("watched", retry=Retry(attempts=2, delay="1h"))
    async def watched(data: int) -> None:
        raise OSError("no")

    @watched.on("failed")
    def failed(event: FailedEvent) -> None:
        told.append((event.error, event.will_retry))

    taskora_runner.execute(watched, 1)

    assert told == [("no", True), ("no", False)]


def test_progress_and_logs_are_kept(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("progress")
    async def report(data: str, ctx: Context) -> str:
        ctx.progress(25)
        ctx.log.info("a quarter is done")
        ctx.progress(100)
        ctx.log.info("complete", of=data)
        return "done"

    execution = taskora_runner.execute(report, "it")

    assert execution.progress == 100
    assert [entry.message for entry in execution.logs] == ["a quarter is done", "complete"]


def test_sync_handlers_run_in_threads_as_they_do_in_production(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("sync")
    def report(data: int, ctx: Context) -> int:
        ctx.progress("half")
        return data * 2

    execution = taskora_runner.execute(report, 21)

    assert (execution.result, execution.progress) == (42, "half")
    assert taskora_runner.run(report, 4) == 8


def test_run_goes_through_middleware_and_dispatches_nothing(taskora_runner: TestRunner) -> None:
    order: list[str] = []

    async def around(ctx: MiddlewareContext, next: Next) -> None:  # noqa: A002 - what the documentation calls it
        order.append("before")
        await next()
        order.append("after")

    @taskora_runner.app.task("loud", middleware=[around])
    async def loud(data: str) -> str:
        order.append("handler")
        return data.upper()

    assert taskora_runner.run(loud, "hello") == "HELLO"
    assert order == ["before", "handler", "after"]
    assert taskora_runner.jobs == []


def test_run_checks_payloads_and_results(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("count")
    async def count(data: int) -> int:
        return "many"  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - that is the point

    with pytest.raises(ValidationError):
        taskora_runner.run(untyped(count), "one")
    with pytest.raises(ValidationError):
        taskora_runner.run(count, 1)


def test_run_retries_and_raises_what_the_handler_raised_last(taskora_runner: TestRunner) -> None:
    attempts: list[int] = []

    @taskora_runner.app.task("hopeless", retry=Retry(attempts=3, delay="1h"))
    async def hopeless(data: str, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        raise KeyError(data)

    with pytest.raises(KeyError, match="it"):
        taskora_runner.run(hopeless, "it")
    assert attempts == [1, 2, 3]


def test_what_a_handler_dispatches_under_run_waits(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("second")
    async def second(data: str) -> str:
        return data

    @app.task("first")
    async def first(data: str) -> str:
        return second.dispatch(data).id

    job_id = taskora_runner.run(first, "x")
    assert [(job.id, job.state) for job in taskora_runner.jobs] == [(job_id, "waiting")]
    assert taskora_runner.process_all() == 1
    assert second.handle(job_id).result() == "x"


def test_execute_has_everything_done_that_the_job_had_done(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("leaf")
    async def leaf(data: int) -> int:
        return data

    @app.task("root")
    async def root(data: int) -> None:
        leaf.dispatch_many(range(data))

    taskora_runner.execute(root, 3)

    assert [(job.task, job.state) for job in taskora_runner.jobs if job.task == "leaf"] == [("leaf", "completed")] * 3


def test_a_payload_of_the_wrong_shape_is_a_failed_job(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("typed", retry=Retry(attempts=5))
    async def typed(data: int) -> int:
        return data

    execution = taskora_runner.execute(untyped(typed), "five")

    assert (execution.state, execution.attempts) == ("failed", 1)
    assert "int" in str(execution.error)


def test_waiting_for_a_result_has_the_work_done(taskora_runner: TestRunner) -> None:
    @taskora_runner.app.task("later")
    async def later(data: str) -> str:
        return data

    assert later.dispatch("x", delay="2h").result() == "x"
    with pytest.raises(TimeoutError):
        later.dispatch("x", delay="2h").result(timeout="1h")


def test_process_all_runs_what_is_due_and_counts_it(taskora_runner: TestRunner) -> None:
    app = taskora_runner.app

    @app.task("a")
    async def a(data: int) -> int:
        return data

    @app.task("b")
    async def b(data: int) -> int:
        return data

    taskora_runner.dispatch(a, 1)
    taskora_runner.dispatch(a, 2)
    taskora_runner.dispatch(b, 3)
    taskora_runner.dispatch(b, 4, delay="1s")

    assert taskora_runner.process_all() == 3
    assert taskora_runner.process_all() == 0


def test_jobs_run_by_priority_and_one_at_a_time_as_configured(taskora_runner: TestRunner) -> None:
    order: list[str] = []

    @taskora_runner.app.task("ranked")
    async def ranked(data: str) -> None:
        order.append(data)

    for name, priority in (("low", 0), ("high", 900), ("middle", 5)):
        taskora_runner.dispatch(ranked, name, priority=priority)
    taskora_runner.process_all()

    assert order == ["high", "middle", "low"]
