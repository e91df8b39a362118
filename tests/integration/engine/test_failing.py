"""Whatever a handler raises is its job's failure and nobody else's."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from integration.engine.kit import Engine, error_of, working
from taskora import Context, JobFailedError, Retry, RetryError, Taskora, ValidationError


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


RAISED: list[Callable[[], BaseException]] = [
    lambda: ValueError("plain"),
    lambda: SystemExit(3),
    lambda: KeyboardInterrupt(),
    lambda: GeneratorExit(),
    lambda: StopIteration(5),
    lambda: StopAsyncIteration(),
    lambda: asyncio.CancelledError("mine"),
    lambda: TimeoutError("the builtin"),
    lambda: BaseExceptionGroup("several", [KeyboardInterrupt(), ValueError()]),
    lambda: UnspeakableError(),
    lambda: ValueError("half a pair \udc00 and 漢字"),
    lambda: ValueError("x" * 10_000_000),
    lambda: ValueError(""),
]


@pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
async def test_the_worker_survives_whatever_is_raised(
    app: Taskora, sync: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "taskora.worker")  # pytest's own plugins cannot carry half a pair

    def handle_sync(n: int) -> int:
        if n >= 0:
            error = RAISED[n]()
            raise error
        return n

    async def handle_async(n: int) -> int:
        await asyncio.sleep(0)
        return handle_sync(n)

    task = app.task("raise", handle_sync if sync else handle_async, concurrency=3)
    async with working(app):
        handles = await task.dispatch_many(range(len(RAISED)))
        for n, handle in enumerate(handles):
            error = await error_of(handle)
            assert isinstance(error, JobFailedError), n
            assert error.error_type
            assert len(str(error)) <= 20_000
        # The message of StopIteration depends on where Python turns it into another error.
        assert [(await handle.info_async()).error for handle in handles[:2]] == ["plain", "3"]
        assert await task.dispatch(-1).result_async(5) == -1


@pytest.mark.parametrize(
    "result", [object(), {1, 2}, float("nan"), b"bytes", "half \udc00"], ids=lambda value: type(value).__name__
)
async def test_a_result_that_cannot_be_written_fails_the_job(app: Taskora, result: object) -> None:
    @app.task("odd")
    async def odd() -> Any:
        return result

    async with working(app):
        error = await error_of(odd.dispatch())
        assert isinstance(error, JobFailedError)
        assert error.error_type == "SerializationError"


async def test_a_result_of_the_wrong_type_fails_the_job(app: Taskora) -> None:
    @app.task("odd")
    async def odd() -> int:
        return "text"  # type: ignore[return-value]  # on purpose

    async with working(app):
        error = await error_of(odd.dispatch())
        assert isinstance(error, JobFailedError)
        assert error.error_type == "ValidationError"


async def test_a_result_that_is_too_large_fails_the_job_and_holds_up_no_other(engine: Engine) -> None:
    app = engine.app(max_payload=1000)

    @app.task("big", concurrency=5)
    async def big(n: int) -> str:
        return "x" * n

    async with working(app):
        small, large = await big.dispatch_many([10, 2000])
        assert await small.result_async(5) == "x" * 10
        assert "max_payload" in str(await error_of(large))


async def test_a_decorated_async_function_is_awaited(app: Taskora) -> None:
    async def inner(n: int) -> int:
        await asyncio.sleep(0)
        return n

    def outer(n: int) -> Any:
        return inner(n)

    task = app.task("hidden", outer)
    async with working(app):
        assert await task.dispatch(4).result_async(5) == 4


async def test_a_failure_is_logged_once_with_its_traceback(app: Taskora, caplog: pytest.LogCaptureFixture) -> None:
    @app.task("boom", retry=Retry(attempts=2, delay=0))
    async def boom() -> None:
        raise ValueError("look at me")

    async with working(app):
        handle = boom.dispatch()
        await error_of(handle)
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage().partition(" failed ")[2] for record in records] == [
        "(attempt 1/2, will retry in 0 s)",
        "(attempt 2/2, final)",
    ]
    assert handle.id in records[0].getMessage()
    assert records[0].exc_info
    assert 'raise ValueError("look at me")' in caplog.text


async def test_the_job_keeps_the_error_its_type_and_its_traceback(app: Taskora) -> None:
    @app.task("boom")
    async def boom() -> None:
        raise LookupError("where")

    async with working(app):
        handle = boom.dispatch()
        await error_of(handle)
        info = await handle.info_async()
    assert (info.error, info.error_type) == ("where", "LookupError")
    assert info.traceback is not None
    assert 'raise LookupError("where")' in info.traceback


def attempts(engine: Engine, task: str, job_id: str) -> int:
    return engine.events(task, job_id).count("active")


async def test_a_job_is_retried_until_its_attempts_are_spent(engine: Engine, app: Taskora) -> None:
    seen: list[tuple[int, int]] = []

    @app.task("flaky", retry=Retry(attempts=3, backoff="fixed", delay="10ms"))
    async def flaky(fail: bool, ctx: Context) -> int:
        seen.append((ctx.attempt, ctx.max_attempts))
        if fail or ctx.attempt < 3:
            raise ValueError("again")
        return ctx.attempt

    async with working(app):
        assert await flaky.dispatch(False).result_async(5) == 3
        assert seen == [(1, 3), (2, 3), (3, 3)]
        failing = flaky.dispatch(True)
        assert isinstance(await error_of(failing), JobFailedError)
        assert attempts(engine, "flaky", failing.id) == 3


async def test_ctx_retry_decides_when_and_retry_false_ends_it(engine: Engine, app: Taskora) -> None:
    @app.task("ask", retry=Retry(attempts=3, delay=60, no_retry_on=(Exception,)), concurrency=2)
    async def ask(final: bool, ctx: Context) -> int:
        if final:
            raise RetryError("enough", retry=False)
        if ctx.attempt == 1:
            raise ctx.retry(delay="20ms", reason="not yet")
        return ctx.attempt

    async with working(app):
        again, final = await ask.dispatch_many([False, True])
        assert await again.result_async(5) == 2
        assert str(await error_of(final)) == "enough"
        assert attempts(engine, "ask", final.id) == 1


async def test_a_validation_error_is_never_retried(engine: Engine, app: Taskora) -> None:
    @app.task("strict", retry=Retry(attempts=3, delay=0))
    async def strict(n: int) -> None:
        raise ValidationError("it will not get better")

    async with working(app):
        wrong = strict.dispatch("text", skip_validation=True)  # type: ignore[arg-type]  # on purpose
        right = strict.dispatch(1)
        for handle in (wrong, right):
            error = await error_of(handle)
            assert isinstance(error, JobFailedError)
            assert error.error_type == "ValidationError"
            assert attempts(engine, "strict", handle.id) == 1


def divide(n: int) -> float:
    return 1 / 0


def answer(value: Any) -> Callable[[int], Any]:
    def backoff(n: int) -> Any:
        return value

    return backoff


@pytest.mark.parametrize("backoff", [divide, answer("soon"), answer(-1), answer(None)])
async def test_a_broken_back_off_makes_the_failure_final_and_is_told(
    engine: Engine, app: Taskora, caplog: pytest.LogCaptureFixture, backoff: Callable[[int], Any]
) -> None:
    @app.task("boom", retry=Retry(attempts=3, backoff=backoff))
    async def boom() -> None:
        raise ValueError("the handler's")

    async with working(app):
        handle = boom.dispatch()
        assert str(await error_of(handle)) == "the handler's"
        assert attempts(engine, "boom", handle.id) == 1
    assert "its back-off failed" in caplog.text
