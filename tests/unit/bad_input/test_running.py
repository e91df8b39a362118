"""What a running handler gives that cannot be stored fails its own job, by a message that says whose and what."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from taskora import Context, JobFailedError, MiddlewareContext, Next, Retry, SerializationError, Taskora, group
from taskora.model import State
from taskora.testing import Execution, TestRunner, create_test_runner
from unit.bad_input.table_working import DEEP, INSIDE_ITSELF
from unit.bad_input.values import HALF_A_PAIR, INF, NAN, NOT_DURATIONS, Nothing, Unprintable
from unit.bad_input.world import World

UNWRITABLE = (Nothing(), NAN, [INF], {1: 2}, b"x", HALF_A_PAIR, 2**70, {1, 2}, INSIDE_ITSELF, DEEP, Unprintable())
LIMIT = 1000
NO_RETRY = Retry()


@pytest.fixture
def runner() -> Iterator[TestRunner]:
    with create_test_runner(from_app=Taskora("memory://", max_payload=LIMIT)) as runner:
        yield runner


def same(data: object) -> object:
    return data


# These handlers take the context alone, which type checkers take for a payload.
def run(
    runner: TestRunner, handler: Callable[[Context], object], retry: Retry = NO_RETRY, name: str = "bad"
) -> Execution[object]:
    """Run a job of a handler, and a good one beside it."""
    define: Any = runner.app.task
    execution: Execution[object] = runner.execute(define(name, handler, retry=retry))
    good = runner.app.tasks.get("good") or define("good", same)
    assert runner.execute(good, 1).result == 1
    return execution


def assert_failed(execution: Execution[object], *says: str) -> None:
    assert execution.state is State.FAILED
    error = execution.error or ""
    assert [word for word in says if word not in error] == [], error
    assert len(error) < 2000
    with pytest.raises(JobFailedError):
        execution.handle.result(1)


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: type(value).__name__)
def test_a_result_that_cannot_be_written_fails_its_job(runner: TestRunner, value: object) -> None:
    def bad(ctx: Context) -> object:
        return value

    assert_failed(run(runner, bad), "task 'bad'", "the result")


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: type(value).__name__)
def test_progress_that_cannot_be_written_is_raised_in_the_handler(runner: TestRunner, value: object) -> None:
    def bad(ctx: Context) -> None:
        ctx.progress(value)

    assert_failed(run(runner, bad), "task 'bad'", "its progress", "job ")


def test_what_is_larger_than_max_payload_is_refused_with_both_numbers(runner: TestRunner) -> None:
    def bad(ctx: Context) -> str:
        return "x" * LIMIT

    def worse(ctx: Context) -> None:
        ctx.progress("x" * LIMIT)

    assert_failed(run(runner, bad), "task 'bad'", "the result", "1,002 bytes", "1,000", "reference")
    assert_failed(run(runner, worse, name="worse"), "task 'worse'", "its progress", "1,002", "1,000")
    with pytest.raises(SerializationError, match=r"task 'good': the payload has 1,002 bytes, max_payload is 1,000"):
        runner.app.tasks["good"].dispatch("x" * LIMIT)
    with pytest.raises(SerializationError, match=r"task 'good': the payload has 1,002 bytes"):
        runner.app.tasks["good"].dispatch_many([1, "x" * LIMIT])


def test_a_log_line_never_fails_its_job_whatever_it_is_given(runner: TestRunner) -> None:
    def chatty(ctx: Context) -> None:
        for value in (*UNWRITABLE, None, "", "a\nb\0c", "x" * 200_000):
            ctx.log.info(value, meta=value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose
            ctx.log.warn("meta", **{HALF_A_PAIR: value})  # noqa: G010 - it is no logging.Logger
            ctx.log.error("name", level=1, message_=2, timestamp=3)

    execution = run(runner, chatty)
    assert execution.state is State.COMPLETED, execution.error
    assert len(execution.logs) == 3 * (len(UNWRITABLE) + 4)
    assert max(len(entry.message) for entry in execution.logs) < 11_000
    assert any("cut, of" in entry.message for entry in execution.logs)


@pytest.mark.parametrize("delay", NOT_DURATIONS, ids=lambda value: type(value).__name__)
def test_a_retry_with_a_delay_that_is_none_fails_at_once_and_names_it(runner: TestRunner, delay: object) -> None:
    def bad(ctx: Context) -> None:
        raise ctx.retry(delay=delay)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - wrong on purpose

    assert_failed(run(runner, bad, retry=Retry(attempts=1)), "delay", "task 'bad'")


@pytest.mark.parametrize("value", [-1, NAN, "soon", None, Unprintable()], ids=lambda value: type(value).__name__)
def test_a_backoff_that_gives_no_duration_makes_the_failure_final(runner: TestRunner, value: object) -> None:
    def bad(ctx: Context) -> None:
        raise ValueError("first")

    execution = run(runner, bad, retry=Retry(attempts=3, backoff=lambda _: value))  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType] - wrong on purpose
    assert_failed(execution, "first")
    assert execution.attempts == 1


def test_middleware_that_calls_next_twice_or_leaves_a_wrong_result_fails_the_job(runner: TestRunner) -> None:
    async def twice(ctx: MiddlewareContext, call_next: Next) -> None:
        await call_next()
        await call_next()

    runner.app.use(twice)
    define: Any = runner.app.task
    assert_failed(runner.execute(define("twice", same), 1), "twice", "next()")


def test_a_handler_that_raises_an_error_without_a_text_fails_its_job() -> None:
    class Mute(Exception):  # noqa: N818 - what it is
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def bad(ctx: Context) -> None:
        raise Mute

    with create_test_runner() as runner:
        assert_failed(run(runner, bad), "Mute")


def test_ten_thousand_and_one_nodes_are_no_mistake_and_a_million_edges_are_refused_by_number() -> None:
    world = World()
    try:
        assert world.plus.map(range(10_001)).workflow_id
        wide = [world.anything.s(n) for n in range(1001)]
        with pytest.raises(ValueError, match=r"task 'any': after its 1,001 predecessors .* more than 1,000,000 edges"):
            (group(wide) | group([world.anything.s() for _ in range(1001)])).dispatch()
    finally:
        world.close()
